"""What every format owes to the files that pass through it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.records.passing import pass_through
from tests.records.python_formats import PYTHON, Row, every_ending, every_file, every_text_format
from toolkit.errors import UsageError
from toolkit.records import Columns, ReadOptions, open_reviews
from toolkit.records.review_file import BLOCK_RECORDS

values = st.one_of(
    st.sampled_from(["007", "1.0", "1e5", "9" * 30, "NaN", "null", "", " ", "\ufeff", "a\tb"]),
    st.text(st.sampled_from('aé😀",\r\n\\/{}:\u2028\u0085\x00')),
)
names = st.sampled_from(["text", "id", "a,b", 'say "so"', "été", "", "line\nend", "back\\slash"])


@st.composite
def rows_of_reviews(draw: st.DrawFn) -> list[Row]:
    columns = ["text", *draw(st.lists(names.filter(lambda n: n != "text"), unique=True))]
    columns = draw(st.permutations(columns))
    fields = st.tuples(*[values] * len(columns))
    return [dict(zip(columns, row, strict=True)) for row in draw(st.lists(fields, min_size=1))]


def is_refused(row: Row, ending: str) -> bool:
    """Whether each line of a record has the right number of fields: it may be several records."""
    if not ending.startswith(".tsv"):  # tabs are seldom part of a text, unlike commas
        return False
    fields = ['"' + value.replace('"', '""') + '"' for value in row.values()]
    lines = "\t".join(fields).split("\n")
    tabs = len(row) - 1
    return tabs > 0 and len(lines) > 1 and all(line.count("\t") == tabs for line in lines)


@every_file
@settings(max_examples=50)
@given(rows_of_reviews(), st.sampled_from(["\n", "\r\n"]), st.integers(1, 200), st.booleans())
@example([{"text": "a\tb", "id": "\n", "a,b": "a\tb"}], "\n", 1, False)
@example([{"text": "a\tb", "id": "\n", "a,b": "a\tb"}], "\n", 1, True)
def test_rows_come_out_as_they_went_in(
    ending: str, rows: list[Row], line_end: str, block_bytes: int, quote_is_sure: bool
) -> None:
    """But those of TSV that may be several records, unless it is said that they are not."""
    write, read = PYTHON[ending]
    data = write(rows, line_end)
    passed = pass_through(data, ending, block_bytes=block_bytes, quote_is_sure=quote_is_sure)
    refused = [] if quote_is_sure else [row for row in rows if is_refused(row, ending)]
    rows = [row for row in rows if row not in refused]
    added = [
        {
            "predicted_sentiment": "positive" if row["text"] else "",
            "positive_probability": "0.5" if row["text"] else "",
        }
        for row in rows
    ]
    assert [list(row.items()) for row in read(passed.output)] == [
        list((row | new).items()) for row, new in zip(rows, added, strict=True)
    ]
    doubled = '""' if ending.startswith((".csv", ".tsv")) else '"'
    assert passed.texts == [row["text"].replace('"', doubled) for row in rows]
    assert len(passed.rejects) == len(refused)
    assert all("this quote is ambiguous" in reject.reason for reject in passed.rejects)


@every_text_format
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_blank_lines_and_mark_stay(ending: str, line_end: str, mark: str) -> None:
    write, read = PYTHON[ending]
    rows = [{"id": str(number), "text": "a"} for number in range(3)]
    lines = write(rows, line_end).decode().split(line_end)[:-1]
    blank = f"{line_end}\n\r\n"
    data = mark + blank + blank.join(lines) + blank
    for block_bytes in (1, 7, 1000):
        output = pass_through(data.encode(), ending, block_bytes=block_bytes).output.decode()
        written = output.removeprefix(mark).split(blank)
        assert output.startswith(mark + blank)
        assert len(written) == len(lines) + 2
        # An added part may stand before what closes the record; what opens it stays.
        assert all(
            new.startswith(old.removesuffix("}"))
            for new, old in zip(written, ["", *lines, ""], strict=True)
        )
        assert [row["id"] for row in read(output.encode())] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("ending", "lines"), [(".csv", ["text", "a", "b"]), (".jsonl", ['{"text": "a"}'] * 2)]
)
def test_many_blank_lines_stay(ending: str, lines: list[str]) -> None:
    blank = b"\n" * (2 << 20)
    passed = pass_through(blank.join(line.encode() + b"\n" for line in lines) + blank, ending)
    assert (passed.rejects, passed.output.count(b"\n")) == ([], len(lines) * (1 + len(blank)))


@every_text_format
def test_a_missing_last_line_end_is_added(ending: str) -> None:
    write, read = PYTHON[ending]
    data = write([{"text": "a", "id": "x"}, {"text": "b", "id": "y"}], "\n")
    passed = pass_through(data[:-1], ending)
    assert passed == pass_through(data, ending)
    assert [row["id"] for row in read(passed.output)] == ["x", "y"]


@every_file
def test_the_added_columns_are_named_as_asked(ending: str) -> None:
    write, read = PYTHON[ending]
    data = write([{"body": "a", "predicted_sentiment": "x"}], "\n")
    columns = Columns("body", sentiment='a "b", c', probability="é\\")
    (row,) = read(pass_through(data, ending, columns).output)
    assert row == {
        "body": "a", "predicted_sentiment": "x", 'a "b", c': "positive", "é\\": "0.5",
    }  # fmt: skip


@every_file
def test_text_is_looked_for_before_review(ending: str) -> None:
    write = PYTHON[ending][0]
    assert pass_through(write([{"review": "r", "text": "t"}], "\n"), ending).texts == ["t"]
    assert pass_through(write([{"review": "r", "body": "b"}], "\n"), ending).texts == ["r"]
    assert pass_through(
        write([{"review": "r", "text": "t"}], "\n"), ending, Columns("review")
    ).texts == ["r"]


@every_ending
@pytest.mark.parametrize("length", [1 << 23, (1 << 23) + 1])
def test_a_record_may_be_longer_than_a_block(ending: str, length: int) -> None:
    write, _ = PYTHON[ending]
    rows = [{"review": text, "id": text[:1]} for text in ("a" * length, "b", "c" * length)]
    data = write(rows, "\n")
    passed = pass_through(data, ending)
    assert passed.texts == [row["review"] for row in rows]
    assert len(passed.output) > len(data)


def test_endings_may_be_in_capitals() -> None:
    assert pass_through(b"text\na\n", ".CSV").texts == ["a"]


@pytest.mark.parametrize(("ending", "row"), [(".csv", "ok\n"), (".jsonl", '{"text":"ok"}\n')])
def test_short_records_make_small_blocks(ending: str, row: str, tmp_path: Path) -> None:
    """What is made of a block takes memory by the row."""
    path = tmp_path / f"short{ending}"
    path.write_text(("text\n" if ending == ".csv" else "") + row * 200_000)
    with open_reviews(path, ReadOptions()) as reviews:
        rows = [len(reviews.parse(block).texts) for block in reviews.blocks()]
    assert sum(rows) == 200_000
    assert max(rows) <= 1.1 * BLOCK_RECORDS


def test_of_two_text_columns_none_is_taken() -> None:
    with pytest.raises(UsageError, match="2 columns are called 'text'"):
        pass_through(b"text,text\na,b\n", ".csv")
