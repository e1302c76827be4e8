"""How the scores of a run are distributed, as its report says it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.csv as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.cli.running import Command
from tests.models import many_texts
from tests.scoring.reviews import write_csv
from tests.shards.running import score_shards
from toolkit.model.labels import count_tenths
from toolkit.model.typed_json import decode
from toolkit.scoring import RecordCounts


def test_limits_are_as_they_are_written() -> None:
    """A score that an output has as 0.3 is in the fourth part, whatever float32 makes of it."""
    limits = np.arange(11, dtype=np.float32) / np.float32(10)
    assert count_tenths(limits) == (1,) * 9 + (2,)
    below = np.nextafter(limits[1:], np.float32(0), dtype=np.float32)
    assert count_tenths(below) == (1,) * 10
    assert count_tenths(np.array([np.nan, 0.5], np.float32)) == (0, 0, 0, 0, 0, 1, 0, 0, 0, 0)


probabilities = arrays(np.float32, st.integers(0, 50), elements=st.floats(0, 1, width=32))


@given(probabilities, probabilities)
def test_parts_count_as_the_whole(some: np.ndarray, more: np.ndarray) -> None:
    parts = [RecordCounts(probability_tenths=count_tenths(each)) for each in (some, more)]
    whole = count_tenths(np.concatenate([some, more]))
    assert sum(parts, RecordCounts()).probability_tenths == whole
    assert sum(whole) == len(some) + len(more)


def test_runs_resumed_runs_and_shards_say_the_same(command: Command) -> None:
    write_csv(command.folder / "a.csv", [*many_texts(300), "", "!!!"])
    command("score", "a.csv", "-o", "b.csv", "--report", "one.json", "-q")
    scores = pc.read_csv("b.csv")["positive_probability"].drop_null().to_numpy()
    expected = np.histogram(scores, np.linspace(0, 1, 11))[0].tolist()
    assert min(expected) > 0
    score_shards(command, 3, "a.csv", "-o", "many/")
    command("finish", "many/", "--report", "many.json", "-q")
    for name in ("one.json", "many.json"):
        found = json.loads(Path(name).read_text("utf-8"))
        assert found["probability_tenths"] == expected
        assert found["files"][0]["probability_tenths"] == expected


@pytest.mark.parametrize("counts", [[], [1] * 9, [1] * 9 + ["2"], {}])
def test_an_edited_checkpoint_is_refused(counts: object) -> None:
    with pytest.raises(ValueError, match="probability_tenths"):
        decode(RecordCounts, {"probability_tenths": counts})
