"""Formats whose records end at line ends, and whose bytes are copied to the output unchanged.

`Lines` are positions of lines in a block of bytes; `RecordFile` is the base class of such formats.
A blank line belongs to the record after it, so that the output keeps it.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import EmptyInputError
from toolkit.native import records as core
from toolkit.records.columns import Wanted
from toolkit.records.inputs import Input
from toolkit.records.kinds import LOOKED_AT, check_kind
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import BLOCK_RECORDS, Block, Offset, Parsed, Reject, ReviewFile
from toolkit.records.streams import ByteStream
from toolkit.text.strings import arrow_of, bounds_of

NEWLINE = ord("\n")
RETURN = ord("\r")

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lines:
    """Positions of the lines of some data that hold a record; all arrays have one length."""

    starts: Positions
    newlines: Positions  # of the last byte of each line
    blank_starts: Positions  # of the blank lines before each line; its start if there are none

    @classmethod
    def find(cls, data: bytes, newlines: Positions, start: int = 0) -> Lines:
        """Return the lines from ``start`` that end at `newlines` and are not blank."""
        starts = np.concatenate([[start], newlines + 1])[:-1]
        lengths = newlines - starts
        raw = np.frombuffer(data, np.uint8)
        filled = (lengths > 1) | ((lengths == 1) & (raw[starts] != RETURN))
        return cls(starts, newlines, starts).merging(filled)

    @classmethod
    def empty(cls) -> Lines:
        """Return no lines."""
        nothing = np.zeros(0, np.int64)
        return cls(nothing, nothing, nothing)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def end(self) -> int:
        """Position after the last line, 0 without lines."""
        return int(self.newlines[-1]) + 1 if len(self) else 0

    def only(self, chosen: npt.NDArray[np.bool_]) -> Lines:
        """Return the chosen lines, each with the blank lines before it."""
        if chosen.all():
            return self
        return Lines(self.starts[chosen], self.newlines[chosen], self.blank_starts[chosen])

    def merging(self, filled: npt.NDArray[np.bool_]) -> Lines:
        """Return the filled lines; all others count as blank lines before the next filled one."""
        if filled.all():
            return self
        newlines = self.newlines[filled]
        first = self.blank_starts[:1]
        return Lines(self.starts[filled], newlines, np.concatenate([first, newlines + 1])[:-1])

    def stops(self, data: bytes) -> tuple[Positions, pa.StringArray]:
        """Return where the records stop, without their line ends; and the line ends."""
        raw = np.frombuffer(data, np.uint8)
        crlf = (self.newlines > self.starts) & (raw[self.newlines - 1] == RETURN)
        return self.newlines - crlf, pc.if_else(arrow_of(crlf), "\r\n", "\n")


def spans(data: bytes, starts: Positions, stops: Positions) -> pa.BinaryArray:
    """Copy the byte ranges [start, stop) of data, in ascending order, into a binary array."""
    bounds = np.empty(2 * len(starts), np.int32)
    bounds[0::2] = starts
    bounds[1::2] = stops
    if not len(bounds):
        return pa.array([], pa.binary())
    # An array whose even elements are the ranges, and whose odd ones are the gaps between them.
    pieces = pa.BinaryArray.from_buffers(
        pa.binary(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(data)]
    )
    return pieces.take(arrow_of(np.arange(0, len(bounds), 2, dtype=np.int64)))


def joined(*columns: pa.Array) -> pa.Buffer:
    """Concatenate the strings or bytes of each row, then all rows. Values must not be null."""
    found = core.joined(*columns)
    if found is not None:
        return found
    plain = (column.cast(pa.binary()) for column in columns)
    return values_buffer(pc.binary_join_element_wise(*plain, b""))


def values_buffer(strings: pa.BinaryArray | pa.StringArray) -> pa.Buffer:
    """Return the concatenated bytes of an array, without a copy."""
    bounds = bounds_of(strings)
    data = strings.buffers()[2]
    return pa.py_buffer(b"") if data is None else data.slice(bounds[0], bounds[-1] - bounds[0])


def count_lines(data: bytes, stop: int) -> int:
    """Count the newlines before a position. NumPy releases the GIL, `bytes.count` does not."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8, stop) == ord("\n")))


