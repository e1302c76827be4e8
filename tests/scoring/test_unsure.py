"""The warning that scores are far less sure than where the model was calibrated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.running import Command
from tests.models import CONV1D
from tests.scoring.reviews import write_csv
from tests.scoring.test_resume import OPTIONS, Stopped, counts, stop_after
from tests.shards.running import score_shards
from toolkit.model import ModelFacts, Scorer
from toolkit.model.labels import is_unsure
from toolkit.scoring import RecordCounts, score_file
from toolkit.scoring.results import ScoringModel, unsure_warning

USUAL = 0.2
TEXT = "a table near the window of the second floor with a view of our street"
UNSURE = [TEXT[number % 5 : number % 40 + 20] for number in range(300)]


def with_fact(path: Path, unsure: float | None) -> Path:
    """Copy a shipped model that says how unsure it is."""
    model = onnx.load(CONV1D)
    facts = ModelFacts.read_from(model, CONV1D)
    replace(facts, metrics=replace(facts.metrics, unsure=unsure)).write_to(model)
    onnx.save(model, path)
    return path


def model_with(unsure: float | None) -> ScoringModel:
    return ScoringModel({}, None, by_sentence=False, max_tokens=100, unsure=unsure)


@pytest.mark.parametrize(
    ("usual", "unsure", "scored", "warns"),
    [
        (0.2, 300, 400, True),
        (0.2, 120, 400, False),  # 30%: not beyond the factor
        (0.2, 136, 400, False),  # 34%: it may be chance
        (0.2, 3_400, 10_000, True),
        (0.02, 110, 1_000, False),  # 11%: not beyond the points
        (0.02, 160, 1_000, True),
        (0.2, 199, 199, False),  # too few
        (0.9, 400, 400, False),
        (None, 400, 400, False),  # a file that does not say it
    ],
)
def test_it_warns_of_far_more_beyond_chance(
    usual: float | None, unsure: int, scored: int, warns: bool
) -> None:
    found = unsure_warning(RecordCounts(scored=scored, unsure=unsure), model_with(usual))
    assert (found is not None) == warns


def test_it_says_both_shares_and_what_to_do() -> None:
    found = unsure_warning(RecordCounts(scored=1000, unsure=412), model_with(0.09))
    assert found is not None
    assert found.startswith("41% of the scores are between 0.25 and 0.75; on the reviews that the")
    assert "calibrated on, 9%. These texts may differ from those reviews: expect" in found
    assert "`toolkit evaluate`" in found
    assert "`toolkit train --from`" in found


def test_the_ends_are_unsure_and_missing_scores_are_not() -> None:
    found = is_unsure(np.array([0.2499, 0.25, 0.5, 0.75, 0.7501, np.nan], np.float32))
    assert found.tolist() == [False, True, True, True, False, False]


@given(st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), max_size=8))
def test_parts_warn_as_the_whole(parts: list[tuple[int, int]]) -> None:
    each = [RecordCounts(scored=sure + unsure, unsure=unsure) for sure, unsure in parts]
    whole = RecordCounts(
        scored=sum(sum(part) for part in parts), unsure=sum(unsure for _, unsure in parts)
    )
    added = sum(each, RecordCounts())
    assert added == whole
    assert unsure_warning(added, model_with(USUAL)) == unsure_warning(whole, model_with(USUAL))


def test_the_count_survives_a_resume(tmp_path: Path) -> None:
    scorer = Scorer(CONV1D)
    source = write_csv(tmp_path / "a.csv", [*UNSURE, "", "a superb and moving film, the best"])
    whole = score_file(scorer, source, tmp_path / "whole.csv", OPTIONS)
    expected = [score.probability for score in scorer.score(UNSURE)]
    assert whole.unsure == int(is_unsure(np.array(expected, np.float32)).sum()) > 200
    options = replace(OPTIONS, checkpoint_seconds=0.0)
    with pytest.raises(Stopped):
        score_file(scorer, source, tmp_path / "b.csv", options, stop_after(2))
    assert counts(score_file(scorer, source, tmp_path / "b.csv", options)) == counts(whole)


def test_runs_and_shards_say_the_same_once(command: Command) -> None:
    model = with_fact(command.folder / "m.onnx", USUAL)
    for name in ("a.csv", "b.csv"):  # neither is enough alone
        write_csv(command.folder / name, UNSURE[:150])
    call = ("a.csv", "b.csv", "-m", model)
    one = command("score", *call, "-o", "one/", "--report", "one.json")
    (said,) = [line for line in one.err.splitlines() if "between 0.25 and 0.75" in line]
    assert said.startswith("warning: ")
    found = json.loads(Path("one.json").read_text("utf-8"))
    assert found["warnings"] == [said.removeprefix("warning: ")]
    assert found["unsure"] == sum(file["unsure"] for file in found["files"]) > 200
    part = command("score", *call, "-o", "some/", "--shard", "0/1", "--report", "part.json")
    assert not part.exit_code
    assert json.loads(Path("part.json").read_text("utf-8"))["warnings"] == []
    parts = score_shards(command, 3, *call, "-o", "many/")
    assert not any("between 0.25" in part.err for part in parts)
    finished = command("finish", "many/", "--report", "many.json")
    assert said in finished.err.splitlines()
    assert json.loads(Path("many.json").read_text("utf-8"))["warnings"] == found["warnings"]


def test_a_model_without_the_fact_says_nothing(command: Command) -> None:
    write_csv(command.folder / "a.csv", UNSURE)
    ran = command("score", "a.csv", "-m", CONV1D, "--report", "r.json")
    assert "warning" not in ran.err
    assert json.loads(Path("r.json").read_text("utf-8"))["warnings"] == []
