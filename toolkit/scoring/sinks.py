"""The file that scored blocks are appended to: of bytes, or Parquet."""

from __future__ import annotations

import os
import select
import stat
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.compression import compressed_nothing, compressor
from toolkit.records.review_file import Output, Place
from toolkit.scoring.flusher import Flusher
from toolkit.scoring.summary import Summary


@dataclass(frozen=True)
class ScoredBlock:
    """The records of a block, as they are written."""

    data: pa.Buffer | bytes | pa.RecordBatch
    rejects: bytes  # lines of JSON
    first_reject: tuple[int, str] | None  # its number, and the reason
    probability: pa.FloatArray  # of the records that could be read, null where there is no text
    summary: Summary
    following: Place
    ends_group: bool


class Sink(ABC):
    """An output that grows by a block at a time."""

    @abstractmethod
    def lengths(self) -> dict[str, int]:
        """Give the bytes of each file that a later run needs, by name, up to the last block."""

    @abstractmethod
    def append(self, block: ScoredBlock, *, is_replayed: bool = False) -> None:
        """Write a block, whose scores are kept already if it is replayed."""

    @abstractmethod
    def finish(self) -> None:
        """Write what follows the last block, and close the files."""

    @abstractmethod
    def abandon(self) -> None:
        """Close the files as they are."""


class ByteSink(Sink):
    """Bytes, which can be cut behind any block.

    Parameters
    ----------
    file : IO[bytes]
        Not buffered, and at the place where to write.
    output : Output
        What to write around the blocks.
    packing : str | None
        How to pack what stands around the blocks; they are packed already.
    is_new : bool
        Whether nothing is written yet.
    """

    name = "output"

    def __init__(
        self, file: IO[bytes], output: Output, packing: str | None, *, is_new: bool
    ) -> None:
        self._file = file
        self._output = output
        self._packing = packing
        self._length = 0 if is_new else file.tell()
        self._flusher = Flusher(file.fileno()) if _is_on_a_disk(file) else None
        if is_new:
            self._write(compressor(packing)(pa.py_buffer(output.header)))

    @classmethod
    def open(cls, path: Path, output: Output, packing: str | None, length: int | None) -> ByteSink:
        """Begin a file, or go on with one behind ``length`` bytes."""
        file = path.open("wb" if length is None else "r+b", buffering=0)
        if length is not None:
            file.truncate(length)
            file.seek(length)
        try:
            return cls(file, output, packing, is_new=length is None)
        except BaseException:
            file.close()
            raise

    def lengths(self) -> dict[str, int]:
        """Give the length of the file."""
        return {self.name: self._length}

    def append(self, block: ScoredBlock, *, is_replayed: bool = False) -> None:  # noqa: ARG002
        """Write the bytes of a block."""
        self._write(block.data)

    def finish(self) -> None:
        """Write the end."""
        self._write(compressor(self._packing)(pa.py_buffer(self._output.trailer())))
        if not self._length:
            self._write(compressed_nothing(self._packing))
        if self._flusher is not None:
            self._flusher.close()
        self._file.close()

    def abandon(self) -> None:
        """Close the file."""
        with suppress(OSError):  # which is why the file is abandoned
            if self._flusher is not None:
                self._flusher.close()
        self._file.close()

    def _write(self, data: bytes | pa.Buffer) -> None:
        write_all(self._file, data)
        self._length += len(data)
        if self._flusher is not None:
            self._flusher.wrote(len(data))


class ParquetSink(Sink):
    """A Parquet file, which is nothing without its end.

    So the scores are kept beside it: a run that goes on writes it from the start, without scoring
    again what was scored.

    Parameters
    ----------
    file : Path
        The Parquet file.
    scores : Path
        The scores.
    output : Output
        The schema and the compression.
    length : int | None
        Bytes of the scores that are complete; None begins them.
    """

    name = "scores"

    def __init__(self, file: Path, scores: Path, output: Output, length: int | None) -> None:
        self._file = file.open("wb")
        self._scores = scores.open("wb" if length is None else "r+b", buffering=0)
        if length is not None:
            self._scores.truncate(length)
            self._scores.seek(length)
        assert output.open_file is not None
        self._output = output.open_file(self._file)

    def lengths(self) -> dict[str, int]:
        """Give the length of the scores."""
        return {self.name: self._scores.tell()}

    def append(self, block: ScoredBlock, *, is_replayed: bool = False) -> None:
        """Put the records into the row group, and keep their scores."""
        self._output.append(block.data, ends_group=block.ends_group)
        if is_replayed:
            return
        values = pc.fill_null(block.probability, float("nan")).to_numpy()
        write_all(self._scores, np.uint32(len(values)).tobytes() + values.tobytes())

    def finish(self) -> None:
        """Write the last row group and the footer."""
        self._output.close()
        self._file.close()
        self._scores.close()

    def abandon(self) -> None:
        """Close the files."""
        self._output.abandon()
        with suppress(OSError):  # a full disk, which is why the file is abandoned
            self._file.close()
        self._scores.close()


def read_scores(path: Path, length: int) -> list[pa.FloatArray]:
    """Read the scores of the blocks that `ParquetSink` kept, null where there is no text."""
    data = path.read_bytes()[:length]
    blocks, at = [], 0
    while at < length:
        count = int(np.frombuffer(data, np.uint32, 1, at)[0])
        values = np.frombuffer(data, np.float32, count, at + 4)
        blocks.append(pa.array(values, mask=np.isnan(values)))
        at += 4 + 4 * count
    return blocks


def _is_on_a_disk(file: IO[bytes]) -> bool:
    """Whether it is a plain file: neither a pipe nor a device, which cannot be flushed."""
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def write_all(file: IO[bytes], data: bytes | pa.Buffer) -> None:
    """Write to a file that is not buffered, and may take less than it is given."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(file.fileno(), rest) :]
        except BlockingIOError:  # a pipe that does not wait, and is full
            select.select([], [file], [])
