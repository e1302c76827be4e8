"""--quote, --escape and --skip-lines, as a user gives them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.running import Command, write

UNQUOTED = b'sentence\tlabel\n" love it.\t1\nbad\t0\nworse\t0\n"\t0\n'


def test_quotes_that_are_characters(command: Command) -> None:
    write("a.tsv", UNQUOTED)
    ran = command("score", "a.tsv", "--text-column", "sentence")
    assert ran.exit_code == 1  # as nothing is scored
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


@pytest.mark.parametrize(
    "rows", [['A1," love it', "A2,bad", 'A4,end"'], ['A1," love it', 'A4,end"']]
)
def test_lines_that_may_be_records_are_warned_about(command: Command, rows: list[str]) -> None:
    write("a.csv", "\n".join(["id,text", "A0,fine", *rows, "A5,ok", ""]))
    ran = command("score", "a.csv", "--report", "r.json")
    assert ran.exit_code == 0
    warning = "each of which has the right number of fields by itself: 1, the first in line 3."
    assert f"warning: a.csv: records that span several lines, {warning}" in ran.err
    assert warning in Path("r.json").read_text(encoding="utf-8")
    ran = command("score", "a.csv", "-o", "b.csv", "--quote", "none")
    assert "warning" not in ran.err
    assert f"records       {len(rows) + 2}" in ran.err
