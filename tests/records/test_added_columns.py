"""Added columns, whatever they hold and are called, are fields like others in every format."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.cli.running import Command, write
from tests.records.passing import pass_through
from tests.records.python_formats import PYTHON, Row, every_file
from toolkit.errors import UsageError
from toolkit.records import Columns
from toolkit.records.columns import ADDED, aspect_probability_role, aspect_role

# What an added string may hold: marks of all dialects below, and what JSON has to escape.
STRINGS = [
    "fine; slow; don't",
    'say "so"',
    "'quoted'",
    "a,b\tc|d e^f",
    "back\\slash\\",
    "two\nlines\r\nand\rthree",
    "\x00\x1f\x7f\u2028é😀",
    '"',
    " ",
    "",
    None,
]
MARKS = [",", ";", "\t", "|", " ", "'", "^"]
QUOTES, ESCAPES = ['"', "'", "|", None], [None, "\\", "^"]
ASPECTS = [aspect_role("room"), aspect_probability_role("room")]
ROLES = [*ADDED, *ASPECTS]  # all that options of `score` can add

# Python reads such a field by other rules, or not at all.
DIALECTS = [
    (mark, quote, escape)
    for mark, quote, escape in product(MARKS, QUOTES, ESCAPES)
    if len({mark, quote, escape}) == 3 and (quote or escape)
]


def columns_called(names: dict[str, str]) -> Columns:
    return Columns("text", adds=tuple(ROLES)).with_names(names)


def values_of(columns: Columns) -> list[pa.Array]:
    """Return the strings, or as many numbers, in each of the added columns."""
    count = len(STRINGS)
    return [
        pa.array(
            STRINGS[at % count :] + STRINGS[: at % count]
            if column.kind == "string"
            else [None, *range(1, count)],
            column.kind,
        )
        for at, column in enumerate(columns.added)
    ]


def expected_of(columns: Columns, values: list[pa.Array]) -> list[Row]:
    texts = [["" if v is None else str(v) for v in column.to_pylist()] for column in values]
    names = [column.name for column in columns.added]
    return [dict(zip(names, row, strict=True)) for row in zip(*texts, strict=True)]


def without_zeros(row: Row) -> Row:
    return {name: value.removesuffix(".0") for name, value in row.items()}


COLUMNS = columns_called({role: f'{role}; "a", b\'s\\^|\r\n\t' for role in ROLES})
VALUES = values_of(COLUMNS)
EXPECTED = [without_zeros(row) for row in expected_of(COLUMNS, VALUES)]


def read_back(output: bytes, how: dict[str, Any]) -> list[Row]:
    """Return the added fields of a delimited output, as the toolkit reads them for JSON Lines."""
    passed = pass_through(output, ".csv", Columns("text"), to=".jsonl", **how)
    assert passed.rejects == []
    rows = [json.loads(line) for line in passed.output.splitlines()]
    assert [list(row)[: 1 + len(ROLES)] for row in rows] == [["text", *EXPECTED[0]]] * len(rows)
    return [without_zeros({name: row[name] or "" for name in EXPECTED[0]}) for row in rows]


@pytest.mark.parametrize(("mark", "quote", "escape"), DIALECTS)
def test_in_delimited_files(mark: str, quote: str | None, escape: str | None) -> None:
    how: dict[str, Any] = {"delimiter": mark, "quote": quote, "escape": escape}
    data = "".join(f"{text}\n" for text in ["text", *["a"] * len(STRINGS)]).encode()
    output = pass_through(data, ".csv", COLUMNS, scores=VALUES, **how).output
    assert read_back(output, how) == EXPECTED
    assert output.count(b"\n") > len(STRINGS)


@every_file
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_in_every_format(ending: str, line_end: str) -> None:
    write_rows, read_rows = PYTHON[ending]
    data = write_rows([{"text": "a", "id": "1"}] * len(STRINGS), line_end)
    found = read_rows(pass_through(data, ending, COLUMNS, scores=VALUES).output)
    assert [without_zeros(row) for row in found] == [
        {"text": "a", "id": "1"} | row for row in EXPECTED
    ]


@every_file
def test_from_one_format_to_another(ending: str) -> None:
    data = PYTHON[".jsonl"][0]([{"text": "a"}] * len(STRINGS), "\n")
    found = PYTHON[ending][1](
        pass_through(data, ".jsonl", COLUMNS, to=ending, scores=VALUES).output
    )
    assert [without_zeros(row) for row in found] == [{"text": "a"} | row for row in EXPECTED]


def test_a_value_that_cannot_be_written_is_refused() -> None:
    columns = Columns("text", adds=("sentiment", "model"))
    scores = [pa.array(["positive", "positive"]), pa.array(["a", "b|c"])]
    with pytest.raises(
        UsageError,
        match=r"in the added column 'model', 'b\|c' cannot be written without quotes\. Leave out",
    ):
        pass_through(b"text\na\nb\n", ".csv", columns, delimiter="|", quote=None, scores=scores)


@pytest.mark.parametrize("mark", [";", " "])
def test_reasons_between_their_own_marks_are_refused_before_scoring(mark: str) -> None:
    columns = Columns("text", adds=("sentiment", "reasons"))
    with pytest.raises(UsageError, match="need a --quote"):
        pass_through(b"text\na\n", ".csv", columns, delimiter=mark, quote=None, scores=[])


def test_an_output_with_every_column_is_scored_again(command: Command) -> None:
    """Reasons are separated by semicolons, as half of Europe separates fields."""
    write("semi.csv", 'id;text\n1;"The food was great; the staff was rude."\n2;\n')
    adds = ["--stars", "--by-sentence", "--reasons", "3", "--aspects", "restaurants"]
    names = ["--names", "model=a;b", "--aspect-probability"]
    ran = command(
        "score", "semi.csv", "--delimiter", ";", *adds, *names, "--model", "reviews-small"
    )
    assert ran.exit_code == 0, ran.err
    again = command(
        "score", "semi.scored.csv", "--delimiter", ";", "--output", "again.jsonl",
        "--names", "sentiment=s,probability=p", "--model", "reviews-small",
    )  # fmt: skip
    assert again.exit_code == 0, again.err
    first, second = (json.loads(line) for line in Path("again.jsonl").read_bytes().splitlines())
    assert "; " in first["reasons"]
    assert (first["id"], second["id"], second["reasons"]) == ("1", "2", "")
    assert first["a;b"] == second["a;b"] != ""
