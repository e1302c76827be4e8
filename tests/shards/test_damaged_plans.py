"""Plans that were edited or damaged score nothing, and join nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.models import shipped_scorer
from tests.shards.running import begin, jobs_of
from toolkit.errors import UsageError
from toolkit.scoring import ScoringOptions
from toolkit.shards.claims import PLAN, ShardedJob
from toolkit.shards.plan import Plan, make_plan

ONE_WORKER = ScoringOptions(workers=1)
SAMPLE = b"text\n" + b"superb\nawful\n" * 20_000


def _without_a_piece(plan: dict[str, Any]) -> None:
    plan["shards"][1] = []


def _with_a_piece_twice(plan: dict[str, Any]) -> None:
    plan["shards"][1] *= 2


def _in_another_order(plan: dict[str, Any]) -> None:
    plan["shards"].reverse()


def _without_the_last(plan: dict[str, Any]) -> None:
    del plan["shards"][-1]


def _with_a_file_that_is_not_there(plan: dict[str, Any]) -> None:
    plan["shards"][1][0]["file"] = 7


def _with_another_output(plan: dict[str, Any]) -> None:
    plan["files"][0]["output"] = "elsewhere.csv"


@pytest.mark.parametrize(
    "edit",
    [
        _without_a_piece,
        _with_a_piece_twice,
        _in_another_order,
        _without_the_last,
        _with_a_file_that_is_not_there,
        _with_another_output,
    ],
)
def test_an_edited_plan(edit: Callable[[dict[str, Any]], None], tmp_path: Path) -> None:
    """Else records would be lost, or be there twice, and all counts would add up."""
    source = tmp_path / "reviews.csv"
    source.write_bytes(SAMPLE)
    job = begin([source], f"{tmp_path}/out/", 3)
    plan = json.loads((job.folder / PLAN).read_bytes())
    edit(plan)
    (job.folder / PLAN).write_text(json.dumps(plan))
    with pytest.raises(UsageError, match=r"plan\.json: .* or a damaged one"):
        begin([source], f"{tmp_path}/out/", 3)
    with pytest.raises(UsageError, match=r"plan\.json: .* or a damaged one"):
        ShardedJob.at(tmp_path / "out")
    assert begin([source], f"{tmp_path}/out/", 3, force=True).plan == job.plan


@pytest.mark.parametrize("name", ["../secret.csv", "/tmp/secret.csv", "a/../../b.csv", "", "."])
@pytest.mark.parametrize("key", ["output", "rejected"])
def test_a_plan_that_writes_elsewhere(key: str, name: str, tmp_path: Path) -> None:
    """Also where its sums are right, as somebody else can make them, too."""
    source = tmp_path / "reviews.csv"
    source.write_bytes(SAMPLE)
    plan = begin([source], f"{tmp_path}/out/", 3).plan
    file = replace(plan.files[0], **{key: name})  # type: ignore[arg-type]
    forged = replace(plan, files=[file])
    with pytest.raises(UsageError, match=r"plan\.json: .* or a damaged one"):
        Plan.from_json(forged.as_json(), "plan.json")


def test_rejects_of_shards_are_in_the_folder_of_the_outputs(tmp_path: Path) -> None:
    source = tmp_path / "reviews.csv"
    source.write_bytes(SAMPLE)
    (tmp_path / "out").mkdir()
    jobs = jobs_of([source], tmp_path / "out/a.csv", tmp_path / "elsewhere.jsonl")
    with pytest.raises(UsageError, match=r"--rejected .*/elsewhere\.jsonl: is not in the folder"):
        make_plan(shipped_scorer(), jobs, ONE_WORKER, 2, tmp_path / "out", keep_parts=False)
