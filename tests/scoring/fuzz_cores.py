"""Score damaged files with the native core and without it, and compare all that comes out.

Run as ``python -m tests.scoring.fuzz_cores --minutes 60``; the options are those of
`tests.scoring.fuzz`.
"""

from __future__ import annotations

import os
import random
from functools import cache
from pathlib import Path
from unittest import mock

from tests.models import CONV1D, MODEL
from tests.scoring.fuzz import counts, damaged_file, main, read
from tests.scoring.fuzz_files import Kind
from toolkit.errors import ToolkitError
from toolkit.model import Scorer
from toolkit.scoring import ScoringOptions, score_file

_SMALL = MODEL.with_stem("reviews-small")
Outcome = tuple[object, ...]


@cache
def _scorer(model: Path, choice: str) -> Scorer:
    """Load a model for the choice that is set; its tables are made at the first review."""
    scorer = Scorer(model)
    scorer.score(["a superb film"])
    assert choice == os.environ["TOOLKIT_NATIVE"]
    return scorer


def outcome(
    kind: Kind, source: Path, model: Path, block_bytes: int, workers: int, choice: str
) -> Outcome:
    """Score a file; give the output, the rejects, the summary, or why it is refused."""
    output = source.with_name(f"out{kind.ending}{kind.compression.removesuffix('.zip')}")
    options = ScoringOptions(reading=kind.reading(block_bytes), workers=workers, force=True)
    with mock.patch.dict(os.environ, TOOLKIT_NATIVE=choice):
        try:
            summary = score_file(_scorer(model, choice), source, output, options)
        except ToolkitError as error:
            return type(error), str(error)
        return *read(output, source), counts(summary)


def compare(seed: int, folder: Path) -> str:
    """Try one file; raise if the core makes a difference, else say what became of it."""
    chance = random.Random(seed)
    kind, source = damaged_file(chance, folder)
    model = chance.choice([MODEL, _SMALL, CONV1D])
    block_bytes = chance.choice([chance.randrange(1, 500), 1 << 20])
    workers = chance.choice([1, 2])
    expected, found = (
        outcome(kind, source, model, block_bytes, workers, choice) for choice in ("0", "require")
    )
    assert found == expected, (expected, found)
    return f"{kind} {'the same' if len(found) > 2 else 'refused'}"


if __name__ == "__main__":
    main(compare, __doc__)
