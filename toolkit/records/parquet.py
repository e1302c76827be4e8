"""Parquet: row groups of typed columns, of which only the wanted ones are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.records.columns import Column, Keys
from toolkit.records.parquet_row_groups import (
    RowGroups,
    RowGroupWriter,
    bytes_of,
    only_rows,
    rows_not_utf8,
)
from toolkit.records.read_options import ReadOptions
from toolkit.records.review_file import (
    Block,
    Output,
    Parsed,
    Place,
    Reject,
    ReviewFile,
    Table,
    with_scores,
)

_STRINGS = (pa.string(), pa.large_string(), pa.string_view())
_BYTES = (pa.binary(), pa.large_binary(), pa.binary_view())  # text of writers that do not mark it


class ParquetFile(ReviewFile):
    """A Parquet file; an output keeps the schema, the row groups and the compression."""

    counts = "record"

    def __init__(
        self, path: Path, options: ReadOptions, columns: Sequence[Column] | None = None
    ) -> None:
        super().__init__(path, options, columns)
        self._groups = _open(path, options.block_bytes)
        self._file = self._groups.file
        try:
            self.size = path.stat().st_size
            self.input_schema: pa.Schema = self._file.schema_arrow
            self.names = self.input_schema.names
            self.check_free(self.names)
            self.choose_columns(self._find_keys)
            self._done = self._bytes_used = self._groups_ended = 0
            self._group = -1  # the last one that is read
        except BaseException:
            self.close()
            raise

    @property
    def compression(self) -> str:
        """How the first column is compressed."""
        if not self._file.metadata.num_row_groups or not self._file.metadata.num_columns:
            return "snappy"
        # Where the facts about a column are damaged, reading it raises an error; to look at them
        # ends the process (pyarrow 26).
        path = self._file.schema.column(0).path
        next(self._batches(0, 1, columns=[path]), None)
        name: str = self._file.metadata.row_group(0).column(0).compression.lower()
        return {"uncompressed": "none", "lz4_raw": "lz4", "unknown": "snappy"}.get(name, name)

    @property
    def bytes_read(self) -> int:
        """Its share of the bytes, by the rows that are read."""
        rows = self._file.metadata.num_rows
        return (self.size or 0) * self._done // rows if rows else 0

    @property
    def bytes_used(self) -> int:
        """Where the last row group ends of those that are read."""
        while self._groups_ended <= self._group:  # only what could be read, as for `compression`
            facts = self._file.metadata.row_group(self._groups_ended)
            for column in map(facts.column, range(facts.num_columns)):
                start = column.dictionary_page_offset or column.data_page_offset
                self._bytes_used = max(self._bytes_used, start + column.total_compressed_size)
            self._groups_ended += 1
        return self._bytes_used

    def close(self) -> None:
        """Close the file."""
        self._groups.close()

    def blocks(self, start: Place = ()) -> Iterator[Block]:
        """Read the row groups, large ones in several blocks."""
        first, passed, number = start or (0, 0, 1)
        for group in range(first, self._file.metadata.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            done = 0
            for batch in self._batches(group, number):
                done += len(batch)
                if group == first and done <= passed:
                    continue
                self._done, self._group = number - 1 + len(batch), group
                following = (group, done, number + len(batch))
                yield Block(batch, number, bytes_of(batch), following, ends_group=done == rows)
                number += len(batch)

    def _batches(
        self, group: int, number: int, columns: list[str] | None = None
    ) -> Iterator[pa.RecordBatch]:
        batches = self._groups.batches(group, columns)
        while True:
            try:
                batch = next(batches)
            except StopIteration:
                return
            except (OSError, pa.ArrowException, ValueError) as error:
                self.fail(number, f"cannot be read from here on: {error}")
            number += len(batch)
            yield batch

    def parse(self, block: Block) -> Parsed:
        """Give the records of a block; strings that are not UTF-8 reject their record."""
        batch: pa.RecordBatch = block.content
        has_text = "text" in self.keys
        texts = self._column(batch, "text") if has_text else pa.nulls(len(batch), pa.string())
        if texts.type in _BYTES:  # not checked to be UTF-8 yet
            texts = texts.cast(pa.large_binary()).view(pa.large_string())
        reasons: dict[int, tuple[str, pa.Array]] = {}
        columns = [*zip(batch.schema.names, batch.columns, strict=True)]
        for name, column in [*columns, (self.chosen.get("text", ""), texts)]:
            for row in rows_not_utf8(column):
                reasons.setdefault(row, (name, column.slice(row, 1)))
        if reasons:
            good = np.ones(len(batch), np.bool_)
            good[list(reasons)] = False
            texts = only_rows(texts, good)
            batch = pa.RecordBatch.from_arrays(
                [only_rows(column, good) for column in batch.columns], schema=batch.schema
            )
        rejects = [_reject(block.number, row, *reasons[row]) for row in sorted(reasons)]
        others = [role for role in self.keys if role != "text"]
        fields = {role: _strings(self._column(batch, role)) for role in others}
        return Parsed(texts, batch, rejects, fields)

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.RecordBatch:
        """Put the added columns after those of the records."""
        schema = with_scores(self.input_schema, self.added)
        return pa.RecordBatch.from_arrays([*records.columns, *scores], schema=schema)

    def output(self) -> Output:
        """Say how an output of the same format is written."""
        return _output(self.render, with_scores(self.input_schema, self.added), self.compression)

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:  # noqa: ARG003
        """Say how a Parquet file holds the scored records of another format."""
        return _output(table, schema)

    def schema(self) -> pa.Schema:
        """The columns of the file, as they are."""
        self.check_unique()
        return self.input_schema

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the records themselves."""
        return records

    def _find_keys(self, column: Column) -> Keys | None:
        for name in column.names:
            keys = (name,) if name in self.names else tuple(name.split("."))
            kind = _type_at(self.input_schema, keys)
            if kind is None:
                continue
            expected = _unsuitable(column.role, kind)
            if expected is None:
                return keys
            if column.is_needed:
                raise UsageError(
                    f"{self.name}: the column {name!r} holds values of the type {kind}, expected "
                    f"{expected}. Choose another with {column.option}."
                )
        return None

    def _column(self, batch: pa.RecordBatch, role: str) -> pa.Array:
        """Take a column out of the structs around it, and its values out of their dictionary."""
        first, *others = self.keys[role]
        column = batch.column(first)
        for name in others:
            column = pc.struct_field(column, name)
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _output(render: Table, schema: pa.Schema, compression: str = "snappy") -> Output:
    return Output(render, open_file=lambda file: RowGroupWriter(file, schema, compression))


