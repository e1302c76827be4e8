"""Excel workbooks (.xlsx): a sheet read as a table of texts, row by row; they are not written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from toolkit.errors import EmptyInputError
from toolkit.records.columns import Column, Keys, is_text
from toolkit.records.excel.excel_cells import as_text, letters, without_errors
from toolkit.records.excel.excel_workbook import Workbook
from toolkit.records.read_options import ReadOptions
from toolkit.records.record_blocks import BLOCK_RECORDS, Block, Parsed, Place, Reject
from toolkit.records.review_file import ReviewFile

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

    def __init__(
        self, path: Path, options: ReadOptions, columns: Sequence[Column] | None = None
    ) -> None:
        super().__init__(path, options, columns)
        self._book = Workbook(path, options.sheet)
        try:
            self.size = path.stat().st_size
            self._start, self.names = self._header()
            self.check_free(self.names)
            self.choose_columns(self._find_column)
            self._done = 0
        except BaseException:
            self.close()
            raise

    @property
    def bytes_read(self) -> int:
        """Its share of the bytes, by the rows that are read."""
        rows = self._book.row_count
        return min((self.size or 0) * self._done // rows, self.size or 0) if rows else 0

    def close(self) -> None:
        """Close the file."""
        self._book.close()

    def blocks(self, start: Place = (), stop: Place = ()) -> Iterator[Block]:  # noqa: ARG002 (never cut)
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
        records = pa.RecordBatch.from_arrays(columns, list(self.names))
        names = list(self.names)
        fields = {role: columns[names.index(name)] for role, (name,) in self.keys.items()}
        for role in filter(is_text, fields):  # an error is no text
            fields[role] = without_errors(fields[role])
        texts = self.take_texts(fields, len(content.rows))
        return Parsed(texts, records, content.rejects, fields)

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the records themselves."""
        return records

    def _find_column(self, column: Column) -> Keys | None:
        return column.among(self.names)

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
        rows = self._book.rows(first)
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
