"""Every runtime gives what `exported/golden.jsonl` says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.golden import (
    TOLERANCE,
    golden_texts_of,
    shipped_models,
)
from tests.examples.programs import MissingError
from tests.examples.runtimes import RUNTIMES, try_out
from toolkit.text.strings import is_blank

TEXTS = list(golden_texts_of().values())


@pytest.mark.parametrize("model", shipped_models(), ids=lambda path: path.stem)
@pytest.mark.parametrize("name", RUNTIMES)
def test_answers_are_the_golden_ones(name: str, model: Path) -> None:
    try:
        result = try_out(RUNTIMES[name], model, TEXTS)
    except MissingError as error:
        pytest.skip(str(error))
    assert result.texts == len(TEXTS) >= 200
    assert result.ids_equal in (None, len(TEXTS))
    assert result.largest_difference <= TOLERANCE
    assert result.flips == 0


def test_only_blank_texts_have_no_score() -> None:
    import pyarrow as pa

    (model, *_) = shipped_models()
    found = RUNTIMES["toolkit score"].score(model, TEXTS)
    assert [label is None for label in found.labels] == is_blank(pa.array(TEXTS)).to_pylist()
