"""Plans that are followed, and what is at the places of the outputs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.cli.running import CSV, Command, write
from tests.shards.running import score_shards

BAD = "too,many,fields\n"


def test_a_plan_is_followed(command: Command) -> None:
    write("a.csv", CSV + BAD)
    call = ("a.csv", "-o", "out/")
    planned = command("score", *call, "--shards", "2")
    assert planned.exit_code == 0
    assert planned.err.startswith("out/_shards/plan.json: 2 shards of 1 file in 1 piece, 1 of them")
    plan = Path("out/_shards/plan.json").read_bytes()
    for other, message in {
        ("--threshold", "0.9"): "this differs: the threshold. Undo that",
        ("--keep-parts",): "this differs: --keep-parts.",
        ("--max-rejected", "5"): "this differs: --max-rejected.",
    }.items():
        command("score", *call, "--shard", "0/2", *other).failed_with(message, 2)
    command("score", *call, "--shard", "0/3").failed_with("the number of shards (it was 2)", 2)
    write("a.csv", CSV)
    ran = command("score", *call, "--shard", "0/2")
    ran.failed_with("plan.json: has the plan of another job: this differs: the input ", 2)
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
    ran.failed_with("this differs: ", 2)
    assert command("score", "in", "-o", "out", "--shard", "1/2", "-q", "--force").exit_code == 0
    command("finish", "out", "-q").failed_with("1 of 2 shards are not done: 0.", 2)


def test_outputs_that_exist(command: Command) -> None:
    write("a.csv")
    write("b.csv", "mine")
    call = ("score", "a.csv", "-o", "b.csv", "--shard", "0/1", "-q")
    command(*call).failed_with("b.csv: exists already", 2)
    assert command(*call, "--force").exit_code == 0
    command("finish", "b.csv", "-q").failed_with("is not what the shards give. Move it away", 2)
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
    command("finish", "b.csv").failed_with("b.csv: has no shards to finish", 2)
    ran = command("score", "-", "--format", "csv", "-o", "b.csv", "--shard", "0/2")
    ran.failed_with("shards are of files, not of standard input or pipes", 2)
    assert command.files() == []