def find_lines(data: bytes) -> tuple[Positions, bool]:
    """Return the newlines, and whether the bytes up to the last are known to be UTF-8."""
    if core.is_used():
        return core.find_lines(data)
    return np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE), False


def is_utf8(data: pa.Buffer) -> bool:
    """Whether all of the bytes are UTF-8."""
    bounds = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.BinaryArray.from_buffers(pa.binary(), 1, [None, bounds, data]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


# Columns of the record batches between `parse` and `render`.
RECORD = "record"  # binary: the bytes of the record, with the blank lines before it
LINE_END = "line_end"  # string: "\n" or "\r\n"; "\r" at the end of the file

RECORD_BYTES_LIMIT = 64 << 20  # longer records are rejected, to bound the memory
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_T = TypeVar("_T")


class BrokenRecord(NamedTuple):
    """A range of bytes in a block that cannot be read as a record."""

    start: int
    stop: int
    reason: str


@dataclass(frozen=True)
class SplitBytes:
    """Bytes of a file, split into records and broken records."""

    data: bytes
    end: int  # of the records in data; the bytes after it belong to the next block
    lines: Lines  # of the records
    layout: object  # for the format itself, such as the positions of delimiters
    broken: list[BrokenRecord]
    skipped: int = 0  # bytes of the only broken record that were dropped before `data`
    line_count: int | None = None  # lines up to `end`; None: not counted
    is_utf8: bool = False  # True: known to be UTF-8 up to `end`; False: not checked
    ends_in_return: bool = False  # the file ends with CR; the newline after it is not in the file

    @cached_property
    def newlines(self) -> Positions:
        """Positions of all newlines in `data`."""
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == NEWLINE)

    def whole(self) -> pa.Buffer:
        """The bytes of all records, not copied."""
        return pa.py_buffer(self.data).slice(0, self.end)

    def as_in_file(self, lines: Lines, line_ends: pa.StringArray) -> pa.StringArray:
        """Return the line ends of `lines`, without a last newline that is not in the file."""
        if not self.ends_in_return or lines.end < len(self.data):
            return line_ends
        return pa.concat_arrays([line_ends[:-1], pa.array([line_ends[-1].as_py()[:-1]])])


