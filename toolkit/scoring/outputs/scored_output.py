"""An output that grows by a block at a time, whatever it is written to."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import IO

import pyarrow as pa

from toolkit.records.record_blocks import BatchFile, Place
from toolkit.scoring.blocks import ScoredBlock
from toolkit.scoring.outputs.byte_file import ByteFile, Frame, write_all
from toolkit.scoring.summary import Summary


class ScoredOutput:
    """An output, its rejects and its counts, growing by a block at a time."""

    start: Place = ()  # where in the input to start
    saved: Sequence[pa.RecordBatch] = ()  # numbers of the first blocks, where they are known

    def __init__(self, file: BatchFile, rejects: IO[bytes], before: Summary) -> None:
        self.summary = before  # of what is written
        self._file = file
        self._rejects = rejects
        self._blocks = 0
        self.reached: Place = ()  # in the input, after the last block
        self._began = time.monotonic() - before.seconds

    def append(self, block: ScoredBlock) -> None:
        """Write a block."""
        self._file.append(block.data, ends_group=block.ends_group)
        self._write_rejects(block.rejects)
        self.summary += block.summary
        self.summary.seconds = time.monotonic() - self._began
        self._blocks += 1
        self.reached = block.following

    @property
    def frame(self) -> Frame | None:
        """Tell what is around the records, when all is written; None if they are not bytes."""
        return self._file.frame if isinstance(self._file, ByteFile) else None

    def first_reject(self) -> str | None:
        """Say where the first reject is, and why; also one that an earlier run has found."""
        at = self._rejects.tell()
        self._rejects.seek(0)
        found = json.loads(_first_line(self._rejects) or b"{}")
        self._rejects.seek(at)
        what = "line" if "line" in found else "record"
        return f"{what} {found[what]:,}: {found['reason']}" if found else None

    def _write_rejects(self, lines: bytes) -> None:
        write_all(self._rejects, lines)

    def finish(self) -> None:
        """Write the end, and put everything in its place."""
        self._file.close()


def _first_line(file: IO[bytes]) -> bytes:
    parts = []
    while part := file.read(1 << 16):
        parts.append(part)
        if b"\n" in part:
            break
    return b"".join(parts).partition(b"\n")[0]
