"""What every format owes to the files that pass through it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.passing import pass_through
from toolkit.errors import InputError, UsageError
from toolkit.formats import FORMATS, open_reviews
from toolkit.formats.columns import Columns

Row = dict[str, str]

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


def write_csv(rows: list[Row], line_end: str) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]), lineterminator=line_end, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def read_csv(data: bytes) -> list[Row]:
    reader = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True)
    header, *rows = [row for row in reader if row]
    return [dict(zip(header, row, strict=True)) for row in rows]


def write_json_lines(rows: list[Row], line_end: str) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + line_end for row in rows).encode()


def read_json_lines(data: bytes) -> list[Row]:
    lines = data.decode("utf-8-sig").split("\n")
    rows = [json.loads(line) for line in lines if line.strip()]
    return [
        {key: "" if value is None else str(value) for key, value in row.items()} for row in rows
    ]


Writer = Callable[[list[Row], str], bytes]
Reader = Callable[[bytes], list[Row]]

# A new format needs its entry here too: how others write and read it.
PYTHON: dict[str, tuple[Writer, Reader]] = {
    ".csv": (write_csv, read_csv),
    ".jsonl": (write_json_lines, read_json_lines),
    ".ndjson": (write_json_lines, read_json_lines),
}

every_format = pytest.mark.parametrize("ending", list(FORMATS))


@every_format
@given(rows_of_reviews(), st.sampled_from(["\n", "\r\n"]), st.integers(1, 200))
def test_rows_come_out_as_they_went_in(
    ending: str, rows: list[Row], line_end: str, block_bytes: int
) -> None:
    write, read = PYTHON[ending]
    passed = pass_through(write(rows, line_end), ending, block_bytes=block_bytes)
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
    doubled = '""' if ending == ".csv" else '"'
    assert passed.texts == [row["text"].replace('"', doubled) for row in rows]


@every_format
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


@every_format
def test_a_missing_last_line_end_is_added(ending: str) -> None:
    write, read = PYTHON[ending]
    data = write([{"text": "a", "id": "x"}, {"text": "b", "id": "y"}], "\n")
    passed = pass_through(data[:-1], ending)
    assert passed == pass_through(data, ending)
    assert [row["id"] for row in read(passed.output)] == ["x", "y"]


@every_format
def test_the_added_columns_are_named_as_asked(ending: str) -> None:
    write, read = PYTHON[ending]
    data = write([{"body": "a", "predicted_sentiment": "x"}], "\n")
    columns = Columns("body", 'a "b", c', "é\\")
    (row,) = read(pass_through(data, ending, columns).output)
    assert row == {
        "body": "a", "predicted_sentiment": "x", 'a "b", c': "positive", "é\\": "0.5",
    }  # fmt: skip


@every_format
@pytest.mark.parametrize(
    "columns", [Columns(sentiment="id"), Columns(probability="id"), Columns(sentiment="text")]
)
def test_a_taken_name_is_refused(ending: str, columns: Columns) -> None:
    data = PYTHON[ending][0]([{"text": "a", "id": "1"}], "\n")
    taken = "text" if columns.sentiment == "text" else "id"
    with pytest.raises(
        UsageError, match=rf"a column '{taken}' already.*--sentiment-column and --probability-col"
    ):
        pass_through(data, ending, columns)


@every_format
def test_the_text_column_has_to_be_there(ending: str) -> None:
    data = PYTHON[ending][0]([{"body": "a", "id": "1"}], "\n")
    with pytest.raises(
        UsageError,
        match=r"no column 'text' or 'review' \(found: body, id\)\. Choose one with --text-column",
    ):
        pass_through(data, ending)
    with pytest.raises(UsageError, match=r"no column 'Body' \(found: body, id\)"):
        pass_through(data, ending, Columns("Body"))


@every_format
def test_text_is_looked_for_before_review(ending: str) -> None:
    write = PYTHON[ending][0]
    assert pass_through(write([{"review": "r", "text": "t"}], "\n"), ending).texts == ["t"]
    assert pass_through(write([{"review": "r", "body": "b"}], "\n"), ending).texts == ["r"]
    assert pass_through(
        write([{"review": "r", "text": "t"}], "\n"), ending, Columns("review")
    ).texts == ["r"]


@every_format
@given(st.binary(max_size=6).filter(lambda data: not _is_utf8(data)), st.integers(1, 100))
def test_what_is_no_utf8_is_named_with_its_line(ending: str, bad: bytes, block_bytes: int) -> None:
    bad = bad.translate(bytes(0xFF if byte in b'",\n\r\\' else byte for byte in range(256)))
    data = PYTHON[ending][0]([{"text": f"a{number}\u2028"} for number in range(9)], "\n")
    line = data[: data.index(b"a7")].count(b"\n") + 1
    match = rf"reviews{ending}: line {line}: byte 0x[0-9a-f]+ is no UTF-8\. Convert"
    with pytest.raises(InputError, match=match):
        pass_through(data.replace(b"a7", bad), ending, block_bytes=block_bytes)


@every_format
@pytest.mark.parametrize("length", [1 << 23, (1 << 23) + 1])
def test_a_record_may_be_longer_than_a_block(ending: str, length: int) -> None:
    write, _ = PYTHON[ending]
    rows = [{"review": text, "id": text[:1]} for text in ("a" * length, "b", "c" * length)]
    data = write(rows, "\n")
    passed = pass_through(data, ending)
    assert passed.texts == [row["review"] for row in rows]
    assert len(passed.output) > len(data)


@every_format
def test_a_record_without_end_is_not_read_for_ever(
    ending: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.formats.base.RECORD_BYTES_LIMIT", 1 << 20)
    data = PYTHON[ending][0]([{"text": "a"}, {"text": "b" * (2 << 20)}], "\n")
    line = data[: data.index(b"b" * 9)].count(b"\n") + 1
    with pytest.raises(InputError, match=rf"line {line}: a record of more than 1 MiB"):
        pass_through(data, ending, block_bytes=1000)


@every_format
def test_files_that_are_none(ending: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_reviews(tmp_path / f"missing{ending}", Columns())
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        open_reviews(tmp_path / f"{'a' * 300}{ending}", Columns())
    (tmp_path / f"empty{ending}").touch()
    with pytest.raises(InputError, match="the file is empty, expected reviews"):
        open_reviews(tmp_path / f"empty{ending}", Columns())
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(InputError, match="a folder, expected a file of reviews"):
        open_reviews(tmp_path / f"folder{ending}", Columns())


def test_an_unknown_ending_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"no known format '\.txt'; files can end in \.csv, \.json"
    ):
        open_reviews(tmp_path / "reviews.txt", Columns())


def test_endings_may_be_in_capitals() -> None:
    assert pass_through(b"text\na\n", ".CSV").texts == ["a"]


def test_the_added_columns_need_two_names() -> None:
    with pytest.raises(UsageError, match="need two names, received 'x' for both"):
        Columns(sentiment="x", probability="x")
    with pytest.raises(UsageError, match=r"the column name 'x\\udcff' is no UTF-8"):
        Columns(text="x\udcff")


def _is_utf8(data: bytes) -> bool:
    try:
        data.translate(bytes(0xFF if b in b'",\n\r\\' else b for b in range(256))).decode()
    except UnicodeDecodeError:
        return False
    return True
