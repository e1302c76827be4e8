"""The report of `toolkit score`: a JSON file on the run, its options and each file.

It is written however the run ends.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import typer

from toolkit import __version__
from toolkit.cli import console as messages
from toolkit.cli.process import EXIT_REJECTED, Failure, Interrupted
from toolkit.errors import ToolkitError
from toolkit.stores.paths import is_in_store

if TYPE_CHECKING:
    from toolkit.scoring.jobs import Jobs
    from toolkit.scoring.results import FileResult, ScoringModel


# The status of a run or of a file.
DONE = "done"
DONE_WITH_REJECTS = "done_with_rejects"
FAILED = "failed"
INTERRUPTED = "interrupted"
SKIPPED = "skipped"  # of a file whose output existed


def entry_of(result: FileResult, status: str) -> dict[str, Any]:
    """Return the entry of a file; `status` is the status of the run."""
    job = result.job
    source = result.source
    has_rejects_file = result.summary.rejected > 0 and job.rejects_file is not None
    content = {
        "input": str(job.source),
        "format": source.format,
        "compression": source.compression,
        "size": source.size,
        "modified": source.modified,
        "columns": dict(result.columns),
        "output": str(job.output),
        "job_id": result.job_id,
        "rejected_file": str(job.rejects_file) if has_rejects_file else None,
        "prior": None if result.prior is None else vars(result.prior),
        "warnings": result.warnings,
    }
    if result.is_done:
        file_status = DONE_WITH_REJECTS if result.summary.rejected else DONE
        return {**content, "status": file_status, "error": None, **result.summary.as_dict()}
    if result.is_skipped and result.error is None:
        # With the counts of the run that wrote the output, if they are known.
        counts = result.summary.as_dict() if result.is_answered else {}
        return {**content, "status": SKIPPED, "error": None, **counts}
    if result.error is None:  # the run ended before the file was done
        return {**content, "status": status, "error": None}
    return {**content, "status": FAILED, "error": result.error}


def options_of(context: typer.Context) -> dict[str, Any]:
    """Return all options by their names on the command line, with the defaults of the others."""
    options = {}
    for parameter in context.command.params:
        name = max(parameter.opts, key=len).lstrip("-").replace("-", "_")
        if parameter.name in context.params and name != "help":
            options[name] = context.params[parameter.name]
    return options


FORMAT_VERSION = 1


class RunReport:
    """The facts of a run so far. As a context manager, it writes the report when the run ends.

    The report is written only after `allow` or `allow_early` has checked that it replaces no other
    file of the user.
    """

    current: RunReport | None = None  # of this process

    def __init__(self, path: Path | None, context: typer.Context) -> None:
        self.path = path
        self.options = options_of(context)
        self.run_id = str(uuid4())
        self.scorer: ScoringModel | None = None
        self.job_id: str | None = None  # of a job in shards
        self.shard: str | None = None  # of that job, such as 3/16
        self.results: list[FileResult] = []
        self.removed: list[str] = []  # by `toolkit finish --clean`
        self.errors: list[str] = []  # of the run as a whole
        self._started = datetime.now(UTC)
        self._began = time.monotonic()
        self._is_allowed = False

    def __enter__(self) -> Self:
        RunReport.current = self
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        RunReport.current = None
        try:
            self.write(error)
        except (OSError, ToolkitError, MemoryError) as failed:
            if error is None:
                raise
            if isinstance(error, Exception) and not isinstance(error, typer.Exit):
                error.add_note(f"The report cannot be written, either: {failed}")

    @property
    def seconds(self) -> float:
        """Seconds since the start of the run."""
        return time.monotonic() - self._began

    def allow_early(self, *others: str | None) -> None:
        """Allow the report, before the files of the run are known, if it can replace nothing.

        `others` are the other paths of the call; a report with the same path is not allowed.
        """
        if self.path is None or str(self.path) in ("-", *others):
            return
        with suppress(OSError, ValueError):
            if self.path.is_symlink():
                return
            if self.path.exists():
                self._is_allowed = is_report(self.path)
            else:
                self._is_allowed = is_in_store(self.path) or self.path.parent.is_dir()
            if self._is_allowed:
                self.path.unlink(missing_ok=True)  # the report of an earlier run

    def allow(self, jobs: Jobs, model: Path | None, *, force: bool) -> None:
        """Allow the report; raise `UsageError` if it is one of the files of the call."""
        from toolkit.files import check_output_file, resolved
        from toolkit.scoring.jobs import check_apart

        self._is_allowed = False
        check_apart(jobs.files, model, self.path)
        if self.path is None:
            return
        check_output_file(self.path, force=force or is_report(self.path), option="--report")
        self._is_allowed = True
        resolved(self.path).unlink(missing_ok=True)

    def write(self, error: BaseException | None) -> None:
        """Write the report, if it is allowed."""
        if self.path is None or not self._is_allowed:
            return
        from toolkit.files import atomic_file

        content = self._content(error)
        with atomic_file(self.path, force=True) as partial:
            text = json.dumps(messages.for_json(content), indent=2)
            partial.write_text(f"{text}\n", encoding="utf-8")

    def _content(self, error: BaseException | None) -> dict[str, Any]:
        status, code, message = self._ending(error)
        scorer = self.scorer
        files = [entry_of(result, status) for result in self.results]
        return {
            "format_version": FORMAT_VERSION,
            "toolkit_version": __version__,
            "run_id": self.run_id,
            "job_id": self.job_id,
            "shard": self.shard,
            "status": status,
            "exit_code": code,
            "error": message,
            "started": self._started.isoformat(timespec="milliseconds"),
            "ended": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **self._counts(),
            "seconds": round(self.seconds, 3),
            "model": scorer and scorer.identity,
            "neutral_range": scorer and scorer.neutral and [round(e, 7) for e in scorer.neutral],
            "by_sentence": scorer and scorer.by_sentence,
            "prior": scorer and scorer.prior,
            "options": self.options,
            "removed": [*self.removed, *(e for each in self.results for e in each.removed)],
            "files": files,
        }

    def _counts(self) -> dict[str, Any]:
        """Return the sums over all files and warnings; {} without files, so as not to import."""
        if not self.results:
            return {}
        from toolkit.scoring.results import total, unsure_warning

        summary = total([each for each in self.results if each.is_done or each.is_skipped])
        # As on the console: a single shard does not warn, as only all shards together count.
        warning = None if self.shard else unsure_warning(summary, self.scorer)
        adjusted = self.scorer and self.scorer.adjusted_share(summary)
        warnings = [warning] if warning else []
        return {**summary.as_dict(), "adjusted_share": adjusted, "warnings": warnings}

    def _ending(self, error: BaseException | None) -> tuple[str, int, str | None]:
        """Return status, exit code and message."""
        if isinstance(error, typer.Exit):
            code = error.exit_code
            if code == EXIT_REJECTED:
                return DONE_WITH_REJECTS, code, None
            return FAILED, code, " ".join(self.errors)
        if error is None:  # also for a shard with rejects
            rejected = any(result.summary.rejected for result in self.results)
            return DONE_WITH_REJECTS if rejected else DONE, 0, None
        failure = Failure.of(error)
        is_stopped = isinstance(error, Interrupted) or failure.is_silent
        return INTERRUPTED if is_stopped else FAILED, failure.exit_code, failure.message


def end_report(error: BaseException) -> None:
    """Write the report of this process, which ends now; ignore failures."""
    if RunReport.current is not None:
        with suppress(Exception):
            RunReport.current.write(error)


def is_report(path: Path) -> bool:
    """Check whether a file is a report of `toolkit score`, which the next run may replace."""
    if not path.is_file():  # reading a pipe or a device may never end
        return False
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"run_id", "status", "files"} <= content.keys()
