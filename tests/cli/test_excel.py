"""Excel workbooks: every row comes out as text, or is rejected."""

from __future__ import annotations

import csv
import io
import json
import sys
import zipfile
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.running import Command, write
from toolkit.errors import InputError, ToolkitError
from toolkit.records import ReadOptions, open_reviews

SCORES = ["predicted_sentiment", "positive_probability"]


def workbook(name: str, *sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(f"Sheet {number}")
        for row in rows:
            sheet.append(row)
    book.save(name)
    return Path(name)


def rows_of(name: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(Path(name).read_text(encoding="utf-8"), newline="")))


ROWS: list[list[Any]] = [
    [],
    ["id", "text", None, "when", "ok"],
    [1, "a superb\nfilm", 1.5, date(2024, 1, 2), True],
    [],
    [2.0, None, 1e20, datetime(2024, 1, 2, 3, 4, 5), False],
    ["007", 'so "bad"', 0.1, time(3, 4)],
]


def test_values_are_texts_as_excel_shows_them(command: Command) -> None:
    workbook("a.xlsx", ROWS)
    assert command("score", "a.xlsx").exit_code == 0
    header, *rows = rows_of("a.scored.csv")
    assert header == ["id", "text", "C", "when", "ok", *SCORES]
    assert [row[:5] for row in rows] == [
        ["1", "a superb\nfilm", "1.5", "2024-01-02", "TRUE"],
        ["2", "", "1e+20", "2024-01-02 03:04:05", "FALSE"],
        ["007", 'so "bad"', "0.1", "03:04:00", ""],
    ]
    assert rows[0][5] == "positive"
    assert rows[1][5:] == ["", ""]


def test_outputs(command: Command) -> None:
    workbook("a.xlsx", ROWS)
    assert command("score", "a.xlsx", "-o", "a.jsonl").exit_code == 0
    last = json.loads(Path("a.jsonl").read_text(encoding="utf-8").splitlines()[-1])
    assert (last["id"], last["ok"]) == ("007", None)
    assert command("score", "a.xlsx", "-o", "out/").exit_code == 0
    assert [path.name for path in Path("out").iterdir()] == ["a.csv"]
    ran = command("score", "a.xlsx", "-o", "b.xlsx")
    ran.failed_with("xlsx can be read, but not written. Name an output of another format", 2)
    ran = command("score", "a.xlsx", "--output-format", "xlsx")
    assert ran.exit_code == 2
    assert "'xlsx' is not one of csv, tsv, jsonl" in ran.err
    command("score", "a.xlsx", "--encoding", "cp1252").failed_with(
        "--encoding is for text files", 2
    )


def test_a_row_beyond_the_header_is_rejected(command: Command) -> None:
    workbook("a.xlsx", [["text"], ["a"], ["b", None, 3], ["c"]])
    assert command("score", "a.xlsx").exit_code == 3
    assert [row[0] for row in rows_of("a.scored.csv")] == ["text", "a", "c"]
    reject = json.loads(Path("a.scored.csv.rejected.jsonl").read_text(encoding="utf-8"))
    assert reject["row"] == 3
    assert reject["reason"] == "has a value in the column C; the header ends at A"
    assert json.loads(reject["raw"]) == {"A": "b", "C": "3"}


def test_sheets(command: Command) -> None:
    workbook("a.xlsx", [], [["text"], ["a superb film"]], [[]])
    assert command("score", "a.xlsx").exit_code == 0
    workbook("b.xlsx", [["text"], ["a"]], [["text"], ["b"]])
    command("score", "b.xlsx").failed_with("b.xlsx: has 2 sheets (Sheet 1, Sheet 2). Choose one", 2)
    assert command("score", "b.xlsx", "--sheet", "Sheet 2").exit_code == 0
    assert [row[0] for row in rows_of("b.scored.csv")] == ["text", "b"]
    command("score", "b.xlsx", "--sheet", "x").failed_with("no sheet 'x' (found: Sheet 1, Sheet", 2)
    write("c.csv", "text\na\n")
    command("score", "c.csv", "--sheet", "x").failed_with("--sheet is for Excel workbooks", 2)


