"""Training on reviews in memory, and messages in Python's words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import toolkit
from tests.training.conftest import make_rows
from tests.training.listening import Listener
from toolkit.errors import ToolkitError
from toolkit.training.memory import as_arguments, table_of

ROWS = make_rows(60)
TEXTS, LABELS = ([row[place] for row in ROWS] for place in (0, 1))
FRAME = pd.DataFrame({"body": TEXTS, "opinion": LABELS, "film": [n // 4 for n in range(60)]})
SETTINGS: dict[str, Any] = {"preset": "ngram-linear", "epochs": 2}


def test_tables_and_lists_become_arrow() -> None:
    assert table_of(FRAME).column_names == ["body", "opinion", "film"]
    arrow = pa.table({"text": TEXTS})
    assert table_of(arrow) is arrow
    found = table_of(["good", None, float("nan"), pd.NA, "\ud800"], [1, 0, None, "x", 2.0])
    assert found["text"].to_pylist() == ["good", None, None, None, "\ufffd"]
    assert found["label"].to_pylist() == ["1", "0", None, "x", "2.0"]


def test_a_frame_is_trained_on(tmp_path: Path) -> None:
    listener = Listener()
    named = {"text_column": "body", "label_column": "opinion", "group_column": "film"}
    result = toolkit.train(
        FRAME, output=tmp_path / "run", test_data=FRAME, observer=listener, **named, **SETTINGS
    )
    assert listener.said[0] == "data: 60 reviews (30 positive, 30 negative)"
    assert any("60 of 60 test reviews have the same text" in line for line in listener.warnings)
    assert result.metrics.validation is not None
    assert result.metrics.validation.split == "group"
    assert result.run.path == tmp_path / "run"


@pytest.mark.parametrize(
    ("data", "labels", "given", "message"),
    [
        (TEXTS, LABELS[:3], {}, "labels: expected one for each of 60 texts, found 3"),
        (TEXTS, None, {}, "data: expected a table .*, texts with labels, or the path of a file"),
        ([3, "good"], [0, 1], {}, "data: expected texts, received 3 at position 0"),
        ("reviews.csv", [1], {}, "labels: expected none, because data is the path of a file"),
        (FRAME, None, {}, "^data: no column 'label' .* Choose one with label_column"),
        (TEXTS, LABELS, {"epochs": 0, "preset": "conv1d"}, "^epochs: expected at least 1"),
        (TEXTS, LABELS, {"start": "reviews", "preset": "conv1d"}, "^preset: .* with start reviews"),
        (["good"] * 12, [1] * 12, {}, "^data: all 12 reviews are positive"),
    ],
)
def test_messages_name_arguments(
    data: Any, labels: Any, given: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ToolkitError, match=message) as raised:
        toolkit.train(data, labels, output=tmp_path / "run", **given)
    assert "--" not in str(raised.value)
    assert "parquet" not in str(raised.value).replace("Parquet", "")


def test_options_become_arguments() -> None:
    found = as_arguments("/tmp/x/data.parquet: use --no-early-stopping or --text-column, --from")
    assert found == "data: use early_stopping=False or text_column, start"
