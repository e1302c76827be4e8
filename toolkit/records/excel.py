"""Read a sheet of an Excel workbook (.xlsx) as a table of texts; workbooks are not written.

openpyxl reads a sheet row by row, in 34 MiB for 50,000 reviews. python-calamine is five times as
fast, but needs memory for all cells up to the last: a workbook of 5 KB with a value in the last
cell of a sheet kills the process (0.9.1).
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import ZipFile

import pyarrow as pa

from toolkit.errors import EmptyInputError, InputError, MissingExtraError, ToolkitError, UsageError
from toolkit.records.columns import Wanted
from toolkit.records.inputs import Input
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import BLOCK_RECORDS, Block, Offset, Parsed, Reject, ReviewFile
from toolkit.records.streams import open_file
from toolkit.text.strings import without_half_pairs

_EXACT = 1e15  # Excel keeps 15 digits


def as_text(value: Any) -> str | None:
    """Return the value of a cell as text: dates as ISO 8601, integers without a decimal point."""
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
    """Return the name of a column by its number: 1 is A, 27 is AA."""
    from openpyxl.utils import get_column_letter

    name: str = get_column_letter(number)
    return name


# Limit of a part of the workbook that is read at once. Sheets are read row by row, but for example
# the texts of all cells are one part.
_PART_BYTES = 192 << 20
_LOOKED_AT = 100  # columns, to see whether a sheet is empty
# Texts compress to a third, tables of zeros to a fiftieth. A larger file with a ratio beyond this
# was made to fill the memory.
_RATIO = 250
_RATIO_FROM_BYTES = 32 << 20


class _OpenSheet(NamedTuple):
    """A sheet of an open workbook."""

    book: Any
    sheet: Any
    rows: int | None  # None: the workbook does not say


def _opened(path: Path, file: Any, sheet: str | None) -> _OpenSheet:
    """Open a workbook and choose its sheet; raise `InputError` if it cannot be read."""
    import openpyxl

    # Warnings such as those about unknown styles.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    try:
        _check_sizes(path, file)
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        found = _chosen(path, book, sheet)
        rows = found.max_row
        found.reset_dimensions()  # otherwise all rows are as wide as the widest
        return _OpenSheet(book, found, rows)
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
    """Return the sheet with a name, or the only sheet that is visible and not empty."""
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
    """Rows of a sheet as texts."""

    rows: list[_Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    size: int = 0  # characters, about

    def __len__(self) -> int:
        return len(self.rows) + len(self.rejects)


class ExcelFile(ReviewFile):
    """A sheet of an Excel workbook; its first row that is not empty has the names of the columns.

    Empty rows are skipped. The value of a formula is the one stored with it.
    """

    counts = "row"

    def __init__(self, source: Input, options: ReadOptions, columns: Wanted = None) -> None:
        super().__init__(source, options, columns)
        MissingExtraError.check("excel", "openpyxl")
        self._file = open_file(source)
        try:
            opened = _opened(self.path, self._file, options.sheet)
            self._book = opened.book
            self._sheet = opened.sheet
            self._row_count = opened.rows
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
        """The size of the file times the share of rows that are read."""
        rows = self._row_count
        return min((self.size or 0) * self._done // rows, self.size or 0) if rows else 0

    def close(self) -> None:
        """Close the file."""
        self._book.close()
        self._file.close()

    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:  # noqa: ARG002 (never cut)
        """Read the rows after the header, or from a row on."""
        first = start[0] if start else self._start + 1
        found = _Rows()
        number = first
        for row, cells in self._rows(first):
            self._done = row
            if not len(found):
                number = row
            self._add(found, row, cells)
            if found.size >= self.options.block_bytes or len(found) >= BLOCK_RECORDS:
                yield Block(content=found, number=number, size=found.size, following=(row + 1,))
                found = _Rows()
        if len(found):
            yield Block(content=found, number=number, size=found.size, following=(self._done + 1,))

    def parse(self, block: Block) -> Parsed:
        """Return the rows of a block."""
        content: _Rows = block.content
        columns = [
            pa.array([row[at] for row in content.rows], pa.string())
            for at in range(len(self.names))
        ]
        names = list(self.names)
        records = pa.RecordBatch.from_arrays(columns, names)
        fields = {role: columns[names.index(name)] for role, (name,) in self.keys.items()}
        texts = self.take_texts(fields, len(content.rows))
        return Parsed(texts=texts, records=records, rejects=content.rejects, fields=fields)

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Return the records themselves: they are columns of texts already."""
        return records

    def _header(self) -> tuple[int, list[str]]:
        """Return the number of the first row with values, and the names of the columns."""
        for number, cells in self._rows(1):
            texts = [as_text(value) for value in cells]
            while texts and not texts[-1]:
                texts.pop()
            if texts:
                # A column without a name gets its letters, as in Excel.
                return number, [text or letters(at) for at, text in enumerate(texts, 1)]
        raise EmptyInputError(f"{self.name}: the sheet is empty, expected a header and reviews")

    def _add(self, found: _Rows, number: int, cells: Sequence[Any]) -> None:
        """Add a row to the rows or the rejects, unless it is empty."""
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
            last = letters(len(row))
            end = letters(len(self.names))
            reject = Reject(
                number=number,
                reason=f"has a value in the column {last}; the header ends at {end}",
                raw=raw,
                length=len(raw),
                position=len(found.rows) + len(found.rejects),
            )
            found.rejects.append(reject)
            return
        found.rows.append(row + [None] * (len(self.names) - len(row)))

    def _rows(self, first: int) -> Iterator[tuple[int, Sequence[Any]]]:
        """Read rows from a number on: yield number and cells of each."""
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
