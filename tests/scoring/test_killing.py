"""Runs that are killed at any moment and gone on with give the bytes of an uninterrupted run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.models import many_texts
from tests.scoring.killing import Case, duration_of, kill
from tests.scoring.kinds import KINDS


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=" → ".join)
def test_killed_runs_go_on(kind: tuple[str, str], tmp_path: Path) -> None:
    case = Case.make(tmp_path, kind, many_texts(2000) * (3 if kind[0] == ".csv.gz" else 5))
    rng = random.Random(" ".join(kind))
    duration = duration_of(case)
    result = kill(case, 2, rng, lambda: rng.uniform(0.4, 0.9) * duration)
    assert (result.kills, result.failures) == (2, [])
    assert result.runs > 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
