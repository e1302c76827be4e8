"""What is before the records of a delimited file: names, preambles, and nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.records.passing import pass_through
from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.records import Columns

COLUMNS = Columns("text", sentiment="s", probability="p")
BY_NUMBER = Columns("2", sentiment="s", probability="p")
blocks = pytest.mark.parametrize("block_bytes", [1, 9, 1000])


@blocks
@pytest.mark.parametrize(
    ("preamble", "mark", "options"),
    [
        ("sep=;\n", ";", {}),
        ("\ufeffSEP=;\r\n", ";", {}),
        ('"sep=|"\n', "|", {}),
        ("sep=\t\n", "\t", {}),
        ("sep=,\n", ";", {"delimiter": ";"}),
        ('My "reviews\n\n# of, 2024\r\n', ",", {"skip_lines": 3}),
        ("Reviews\nsep=;\n", ";", {"skip_lines": 1}),
        ("sep=;\nReviews\n", ";", {"skip_lines": 2}),
    ],
)
def test_a_preamble_stays_before_the_header(
    preamble: str, mark: str, options: dict[str, Any], block_bytes: int
) -> None:
    names, rows = ("id", "text"), [("1", "good"), ("2", "")]
    lines = [mark.join(line) for line in (names, *rows)]
    data = (preamble + "\n".join([*lines, ""])).encode()
    passed = pass_through(data, ".csv", COLUMNS, block_bytes, **options)
    assert passed.texts == ["good", ""]
    added = [("s", "p"), ("positive", "0.5"), ("", "")]
    expected = [mark.join([line, *more]) for line, more in zip(lines, added, strict=True)]
    assert passed.output.decode() == preamble + "\n".join([*expected, ""])
    # And so without a header.
    data = (preamble + "\n".join([*lines[1:], ""])).encode()
    passed = pass_through(data, ".csv", BY_NUMBER, block_bytes, header=False, **options)
    assert passed.output.decode() == preamble + "\n".join([*expected[1:], ""])
    assert passed.rejects == []


def test_lines_of_rejects_count_the_preamble() -> None:
    passed = pass_through(b"sep=;\n\nid;text\n1\n2;good\n", ".csv", COLUMNS)
    assert [reject.number for reject in passed.rejects] == [4]


@blocks
@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_a_header_of_one_name_is_split_by_another_delimiter(mark: str, block_bytes: int) -> None:
    """If that yields the needed columns; what score writes is then read alike."""
    lines = [mark.join(line) for line in (("id", "Text"), ("1", "good, it is"), ("2", '"a""b"'))]
    passed = pass_through("\n".join([*lines, ""]).encode(), ".csv", COLUMNS, block_bytes)
    assert passed.texts == ["good, it is", 'a""b']
    added = [("s", "p"), ("positive", "0.5"), ("positive", "0.5")]
    expected = [mark.join([line, *more]) for line, more in zip(lines, added, strict=True)]
    assert passed.output.decode() == "\n".join([*expected, ""])


def test_a_name_with_a_delimiter_stays_one_name() -> None:
    column = Columns("text; in full", sentiment="s", probability="p")
    assert pass_through(b"text; in full\ngood; it is\n", ".csv", column).texts == ["good; it is"]
    with pytest.raises(UsageError, match=r"no column 'text'"):
        pass_through(b"id;text\n1;good\n", ".csv", COLUMNS, delimiter=",")


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (
            "sep=a\nid,text\n",
            {},
            "line 1, sep=: expected one ASCII character other than a letter or digit, received 'a'",
        ),
        ("id,text\n", {"skip_lines": 5}, "--skip-lines 5: there are only 1 lines"),
        ("id,text\n", {"skip_lines": 1}, "only blank lines, expected a header and reviews"),
        ("id;said\n1;good, it is\n", {}, " --delimiter ';' would split it into 2 columns."),
        ("id\tsaid\n1\tgood\n", {}, r" --delimiter '\t' would split it into 2 columns."),
        (
            "id,body\n1,a b\n2,c d\n",
            {"delimiter": " "},
            "Choose one with --text-column. --delimiter ',' would split it into 2 columns.",
        ),
        ("id|said|a;b\n", {}, " --delimiter '|' would split it into 3 columns."),
        (
            "My reviews\n\nof 2024\nid,text\n1,good\n2,bad\n",
            {},
            " Line 1 has 1 field, and line 4 has 2, like most lines after it. If the names are in "
            "line 4, add --skip-lines 3.",
        ),
        (
            "My reviews, 2024\nid,text,stars\n1,good,2\n2,bad,1\n",
            {},
            " Line 1 has 2 fields, and line 2 has 3, like most lines after it. If the names are in "
            "line 2, add --skip-lines 1.",
        ),
        ("x\na;b\n", {}, "Choose one with --text-column."),
    ],
)
def test_what_may_be_wrong_with_a_header_is_said(
    data: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((InputError, UsageError), match=re.escape(message) + "$"):
        pass_through(data.encode(), ".csv", COLUMNS, **options)


@blocks
@pytest.mark.parametrize("bad", ["1", "1,2,3", '1,"a" b', "1,\xff", '"1,a', "a\rb,c"])
def test_a_bad_first_line_without_a_header_costs_itself(bad: str, block_bytes: int) -> None:
    first = bad.encode("latin-1")
    data = first + b"\n\n2,good\n3,fine\n4\n"
    passed = pass_through(data, ".csv", BY_NUMBER, block_bytes, header=False)
    assert passed.texts == ["good", "fine"]
    assert [(reject.number, reject.raw) for reject in passed.rejects] == [(1, first), (5, b"4")]
    assert passed.output == b"\n2,good,positive,0.5\n3,fine,positive,0.5\n"


def test_without_any_good_line_there_are_no_columns() -> None:
    with pytest.raises(InputError, match="line 1: no record can be read: a carriage return that"):
        pass_through(b"a\rb\n", ".csv", header=False)


@pytest.mark.slow
@pytest.mark.parametrize("quote", ['"', None])
def test_a_header_without_end_is_refused(quote: str | None) -> None:
    for data in (b'"' + b"a\n" * (3 << 20), b"," * (6 << 20)):
        with pytest.raises(ToolkitError, match=r"more than 4 MiB|no column 'text'"):
            pass_through(data, ".csv", COLUMNS, quote=quote)
