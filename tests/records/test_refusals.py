"""What every format refuses, and how it says so."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records.passing import pass_through
from tests.records.python_formats import PYTHON, every_ending, every_file, every_text_format
from toolkit.errors import InputError, UsageError
from toolkit.records import Columns, ReadOptions, open_reviews


@every_file
@pytest.mark.parametrize(
    "columns", [Columns(sentiment="id"), Columns(probability="id"), Columns(sentiment="text")]
)
def test_a_taken_name_is_refused(ending: str, columns: Columns) -> None:
    data = PYTHON[ending][0]([{"text": "a", "id": "1"}], "\n")
    taken = "text" if columns.sentiment == "text" else "id"
    with pytest.raises(
        UsageError, match=rf"already has a column '{taken}'.*--names sentiment=NAME,probability"
    ):
        pass_through(data, ending, columns)


@every_file
def test_the_text_column_has_to_be_there(ending: str) -> None:
    data = PYTHON[ending][0]([{"plot": "a", "id": "1"}], "\n")
    with pytest.raises(
        UsageError,
        match=r"no column 'text' or 'review' \(found: plot, id\)\. Choose one with --text-column",
    ):
        pass_through(data, ending)
    with pytest.raises(UsageError, match=r"no column 'body' \(found: plot, id\)"):
        pass_through(data, ending, Columns("body"))


@every_text_format
@settings(max_examples=40)
@given(st.binary(max_size=6).filter(lambda data: not _is_utf8(data)), st.integers(1, 100))
def test_what_is_no_utf8_is_rejected_with_its_line(
    ending: str, bad: bytes, block_bytes: int
) -> None:
    bad = bad.translate(bytes(0xFF if byte in b'",\n\r\\\t' else byte for byte in range(256)))
    data = PYTHON[ending][0]([{"text": f"a{number}\u2028"} for number in range(9)], "\n")
    lines = data.replace(b"a7", bad).split(b"\n")
    (line,) = [number for number, each in enumerate(data.split(b"\n")) if b"a7" in each]
    passed = pass_through(b"\n".join(lines), ending, block_bytes=block_bytes)
    assert len(passed.texts) == 8
    (reject,) = passed.rejects
    assert (reject.number, reject.raw) == (line + 1, lines[line])
    assert re.fullmatch(
        r"byte 0x[0-9a-f]+ is not valid UTF-8. Name another encoding with --encoding", reject.reason
    )
    del lines[line]
    assert passed.output == pass_through(b"\n".join(lines), ending).output


@every_text_format
@pytest.mark.parametrize("block_bytes", [1000, 1 << 20])
@pytest.mark.parametrize("last", [b"", b"\n"])
def test_a_record_without_end_is_not_read_for_ever(
    ending: str, block_bytes: int, last: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("lines", "json_lines"):
        monkeypatch.setattr(f"toolkit.records.{module}.RECORD_BYTES_LIMIT", 1 << 20)
    long = "b" * (2 << 20)
    rows = [{"text": text} for text in ("a", long, "c", "bad", long)]
    data = PYTHON[ending][0](rows, "\n").replace(b"bad", b"\xff").removesuffix(b"\n") + last
    lines = data.removesuffix(b"\n").split(b"\n")
    passed = pass_through(data, ending, block_bytes=block_bytes)
    assert passed.texts == ["a", "c"]
    first, bad, second = passed.rejects
    count = len(lines)
    assert [first.number, bad.number, second.number] == [count - 3, count - 1, count]
    assert (first.raw, bad.raw, second.raw) == (None, lines[-2], None)
    assert [first.length, second.length] == [len(lines[-4]), len(lines[-1])]
    assert first.reason == second.reason == "a line longer than 1 MiB"


@every_ending
def test_files_that_are_none(ending: str, tmp_path: Path) -> None:
    options = ReadOptions()
    with pytest.raises(InputError, match="no such file"):
        open_reviews(tmp_path / f"missing{ending}", options)
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        open_reviews(tmp_path / f"{'a' * 300}{ending}", options)
    (tmp_path / f"empty{ending}").touch()
    with pytest.raises(InputError, match="the file is empty, expected reviews"):
        open_reviews(tmp_path / f"empty{ending}", options)
    (tmp_path / f"folder{ending}").mkdir()
    with pytest.raises(InputError, match="a folder, expected a file of reviews"):
        open_reviews(tmp_path / f"folder{ending}", options)


def _is_utf8(data: bytes) -> bool:
    try:
        data.translate(bytes(0xFF if b in b'",\n\r\\\t' else b for b in range(256))).decode()
    except UnicodeDecodeError:
        return False
    return True


def test_an_added_column_may_have_an_empty_name() -> None:
    columns = Columns(sentiment="s", probability="")
    assert pass_through(b"text\na\n", ".csv", columns).output == b"text,s,\na,positive,0.5\n"


@pytest.mark.skipif(sys.platform == "win32", reason="no devices in folders")
def test_devices_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "d.csv").symlink_to("/dev/zero")
    with pytest.raises(
        InputError, match=r"d\.csv: is a device or a socket, expected a file\. Save"
    ):
        open_reviews(tmp_path / "d.csv", ReadOptions())
