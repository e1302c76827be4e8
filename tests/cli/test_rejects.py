"""`toolkit score` where many records are rejected, or none is scored, and where rejects go."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.numbered import rows
from tests.cli.running import COMMAND, Command, write

NO_RECORD_SCORED = "a.csv: no record is scored: all 2 records are "


@pytest.mark.parametrize(
    ("maximum", "is_good"),
    [("0", False), ("1", False), ("2", True), ("10%", False), ("20%", True), ("100%", True)],
)
def test_more_rejects_than_allowed(command: Command, maximum: str, is_good: bool) -> None:
    write("a.csv", rows(10, bad=(3, 7)))
    ran = command("score", "a.csv", "--max-rejected", maximum)
    if is_good:
        assert ran.exit_code == 3
        return
    so_far = "" if "%" in maximum else "first "
    ran.failed_with(
        f"a.csv: 2 of the {so_far}10 records cannot be read, more than --max-rejected {maximum} "
        "allows; the first: line 5: 3 fields, expected 2. No file is written."
    )
    assert command.files() == ["a.csv"]


def test_a_limit_of_rejects_is_for_each_file(command: Command) -> None:
    write("a.csv", rows(10, bad=(3,)))
    write("b.csv", rows(10, bad=(3, 7)))
    ran = command("score", "a.csv", "b.csv", "-o", "out", "--max-rejected", "1")
    assert ran.exit_code == 1
    assert "error: b.csv: 2 of the first 10 records cannot be read" in ran.err
    names = {path.name for path in Path("out").iterdir()}
    assert {"a.csv", "a.csv.rejected.jsonl"} <= names
    assert not {"b.csv", "b.csv.rejected.jsonl"} & names


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("text,id\n,1\n ,2\n", "without text. The texts are from the column 'text'."),
        ("text,id\n中文,1\nどう,2\n", "without a word that the model knows. The texts are from"),
        ("text,id\n1\n2\n", "rejected. The texts are from the column 'text'. The rejects are in "
         "a.scored.csv.rejected.jsonl. Choose the column with --text-column, or how"),
    ],
)  # fmt: skip
def test_a_run_that_scores_nothing_fails(command: Command, content: str, why: str) -> None:
    write("a.csv", content)
    ran = command("score", "a.csv", "--report", "r.json")
    assert ran.exit_code == 1
    message = ran.err.partition("error: ")[2]
    assert message.startswith(NO_RECORD_SCORED + why)
    assert Path("a.scored.csv").exists()
    found = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert (found["status"], found["error"]) == ("failed", message.rstrip("\n"))


def test_a_file_without_scores_among_others_is_a_warning(command: Command) -> None:
    write("a.csv", "text\n \n,\n")
    write("b.csv", rows(2))
    ran = command("score", "a.csv", "b.csv", "-o", "out", "--report", "r.json")
    assert ran.exit_code == 3
    warning = "no record is scored: of 2 records, 1 without text, 1 rejected."
    assert ran.err.startswith(f"warning: a.csv: {warning}\n")
    files = json.loads(Path("r.json").read_text(encoding="utf-8"))["files"]
    assert [file["warnings"] for file in files] == [[warning], []]


def test_rejects_on_standard_output_or_nowhere(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text(rows(5, bad=(1,)), encoding="utf-8")
    for files, output in ((["a.csv"], "c.csv"), (["a.csv", "b.csv"], "out")):
        for rejected, shown in (("-", "standard output"), ("none", ", not kept")):
            ran = subprocess.run(
                [*COMMAND, "score", *files, "-o", output, "--rejected", rejected, "--force"],
                capture_output=True, text=True, cwd=tmp_path, check=False,
            )  # fmt: skip
            assert ran.returncode == 3, ran.stderr
            lines = [json.loads(line)["file"] for line in ran.stdout.splitlines()]
            assert lines == (files if rejected == "-" else [])
            assert shown in ran.stderr
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        *("a.csv", "a.csv", "b.csv", "b.csv", "c.csv")
    ]