def _unsuitable(role: str, kind: pa.DataType) -> str | None:
    """Say what a column with a role must hold, if a type is something else."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    if value in (*_STRINGS, *_BYTES, pa.null()):
        return None
    if role == "text":
        return "strings"
    is_number = any(
        is_kind(value)
        for is_kind in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    )
    if is_number or (role in ("id", "group") and not pa.types.is_nested(value)):
        return None
    return "numbers or strings"


def _strings(column: pa.Array) -> pa.Array:
    """Give values as strings; bytes that are not UTF-8 get U+FFFD."""
    if column.type not in _BYTES:
        return column.cast(pa.large_string())
    try:
        return column.cast(pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        values = (value and value.decode(errors="replace") for value in column.to_pylist())
        return pa.array(values, pa.large_string())


def _open(path: Path, block_bytes: int) -> RowGroups:
    try:
        if path.stat().st_size == 0:
            raise InputError(f"{path}: the file is empty, expected reviews")
        groups = RowGroups(path, block_bytes)
        groups.file.schema_arrow.names  # noqa: B018 (a damaged schema is found when it is looked at)
        return groups
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (pa.ArrowException, ValueError) as error:  # also a name that is not UTF-8
        raise InputError(f"{path}: not a Parquet file, or a damaged one: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def _type_at(schema: pa.Schema, keys: Keys) -> pa.DataType | None:
    """Tell the type of a column or of a field in a struct; None if there is no such field."""
    kind, fields = None, list(schema)
    for name in keys:
        kind = {field.name: field.type for field in fields}.get(name)
        fields = kind.fields if kind is not None and pa.types.is_struct(kind) else []
    return kind


def _reject(first: int, row: int, name: str, value: pa.Array) -> Reject:
    plain = value.type in _STRINGS
    raw = value.cast(pa.large_binary())[0].as_py() if plain else b""
    reason = f"a string in the column {name!r} is no UTF-8"
    return Reject(first + row, reason, raw, len(raw), row)
