"""An output that is there already: what would be written is compared with it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, cast

from toolkit.errors import UsageError
from toolkit.files import is_there
from toolkit.records.record_blocks import BatchFile, Output
from toolkit.records.text_files.compression import compression_of
from toolkit.scoring.inputs.jobs import Job
from toolkit.scoring.outputs.byte_file import ByteFile
from toolkit.scoring.outputs.scored_output import ScoredOutput
from toolkit.scoring.summary import Summary


@contextmanager
def compare_output(job: Job, form: Output) -> Iterator[ScoredOutput]:
    """Give what is appended to as to an output, and raises `UsageError` where that differs.

    Nothing less shows that the same run has written it: the input, the model or an option may have
    changed so that only one record differs.
    """
    with ExitStack() as files:
        output = _ComparedOutput(job, form, files)
        try:
            yield output
        except BaseException:
            output.abandon()
            raise


class _ComparedOutput(ScoredOutput):
    """A file and its rejects, which are read, not written."""

    def __init__(self, job: Job, form: Output, files: ExitStack) -> None:
        self._output = files.enter_context(_Expected(job.output, job.output))
        rejects: IO[bytes] = io.BytesIO()
        kept = job.rejects_file
        self._has_rejects = kept is not None and is_there(kept)
        if kept is not None and self._has_rejects:
            rejects = cast(IO[bytes], files.enter_context(_Expected(kept, job.output)))
        self._job = job
        raw = cast(IO[bytes], self._output)
        file: BatchFile
        if form.open_file is None:
            file = ByteFile(raw, form, compression_of(job.output), is_new=True)
        else:
            file = form.open_file(raw, form.metadata)
        super().__init__(file, rejects, Summary())

    def finish(self) -> None:
        super().finish()
        self._output.check_end()
        if isinstance(self._rejects, _Expected):
            self._rejects.check_end()
        are_kept = self._job.rejects_file is not None
        if are_kept and bool(self.summary.rejected) != self._has_rejects:
            there = "are there" if self._has_rejects else "are missing"
            raise _differs(self._job.output, f"its rejects {there} ({self._job.rejected})")

    def abandon(self) -> None:
        """Leave the files as they are."""
        self._file.abandon()


class _Expected(io.RawIOBase):
    """A file to which only what it holds can be written."""

    def __init__(self, path: Path, output: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._path, self._of = path, output

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def close(self) -> None:
        self._file.close()
        super().close()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        wanted = memoryview(data)  # type: ignore[arg-type]
        start = self.tell()
        parts = bytearray()
        while len(parts) < len(wanted) and (part := self.read(len(wanted) - len(parts))):
            parts += part
        if parts != wanted:
            raise self._differs_from(start)
        return len(wanted)

    def check_end(self) -> None:
        """Raise `UsageError` unless all of it was written."""
        if self.read(1):
            raise self._differs_from(self.tell() - 1)

    def _differs_from(self, byte: int) -> UsageError:
        name = "" if self._path == self._of else f" ({self._path})"
        return _differs(self._of, f"it differs after byte {byte:,}{name}")


def _differs(output: Path, why: str) -> UsageError:
    return UsageError(
        f"{output}: exists already, and is not what this run would write: {why}. Choose another "
        "with --output, replace it with --force, or keep it with --skip-existing."
    )
