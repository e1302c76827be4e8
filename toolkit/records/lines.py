"""Records that end at line ends, whose bytes go into the output as they are.

First the lines of a byte block as arrays of positions, and Arrow arrays cut from them; then the
file whose records they are. Blank lines stay in the output, with the record after them.
"""

from __future__ import annotations

from abc import abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

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

NEWLINE, RETURN = ord("\n"), ord("\r")

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lines:
    """Positions of the lines of some data that hold a record, and the blank lines before each."""

    starts: Positions
    newlines: Positions  # the last byte of each
    blank_starts: Positions  # where the blank lines before each start

    @classmethod
    def find(cls, data: bytes, newlines: Positions, start: int = 0) -> Lines:
        """Take the lines from ``start`` that end at some newlines, without the blank ones."""
        starts = np.concatenate([[start], newlines + 1])[:-1]
        lengths = newlines - starts
        raw = np.frombuffer(data, np.uint8)
        filled = (lengths > 1) | ((lengths == 1) & (raw[starts] != RETURN))
        return cls(starts, newlines, starts).merging(filled)

    @classmethod
    def none(cls) -> Lines:
        """Take no lines."""
        return cls(*[np.zeros(0, np.int64)] * 3)

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def end(self) -> int:
        """Position after the last line, 0 without lines."""
        return int(self.newlines[-1]) + 1 if len(self) else 0

    def only(self, chosen: npt.NDArray[np.bool_]) -> Lines:
        """Keep some of the lines, with the blank lines before each."""
        if chosen.all():
            return self
        return Lines(self.starts[chosen], self.newlines[chosen], self.blank_starts[chosen])

    def merging(self, filled: npt.NDArray[np.bool_]) -> Lines:
        """Keep the lines that are filled, each with the others right before it."""
        if filled.all():
            return self
        newlines = self.newlines[filled]
        first = self.blank_starts[:1]
        return Lines(self.starts[filled], newlines, np.concatenate([first, newlines + 1])[:-1])

    def stops(self, data: bytes) -> tuple[Positions, pa.StringArray]:
        """Where the records stop, without their line ends; and the line ends."""
        raw = np.frombuffer(data, np.uint8)
        crlf = (self.newlines > self.starts) & (raw[self.newlines - 1] == RETURN)
        return self.newlines - crlf, pc.if_else(arrow_of(crlf), "\r\n", "\n")


def spans(data: bytes, starts: Positions, stops: Positions) -> pa.BinaryArray:
    """Copy the byte ranges [start, stop) of data, in ascending order, into a binary array."""
    bounds = np.empty(2 * len(starts), np.int32)
    bounds[0::2], bounds[1::2] = starts, stops
    if not len(bounds):
        return pa.array([], pa.binary())
    # Taken together, the ranges and the gaps between them are the elements of one array.
    pieces = pa.BinaryArray.from_buffers(
        pa.binary(), len(bounds) - 1, [None, pa.py_buffer(bounds), pa.py_buffer(data)]
    )
    return pieces.take(arrow_of(np.arange(0, len(bounds), 2, dtype=np.int64)))


def joined(*columns: pa.Array) -> pa.Buffer:
    """Join the strings or bytes of each row, and all rows; none is null."""
    found = core.joined(*columns)
    if found is not None:
        return found
    plain = (column.cast(pa.binary()) for column in columns)
    return values_buffer(pc.binary_join_element_wise(*plain, b""))


def values_buffer(strings: pa.BinaryArray | pa.StringArray) -> pa.Buffer:
    """Give the concatenated bytes of an array, without a copy."""
    bounds = bounds_of(strings)
    data = strings.buffers()[2]
    return pa.py_buffer(b"") if data is None else data.slice(bounds[0], bounds[-1] - bounds[0])


def count_lines(data: bytes, stop: int) -> int:
    """Count the newlines before a position; without the GIL, unlike `bytes.count`."""
    return int(np.count_nonzero(np.frombuffer(data, np.uint8, stop) == ord("\n")))


def find_lines(data: bytes) -> tuple[Positions, bool]:
    """Find all newlines; and whether it is known that the bytes up to the last are UTF-8."""
    if core.is_used():
        return core.find_lines(data)
    return np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE), False


def is_utf8(data: pa.Buffer) -> bool:
    """Whether some bytes are UTF-8."""
    bounds = pa.py_buffer(np.array([0, len(data)], np.int32))
    try:
        pa.BinaryArray.from_buffers(pa.binary(), 1, [None, bounds, data]).cast(pa.string())
    except pa.ArrowInvalid:
        return False
    return True


