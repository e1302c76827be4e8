"""Standard output, which cannot be continued."""

from __future__ import annotations

import shutil
import sys
from typing import IO

from toolkit.errors import OutputError, UsageError
from toolkit.files import atomic_file, check_output_file, is_there, reporting_failures
from toolkit.records.record_blocks import Output
from toolkit.scoring.blocks import ScoredBlock
from toolkit.scoring.outputs.byte_file import ByteFile
from toolkit.scoring.outputs.file_output import Work
from toolkit.scoring.outputs.publishing import STANDARD_OUTPUT
from toolkit.scoring.outputs.scored_output import ScoredOutput
from toolkit.scoring.summary import Summary


class StandardOutput(ScoredOutput):
    """Standard output, which cannot be continued, and a file of rejects if there are any."""

    def __init__(self, work: Work, form: Output, rejects: IO[bytes]) -> None:
        if form.open_file is not None:
            raise UsageError(
                "standard output: a Parquet file is written with --output, to a file with a name"
            )
        if sys.stdout is None:  # then other files have its number
            raise OutputError("standard output: is closed. Write to a file with --output")
        file = open(1, "wb", buffering=0, closefd=False)  # noqa: SIM115 (not closed)
        with reporting_failures(STANDARD_OUTPUT):
            super().__init__(ByteFile(file, form, None, is_new=True), rejects, Summary())
        self._work, self._journal, self._job = work, work.journal, work.journal.job

    def append(self, block: ScoredBlock) -> None:
        """Write a block."""
        with reporting_failures(STANDARD_OUTPUT):
            super().append(block)

    def _write_rejects(self, lines: bytes) -> None:
        try:
            self._rejects.write(lines)
        except OSError as error:
            raise OutputError(
                f"{self._job.rejected}: the rejected records are too many to be kept in memory, "
                f"and there is no temporary file: {error.strerror or error}. Set TMPDIR to a "
                "folder with enough space"
            ) from None

    def finish(self) -> None:
        """Write the end, and the file of rejects if there are any."""
        if self._work.source is not None:
            self._work.source.check()
        with reporting_failures(STANDARD_OUTPUT):
            super().finish()
        path = self._job.rejects_file
        if self.summary.rejected and path is not None:
            force = self._journal.may_replace(path) and is_there(path)
            try:
                check_output_file(path, force=force, option="--rejected")
            except UsageError as error:  # too late for a wrong call: the output is written
                raise OutputError(
                    f"{error} The scored records are written, the rejected ones are not."
                ) from None
            self._rejects.seek(0)
            with atomic_file(path, force=force) as partial, partial.open("wb") as copy:
                shutil.copyfileobj(self._rejects, copy)