class RecordFile(ReviewFile):
    """A text file whose records end at line ends."""

    _offset = 0  # of the first record
    kinds: Collection[str] = ()  # names in `KINDS` that a file of this format may look like
    # The subject of the reason for a record of several lines that exceeds the limit.
    too_long = "a record"

    def __init__(
        self,
        source: Input,
        options: ReadOptions,
        columns: Wanted = None,
        stream: ByteStream | None = None,  # given if the file is open already
    ) -> None:
        super().__init__(source, options, columns)
        self._stream = stream or ByteStream(source, options.encoding)
        self.size = self._stream.size
        self._line = 1
        try:
            first, _ = self._peek_available(LOOKED_AT)
            if not first:
                raise EmptyInputError(f"{self.name}: the file is empty, expected reviews")
            if self._stream.is_utf8:
                check_kind(
                    source,
                    first,
                    read_as=self.kinds,
                    compression=source.compression,
                    is_named=options.format is not None,
                )
            self.header = self._read_header()
        except BaseException:
            self._stream.close()
            raise

    @property
    def bytes_read(self) -> int:
        """How many bytes of the file are read, before decompression."""
        return self._stream.bytes_read

    @property
    def is_waiting(self) -> bool:
        """Whether the file is a pipe with no data at the moment, so that reading would block."""
        return self._stream.is_waiting()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    @abstractmethod
    def _read_header(self) -> bytes:
        """Read the bytes before the records, set `_line`; return the start of the output."""

    @abstractmethod
    def _split(self, data: bytes, *, at_end: bool) -> SplitBytes:
        """Find the complete records at the start of data; at the end of the file, all of them."""

    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:
        """Read the records in blocks of about `block_bytes`."""
        offset, line, wanted = start or self._first_offset(self._offset, self._line)
        self._line = line
        if start:
            self._stream.seek(offset)
        end = stop[0] if stop else None
        is_last = False
        while not is_last and (end is None or offset < end):
            content, is_last = self._next(wanted, None if end is None else end - offset)
            data = content.data
            self.trailer = data[content.end :] if is_last else b""
            if content.ends_in_return:
                self.trailer = self.trailer.removesuffix(b"\n")
            if content.end or content.broken:
                self._stream.advance(content.end)
                offset += content.end + content.skipped
                number = self._line
                known = content.line_count
                self._line += count_lines(data, content.end) if known is None else known
                wanted = self._next_size(content, wanted)
                yield Block(
                    content=content,
                    number=number,
                    size=len(data),
                    following=(offset, self._line, wanted),
                )
            del data, content  # large blocks are freed before the next one is read
        if end not in (None, offset):
            self.fail(
                self._line,
                f"no record ends at byte {end:,} any more: the file has changed "
                "since it was divided",
            )

    def _first_offset(self, byte: int, line: int) -> Offset:
        """Return the `Offset` of a first block that starts at a byte, in a line of the file."""
        return byte, line, min(self.options.block_bytes, BLOCK_RECORDS)

    def _next(self, wanted: int, left: int | None) -> tuple[SplitBytes, bool]:
        """Read the next `wanted` bytes, or as many as one long record needs, and split them.

        Reads no further than `left` bytes, if given. Also returns whether the file ends there. The
        bytes after the last complete record stay unread.
        """
        wanted = wanted if left is None else min(wanted, left)
        size = wanted
        seen = 0
        while True:
            data, at_end = self._peek_available(size, beyond=seen)
            seen = len(data)
            is_return = at_end and data.endswith(b"\r")
            if at_end and data and not data.endswith(b"\n"):
                data += b"\n"
            is_last = at_end and size == wanted
            content = replace(self._split(data, at_end=is_last), ends_in_return=is_return)
            if content.end or is_last:
                return content, is_last
            if at_end and data.isspace():
                return content, True
            blank = data.rfind(b"\n", 0, len(data) - len(data.lstrip())) + 1
            if blank >= RECORD_BYTES_LIMIT // 2:  # fewer blank lines belong to the next record
                reason = f"more than {blank >> 20} MiB of blank lines"
                return _one_broken(data, blank, reason), False
            if at_end or seen >= RECORD_BYTES_LIMIT:
                content = self._open_to_the_end(data) if at_end else self._give_up(data)
                return replace(content, ends_in_return=is_return), False
            if seen >= size:
                size = _larger(size, left)

    def parsed(
        self,
        block: Block,
        *,
        fields: dict[str, pa.Array],
        records: pa.BinaryArray,
        line_ends: pa.StringArray,
        rejects: Sequence[Reject],
    ) -> Parsed:
        """Return the `Parsed` of a block: its records, and all rejects in order."""
        content: SplitBytes = block.content
        broken = [
            self.reject(
                block,
                start=each.start,
                stop=each.stop,
                reason=each.reason,
                skipped=content.skipped,
            )
            for each in content.broken
        ]
        batch = pa.RecordBatch.from_pydict({RECORD: records, LINE_END: line_ends})
        texts = self.take_texts(fields, len(batch))
        found = sorted([*broken, *rejects], key=lambda reject: reject.number)
        return Parsed(texts=texts, records=batch, rejects=found, fields=fields)

    def not_utf8(self, block: Block, lines: Lines) -> tuple[npt.NDArray[np.bool_], list[Reject]]:
        """Return which records are UTF-8, and rejects for all others."""
        content: SplitBytes = block.content
        good = np.ones(len(lines), np.bool_)
        if content.is_utf8 or is_utf8(content.whole()):
            return good, []
        rejects = []
        for row, (start, newline) in enumerate(zip(lines.starts, lines.newlines, strict=True)):
            try:
                content.data[start:newline].decode()
            except UnicodeDecodeError as error:
                good[row] = False
                reject = self.reject(
                    block,
                    start=int(start),
                    stop=int(newline),
                    reason=self._invalid_byte(error.object[error.start :]),
                )
                rejects.append(reject)
        return good, rejects

    def _invalid_byte(self, data: bytes) -> str:
        """Return the reason for a record with an invalid byte, the first of `data`."""
        encoding = self.options.encoding
        if encoding is None:
            return f"byte 0x{data[0]:02x} is not valid UTF-8. Name another encoding with --encoding"
        return f"byte 0x{self._stream.as_in_file(data[:3])[0]:02x} is not valid {encoding}"

    def reject(
        self, block: Block, *, start: int, stop: int, reason: str, skipped: int = 0
    ) -> Reject:
        """Return the reject for a range of bytes in a block."""
        content: SplitBytes = block.content
        data = content.data
        number = block.number + int(np.searchsorted(content.newlines, start))
        position = bisect_left(content.broken, (start,)) + bisect_left(content.lines.starts, start)
        raw = data[start:stop].removesuffix(b"\n").removesuffix(b"\r")
        last = number + raw.count(b"\n")
        if last > number:
            reason += f" (lines {number:,} to {last:,})"
        if skipped:
            return Reject(
                number=number,
                reason=reason,
                raw=None,
                length=len(raw) + skipped,
                position=position,
            )
        raw = self._stream.as_in_file(raw)
        return Reject(number=number, reason=reason, raw=raw, length=len(raw), position=position)

    def _open_to_the_end(self, data: bytes) -> SplitBytes:
        """Split data whose first record stays open up to the end of the file."""
        return self._split(data, at_end=True)

    def _give_up(self, data: bytes) -> SplitBytes:
        """Reject the first line of a record that is longer than the limit."""
        reason = f"longer than {RECORD_BYTES_LIMIT >> 20} MiB"
        newline = data.find(b"\n")
        if newline >= 0:
            return _one_broken(data, newline + 1, f"{self.too_long} {reason}")
        skipped = 0
        while b"\n" not in data and (more := len(data)):
            self._stream.advance(more)
            skipped += more
            data = self._peek(1 << 20)
        end = data.find(b"\n") + 1 or len(data)
        return _one_broken(data, end, f"a line {reason}", skipped=skipped)

    def _peek(self, size: int) -> bytes:
        return self._reading(lambda: self._stream.peek(size))

    def _peek_available(self, size: int, beyond: int = 0) -> tuple[bytes, bool]:
        return self._reading(lambda: self._stream.peek_available(size, beyond))

    def _reading(self, read: Callable[[], _T]) -> _T:
        """Call a function that reads the stream; if it fails, raise `InputError` with the line."""
        try:
            return read()
        except (UnicodeError, OSError) as error:
            failed = error
        reason = getattr(failed, "strerror", None) or str(failed)
        return self.fail(self._line, f"cannot be read past this line: {reason}")

    def _next_size(self, content: SplitBytes, size: int) -> int:
        """Return how many bytes hold about `BLOCK_RECORDS` records of the size of the last ones."""
        records = len(content.lines) + len(content.broken)
        if not records:  # only blank lines
            return min(self.options.block_bytes, 2 * size)
        return min(self.options.block_bytes, max(BLOCK_RECORDS * content.end // records, 1))


def _one_broken(data: bytes, end: int, reason: str, *, skipped: int = 0) -> SplitBytes:
    """Return bytes without records, whose start, up to `end`, is rejected for a reason."""
    return SplitBytes(
        data=data,
        end=end,
        lines=Lines.empty(),
        layout=None,
        broken=[BrokenRecord(0, end, reason)],
        skipped=skipped,
    )


def _larger(size: int, left: int | None) -> int:
    """Return how many bytes to look at for a record longer than `size`: first all `left`."""
    most = left if left is not None and left > size else RECORD_BYTES_LIMIT
    return min(2 * size, most, RECORD_BYTES_LIMIT)
