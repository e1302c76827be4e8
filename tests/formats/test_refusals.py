"""What every format refuses, and how it says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.formats.passing import pass_through
from tests.formats.python_formats import PYTHON, every_format
from toolkit.errors import InputError, UsageError
from toolkit.formats import open_reviews
from toolkit.formats.columns import Columns


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
@given(st.binary(max_size=6).filter(lambda data: not _is_utf8(data)), st.integers(1, 100))
def test_what_is_no_utf8_is_named_with_its_line(ending: str, bad: bytes, block_bytes: int) -> None:
    bad = bad.translate(bytes(0xFF if byte in b'",\n\r\\' else byte for byte in range(256)))
    data = PYTHON[ending][0]([{"text": f"a{number}\u2028"} for number in range(9)], "\n")
    line = data[: data.index(b"a7")].count(b"\n") + 1
    match = rf"reviews{ending}: line {line}: byte 0x[0-9a-f]+ is no UTF-8\. Convert"
    with pytest.raises(InputError, match=match):
        pass_through(data.replace(b"a7", bad), ending, block_bytes=block_bytes)


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
