"""The base classes of columnar formats: they find columns, read texts, check and write values.

A columnar format is a subclass of `TableFile`, with a subclass of `Groups` that reads record
batches and one of `GroupWriter` that writes them. `arrow.py` is a complete example.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.records.columns import Column, Keys, Wanted, is_text
from toolkit.records.inputs import Input
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import (
    METADATA_PREFIX,
    BatchFile,
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
from toolkit.records.table_values import (
    BYTES,
    STRINGS,
    UTF8,
    Fault,
    as_strings,
    bytes_of,
    in_known_zones,
    reject,
    writable,
)
from toolkit.text.strings import only_rows

# Groups of an output end where the groups of the input end, or at this size: Arrow writes a group
# from memory.
GROUP_BYTES = 64 << 20


class Groups(ABC):
    """The groups of records in a columnar file, such as row groups; they are read in order."""

    warnings: Sequence[str] = ()  # for the user, before scoring

    @property
    @abstractmethod
    def count(self) -> int:
        """The number of groups in the file."""

    @abstractmethod
    def schema(self) -> pa.Schema:
        """Return the columns and the metadata of the file."""

    @abstractmethod
    def rows(self, group: int) -> int:
        """Return the number of records in a group."""

    @abstractmethod
    def batches(self, group: int) -> Iterator[pa.RecordBatch]:
        """Read a group in batches of bounded size; reading it again gives the same batches."""

    @abstractmethod
    def bytes_read(self, group: int, records: int, file_size: int) -> int:
        """Return the progress in bytes; ``group`` was read last, and ``records`` in all."""

    @abstractmethod
    def bytes_used(self, group: int) -> int:
        """Return how many bytes at the start of the file hold all groups up to this one."""

    @abstractmethod
    def ends(self, file_size: int) -> Iterator[SplitPoint]:
        """Return a split point after each non-empty group but the last one."""

    @abstractmethod
    def close(self) -> None:
        """Close the file."""


Writer = Callable[[IO[bytes], pa.Schema], BatchFile]


class TableFile(ReviewFile):
    """A file of typed columns; an output keeps values, Arrow types and groups.

    A format defines `open_groups` to read a file, `new_writer` to write records of another format,
    and `writer_as_input` to write records of its own.
    """

    counts = "record"
    open_groups: Callable[[Input, int], Groups]  # (file, bytes per block, about)
    new_writer: Writer

    def __init__(self, source: Input, options: ReadOptions, columns: Wanted = None) -> None:
        super().__init__(source, options, columns)
        self._target: type[ReviewFile] | None = None  # the format of the output, if it is another
        self.groups = type(self).open_groups(source, options.block_bytes)
        try:
            self.size = self.path.stat().st_size
            self.input_schema = self.groups.schema()
            self.names = self.input_schema.names
            self.check_free(self.names)
            self.choose_columns(self._find_keys)
            self._done = 0  # records read
            self._group = -1  # last group read
            self.warnings += self.groups.warnings
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def writer_as_input(self) -> Writer:
        """Return a function that opens an output with the layout and the codecs of this file."""

    @property
    def bytes_read(self) -> int:
        """The progress in bytes, by the groups and records read so far."""
        return self.groups.bytes_read(self._group, self._done, self.size or 0)

    @property
    def metadata(self) -> Mapping[str, str]:
        """What an earlier scoring has written about the scores, without the prefix of its keys."""
        found = self.input_schema.metadata or {}
        prefix = METADATA_PREFIX.encode()
        return {
            key.removeprefix(prefix).decode("utf-8", "replace"): value.decode("utf-8", "replace")
            for key, value in found.items()
            if key.startswith(prefix)
        }

    @property
    def bytes_used(self) -> int:
        """The position in the file after the last group read."""
        return self.groups.bytes_used(self._group)

    def close(self) -> None:
        """Close the file."""
        self.groups.close()

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:
        """Find cuts between groups, each after a group with records."""
        return first_split_points(self.groups.ends(self.size or 0), offsets)

    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:
        """Read the groups, large ones in several blocks."""
        # The first group, how many of its records to skip (-1: none), and the record's number.
        first, passed, number = start or (0, -1, 1)
        for group in range(first, stop[0] if stop else self.groups.count):
            with self.reading(number):
                rows = self.groups.rows(group)
            done = 0
            for batch in self._batches(group, number):
                done += len(batch)
                if group == first and done <= passed:
                    continue
                self._done = number - 1 + len(batch)
                self._group = group
                is_end = done == rows
                after = number + len(batch)
                yield Block(
                    content=batch,
                    number=number,
                    size=bytes_of(batch),
                    following=after_group(group, after) if is_end else (group, done, after),
                    ends_group=is_end,
                )
                number += len(batch)

    def _batches(self, group: int, number: int) -> Iterator[pa.RecordBatch]:
        batches = self.groups.batches(group)
        while True:
            with self.reading(number):
                batch = next(batches, None)
            if batch is None:
                return
            number += len(batch)
            yield batch

    @contextmanager
    def reading(self, number: int) -> Iterator[None]:
        """Raise `InputError` with the number of the record, instead of errors of Arrow."""
        try:
            yield
        except (OSError, pa.ArrowException, ValueError) as error:
            self.fail(number, f"cannot be read from here on: {error}")

    def parse(self, block: Block) -> Parsed:
        """Return the records of a block; strings that are not UTF-8 reject their record."""
        batch: pa.RecordBatch = block.content
        texts = {role: self._text(batch, role) for role in self.keys if is_text(role)}
        # Columns of bytes that are read as text need a check of their own.
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
        return Parsed(
            texts=self.take_texts(texts, len(batch)),
            records=batch,
            rejects=rejects,
            fields=fields,
        )

    def _faults(
        self, batch: pa.RecordBatch, strings: list[tuple[str, pa.Array]]
    ) -> dict[int, Fault]:
        """Return the rows that cannot be read, or cannot be written in the output's format."""
        if self.is_exact:  # only wanted columns matter
            columns = [
                (".".join(keys), self._column(batch, role)) for role, keys in self.keys.items()
            ]
        else:
            columns = [*zip(batch.schema.names, batch.columns, strict=True)]
        checks = [(name, column, UTF8) for name, column in (*columns, *strings)]
        if self._target is not None and not issubclass(self._target, TableFile):
            checks += [(name, column, writable(column.type)) for name, column in columns]
        faults: dict[int, Fault] = {}
        for name, column, check in checks:
            for row, fault in check.faults(name, column):
                faults.setdefault(row, fault)
        return faults

    def render(self, records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.RecordBatch:
        """Append the added columns to the records."""
        schema = with_scores(self.input_schema, self.added)
        return pa.RecordBatch.from_arrays([*records.columns, *scores], schema=schema)

    def output(self) -> Output:
        """Return how an output of the same format is written."""
        with self.reading(1):
            writer = self.writer_as_input()
        return _output(self.render, with_scores(self.input_schema, self.added), writer)

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:  # noqa: ARG003
        """Return how this format writes the scored records of another format."""
        return _output(table, schema, cls.new_writer)

    def output_in(self, other: type[ReviewFile], delimiter: str | None) -> Output:
        """Return how another format writes the scored records: as text, or in typed columns."""
        self._target = other
        output = super().output_in(other, delimiter)
        if issubclass(other, TableFile):
            _check_types(self.name, other, with_scores(self.schema(), self.added))
        return output

    def schema(self) -> pa.Schema:
        """Return the columns of the file; for text formats, times in unknown zones are in UTC."""
        self.check_unique()
        if self._target is not None and issubclass(self._target, TableFile):
            return self.input_schema
        fields = [field.with_type(in_known_zones(field.type)) for field in self.input_schema]
        return pa.schema(fields, self.input_schema.metadata)

    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Return the records with the types of `schema`."""
        return with_types(records, self.schema())

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
        """Return a column of texts; bytes are not yet checked for UTF-8."""
        texts = self._column(batch, role)
        return (
            texts.cast(pa.large_binary()).view(pa.large_string()) if texts.type in BYTES else texts
        )

    def _column(self, batch: pa.RecordBatch, role: str) -> pa.Array:
        """Return the column of a role, taken out of structs, without a dictionary."""
        first, *others = self.keys[role]
        column = batch.column(first)
        for name in others:
            column = pc.struct_field(column, name)
        return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


class GroupWriter(ABC):
    """Writes a columnar file as a `BatchFile`: groups of records, then the end."""

    def __init__(self) -> None:
        self._pending: list[pa.RecordBatch] = []
        self._size = 0

    @abstractmethod
    def write(self, group: list[pa.RecordBatch]) -> None:
        """Write a group of records, given as batches."""

    @abstractmethod
    def end(self) -> None:
        """Write the end of the file."""

    @abstractmethod
    def abandon(self) -> None:
        """Leave the file incomplete, and keep the writer from ending it when it is deleted."""

    def append(self, batch: pa.RecordBatch, *, ends_group: bool) -> None:
        """Add a batch to the group; the group ends if asked for, or before it is too large."""
        for part in cut(batch, GROUP_BYTES // 2):
            if self._size + part.nbytes > GROUP_BYTES:
                self._flush()
            self._pending.append(part)
            self._size += part.nbytes
        if ends_group:
            self._flush()

    def close(self) -> None:
        """Write the pending records and the end."""
        self._flush()
        self.end()

    def _flush(self) -> None:
        if self._pending:
            self.write(self._pending)
        self._pending = []
        self._size = 0


def _output(render: Table, schema: pa.Schema, writer: Writer) -> Output:
    def open_file(file: IO[bytes], metadata: Mapping[str, str]) -> BatchFile:
        return writer(file, _with_metadata(schema, metadata))

    return Output(render, open_file=open_file)


def _with_metadata(schema: pa.Schema, metadata: Mapping[str, str]) -> pa.Schema:
    """Return a schema with new metadata of the toolkit; an earlier scoring's is replaced."""
    kept = {
        key: value
        for key, value in (schema.metadata or {}).items()
        if not key.startswith(METADATA_PREFIX.encode())
    }
    return schema.with_metadata({**kept, **metadata} or None)


def _check_types(name: str, other: type[TableFile], schema: pa.Schema) -> None:
    """Raise `UsageError` for a column that another columnar format cannot hold."""
    try:
        output = other.output_of_table(lambda records, _: records, schema, None)
        if output.open_file is not None:
            output.open_file(BytesIO(), {}).close()
    except pa.ArrowNotImplementedError as error:
        raise UsageError(
            f"{name}: the output cannot hold all columns: {error}. Leave the column out, or keep "
            "the format of the input."
        ) from None


@contextmanager
def opening(path: Path, what: str) -> Iterator[None]:
    """Turn Arrow's errors on opening a file into `InputError`; `what`: the expected kind."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except pa.ArrowNotImplementedError as error:
        raise InputError(
            f"{path}: has a column that Arrow cannot read: {error}. Store the column in another "
            "type, or leave it out"
        ) from None
    except (pa.ArrowException, ValueError) as error:  # also a name that is not UTF-8
        raise InputError(f"{path}: not {what}, or a damaged one: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def after_group(group: int, number: int) -> Offset:
    """Return the `Offset` after a group; `number`: of the next record."""
    return group + 1, -1, number


def cut(batch: pa.RecordBatch, block_bytes: int) -> Iterator[pa.RecordBatch]:
    """Cut a batch into equal parts of about `block_bytes`; they share its memory."""
    parts = min(max(round(bytes_of(batch) / block_bytes), 1), max(len(batch), 1))
    rows = -(-len(batch) // parts)
    for start in range(0, max(len(batch), 1), max(rows, 1)):
        yield batch.slice(start, rows)


def with_types(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch with the types of a schema; the schema's "not null" is not enforced."""
    columns = [
        column if column.type == kind else column.cast(kind)
        for column, kind in zip(batch.columns, schema.types, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def joined(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Join batches into one, or into several if one array cannot hold all values."""
    if len(batches) < 2:
        return batches
    try:
        return pa.Table.from_batches(batches).combine_chunks().to_batches()  # type: ignore[no-any-return]
    except pa.ArrowInvalid:  # the joined dictionary is too large for the type of its indices
        return batches


def _type_at(schema: pa.Schema, keys: Keys) -> pa.DataType | None:
    """Return the type of a column or of a field in a struct; None if it does not exist."""
    kind = None
    fields = list(schema)
    for name in keys:
        kind = {field.name: field.type for field in fields}.get(name)
        fields = kind.fields if kind is not None and pa.types.is_struct(kind) else []
    return kind


def _unsuitable(role: str, kind: pa.DataType) -> str | None:
    """Return what a column with a role should hold, or None if its type is suitable."""
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
