"""The file that scored blocks are appended to: of bytes, or Parquet."""

from __future__ import annotations

import os
import select
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.compression import compressed_nothing, compressor
from toolkit.records.review_file import Output
from toolkit.scoring.blocks import ScoredBlock

OUTPUT, SCORES = "output", "scores"  # names of the files while they are not complete


class ByteSink:
    """Bytes, which can be cut after any block."""

    def __init__(self, file: IO[bytes], form: Output, compression: str | None, length: int) -> None:
        """Start a file that is not buffered, or continue it after so many bytes."""
        self._file = file
        self._form = form
        self._compress = compressor(compression)
        self._compression = compression
        self._length = length
        if not length:
            self._write(self._compress(pa.py_buffer(form.header)))

    def lengths(self) -> dict[str, int]:
        """Give the bytes of each file that a later run needs, by name, up to the last block."""
        return {OUTPUT: self._length}

    def append(self, block: ScoredBlock, *, is_replayed: bool) -> None:  # noqa: ARG002
        """Write a block; its scores are kept already if it is replayed."""
        self._write(block.data)

    def finish(self) -> None:
        """Write what comes after the last block, and close the files."""
        self._write(self._compress(pa.py_buffer(self._form.trailer())))
        if not self._length:
            self._write(compressed_nothing(self._compression))
        self._file.close()

    def abandon(self) -> None:
        """Close the files as they are."""
        self._file.close()

    def _write(self, data: bytes | pa.Buffer) -> None:
        write_all(self._file, data)
        self._length += len(data)


class ParquetSink:
    """A Parquet file, which is nothing without its end.

    So the scores are kept beside it: a run that continues writes it from the start, without scoring
    again what was scored.
    """

    def __init__(self, file: IO[bytes], form: Output, scores: IO[bytes]) -> None:
        self._file = file
        self._scores = scores
        assert form.open_file is not None
        self._output = form.open_file(file)

    def lengths(self) -> dict[str, int]:
        """Give the bytes of each file that a later run needs, by name, up to the last block."""
        return {SCORES: self._scores.tell()}

    def append(self, block: ScoredBlock, *, is_replayed: bool) -> None:
        """Write a block; its scores are kept already if it is replayed."""
        self._output.append(block.data, ends_group=block.ends_group)
        if not is_replayed:
            values = pc.fill_null(block.probability, float("nan")).to_numpy()
            write_all(self._scores, np.uint32(len(values)).tobytes() + values.tobytes())

    def finish(self) -> None:
        """Write what comes after the last block, and close the files."""
        self._output.close()
        self._file.close()
        self._scores.close()

    def abandon(self) -> None:
        """Close the files as they are."""
        self._output.abandon()
        with suppress(OSError):  # a full disk, which is why the file is abandoned
            self._file.close()
        self._scores.close()


def read_scores(path: Path, length: int) -> list[pa.FloatArray]:
    """Read the scores of the blocks that a Parquet file keeps, null where there is no text."""
    data = path.read_bytes()[:length]
    blocks, at = [], 0
    while at < length:
        count = int(np.frombuffer(data, np.uint32, 1, at)[0])
        values = np.frombuffer(data, np.float32, count, at + 4)
        blocks.append(pa.array(values, mask=np.isnan(values)))
        at += 4 + 4 * count
    return blocks


def write_all(file: IO[bytes], data: bytes | pa.Buffer) -> None:
    """Write to a file that is not buffered, and may take less than it is given."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(file.fileno(), rest) :]
        except BlockingIOError:  # a pipe that does not wait, and is full
            select.select([], [file], [])
