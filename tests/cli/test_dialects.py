"""--quote, --escape and --skip-lines, as a user gives them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import Command, write

UNQUOTED = b'sentence\tlabel\n" love it.\t1\nbad\t0\nworse\t0\n"\t0\n'


def test_quotes_that_are_characters(command: Command) -> None:
    write("a.tsv", UNQUOTED)
    ran = command("score", "a.tsv", "--text-column", "sentence")
    assert ran.exit_code == 3
    (line,) = Path("a.scored.tsv.rejected.jsonl").read_text().splitlines()
    reject = json.loads(line)
    assert reject["reason"].endswith("--quote none reads each line as a record (lines 2 to 5)")
    assert reject["raw"].encode() == UNQUOTED.partition(b"\n")[2].removesuffix(b"\n")
    ran = command("score", "a.tsv", "--text-column", "sentence", "--quote", "none", "--force")
    assert ran.exit_code == 0
    rows = Path("a.scored.tsv").read_bytes().split(b"\n")
    assert [row.rsplit(b"\t", 2)[0] for row in rows[1:-1]] == UNQUOTED.split(b"\n")[1:-1]


def test_escapes_and_lines_before_the_header(command: Command) -> None:
    write("a.csv", b'Reviews, all\nid,text,label\n1,"A \\"fine\\", warm film",1\n2,bad\\, dull,0\n')
    how = ("--escape", "\\", "--skip-lines", "1")
    assert command("score", "a.csv", *how, "-o", "b.jsonl").exit_code == 0
    rows = [json.loads(line) for line in Path("b.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ['A "fine", warm film', "bad, dull"]
    assert command("evaluate", "a.csv", *how, "--json").exit_code == 0
    ran = command("score", "a.csv", "--skip-lines", "1", "--escape", '"', "--force")
    assert ran.exit_code == 2
    assert "Leave --escape out" in ran.err
