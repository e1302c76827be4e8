"""Plans that were edited or damaged score nothing, and join nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.shards.running import begin
from toolkit.errors import UsageError
from toolkit.shards.job import ShardedJob

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
    plan = json.loads(job.folder.plan_path.read_bytes())
    edit(plan)
    job.folder.plan_path.write_text(json.dumps(plan))
    with pytest.raises(UsageError, match=r"plan\.json: .* or a damaged one"):
        begin([source], f"{tmp_path}/out/", 3)
    with pytest.raises(UsageError, match=r"plan\.json: .* or a damaged one"):
        ShardedJob.at(tmp_path / "out")
    assert begin([source], f"{tmp_path}/out/", 3, force=True).plan == job.plan
