"""The sheets of an Excel workbook, through openpyxl, in bounded memory.

openpyxl reads a sheet row by row, at 34 MiB for 50,000 reviews. python-calamine is five times as
fast, but takes memory for all cells up to the last one: a workbook of 5 KB with a value in the last
cell of a sheet ends the process (0.9.1).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from toolkit.errors import InputError, MissingExtraError, ToolkitError, UsageError
from toolkit.records.text_files.byte_sources import open_file

# A sheet is read row by row; everything else is read at once, above all the texts of all cells.
_PART_BYTES = 192 << 20
# Texts compress to a third, and tables of zeros to a fiftieth. What is beyond this was made to fill
# the memory.
_LOOKED_AT = 100  # columns, to see whether a sheet is empty
_RATIO, _RATIO_FROM_BYTES = 250, 32 << 20


class Workbook:
    """A workbook, and the sheet of it that is read; raises `InputError` if it cannot be read."""

    def __init__(self, path: Path, sheet: str | None) -> None:
        MissingExtraError.check("excel", "openpyxl")
        self._file = open_file(path)
        try:
            _check_sizes(path, self._file)
            self._book = _loaded(self._file)
            self._sheet = _chosen(path, self._book, sheet)
            self.row_count: int | None = self._sheet.max_row  # where the sheet says so
            # Otherwise all rows are as wide as the widest.
            self._sheet.reset_dimensions()
        except ToolkitError:
            self._file.close()
            raise
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 (a damaged file raises errors of any kind)
            self._file.close()
            reason = f"{path}: not an Excel workbook, or a damaged one: {error}"
            raise InputError(reason) from None

    def rows(self, first: int) -> Iterator[Sequence[Any]]:
        """Give the values of the rows from one on, the first is 1; empty rows, too."""
        found: Iterator[Sequence[Any]] = self._sheet.iter_rows(min_row=first, values_only=True)
        return found

    def close(self) -> None:
        """Close the file."""
        self._book.close()
        self._file.close()


def _loaded(file: Any) -> Any:
    import openpyxl

    # Such as for styles that it does not know.
    warnings.filterwarnings("ignore", category=UserWarning, module="openpyxl")
    return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)


def _check_sizes(path: Path, file: Any) -> None:
    """Raise `InputError` for a workbook that would need too much memory."""
    if not file.read(1):
        raise InputError(f"{path}: the file is empty, expected reviews")
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
