"""What all formats have in common: blocks of records in, scored records out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, NoReturn, Protocol, Self

import pyarrow as pa

from toolkit.errors import InputError, UsageError
from toolkit.records.columns import Column, Keys, Wanted, is_text
from toolkit.records.options import STDIN, ReadOptions
from toolkit.text.strings import join_texts, without_endings, without_words

BLOCK_RECORDS = 1 << 15  # about; where records are short, blocks are smaller, to bound the memory

# Of the keys of what the toolkit says of the scores in a file.
METADATA_PREFIX = "toolkit."

# Where a block starts, in numbers that only the format itself reads; () is the start of the file.
Offset = tuple[int, ...]

# An offset between records, and about how many bytes of the file are before it.
SplitPoint = tuple[Offset, int]


@dataclass(frozen=True)
class FileRange:
    """A range of a file that is read by itself, between points of `ReviewFile.split_points`."""

    start: Offset = ()  # () is the start of the file
    stop: Offset = ()  # () is its end
    first_byte: int = 0  # about, of the file
    size: int | None = None  # about, in bytes; None is the whole file
    restarts_numbers: bool = False  # lines are counted from its start, not from that of the file

    def ends_at(self, reached: Offset) -> bool:
        """Whether it is read to its end, by the offset after its last block.

        All formats begin an offset with where it is; the rest depends on the blocks before it.
        """
        return not self.stop or reached[:1] == self.stop[:1]


WHOLE_FILE = FileRange()


# Some records and their scores, the added columns in order → a record batch with all of it.
Table = Callable[[pa.RecordBatch, Sequence[pa.Array]], pa.RecordBatch]


@dataclass(frozen=True)
class Reject:
    """A record that cannot be read."""

    number: int  # of its first line, or of the record where a format has no lines; from 1
    reason: str
    raw: bytes | None  # as it is in the file; None where it is too long to be kept
    length: int  # of the record, in bytes
    # In its block: how many records are before it, read or rejected.
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True)
class Block:
    """Some consecutive records, not parsed yet."""

    content: Any  # what `ReviewFile.parse` of the same format reads
    number: int  # of the first line or record, from 1
    size: int  # bytes in memory, about
    following: Offset  # where the next block starts
    ends_group: bool = False  # whether a group of records ends here, such as a row group of Parquet


@dataclass(frozen=True)
class Parsed:
    """The records of a block: those that can be read, and the others."""

    texts: pa.Array  # any string type; null where the record has no text
    records: pa.RecordBatch  # as many rows, for `render` and `values` of the same format
    rejects: Sequence[Reject]
    # The other columns that were asked for and found, by role: as many strings as texts.
    fields: Mapping[str, pa.Array]


class BatchFile(Protocol):
    """A file that is written in record batches, of a format that is not a stream of bytes."""

    def append(self, batch: pa.RecordBatch, *, ends_group: bool) -> None:
        """Write a batch; say whether a group of records ends with it."""

    def close(self) -> None:
        """Write what is left, and the end."""

    def abandon(self) -> None:
        """Leave the file as it is."""


@dataclass(frozen=True)
class Output:
    """What to write around and for the records of a file."""

    render: Callable[[pa.RecordBatch, Sequence[pa.Array]], pa.Buffer | pa.RecordBatch]
    header: bytes = b""
    trailer: Callable[[], bytes] = bytes  # known when all records are read
    # Opens what the rendered batches are appended to, with the metadata; None where `render` gives
    # bytes.
    open_file: Callable[[IO[bytes], Mapping[str, str]], BatchFile] | None = None
    # About the scores, for formats that hold such; all keys begin with `METADATA_PREFIX`.
    metadata: Mapping[str, str] = field(default_factory=dict)
    separator: bytes = b""  # between two rendered blocks that have records


def first_split_points(points: Iterable[SplitPoint], offsets: Sequence[int]) -> list[SplitPoint]:
    """Choose the first of some points at or after each byte offset; all are in ascending order.

    It takes no more points than it needs.
    """
    found: list[SplitPoint] = []
    wanted = [*offsets]
    for point in points:
        _, end = point
        if wanted and wanted[0] <= end:
            found.append(point)
            wanted = [offset for offset in wanted if offset > end]
        if not wanted:
            break
    return found


def with_scores(schema: pa.Schema, added: pa.Schema) -> pa.Schema:
    """Put the added columns after those of a schema."""
    return pa.schema([*schema, *added], schema.metadata)


class ReviewFile(ABC):
    """A file of reviews, opened for reading: `blocks` is for one thread, the rest for any.

    The columns are what to read for a table of exact values. None is for scoring: what that reads,
    and doubled quotes of CSV may stay in a text, as they separate tokens either way.
    """

    counts = "line"  # what the number of a block or a reject counts: lines, records or rows
    header: bytes = b""  # what an output of the same format begins with
    trailer: bytes = b""  # and what it ends with, known when `blocks` is done
    size: int | None = None  # in bytes, where that is known
    delimiter: str | None = None  # between the fields of a delimited file
    restarts_numbers = False  # whether lines after a split point are counted from it

    def __init__(self, path: Path, options: ReadOptions, columns: Wanted = None) -> None:
        self.path = path
        self.options = options
        wanted = options.columns.scored() if columns is None else columns
        self.wanted = [part for column in wanted for part in column.parts()]
        added = options.columns.added if columns is None else ()
        self.added = pa.schema([(column.name, column.kind) for column in added])
        self.is_exact = columns is not None
        self.names: Sequence[str] = ()  # of all columns, as far as they are known
        self.keys: dict[str, Keys] = {}  # role → where the column is: its name, or keys
        # Role → name of the column. Where the texts are in several, `keys` has the role of each
        # (`is_text`), and this one entry.
        self.chosen: dict[str, str] = {}
        self.warnings: list[str] = []  # what a user should know of this file before it is scored

    @classmethod
    def opened(cls, path: Path, options: ReadOptions, columns: Wanted = None) -> ReviewFile:
        """Open a file; a format of several layouts gives the class for what the file has."""
        return cls(path, options, columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The file, as messages call it."""
        return "standard input" if self.path == STDIN else str(self.path)

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    @property
    @abstractmethod
    def bytes_read(self) -> int:
        """How many of its bytes are read; the progress."""

    @property
    def bytes_used(self) -> int:
        """Of the bytes at the start of the file, how many hold all records that are read."""
        return self.bytes_read

    @property
    def is_waiting(self) -> bool:
        """Whether the next block has to be waited for, as from a slow pipe."""
        return False

    @abstractmethod
    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:
        """Read the file in blocks of about `block_bytes`; only a longer record makes a larger one.

        The same offset gives the same blocks, whatever was read before it. ``stop`` is one that
        `split_points` gives; () is the end of the file.
        """

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:  # noqa: ARG002
        """Find points between records, one at or after each byte offset where there is one.

        The offsets are in ascending order, and so are the points. What is read from one point to
        the next is together what is read of the whole file. A format whose files are always read
        as a whole has no such points.
        """
        return []

    @abstractmethod
    def parse(self, block: Block) -> Parsed:
        """Give the records of a block."""

    def render(
        self, records: pa.RecordBatch, scores: Sequence[pa.Array]
    ) -> pa.Buffer | pa.RecordBatch:
        """Give some records with the added fields, as an output of the same format holds them.

        A format that is only read (``can_write`` in `FORMATS`) has neither this nor
        `output_of_table`.
        """
        raise NotImplementedError(f"{type(self).__name__} is only read")

    def output(self) -> Output:
        """Say how an output of the same format is written."""
        return Output(self.render, self.header, lambda: self.trailer)

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:
        """Say how this format holds the scored records of another one, given as batches.

        The schema is theirs; the delimiter is for a delimited format.
        """
        raise NotImplementedError(f"{cls.__name__} is only read")

    def schema(self) -> pa.Schema:
        """Names and types of `values`; `UsageError` if other formats cannot hold them.

        By default, all columns are strings.
        """
        self.check_unique()
        return pa.schema([(name, pa.string()) for name in self.names])

    @abstractmethod
    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Give the fields of some records, for outputs of other formats."""

    def output_in(self, other: type[ReviewFile], delimiter: str | None) -> Output:
        """Say how another format holds the scored records; `UsageError` if it cannot."""
        schema = with_scores(self.schema(), self.added)

        def table(records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.RecordBatch:
            columns = [*self.values(records).columns, *scores]
            return pa.RecordBatch.from_arrays(columns, schema=schema)

        return other.output_of_table(table, schema, delimiter)

    def choose_columns(self, find: Callable[[Column], Keys | None]) -> None:
        """Find the wanted columns; `UsageError` if a needed one is missing or not the only one.

        ``find`` looks for names as they are written, and sets `names`. Where it finds none, columns
        that are needed or named are found however their names are spelled.
        """
        self.wanted = [each for column in self.wanted for each in self._with_prefix(column, find)]
        for column in self.wanted:
            keys = find(column)
            if keys is None and (column.is_needed or column.is_named):
                keys = self._find_alike(column, find)
            count = self.names.count(keys[0]) if keys else 0
            if keys and count < 2:
                self.keys[column.role] = keys
            elif column.is_needed and not keys:
                raise column.missing(self.name, self.names)
            elif column.is_needed and keys:
                raise UsageError(
                    f"{self.name}: {count} columns are called {keys[0]!r}. Rename all but one, or "
                    f"choose another with {column.option}."
                )
        texts = [column.role for column in self.wanted if is_text(column.role)]
        if not self.keys.keys() >= {*texts}:  # not needed, then, and of no use alone
            self.keys = {role: keys for role, keys in self.keys.items() if not is_text(role)}
        names = {role: ".".join(keys) for role, keys in self.keys.items()}
        self._check_texts(names)
        self.chosen = {role: name for role, name in names.items() if not is_text(role)}
        if parts := [name for role, name in names.items() if is_text(role)]:
            self.chosen = {"text": " + ".join(parts), **self.chosen}

    def _with_prefix(
        self, column: Column, find: Callable[[Column], Keys | None]
    ) -> Iterator[Column]:
        """Give a column itself, or in place of a prefix the columns that have it."""
        if not column.is_prefix:
            yield column
        elif not find(column):  # which sets the names
            for name in dict.fromkeys(self.names):
                if name.startswith(column.names[0]):
                    role = f"{column.role} {name}"
                    yield replace(column, role=role, names=(name,), is_prefix=False)

    def _find_alike(self, column: Column, find: Callable[[Column], Keys | None]) -> Keys | None:
        alike = column.alike(self.names)
        if len(alike) > 1:
            raise column.unclear(self.name, alike)
        return find(replace(column, names=tuple(alike))) if alike else None

    def _check_texts(self, names: Mapping[str, str]) -> None:
        """Raise `UsageError` if a column of texts has other values, too, or is there twice."""
        texts = [name for role, name in names.items() if is_text(role)]
        if names.get("label") in texts:
            raise UsageError(
                f"{self.name}: the column {names['label']!r} has the texts, and cannot have "
                "the labels, too. Choose another with --label-column."
            )
        again = [name for name in texts if texts.count(name) > 1]
        if again:
            raise UsageError(f"{self.name}: --text-column names the column {again[0]!r} twice.")

    def take_texts(self, fields: dict[str, pa.Array], rows: int) -> pa.Array:
        """Take the texts out of the columns of a block; (rows,), all null if no column has any.

        One that is a word for a missing value becomes null. Those of several columns are joined by
        line breaks, which end a token and a sentence. What is null or blank is left out, and a
        record with nothing else has no text. Endings are cut from what is read alone: the record
        keeps them.
        """
        words, endings = self.options.null_words, self.options.strip_endings
        texts = [without_words(fields.pop(role), words) for role in self.keys if is_text(role)]
        if not texts:
            return pa.nulls(rows, pa.string())
        if endings:
            texts = [without_endings(each, endings) for each in texts]
        return join_texts(texts) if len(texts) > 1 else texts[0]

    def check_free(self, names: Collection[str]) -> None:
        """Raise `UsageError` if the name of an added column is among those of the file."""
        for name in self.added.names:
            if name in names:
                raise UsageError(
                    f"{self.name}: has a column {name!r} already. Choose other names for the added "
                    f"columns with {self.options.columns.option_of_added}."
                )

    def check_unique(self) -> None:
        """Raise `UsageError` if two columns have one name, which other formats cannot hold."""
        counts = Counter(self.names)
        twice = next((name for name, count in counts.items() if count > 1), None)
        if twice is not None:
            raise UsageError(
                f"{self.name}: {counts[twice]} columns are called {twice!r}, and an "
                "output of another format cannot hold that. Rename all but one, or keep the format "
                "of the input."
            )

    def fail(self, number: int, reason: str) -> NoReturn:
        """Raise an `InputError` that names a line or record."""
        raise InputError(f"{self.name}: {self.counts} {number:,}: {reason}.")