# Columns of the record batches between `parse` and `render`.
RECORD = "record"  # binary: the bytes of the record, with the blank lines before it
LINE_END = "line_end"  # string: "\n" or "\r\n"; "\r" at the end of the file

RECORD_BYTES_LIMIT = 64 << 20  # longer ones are rejected, to bound the memory
BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_T = TypeVar("_T")

# Some bytes of a block that are not a record: start, stop, and the reason.
Broken = tuple[int, int, str]


@dataclass(frozen=True)
class Content:
    """Bytes of a file that are whole lines, and what is known of them so far."""

    data: bytes
    end: int  # of the records in data; what follows belongs to the next block
    lines: Lines  # of the records
    layout: object  # what the format itself has found out
    broken: list[Broken]
    skipped: int = 0  # bytes that were passed over, as the start of the only broken record
    line_count: int | None = None  # up to the end, where that is known
    is_utf8: bool = False  # whether it is known that all up to the end is UTF-8
    ends_in_return: bool = False  # whether the last of the newlines is not in the file, after CR

    @cached_property
    def newlines(self) -> Positions:
        """Where all lines end."""
        return np.flatnonzero(np.frombuffer(self.data, np.uint8) == NEWLINE)

    def whole(self) -> pa.Buffer:
        """The bytes of the block, not copied."""
        return pa.py_buffer(self.data).slice(0, self.end)

    def as_in_file(self, lines: Lines, line_ends: pa.StringArray) -> pa.StringArray:
        """Give the line ends of some lines without a newline that is not in the file."""
        if not self.ends_in_return or lines.end < len(self.data):
            return line_ends
        return pa.concat_arrays([line_ends[:-1], pa.array([line_ends[-1].as_py()[:-1]])])


