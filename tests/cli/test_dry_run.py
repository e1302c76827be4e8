"""`toolkit score --dry-run`: a look at the files, and nothing is written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.numbered import rows
from tests.cli.running import COMMAND, Command, write


def test_a_look_at_a_file_writes_nothing(command: Command) -> None:
    write("a.csv", 'id,label,body\n1,0,"a ""fine"" film"\n2,1\n3,1,\n4,0,bad\n5,0,no\n')
    call = ("score", "a.csv", "--dry-run", "--text-column", "body", "--label-column", "label")
    ran = command(*call, "--report", "r.json")
    assert (ran.exit_code, ran.err) == (0, "")
    for line in (
        "a.csv → a.scored.csv",
        "  format        csv, 60 bytes",
        "  encoding      utf-8",
        "  delimiter     comma",
        '  quote         "',
        "  columns       id, label, body",
        "  text          column 'body' (named with --text-column)",
        "  label         column 'label' (named with --label-column)",
        '  record 1      a "fine" film; label 0',
        "  record 2      (empty); label 1",
        "  record 3      bad; label 0",
        "  rejected      line 3: 2 fields, expected 3",
        "  rejects       to a.scored.csv.rejected.jsonl, if any",
        "Nothing is written.",
        "  time          less than 1 s",
    ):
        assert f"{line}\n" in ran.out
    assert "no\n" not in ran.out
    assert command.files() == ["a.csv"]


def test_a_look_at_a_file_says_why_a_column_is_read(command: Command) -> None:
    write("a.jsonl", '{"text": "' + "a long review " * 20 + '"}\n')
    out = command("score", "a.jsonl", "--dry-run", "-o", "b.parquet", "--rejected", "none").out
    assert "a.jsonl → b.parquet\n" in out
    assert "  text          column 'text' (a usual name)\n" in out
    assert "  record 1      a long review" in out
    assert "…\n" in out
    assert "  rejects       only counted\n" in out
    write("b.csv", "a fine film\nbad\n")
    out = command("score", "b.csv", "--dry-run", "--no-header").out
    assert "  text          column '1' (the only column)\n" in out


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["none.csv"], "none.csv: no such file", 1),
        (["a.csv"], "a.scored.csv: exists already", 2),
        (["a.csv", "-o", "a.csv"], "a.csv: is the input itself", 2),
        (["a.csv", "-o", "b.txt"], "unknown ending '.txt'", 2),
        (["a.csv", "-o", "b.csv", "--text-column", "body"], "no column 'body'", 2),
        (["a.csv", "-o", "no/b.csv"], "the folder no does not exist", 2),
    ],
)
def test_a_look_finds_the_usual_errors(
    command: Command, arguments: list[str], message: str, code: int
) -> None:
    write("a.csv")
    write("a.scored.csv")
    ran = command("score", *arguments, "--dry-run")
    assert ran.exit_code == code
    assert message in ran.err
    assert command.files() == ["a.csv", "a.scored.csv"]


def test_a_look_at_many_files(command: Command) -> None:
    for number in range(8):
        write(f"{number}.csv")
    write("8.csv", "")
    names = [f"{number}.csv" for number in range(9)]
    ran = command("score", *names, "-o", "out", "--dry-run")
    assert (ran.exit_code, ran.err) == (1, "error: 8.csv: the file is empty, expected reviews\n")
    assert ran.out.count("→") == 5
    assert "and 4 more files, which were opened, too\n" in ran.out
    assert command.files() == sorted(names)


def test_a_look_estimates_the_time(command: Command) -> None:
    write("a.csv", rows(300_000))
    out = command("score", "a.csv", "--dry-run").out
    whole = out.rpartition("time")[2]
    assert "reviews/s)" in whole or "less than 1 s" in whole
    out = command("score", "a.csv", "--dry-run", "--limit", "10").out
    assert "  time          less than 1 s\n" in out
    assert "  a part        only the first 10 records of a file (--limit)\n" in out


def test_a_look_at_standard_input(tmp_path: Path) -> None:
    ran = subprocess.run(
        [*COMMAND, "score", "-", "--format", "tsv", "--dry-run", "-o", "b.csv"],
        input=b"text\ta\na fine film\tb\n", capture_output=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert "standard input → b.csv\n" in ran.stdout.decode()
    assert b"  delimiter     tab\n" in ran.stdout
    assert list(tmp_path.iterdir()) == []
