"""`toolkit score --shard` and `toolkit finish`: what they say, and how they end."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import CSV, Command, Ran, write
from tests.shards.running import score_shards
from toolkit.records import ReadOptions

BAD = "too,many,fields\n"
ROWS = "".join(f'{n},"a film\nof note"\n' for n in range(4000))
LARGE = "id,text\n" + ROWS + BAD + ROWS


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut files that are small, too."""
    monkeypatch.setattr("toolkit.records.lines.BLOCK_RECORDS", 1000)
    assert ReadOptions().block_bytes > 1000


def report(name: str = "r.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(name).read_text(encoding="utf-8"))
    return found


@pytest.mark.usefixtures("small_blocks")
def test_shards_of_one_file(command: Command) -> None:
    write("a.csv", LARGE)
    assert command("score", "a.csv", "-o", "one.csv", "--report", "one.json").exit_code == 3
    ran = score_shards(command, 3, "a.csv", "-o", "b.csv")
    assert [each.exit_code for each in ran] == [0, 0, 0]
    assert ran[1].err.startswith("b.csv, shard 1/3\n  pieces        1\n  records       ")
    assert sum("  rejected      0\n" in each.err for each in ran) == 2
    again = command("score", "a.csv", "-o", "b.csv", "--shard", "1/3")
    assert again == Ran(0, "", "b.csv: shard 1/3 is done already.\n")
    assert command.files() == [
        "_b.csv.shards",
        "a.csv",
        "one.csv",
        "one.csv.rejected.jsonl",
        "one.json",
    ]
    done = command("finish", "b.csv", "--report", "b.json")
    assert done.exit_code == 3
    assert done.err.startswith("b.csv\n  records       8,001\n  scored        8,000\n")
    assert "rejected      1 → b.csv.rejected.jsonl\n" in done.err
    for name in ("", ".rejected.jsonl"):
        assert Path(f"b.csv{name}").read_bytes() == Path(f"one.csv{name}").read_bytes()
    assert not Path("_b.csv.shards").exists()
    command("finish", "b.csv").failed_with(
        "b.csv: no unfinished shards are found. Name the --output", 2
    )
    one, many = report("one.json"), report("b.json")
    different = {key for key in one if one[key] != many[key]}
    assert different <= {
        "run_id",
        "job_id",
        "started",
        "ended",
        "seconds",
        "options",
        "files",
        "model",
    }
    assert {**one["model"], "path": None} == many["model"]
    for found in (one, many):
        found["files"][0].pop("seconds")
        found["files"][0].pop("job_id", None)
    changed = {"output": "b.csv", "rejected_file": "b.csv.rejected.jsonl"}
    assert many["files"] == [{**one["files"][0], **changed}]


def test_reports_of_shards_add_up(command: Command) -> None:
    for name, text in {"a": CSV, "b": CSV + BAD, "c": CSV * 3}.items():
        Path("in").mkdir(exist_ok=True)
        write(f"in/{name}.csv", text)
    for n in range(4):
        files = ("in", "-o", "out", "--report", f"{n}.json", "-q")
        assert command("score", *files, "--shard", f"{n}/4").exit_code == 0
    assert command("finish", "out", "--report", "r.json", "-q").exit_code == 3
    parts, whole = [report(f"{n}.json") for n in range(4)], report()
    for key in ("records", "scored", "without_text", "rejected", "positive"):
        assert sum(part.get(key, 0) for part in parts) == whole[key]
    assert {part["job_id"] for part in parts} == {whole["job_id"]}
    assert [part["shard"] for part in parts] == ["0/4", "1/4", "2/4", "3/4"]
    assert {(p["status"], p["exit_code"]) for p in parts} == {("done", 0), ("done_with_rejects", 0)}
    assert [each["status"] for each in whole["files"]] == ["done", "done_with_rejects", "done"]


def test_a_shard_that_fails(command: Command) -> None:
    Path("in").mkdir()
    write("in/a.csv")
    write("in/b.csv", "id,other\n1,a\n")
    first, second = score_shards(command, 2, "in", "-o", "out", "-q")
    assert first.exit_code == 0
    second.failed_with("in/b.csv: no column 'text' or 'review' (found: id, other). Choose one")
    ran = command("finish", "out")
    ran.failed_with("out/_shards: 1 of 2 shards are not done: 1. Score them, such as with", 2)
    assert "such as with --shard 1/2, and finish then." in ran.err
    assert os.listdir("out") == ["_shards"]
    assert sorted(os.listdir("out/_shards"))[-1] == "plan.json"
    assert [n for n in os.listdir("out/_shards") if n.startswith("00001.")] == []


def test_empty_files(command: Command) -> None:
    Path("in").mkdir()
    write("in/a.csv")
    write("in/b.csv", "")
    assert [ran.exit_code for ran in score_shards(command, 2, "in", "-o", "out")] == [0, 0]
    done = command("finish", "out")
    assert done.exit_code == 0
    assert "in/b.csv: nothing is in this file, nor in its output." in done.err
    assert Path("out/b.csv").read_bytes() == b""
    write("c.csv", "")
    ran = command("score", "c.csv", "-o", "d.csv", "--shard", "0/1")
    ran.failed_with("c.csv: the file is empty, expected reviews")


def test_no_record_is_scored(command: Command) -> None:
    write("a.csv", "id,text\n1,\n2,\n")
    assert [ran.exit_code for ran in score_shards(command, 2, "a.csv", "-o", "b.csv", "-q")] == [
        0,
        0,
    ]
    command("finish", "b.csv", "-q").failed_with("a.csv: no record is scored: all 2 records are")


def test_limits_of_rejects(command: Command) -> None:
    write("a.csv", CSV + BAD * 3)
    for most, shard, finished in (("2", 1, 2), ("3", 0, 0), ("20%", 0, 1), ("50%", 0, 0)):
        call = ("score", "a.csv", "-o", f"out{most}/", "--max-rejected", most, "-q")
        assert command(*call, "--shard", "0/1").exit_code == shard
        ran = command("finish", f"out{most}/", "-q")
        assert ran.exit_code == finished, ran.err
        if most == "20%":
            assert "3 of the " in ran.err


def test_where_rejects_go(command: Command) -> None:
    write("a.csv", CSV + BAD)
    score_shards(command, 2, "a.csv", "-o", "b.csv", "--rejected", "none", "-q")
    assert "rejected      1, not kept\n" in command("finish", "b.csv").err
    score_shards(command, 2, "a.csv", "-o", "c.csv", "--rejected", "bad.jsonl", "-q")
    assert "rejected      1 → bad.jsonl\n" in command("finish", "c.csv").err
    assert command.files() == ["a.csv", "b.csv", "bad.jsonl", "c.csv"]


def test_options_of_scoring(command: Command) -> None:
    write("a.txt", "body;n\na superb film;1\nthe worst;2\n")
    options = (
        "a.txt", "--format", "csv", "--delimiter", ";", "--text-column", "body", "--stars",
        "--neutral", "--by-sentence", "--names", "sentiment=s", "-q",
    )  # fmt: skip
    assert command("score", *options, "-o", "one.csv").exit_code == 0
    score_shards(command, 2, *options, "-o", "b.csv")
    assert command("finish", "b.csv", "-q").exit_code == 0
    assert Path("b.csv").read_bytes() == Path("one.csv").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--shard", "1"], "expected I/N with I from 0 to N-1, such as 0/16, received '1'"),
        (["--shard", "2/2"], "expected I/N with I from 0 to N-1"),
        (["--shard", "-1/2"], "expected I/N with I from 0 to N-1"),
        (["--shard", "a/b"], "expected I/N with I from 0 to N-1"),
        (["--shard", "0/200000"], "--shard: expected 1 to 100,000 shards, received 200,000"),
        (["--shard", "0/2", "--shards", "3"], "--shard 0/2 and --shards 3 name different"),
        (["--shard", "0/2", "--engine", "ray"], "--engine ray scores all of them."),
        (["--keep-parts"], "--keep-parts is for shards"),
        (["--keep-parts", "--dry-run"], "--keep-parts is for shards"),
        (["--shard", "0/2", "--limit", "5"], "--limit and --sample do not work with shards"),
        (["--shard", "0/2", "--sample", "5"], "--limit and --sample do not work with shards"),
        (["--shard", "0/2", "--skip-existing"], "--skip-existing does not work with shards"),
        (["--shard", "0/2", "-o", "-"], "shards are written to files, not to standard output"),
        (["--shard", "0/2", "--rejected", "-"], "shards are written to files, not to standard"),
    ],
)
def test_wrong_calls(command: Command, arguments: list[str], message: str) -> None:
    write("a.csv")
    command("score", "a.csv", *arguments).failed_with(message, 2)
    assert command.files() == ["a.csv"]