def test_reading_continues_at_any_row(tmp_path: Path) -> None:
    texts = [f"text {number}" if number % 5 else None for number in range(300)]
    path = workbook(str(tmp_path / "a.xlsx"), [["text"], *([text] for text in texts)])

    def blocks(start: tuple[int, ...] = ()) -> list[Any]:
        with open_reviews(path, ReadOptions(block_bytes=500)) as reviews:
            return [
                (block.number, block.following, reviews.parse(block).texts.to_pylist())
                for block in reviews.blocks(start)
            ]

    whole = blocks()
    assert len(whole) > 4
    assert [text for part in whole for text in part[2]] == list(filter(None, texts))
    for number, (_, following, _) in enumerate(whole, start=1):
        assert blocks(following) == whole[number:]


def test_what_is_not_a_workbook(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    write("a.xlsx", "text\na\n")
    command("score", "a.xlsx").failed_with("a.xlsx: not an Excel workbook, or a damaged one")
    write("b.xlsx", "")
    command("score", "b.xlsx").failed_with("b.xlsx: the file is empty")
    command("score", "c.xlsx").failed_with("c.xlsx: no such file")
    workbook("d.xlsx", [])
    command("score", "d.xlsx").failed_with("d.xlsx: the sheet is empty")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    monkeypatch.setattr("toolkit.errors.find_spec", lambda name: None)
    command("score", "d.xlsx").failed_with("pip install openpyxl\n")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=3))
def test_a_damaged_workbook_is_read_or_refused(
    tmp_path: Path, changes: list[tuple[float, int]]
) -> None:
    path = workbook(str(tmp_path / "a.xlsx"), ROWS)
    content = bytearray(path.read_bytes())
    for place, value in changes:
        content[int(place * len(content))] = value
    path.write_bytes(content)
    try:
        with open_reviews(path, ReadOptions()) as reviews:
            for block in reviews.blocks():
                reviews.parse(block)
    except ToolkitError:
        pass


def _with_part(path: Path, name: str, old: bytes, new: bytes) -> None:
    """Replace some bytes of a part of a workbook."""
    with zipfile.ZipFile(path) as book:
        parts = {info.filename: book.read(info) for info in book.infolist()}
    assert old in parts[name]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for each, content in parts.items():
            book.writestr(each, content.replace(old, new) if each == name else content)


@pytest.mark.parametrize("part", ["xl/styles.xml", "xl/worksheets/sheet1.xml"])
def test_a_part_that_would_fill_the_memory(tmp_path: Path, part: str) -> None:
    path = workbook(str(tmp_path / "a.xlsx"), [["text"], ["a"]])
    end = b"</styleSheet>" if "styles" in part else b"</worksheet>"
    _with_part(path, part, end, b" " * (200 << 20) + end)
    with pytest.raises(InputError, match=r"sheet.*xml in it has 200 MiB|styles.xml in it has 200"):
        open_reviews(path, ReadOptions())


def test_a_value_in_the_last_cell(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active["A1"], book.active["A2"], book.active["XFD1048576"] = "text", "a", "b"
    book.save(tmp_path / "a.xlsx")
    with open_reviews(tmp_path / "a.xlsx", ReadOptions()) as reviews:
        (block,) = reviews.blocks()
        parsed = reviews.parse(block)
    assert parsed.texts.to_pylist() == ["a"]
    assert [reject.number for reject in parsed.rejects] == [1048576]


def test_errors_are_no_texts_and_texts_are_joined(command: Command) -> None:
    workbook("a.xlsx", [["title", "body"], ["a superb film", "#N/A"], ["#DIV/0!", "#REF!"]])
    ran = command("score", "a.xlsx", "--text-column", "title", "--text-column", "body")
    assert ran.exit_code == 0
    _, good, bad = rows_of("a.scored.csv")
    assert good[:3] == ["a superb film", "#N/A", "positive"]
    assert bad == ["#DIV/0!", "#REF!", "", ""]


def test_limit_with_rejects(command: Command) -> None:
    workbook("a.xlsx", [["text"], ["good"], ["bad", "more"], ["good"], ["good"]])
    assert command("score", "a.xlsx", "--limit", "3").exit_code == 3
    assert [row[0] for row in rows_of("a.scored.csv")] == ["text", "good", "good"]
