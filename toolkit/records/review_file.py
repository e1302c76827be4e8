"""The base class of all formats: it reads blocks of records, and writes them with scores."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any, NoReturn, Protocol, Self

import pyarrow as pa

from toolkit.errors import InputError, UsageError
from toolkit.records.columns import Column, Keys, Wanted, is_text
from toolkit.records.inputs import Input
from toolkit.records.options import ReadOptions
from toolkit.text.strings import join_texts, without_endings, without_words

# About how many records a block has; short records fill smaller blocks, to bound the memory.
BLOCK_RECORDS = 1 << 15

# Prefix of all keys in the metadata of an output.
METADATA_PREFIX = "toolkit."

# Where a block starts, in numbers that only the format itself reads; () is the start of the file.
Offset = tuple[int, ...]

# An offset between records, and about how many bytes of the file are before it.
SplitPoint = tuple[Offset, int]


@dataclass(frozen=True)
class FileRange:
    """A range of a file that is read alone, between two of `ReviewFile.split_points`."""

    start: Offset = ()  # () is the start of the file
    stop: Offset = ()  # () is the end of the file
    first_byte: int = 0  # about where the range starts
    size: int | None = None  # about, in bytes; None is the whole file
    restarts_numbers: bool = False  # whether lines are counted from the start of the range

    def ends_at(self, reached: Offset) -> bool:
        """Whether the range is read to its end; `reached` is the offset after the last block.

        In all formats, the first number of an offset is the position. The other numbers depend on
        the blocks before it.
        """
        return not self.stop or reached[:1] == self.stop[:1]


WHOLE_FILE = FileRange()


# (records, scores in the order of the added columns) → a record batch of both.
Table = Callable[[pa.RecordBatch, Sequence[pa.Array]], pa.RecordBatch]


@dataclass(frozen=True)
class Reject:
    """A record that cannot be read."""

    number: int  # of its first line, or of the record if the format has no lines; from 1
    reason: str
    raw: bytes | None  # as in the file; None if it is too long to keep
    length: int  # of the record, in bytes
    # How many records of the block are before it, read or rejected.
    position: int = field(default=-1, compare=False)


@dataclass(frozen=True)
class Block:
    """Consecutive records, not parsed yet."""

    content: Any  # input of `ReviewFile.parse` of the same format
    number: int  # of the first line or record, from 1
    size: int  # bytes in memory, about
    following: Offset  # where the next block starts
    ends_group: bool = False  # whether a group of records ends here, such as a row group of Parquet


@dataclass(frozen=True)
class Parsed:
    """The readable records of a block, as arrays of one length; and its rejects."""

    texts: pa.Array  # any string type; null where the record has no text
    records: pa.RecordBatch  # for `render` and `values` of the same format
    rejects: Sequence[Reject]
    # Role → strings: the other wanted columns that the file has.
    fields: Mapping[str, pa.Array]


class BatchFile(Protocol):
    """A file that is written in record batches, of a format that is not a stream of bytes."""

    def append(self, batch: pa.RecordBatch, *, ends_group: bool) -> None:
        """Write a batch; `ends_group`: a group of records ends with it."""

    def close(self) -> None:
        """Write the remaining records and the end of the file."""

    def abandon(self) -> None:
        """Leave the file incomplete."""


@dataclass(frozen=True)
class Output:
    """How to write the records of a file: its start, its end, and a function for the records."""

    render: Callable[[pa.RecordBatch, Sequence[pa.Array]], pa.Buffer | pa.RecordBatch]
    header: bytes = b""
    trailer: Callable[[], bytes] = bytes  # called when all records are read
    # Opens the file that the rendered batches are appended to; gets the metadata. None if `render`
    # returns bytes.
    open_file: Callable[[IO[bytes], Mapping[str, str]], BatchFile] | None = None
    # Facts about the scores, for formats with metadata; all keys begin with `METADATA_PREFIX`.
    metadata: Mapping[str, str] = field(default_factory=dict)
    separator: bytes = b""  # between two rendered blocks that have records


def first_split_points(points: Iterable[SplitPoint], offsets: Sequence[int]) -> list[SplitPoint]:
    """Return the first point at or after each byte offset; both are in ascending order.

    Takes no more points from the iterator than needed.
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
    """Return a schema with the added columns at its end."""
    return pa.schema([*schema, *added], schema.metadata)


