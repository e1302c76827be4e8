"""Join the parts of an output to what one run would have written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import InputError
from toolkit.files import is_there
from toolkit.scoring.jobs import Job
from toolkit.shards.claim import Part
from toolkit.shards.pieces import Piece

_READ_BYTES = 4 << 20

OnBytes = Callable[[int], None]  # called with the bytes of parts that were just read or copied


@dataclass(frozen=True)
class Range:
    """Some bytes of a file."""

    path: Path
    start: int
    stop: int
    is_whole: bool  # all bytes of the file

    @property
    def size(self) -> int:
        """The number of the bytes."""
        return self.stop - self.start


@dataclass(frozen=True)
class PlannedPart:
    """A part, and the piece that it is of."""

    part: Part
    piece: Piece
    job: Job

    def check(self) -> None:
        """Raise `InputError` if its file is not there, or of another size."""
        try:
            found = self.job.output.stat().st_size
        except FileNotFoundError:
            found = None
        if found != self.part.size:
            what = "is missing" if found is None else f"has {found:,} bytes"
            raise InputError(
                f"{self.job.output}: {what}, expected {self.part.size:,} bytes. Remove the claim "
                "of its shard, and score that again."
            )


def joined(parts: Sequence[PlannedPart]) -> Iterator[Range | bytes]:
    """Give the contents of an output: header, records of all parts, and the end of the last."""
    has_records = False
    for number, each in enumerate(parts):
        part, frame = each.part, each.part.frame
        start, stop = 0, part.size
        if frame is not None:
            start = frame.header if number else 0
            stop = part.size - (0 if each is parts[-1] else frame.trailer)
            records = part.summary.records > part.summary.rejected
            if number and records and has_records and frame.separator:
                yield frame.separator
            has_records |= records
        if start < stop:
            yield Range(each.job.output, start, stop, stop - start == part.size)


def content_of(
    ranges: Iterator[Range | bytes], on_bytes: OnBytes = lambda _: None
) -> Iterator[bytes]:
    """Read what `joined` gives, a few megabytes at a time."""
    for each in ranges:
        if isinstance(each, bytes):
            yield each
            continue
        with each.path.open("rb") as file:
            file.seek(each.start)
            left = each.stop - each.start
            while left:
                data = file.read(min(left, _READ_BYTES))
                if not data:
                    raise InputError(f"{each.path}: has become shorter while it was read.")
                left -= len(data)
                yield data
                on_bytes(len(data))


def rejects_of(parts: Sequence[PlannedPart]) -> Iterator[bytes]:
    """Give the lines of rejects, with the numbers that they have in the whole file.

    In a piece that was cut without reading what is before it, lines are counted from its start.
    """
    before: dict[int, int] = {}  # lines before the piece, by file
    for each in parts:
        piece, part = each.piece, each.part
        shift = before.get(piece.file, 0) if piece.stretch.counts_anew else 0
        if part.reached[1:]:
            before[piece.file] = shift + part.reached[1] - 1
        path = each.job.rejects_file
        if path is None or not part.summary.rejected:
            continue
        if not is_there(path):
            raise InputError(f"{path}: is missing. Score the shard again.")
        with path.open("rb") as file:
            for line in file:
                yield _shifted(line, shift) if shift else line


def _shifted(line: bytes, shift: int) -> bytes:
    reject = json.loads(line)
    name = "line" if "line" in reject else "record"
    reject[name] += shift
    return (json.dumps(reject, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
