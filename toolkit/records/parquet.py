"""Parquet: row groups of typed columns, of which only the wanted ones are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.records.columns import Column, Keys, Wanted, is_text
from toolkit.records.inputs import Input
from toolkit.records.options import ReadOptions
from toolkit.records.parquet_row_groups import (
    RowGroups,
    RowGroupWriter,
    after_group,
    bytes_of,
    codecs_of,
    with_metadata,
)
from toolkit.records.parquet_values import (
    BYTES,
    STRINGS,
    UTF8,
    Fault,
    as_strings,
    in_known_zones,
    reject,
    writable,
)
from toolkit.records.review_file import (
    Block,
    Offset,
    Output,
    Parsed,
    ReviewFile,
    SplitPoint,
    Table,
    first_split_points,
    with_scores,
)
from toolkit.text.strings import only_rows


class ParquetFile(ReviewFile):
    """A Parquet file; an output keeps values, Arrow types, row groups and the codec of each column.

    Encodings, indexes, Bloom filters, and types that Arrow does not know are not kept.
    """

    counts = "record"

    def __init__(self, source: Input, options: ReadOptions, columns: Wanted = None) -> None:
        super().__init__(source, options, columns)
        self._is_written_as_text = False
        self._groups = RowGroups.open(self.path, options.block_bytes)
        self._file = self._groups.file
        try:
            self.size = self.path.stat().st_size
            self.input_schema = self._groups.schema()
            self.names = self.input_schema.names
            self.check_free(self.names)
            self.choose_columns(self._find_keys)
            self._done = self._bytes_used = self._groups_ended = 0
            self._group = -1  # the last one that is read
            if shortened := self._groups.shortened_times():
                self.warnings.append(
                    "times of the type INT96 are read in microseconds; nanoseconds, if there are "
                    f"some, are lost in {', '.join(map(repr, shortened))}"
                )
        except BaseException:
            self.close()
            raise

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

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:
        """Find cuts between row groups, each after one that has rows."""
        return first_split_points(self._groups.ends(self.size or 0), offsets)

    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:
        """Read the row groups, large ones in several blocks."""
        first, passed, number = start or (0, -1, 1)
        for group in range(first, stop[0] if stop else self._file.metadata.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            done = 0
            for batch in self._batches(group, number):
                done += len(batch)
                if group == first and done <= passed:
                    continue
                self._done, self._group = number - 1 + len(batch), group
                is_end = done == rows
                after = number + len(batch)
                following = after_group(group, after) if is_end else (group, done, after)
                yield Block(batch, number, bytes_of(batch), following, ends_group=is_end)
                number += len(batch)

    def _batches(self, group: int, number: int) -> Iterator[pa.RecordBatch]:
        batches = self._groups.batches(group)
        while True:
            with self._reading(number):
                batch = next(batches, None)
            if batch is None:
                return
            number += len(batch)
            yield batch

    @contextmanager
    def _reading(self, number: int) -> Iterator[None]:
        """Say which record cannot be read."""
        try:
            yield
        except (OSError, pa.ArrowException, ValueError) as error:
            self.fail(number, f"cannot be read from here on: {error}")

    def parse(self, block: Block) -> Parsed:
        """Give the records of a block; strings that are not UTF-8 reject their record."""
        batch: pa.RecordBatch = block.content
        texts = {role: self._text(batch, role) for role in self.keys if is_text(role)}
        # Bytes that are read as text are not checked with the columns of the file.
        checks = [
            (".".join(self.keys[role]), column)
            for role, column in texts.items()
            if self._column(batch, role).type in BYTES
        ]
        faults = self._faults(batch, checks)
        if faults:
            good = np.ones(len(batch), np.bool_)
            good[list(faults)] = False
            texts = {role: only_rows(column, good) for role, column in texts.items()}
            batch = pa.RecordBatch.from_arrays(
                [only_rows(column, good) for column in batch.columns], schema=batch.schema
            )
        rejects = [reject(block.number, row, faults[row]) for row in sorted(faults)]
        others = [role for role in self.keys if not is_text(role)]
        fields = {role: as_strings(self._column(batch, role)) for role in others}
        return Parsed(self.take_texts(texts, len(batch)), batch, rejects, fields)

    def _faults(
        self, batch: pa.RecordBatch, strings: list[tuple[str, pa.Array]]
    ) -> dict[int, Fault]:
        """Tell which rows cannot be read, or not be written in another format."""
        if self.is_exact:  # the other columns are not looked at
            columns = [(".".join(k), self._column(batch, role)) for role, k in self.keys.items()]
        else:
            columns = [*zip(batch.schema.names, batch.columns, strict=True)]
        checks = [(*column, UTF8) for column in (*columns, *strings)]
        if self._is_written_as_text:
            checks += [(name, column, writable(column.type)) for name, column in columns]
        faults: dict[int, Fault] = {}
        for name, column, check in checks:
            for row, fault in check.faults(name, column):
                faults.setdefault(row, fault)
        return faults

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.RecordBatch:
        """Put the added columns after those of the records."""
        schema = with_scores(self.input_schema, self.added)
        return pa.RecordBatch.from_arrays([*records.columns, *scores], schema=schema)

    def output(self) -> Output:
        """Say how an output of the same format is written."""
        schema = with_scores(self.input_schema, self.added)
        with self._reading(1):
            self._groups.read_a_row()
        return _output(self.render, schema, codecs_of(self._file.metadata))

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:  # noqa: ARG003
        """Say how a Parquet file holds the scored records of another format."""
        return _output(table, schema)

    def output_in(self, other: type[ReviewFile], delimiter: str | None) -> Output:
        """Say how another format holds the scored records, which it does as text."""
        self._is_written_as_text = True
        return super().output_in(other, delimiter)

    def schema(self) -> pa.Schema:
        """The columns of the file, times in UTC where their zone is not known."""
        self.check_unique()
        fields = [field.with_type(in_known_zones(field.type)) for field in self.input_schema]
        return pa.schema(fields, self.input_schema.metadata)

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the records with the types of `schema`."""
        return records.cast(self.schema())

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

    def _text(self, batch: pa.RecordBatch, role: str) -> pa.Array:
        """Take a column of texts; those of bytes are not checked to be UTF-8 yet."""
        texts = self._column(batch, role)
        return (
            texts.cast(pa.large_binary()).view(pa.large_string()) if texts.type in BYTES else texts
        )

    def _column(self, batch: pa.RecordBatch, role: str) -> pa.Array:
        """Take a column out of the structs around it, and its values out of their dictionary."""
        first, *others = self.keys[role]
        column = batch.column(first)
        for name in others:
            column = pc.struct_field(column, name)
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _output(render: Table, schema: pa.Schema, codecs: Sequence[str] = ()) -> Output:
    return Output(
        render,
        open_file=lambda file, metadata: RowGroupWriter(
            file, with_metadata(schema, metadata), codecs
        ),
    )


def _type_at(schema: pa.Schema, keys: Keys) -> pa.DataType | None:
    """Tell the type of a column or of a field in a struct; None if there is no such field."""
    kind, fields = None, list(schema)
    for name in keys:
        kind = {field.name: field.type for field in fields}.get(name)
        fields = kind.fields if kind is not None and pa.types.is_struct(kind) else []
    return kind


def _unsuitable(role: str, kind: pa.DataType) -> str | None:
    """Say what a column with a role must hold, if a type is something else."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    if value in (*STRINGS, *BYTES, pa.null()):
        return None
    if is_text(role):
        return "strings"
    is_number = any(
        is_kind(value)
        for is_kind in (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    )
    if is_number or (
        role.partition(" ")[0] in ("group", "by", "date") and not pa.types.is_nested(value)
    ):
        return None
    return "numbers or strings"
