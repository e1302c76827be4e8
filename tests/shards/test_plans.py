"""Plans that are followed, edited or damaged, and what is at the places of inputs and outputs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import CSV, Command, write
from tests.models import shipped_scorer
from tests.shards.running import begin, contents, jobs_of, score_shards
from toolkit.errors import UsageError
from toolkit.scoring import ScoringOptions
from toolkit.shards import Plan, ShardedJob
from toolkit.shards.claims import PLAN
from toolkit.shards.plan import make_plan

BAD = "too,many,fields\n"


def test_a_plan_is_followed(command: Command) -> None:
    write("a.csv", CSV + BAD)
    call = ("a.csv", "-o", "out/")
    planned = command("score", *call, "--shards", "2")
    assert planned.exit_code == 0
    assert planned.err.startswith("out/_shards/plan.json: 2 shards of 1 file in 1 piece, 1 of them")
    plan = Path("out/_shards/plan.json").read_bytes()
    for other, message in {
        ("--threshold", "0.9"): "differs in: the threshold. Undo the change",
        ("--keep-parts",): "differs in: --keep-parts.",
        ("--max-rejected", "5"): "differs in: --max-rejected.",
    }.items():
        command("score", *call, "--shard", "0/2", *other).failed_with(message, 2)
    command("score", *call, "--shard", "0/3").failed_with("the number of shards (it was 2)", 2)
    write("a.csv", CSV)
    ran = command("score", *call, "--shard", "0/2")
    ran.failed_with("plan.json: has the plan of another job, which differs in: the input ", 2)
    assert command("score", *call, "--shard", "0/2", "--force").exit_code == 0
    assert Path("out/_shards/plan.json").read_bytes() != plan
    assert command("score", *call, "--shard", "1/2").exit_code == 0
    assert command("finish", "out/").exit_code == 0


def test_an_input_that_changes_after_the_plan(command: Command) -> None:
    Path("in").mkdir()
    write("in/a.csv")
    write("in/b.csv")
    assert command("score", "in", "-o", "out", "--shard", "0/2", "-q").exit_code == 0
    write("in/b.csv", CSV + "4,more\n")
    ran = command("score", "in", "-o", "out", "--shard", "1/2", "-q")
    ran.failed_with("differs in: ", 2)
    assert command("score", "in", "-o", "out", "--shard", "1/2", "-q", "--force").exit_code == 0
    command("finish", "out", "-q").failed_with("1 of 2 shards are not done: 0.", 2)


def test_a_plan_with_a_second_model_names_it(command: Command) -> None:
    write("a.csv")
    call = ("score", "a.csv", "-o", "out/", "--shard", "0/2")
    assert command(*call, "--second", "conv1d", "--unsure", "0.2:0.8").exit_code == 0
    command(*call).failed_with("of another job, which differs in: the second model, ", 2)


def test_outputs_that_exist(command: Command) -> None:
    write("a.csv")
    write("b.csv", "mine")
    call = ("score", "a.csv", "-o", "b.csv", "--shard", "0/1", "-q")
    command(*call).failed_with("b.csv: exists already", 2)
    assert command(*call, "--force").exit_code == 0
    command("finish", "b.csv", "-q").failed_with(
        "differs from the output of the shards. Move it away", 2
    )
    assert Path("b.csv").read_bytes() == b"mine"
    assert command("finish", "b.csv", "-q", "--force").exit_code == 0
    assert Path("b.csv").read_bytes().count(b"\n") == 4


def test_parts_of_another_job(command: Command) -> None:
    Path("in").mkdir()
    for name in "ab":
        write(f"in/{name}.csv")
    call = ("in", "-o", "out", "--keep-parts", "-q")
    score_shards(command, 2, *call)
    assert command("finish", "out", "-q").exit_code == 0
    assert sorted(os.listdir("out")) == ["_SUCCESS", "part-00000.csv", "part-00001.csv"]
    Path("in/b.csv").unlink()
    ran = command("score", *call, "--shard", "0/1")
    ran.failed_with("out/_SUCCESS: exists already, and 2 more", 2)
    assert command("score", *call, "--shard", "0/1", "--force").exit_code == 0
    command("finish", "out").failed_with("out/part-00001.csv: is a part of another job", 2)
    assert command("finish", "out", "-q", "--force").exit_code == 0
    assert sorted(os.listdir("out")) == ["_SUCCESS", "part-00000.csv"]
    write("c.csv")
    ran = command("score", "c.csv", "-o", "d.csv", "--keep-parts", "--shard", "0/1")
    ran.failed_with("d.csv: --keep-parts writes several files. Name a folder", 2)


def test_an_archive(command: Command) -> None:
    Path("in").mkdir()
    write("in/a.csv")
    write("in/b.csv")
    shutil.make_archive("all", "zip", "in")
    ran = score_shards(command, 3, "all.zip", "-o", "out", "-q")
    assert [each.exit_code for each in ran] == [0, 0, 0]
    assert command("finish", "out", "-q").exit_code == 0
    assert sorted(os.listdir("out")) == ["a.csv", "b.csv"]


def test_outputs_are_finished_from_elsewhere(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("a.csv", CSV + BAD)
    score_shards(command, 2, "a.csv", "-o", "out/", "-q")
    score_shards(command, 2, "a.csv", "-o", "b.csv", "-q")
    Path("other").mkdir()
    monkeypatch.chdir("other")
    assert command("finish", command.folder / "out", "-q").exit_code == 3
    assert command("finish", "../b.csv", "-q").exit_code == 3
    assert os.listdir() == []
    assert sorted(os.listdir("../out")) == ["a.csv", "a.csv.rejected.jsonl"]
    assert "b.csv.rejected.jsonl" in command.files()


def test_files_that_are_not_there(command: Command) -> None:
    ran = command("score", "a.csv", "-o", "b.csv", "--shard", "0/2")
    ran.failed_with("a.csv: no such file")
    command("finish", "b.csv").failed_with("b.csv: no unfinished shards are found", 2)
    ran = command("score", "-", "--format", "csv", "-o", "b.csv", "--shard", "0/2")
    ran.failed_with("only files can be divided into shards, not standard input or pipes", 2)
    assert command.files() == []


ONE_WORKER = ScoringOptions(workers=1)
SAMPLE = b"text\n" + b"superb\nawful\n" * 20_000


# Else records would be lost, or be there twice, and all counts would add up.
EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "without a piece": lambda plan: plan["shards"][1].clear(),
    "with a piece twice": lambda plan: plan["shards"][1].extend(plan["shards"][1]),
    "in another order": lambda plan: plan["shards"].reverse(),
    "without the last": lambda plan: plan["shards"].pop(),
    "with an unknown file": lambda plan: plan["shards"][1][0].update(file=7),
    "with another output": lambda plan: plan["files"][0].update(output="elsewhere.csv"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_plan(edit: str, tmp_path: Path) -> None:
    source = tmp_path / "reviews.csv"
    source.write_bytes(SAMPLE)
    job = begin([source], f"{tmp_path}/out/", 3)
    plan = json.loads((job.folder / PLAN).read_bytes())
    EDITS[edit](plan)
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
    forged = replace(plan, files=(file,))
    with pytest.raises(UsageError, match=r"plan\.json: .* or a damaged one"):
        Plan.from_json(forged.as_json(), "plan.json")


def test_rejects_of_shards_are_in_the_folder_of_the_outputs(tmp_path: Path) -> None:
    source = tmp_path / "reviews.csv"
    source.write_bytes(SAMPLE)
    (tmp_path / "out").mkdir()
    jobs = jobs_of([source], tmp_path / "out/a.csv", tmp_path / "elsewhere.jsonl")
    with pytest.raises(UsageError, match=r"--rejected .*/elsewhere\.jsonl: is not in the folder"):
        make_plan(shipped_scorer(), jobs, ONE_WORKER, 2, tmp_path / "out", keep_parts=False)


@pytest.mark.parametrize("output", ["", "part-00000.csv", "link.csv", "hard.csv"])
@pytest.mark.parametrize("force", [False, True])
def test_an_output_that_is_an_input(output: str, force: bool, tmp_path: Path) -> None:
    source = tmp_path / "part-00000.csv"
    source.write_bytes(SAMPLE)
    (tmp_path / "link.csv").symlink_to(source)
    (tmp_path / "hard.csv").hardlink_to(source)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match="is also an input"):
        begin([source], f"{tmp_path}/{output}", 2, force=force)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("name", "is_link"),
    [
        ("part-00007.csv", False),
        ("part-00007.csv", True),
        ("_SUCCESS", True),
        ("_all.rejected.jsonl", False),
    ],
)
def test_a_part_that_may_replace_an_input(name: str, is_link: bool, tmp_path: Path) -> None:
    """With --force, parts of other jobs are removed: they may be the inputs of this one."""
    (tmp_path / "out").mkdir()
    source = tmp_path / "out" / name
    if is_link:
        (tmp_path / "reviews.csv").write_bytes(SAMPLE)
        source.symlink_to("../reviews.csv")
        source = tmp_path / "reviews.csv"
    else:
        source.write_bytes(SAMPLE)
    before = contents(tmp_path)
    with pytest.raises(UsageError, match=f"{name}: .*an input"):
        begin([source], f"{tmp_path}/out/", 2, keep_parts=True, force=True)
    assert contents(tmp_path) == before