class ReviewFile(ABC):
    """A file of reviews, opened for reading: `blocks` is for one thread, the rest for any.

    `columns` chooses the columns to read, with exact values. None reads the columns for scoring;
    then doubled quotes of CSV may stay in a text, as they do not change its tokens.
    """

    counts = "line"  # what the numbers of blocks and rejects count: "line", "record" or "row"
    header: bytes = b""  # start of an output of the same format
    trailer: bytes = b""  # end of an output of the same format, known when `blocks` is done
    size: int | None = None  # in bytes, if known
    delimiter: str | None = None  # of a delimited file
    restarts_numbers = False  # whether lines after a split point are counted from it

    def __init__(self, source: Input, options: ReadOptions, columns: Wanted = None) -> None:
        self.source = source
        self.path = source.path
        self.options = options
        wanted = options.columns.scored() if columns is None else columns
        self.wanted = [part for column in wanted for part in column.parts()]
        added = options.columns.added if columns is None else ()
        self.added = pa.schema([(column.name, column.kind) for column in added])
        self.is_exact = columns is not None
        self.names: Sequence[str] = ()  # of all columns that are known
        self.keys: dict[str, Keys] = {}  # role → name of the column, or its path of keys
        # Role → name of the column. Several text columns have one role each in `keys` (`is_text`),
        # and together the role "text" here.
        self.chosen: dict[str, str] = {}
        self.warnings: list[str] = []  # for the user, before scoring

    @classmethod
    def opened(cls, source: Input, options: ReadOptions, columns: Wanted = None) -> ReviewFile:
        """Open a file; a format with several layouts returns the class for the file's layout."""
        return cls(source, options, columns)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        """The name of the file in messages."""
        return self.source.name

    @abstractmethod
    def close(self) -> None:
        """Close the file."""

    @property
    @abstractmethod
    def bytes_read(self) -> int:
        """How many bytes of the file are read, for the progress."""

    @property
    def bytes_used(self) -> int:
        """How many bytes at the start of the file hold all records that are read."""
        return self.bytes_read

    @property
    def metadata(self) -> Mapping[str, str]:
        """What an earlier scoring has written about the scores; empty for formats without it."""
        return {}

    @property
    def is_waiting(self) -> bool:
        """Whether reading the next block would wait, as for a slow pipe."""
        return False

    @abstractmethod
    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:
        """Read the file in blocks of about `block_bytes`; a block of one long record is larger.

        The same offset gives the same blocks, whatever was read before. ``stop`` is one of
        `split_points`; () is the end of the file.
        """

    def split_points(self, offsets: Sequence[int]) -> list[SplitPoint]:  # noqa: ARG002
        """Find points between records: the first at or after each byte offset, if there is one.

        Offsets and points are in ascending order. Reading from point to point gives the same
        records as reading the whole file. A format that must be read as a whole has no points.
        """
        return []

    @abstractmethod
    def parse(self, block: Block) -> Parsed:
        """Return the records of a block."""

    def render(
        self, records: pa.RecordBatch, scores: Sequence[pa.Array]
    ) -> pa.Buffer | pa.RecordBatch:
        """Write records with the added fields in the same format.

        A read-only format (``can_write=False`` in `FORMATS`) implements neither this nor
        `output_of_table`.
        """
        raise NotImplementedError(f"{type(self).__name__} is only read")

    def output(self) -> Output:
        """Return how an output of the same format is written."""
        return Output(self.render, self.header, lambda: self.trailer)

    @classmethod
    def output_of_table(cls, table: Table, schema: pa.Schema, delimiter: str | None) -> Output:
        """Return how this format writes scored records of another format.

        ``table`` returns the records as batches of ``schema``; ``delimiter`` is for delimited
        formats.
        """
        raise NotImplementedError(f"{cls.__name__} is only read")

    def schema(self) -> pa.Schema:
        """Return names and types of `values`; `UsageError` if other formats cannot hold them.

        By default, all columns are strings.
        """
        self.check_unique()
        return pa.schema([(name, pa.string()) for name in self.names])

    @abstractmethod
    def values(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Return all columns of some records, for outputs of other formats."""

    def output_in(self, other: type[ReviewFile], delimiter: str | None) -> Output:
        """Return how another format writes the scored records; `UsageError` if it cannot."""
        schema = with_scores(self.schema(), self.added)

        def table(records: pa.RecordBatch, scores: Sequence[pa.Array]) -> pa.RecordBatch:
            columns = [*self.values(records).columns, *scores]
            return pa.RecordBatch.from_arrays(columns, schema=schema)

        return other.output_of_table(table, schema, delimiter)

    def choose_columns(self, find: Callable[[Column], Keys | None]) -> None:
        """Find the wanted columns; `UsageError` if a needed one is missing or ambiguous.

        ``find`` looks up the exact names of a column, and sets `names`. If it finds none, similar
        spellings are accepted. If several columns are spelled so, a column that is neither needed
        nor named by an option is left out.
        """
        self.wanted = [each for column in self.wanted for each in self._with_prefix(column, find)]
        for column in self.wanted:
            keys = find(column)
            if keys is None:
                keys = self._find_alike(column, find)
            if keys and self._is_clear(column, keys):
                self.keys[column.role] = keys
            elif not keys and column.is_needed:
                raise column.missing(self.name, self.names)
        self._name_chosen()

    def _is_clear(self, column: Column, keys: Keys) -> bool:
        """Whether one column has the name; raise `UsageError` if several have a needed one."""
        count = self.names.count(keys[0])
        if count > 1 and column.is_needed:
            raise UsageError(
                f"{self.name}: {count} columns are called {keys[0]!r}. Rename all but one, or "
                f"choose another with {column.option}."
            )
        return count < 2

    def _name_chosen(self) -> None:
        """Set `chosen`, with the names of all text columns in one; `UsageError` if they clash."""
        texts = [column.role for column in self.wanted if is_text(column.role)]
        if not self.keys.keys() >= {*texts}:  # optional texts are used together or not at all
            self.keys = {role: keys for role, keys in self.keys.items() if not is_text(role)}
        names = {role: ".".join(keys) for role, keys in self.keys.items()}
        self._check_texts(names)
        self.chosen = {role: name for role, name in names.items() if not is_text(role)}
        if parts := [name for role, name in names.items() if is_text(role)]:
            self.chosen = {"text": " + ".join(parts), **self.chosen}

    def _with_prefix(
        self, column: Column, find: Callable[[Column], Keys | None]
    ) -> Iterator[Column]:
        """Return the column itself, or all columns that start with it if it is a prefix."""
        if not column.is_prefix:
            yield column
        elif not find(column):  # `find` also sets the names
            for name in dict.fromkeys(self.names):
                if name.startswith(column.names[0]):
                    role = f"{column.role} {name}"
                    yield replace(column, role=role, names=(name,), is_prefix=False)

    def _find_alike(self, column: Column, find: Callable[[Column], Keys | None]) -> Keys | None:
        alike = column.alike(self.names)
        if len(alike) > 1 and (column.is_needed or column.is_named):
            raise column.unclear(self.name, alike)
        if len(alike) > 1:
            return None
        return find(replace(column, names=tuple(alike))) if alike else None

    def _check_texts(self, names: Mapping[str, str]) -> None:
        """Raise `UsageError` if a text column is also the label column, or is named twice."""
        texts = [name for role, name in names.items() if is_text(role)]
        if names.get("label") in texts:
            raise UsageError(
                f"{self.name}: the column {names['label']!r} is the text column, so it cannot "
                "also be the label column. Choose another with --label-column."
            )
        again = [name for name in texts if texts.count(name) > 1]
        if again:
            raise UsageError(f"{self.name}: --text-column names the column {again[0]!r} twice.")

    def take_texts(self, fields: dict[str, pa.Array], rows: int) -> pa.Array:
        """Remove the text columns from the fields of a block, and return the texts to score.

        Returns (rows,) strings, all null without a text column. Words for a missing value become
        null. Several columns are joined by line breaks, which end a token and a sentence; null and
        blank parts are left out. Endings to strip are cut here; the record keeps them.
        """
        words = self.options.null_words
        endings = self.options.strip_endings
        texts = [without_words(fields.pop(role), words) for role in self.keys if is_text(role)]
        if not texts:
            return pa.nulls(rows, pa.string())
        if endings:
            texts = [without_endings(each, endings) for each in texts]
        return join_texts(texts) if len(texts) > 1 else texts[0]

    def check_free(self, names: Collection[str]) -> None:
        """Raise `UsageError` if the file already has a column with the name of an added one."""
        for name in self.added.names:
            if name in names:
                raise UsageError(
                    f"{self.name}: already has a column {name!r}, which is also the name of an "
                    "added column. Rename the added column with "
                    f"{self.options.columns.option_of_added}."
                )

    def check_unique(self) -> None:
        """Raise `UsageError` if two columns share a name, which other formats cannot hold."""
        counts = Counter(self.names)
        twice = next((name for name, count in counts.items() if count > 1), None)
        if twice is not None:
            raise UsageError(
                f"{self.name}: {counts[twice]} columns are called {twice!r}, and an "
                "output of another format cannot hold that. Rename all but one, or keep the format "
                "of the input."
            )

    def fail(self, number: int, reason: str) -> NoReturn:
        """Raise an `InputError` with the number of a line or record."""
        raise InputError(f"{self.name}: {self.counts} {number:,}: {reason}.")
