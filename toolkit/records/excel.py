"""Excel workbooks (.xlsx): a sheet read as a table of texts, row by row; they are not written.

openpyxl reads a sheet row by row, at 34 MiB for 50,000 reviews. python-calamine is five times as
fast, but takes memory for all cells up to the last one: a workbook of 5 KB with a value in the last
cell of a sheet ends the process (0.9.1).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pyarrow as pa

from toolkit.errors import EmptyInputError, InputError, MissingExtraError, ToolkitError, UsageError
from toolkit.records.columns import Wanted
from toolkit.records.inputs import Input
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import BLOCK_RECORDS, Block, Offset, Parsed, Reject, ReviewFile
from toolkit.records.streams import open_file
from toolkit.text.strings import without_half_pairs

_EXACT = 1e15  # Excel has 15 digits


def as_text(value: Any) -> str | None:
    """Give a value as text: dates as ISO 8601, whole numbers without a point; None is empty."""
    if value is None or isinstance(value, str):
        return None if value is None else without_half_pairs(value)
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return value.date().isoformat() if is_day else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def letters(number: int) -> str:
    """Give the name of a column by its number: 1 is A, 27 is AA."""
    from openpyxl.utils import get_column_letter

    name: str = get_column_letter(number)
    return name


# A sheet is read row by row; everything else is read at once, above all the texts of all cells.
_PART_BYTES = 192 << 20
# Texts compress to a third, and tables of zeros to a fiftieth. What is beyond this was made to fill
# the memory.
_LOOKED_AT = 100  # columns, to see whether a sheet is empty
_RATIO, _RATIO_FROM_BYTES = 250, 32 << 20


def _opened(path: Path, file: Any, sheet: str | None) -> tuple[Any, Any, int | None]:
    """Give a workbook, the sheet of it that is read, and how many rows that has, if it says so.

    Raises `InputError` if it cannot be read.
    """
    import openpyxl

    # Such as for styles that it does not know.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    try:
        _check_sizes(path, file)
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        found = _chosen(path, book, sheet)
        rows = found.max_row
        found.reset_dimensions()  # otherwise all rows are as wide as the widest
        return book, found, rows
    except (ToolkitError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 (a damaged file raises errors of any kind)
        raise InputError(f"{path}: not an Excel workbook, or a damaged one: {error}") from None


def _check_sizes(path: Path, file: Any) -> None:
    """Raise `InputError` for a workbook that would need too much memory."""
    if not file.read(1):
        raise EmptyInputError(f"{path}: the file is empty, expected reviews")
    with ZipFile(file) as archive:
        for info in archive.infolist():
            is_sheet = info.filename.startswith("xl/worksheets/")
            ratio = info.file_size / max(info.compress_size, 1)
            is_bomb = info.file_size > _RATIO_FROM_BYTES and ratio > _RATIO
            if is_bomb or (not is_sheet and info.file_size > _PART_BYTES):
                raise InputError(
                    f"{path}: {info.filename} in it has {info.file_size >> 20:,} MiB, more than "
                    "can be read in bounded memory. Save the sheet as CSV"
                )


def _chosen(path: Path, book: Any, sheet: str | None) -> Any:
    """Choose the sheet with a name, or the only one that is shown and not empty."""
    names = [each.title for each in book.worksheets]
    if sheet is not None:
        if sheet not in names:
            raise UsageError(f"{path}: no sheet {sheet!r} (found: {', '.join(names)})")
        return book[sheet]
    shown = [each for each in book.worksheets if each.sheet_state == "visible"] or book.worksheets
    filled = [each for each in shown if _is_filled(each)] or shown
    if len(filled) > 1:
        found = ", ".join(each.title for each in filled)
        raise UsageError(
            f"{path}: has {len(filled)} sheets ({found}). Choose one with `toolkit score --sheet`, "
            "or save it as a file of its own"
        )
    if not filled:
        raise InputError(f"{path}: a workbook without a sheet of cells, expected reviews")
    return filled[0]


def _is_filled(sheet: Any) -> bool:
    rows = sheet.iter_rows(max_col=_LOOKED_AT, values_only=True)
    return any(any(cell is not None for cell in row) for row in rows)


_Row = list[str | None]


@dataclass
class _Rows:
    """Some rows of a sheet."""

    rows: list[_Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0  # in characters, about

    def __len__(self) -> int:
        return len(self.rows) + len(self.rejects)


class ExcelFile(ReviewFile):
    """A sheet whose first row that is not empty has the names of the columns.

    Rows without a value are passed over. Formulas have the values that are stored with them.
    """

    counts = "row"

    def __init__(self, source: Input, options: ReadOptions, columns: Wanted = None) -> None:
        super().__init__(source, options, columns)
        MissingExtraError.check("excel", "openpyxl")
        self._file = open_file(source)
        try:
            self._book, self._sheet, self._row_count = _opened(self.path, self._file, options.sheet)
            self.size = self.path.stat().st_size
            self._start, self.names = self._header()
            self.check_free(self.names)
            self.choose_columns(lambda column: column.among(self.names))
            self._done = 0
        except BaseException:
            self._file.close()
            raise

    @property
    def bytes_read(self) -> int:
        """Its share of the bytes, by the rows that are read."""
        rows = self._row_count
        return min((self.size or 0) * self._done // rows, self.size or 0) if rows else 0

    def close(self) -> None:
        """Close the file."""
        self._book.close()
        self._file.close()

    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:  # noqa: ARG002 (never cut)
        """Read the rows after the header, or from a row on."""
        first = start[0] if start else self._start + 1
        found, number = _Rows(), first
        for row, cells in self._rows(first):
            self._done = row
            if not len(found):
                number = row
            self._add(found, row, cells)
            if found.size >= self.options.block_bytes or len(found) >= BLOCK_RECORDS:
                yield Block(found, number, found.size, (row + 1,))
                found = _Rows()
        if len(found):
            yield Block(found, number, found.size, (self._done + 1,))

    def parse(self, block: Block) -> Parsed:
        """Give the rows of a block."""
        content: _Rows = block.content
        columns = [
            pa.array([row[at] for row in content.rows], pa.string())
            for at in range(len(self.names))
        ]
        names = list(self.names)
        records = pa.RecordBatch.from_arrays(columns, names)
        fields = {role: columns[names.index(name)] for role, (name,) in self.keys.items()}
        texts = self.take_texts(fields, len(content.rows))
        return Parsed(texts, records, content.rejects, fields)

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the records themselves."""
        return records

    def _header(self) -> tuple[int, list[str]]:
        """Find the first row with values: its number, and the names of the columns."""
        for number, cells in self._rows(1):
            texts = [as_text(value) for value in cells]
            while texts and not texts[-1]:
                texts.pop()
            if texts:
                # As Excel calls a column without a name.
                return number, [text or letters(at) for at, text in enumerate(texts, 1)]
        raise EmptyInputError(f"{self.name}: the sheet is empty, expected a header and reviews")

    def _add(self, found: _Rows, number: int, cells: Sequence[Any]) -> None:
        row = [as_text(value) for value in cells]
        while row and row[-1] is None:
            row.pop()
        if not row:
            return
        size = sum(map(len, filter(None, row)))
        found.size += size + len(self.names)
        if len(row) > len(self.names):
            filled = {letters(at): text for at, text in enumerate(row, 1) if text is not None}
            raw = json.dumps(filled, ensure_ascii=False).encode()
            last, end = letters(len(row)), letters(len(self.names))
            reason = f"has a value in the column {last}; the header ends at {end}"
            position = len(found.rows) + len(found.rejects)
            found.rejects.append(Reject(number, reason, raw, len(raw), position))
            return
        found.rows.append(row + [None] * (len(self.names) - len(row)))

    def _rows(self, first: int) -> Iterator[tuple[int, Sequence[Any]]]:
        rows = self._sheet.iter_rows(min_row=first, values_only=True)
        number = first
        while True:
            try:
                cells = next(rows)
            except StopIteration:
                return
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 (a damaged file raises errors of any kind)
                self.fail(number, f"cannot be read from here on: {error}")
            yield number, cells
            number += 1
