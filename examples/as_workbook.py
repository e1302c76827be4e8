"""A workbook of a scored CSV file, in which nothing is a formula.

python as_workbook.py scored.csv scored.xlsx

All cells are text but the numbers of the scores, so that `=1+1` and `007` stay what they are. A
cell holds 32,767 characters; the rest of a longer text is left out.
"""

import csv
import re
import sys
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

source, target = sys.argv[1:]
NUMBERS = ("positive_probability", "stars", "positive_sentences", "negative_sentences")
LONGEST = 32_767  # characters of a cell


def cell_of(sheet: Any, field: str, name: str = "") -> WriteOnlyCell:
    is_number = name in NUMBERS and re.fullmatch(r"[0-9]+(\.[0-9]+)?(e-[0-9]+)?", field)
    text = ILLEGAL_CHARACTERS_RE.sub("\ufffd", field)[:LONGEST]
    cell = WriteOnlyCell(sheet, float(field) if is_number else text)
    cell.data_type = "n" if is_number else "s"  # else a text that begins with = is a formula
    return cell


csv.field_size_limit(sys.maxsize)
book = Workbook(write_only=True)
sheet = book.create_sheet()
with Path(source).open(newline="", encoding="utf-8-sig", errors="replace") as file:
    records = csv.reader(file)
    names = next(records)
    sheet.append([cell_of(sheet, name) for name in names])
    for record in records:
        sheet.append([cell_of(sheet, *pair) for pair in zip(record, names, strict=True)])
book.save(target)