class RecordFile(ReviewFile):
    """A file of text whose records end at line ends."""

    _offset = 0  # where the records start
    kinds: Collection[str] = ()  # of `KINDS` that a file of this format may look like
    # What a record is called that continues after a line end, to the limit.
    too_long = "a record"

    def __init__(
        self,
        source: Input,
        options: ReadOptions,
        columns: Wanted = None,
        stream: ByteStream | None = None,  # of the file, if it is open already
    ) -> None:
        super().__init__(source, options, columns)
        self._stream = stream or ByteStream(source, options.encoding)
        self.size = self._stream.size
        self._line = 1
        try:
            first, _ = self._look(LOOKED_AT)
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
        """How many of its bytes are read."""
        return self._stream.bytes_read

    @property
    def is_waiting(self) -> bool:
        """Whether a pipe gives nothing at the moment, so that a block has to wait."""
        return self._stream.is_waiting()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    @abstractmethod
    def _read_header(self) -> bytes:
        """Read what is before the records, set `_line`; give what the output begins with."""

    @abstractmethod
    def _split(self, data: bytes, *, at_end: bool) -> Content:
        """Find the whole records at the start of data; all of it is records at the end."""

    def blocks(self, start: Offset = (), stop: Offset = ()) -> Iterator[Block]:
        """Read the records in blocks of about `block_bytes`."""
        offset, self._line, wanted = start or self._first_offset(self._offset, self._line)
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
                yield Block(content, number, len(data), (offset, self._line, wanted))
            del data, content  # which may be large, before the next ones are read
        if end not in (None, offset):
            self.fail(self._line, f"no record ends at byte {end:,}, as one did when it was cut")

    def _first_offset(self, byte: int, line: int) -> Offset:
        """Give the offset of the first block that starts at a byte."""
        return byte, line, min(self.options.block_bytes, BLOCK_RECORDS)

    def _next(self, wanted: int, left: int | None) -> tuple[Content, bool]:
        """Find the records in the next bytes, or in more if one is longer, up to a cut if any.

        Also tell whether they are the last. What follows a record without an end is left for later.
        """
        wanted = size = wanted if left is None else min(wanted, left)
        seen = 0
        while True:
            data, at_end = self._look(size, beyond=seen)
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
            if blank >= RECORD_BYTES_LIMIT // 2:  # fewer go with the record after them
                reason = f"more than {blank >> 20} MiB of blank lines"
                return Content(data, blank, Lines.none(), None, [(0, blank, reason)]), False
            if at_end or seen >= RECORD_BYTES_LIMIT:
                content = self._open_to_the_end(data) if at_end else self._give_up(data)
                return replace(content, ends_in_return=is_return), False
            if seen >= size:
                size = _larger(size, left)

    def parsed(
        self,
        block: Block,
        fields: dict[str, pa.Array],
        records: pa.BinaryArray,
        line_ends: pa.StringArray,
        rejects: Sequence[Reject],
    ) -> Parsed:
        """Put together what is known of a block; with the rejects that were broken already."""
        content: Content = block.content
        broken = [
            self.reject(block, start, stop, reason, content.skipped)
            for start, stop, reason in content.broken
        ]
        batch = pa.RecordBatch.from_pydict({RECORD: records, LINE_END: line_ends})
        texts = self.take_texts(fields, len(batch))
        found = sorted([*broken, *rejects], key=lambda reject: reject.number)
        return Parsed(texts, batch, found, fields)

    def not_utf8(self, block: Block, lines: Lines) -> tuple[npt.NDArray[np.bool_], list[Reject]]:
        """Find the records with bytes that are not UTF-8: which are good, and what is wrong."""
        content: Content = block.content
        good = np.ones(len(lines), np.bool_)
        if content.is_utf8 or is_utf8(content.whole()):
            return good, []
        rejects = []
        for row, (start, newline) in enumerate(zip(lines.starts, lines.newlines, strict=True)):
            try:
                content.data[start:newline].decode()
            except UnicodeDecodeError as error:
                good[row] = False
                reason = self._no_utf8(error.object[error.start :])
                rejects.append(self.reject(block, int(start), int(newline), reason))
        return good, rejects

    def _no_utf8(self, data: bytes) -> str:
        if self.options.encoding is None:
            return f"byte 0x{data[0]:02x} is no UTF-8; --encoding names another encoding"
        return f"byte 0x{self._stream.as_in_file(data[:3])[0]:02x} is no {self.options.encoding}"

    def reject(self, block: Block, start: int, stop: int, reason: str, skipped: int = 0) -> Reject:
        """Describe a record of a block that cannot be read."""
        content: Content = block.content
        data = content.data
        number = block.number + int(np.searchsorted(content.newlines, start))
        position = bisect_left(content.broken, (start,)) + bisect_left(content.lines.starts, start)
        raw = data[start:stop].removesuffix(b"\n").removesuffix(b"\r")
        last = number + raw.count(b"\n")
        if last > number:
            reason += f" (lines {number:,} to {last:,})"
        if skipped:
            return Reject(number, reason, None, len(raw) + skipped, position)
        raw = self._stream.as_in_file(raw)
        return Reject(number, reason, raw, len(raw), position)

    def _open_to_the_end(self, data: bytes) -> Content:
        """Give what is certain of data where the first record stays open to the end of the file."""
        return self._split(data, at_end=True)

    def _give_up(self, data: bytes) -> Content:
        """Reject the line that starts a record longer than the limit: no more of it is certain."""
        reason = f"longer than {RECORD_BYTES_LIMIT >> 20} MiB"
        newline = data.find(b"\n")
        nothing = Lines.none()
        if newline >= 0:
            end = newline + 1
            return Content(data, end, nothing, None, [(0, end, f"{self.too_long} {reason}")])
        skipped = 0
        while b"\n" not in data and (more := len(data)):
            self._stream.advance(more)
            data, skipped = self._peek(1 << 20), skipped + more
        end = data.find(b"\n") + 1 or len(data)
        return Content(data, end, nothing, None, [(0, end, f"a line {reason}")], skipped)

    def _peek(self, size: int) -> bytes:
        return self._reading(lambda: self._stream.peek(size))

    def _look(self, size: int, beyond: int = 0) -> tuple[bytes, bool]:
        return self._reading(lambda: self._stream.look(size, beyond))

    def _reading(self, read: Callable[[], _T]) -> _T:
        try:
            return read()
        except (UnicodeError, OSError) as error:
            failed = error
        reason = getattr(failed, "strerror", None) or str(failed)
        return self.fail(self._line, f"cannot be read past this line: {reason}")

    def _next_size(self, content: Content, size: int) -> int:
        """Choose how many bytes to read for about `BLOCK_RECORDS` like the last ones."""
        records = len(content.lines) + len(content.broken)
        if not records:  # but many blank lines
            return min(self.options.block_bytes, 2 * size)
        return min(self.options.block_bytes, max(BLOCK_RECORDS * content.end // records, 1))


def _larger(size: int, left: int | None) -> int:
    """Choose how much to look at where a record is longer than a size; first up to a cut."""
    most = left if left is not None and left > size else RECORD_BYTES_LIMIT
    return min(2 * size, most, RECORD_BYTES_LIMIT)
