"""Scored records on standard output, which cannot be gone on with."""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryFile

from toolkit.errors import OutputError, UsageError
from toolkit.files import atomic_file, reporting_failures
from toolkit.records.review_file import Output
from toolkit.scoring.sinks import ByteSink, ScoredBlock
from toolkit.scoring.target import Places, Target


class StandardOutput(Target):
    """Standard output, and a file of rejects if there are any.

    Parameters
    ----------
    places : Places
        Where the rejects go.
    output : Output
        What to write.
    """

    def __init__(self, places: Places, output: Output) -> None:
        super().__init__()
        if output.open_file is not None:
            raise UsageError(
                "standard output: a Parquet file is written with --output, to a file with a name"
            )
        if sys.stdout is None:  # then other files have its number
            raise OutputError("standard output: is closed. Write to a file with --output")
        self._places = places
        self._began = time.monotonic()
        self._file = open(1, "wb", buffering=0, closefd=False)  # noqa: SIM115 (never closed)
        with reporting_failures(Path("standard output")):
            self._sink = ByteSink(self._file, output, None, is_new=True)
        self._rejects = TemporaryFile()  # noqa: SIM115 (closed by `close`)

    def close(self) -> None:
        """Remove the rejects that are not in their place."""
        self._rejects.close()

    def append(self, block: ScoredBlock) -> None:
        """Write a block."""
        with reporting_failures(Path("standard output")):
            self._sink.append(block)
        self._rejects.write(block.rejects)
        self.summary += block.summary
        self.summary.seconds = time.monotonic() - self._began

    def finish(self) -> None:
        """Write the end, and the file of rejects."""
        with reporting_failures(Path("standard output")):
            self._sink.finish()
        if not self.summary.rejected:
            return
        self._rejects.seek(0)
        with atomic_file(self._places.rejected, force=True) as partial, partial.open("wb") as file:
            shutil.copyfileobj(self._rejects, file)
