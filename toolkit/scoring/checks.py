"""What a call must not replace: its own files, and files that are there already."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import check_output_file, is_there, resolved
from toolkit.records.read_options import STDIN
from toolkit.scoring.jobs import Job


def check_job(job: Job, *, replace: bool) -> None:
    """Raise `UsageError` if the files of a job cannot be written, or would replace its input.

    Files that are there already are an error, too, unless ``replace``.
    """
    if job.rejected == STDIN:
        raise UsageError("--rejected: these records cannot go to standard output; name a file.")
    if resolved(job.rejected) == resolved(job.output):
        raise UsageError(f"{job.rejected}: is the output, too. Choose another with --rejected.")
    for path, option in ((job.output, "--output"), (job.rejected, "--rejected")):
        if path == STDIN:
            continue
        with suppress(OSError):  # not there, or cannot be read: reported when it is opened
            if path.samefile(job.source):
                raise UsageError(f"{path}: is the input itself. Choose another with {option}.")
        check_output_file(path, force=replace, option=option)


def check_absent(outputs: Sequence[Path]) -> None:
    """Raise `UsageError` if some outputs in a folder exist, before anything is scored."""
    there = [output for output in outputs if is_there(output)]
    if there:
        more = f", and {len(there) - 1:,} more" if there[1:] else ""
        raise UsageError(
            f"{there[0]}: exists already{more}. Choose another folder with --output, or replace "
            "them with --force."
        )


def check_outputs(jobs: Sequence[Job]) -> None:
    """Raise `UsageError` if an output or rejects would replace a file of the same call."""
    sources = {name for job in jobs for name in _names(job.source)}
    written: dict[Path, str] = {}
    for job in jobs:
        for path, what in ((job.output, "output"), (job.rejected, "rejects")):
            mine = f"the {what} of {job.source}"
            if sources & _names(path):
                raise UsageError(
                    f"{path}: is an input, which {mine} would replace. Choose another folder with "
                    "--output."
                )
            other = written.setdefault(resolved(path), mine)
            if other != mine:
                raise UsageError(
                    f"{path}: would be {other} and {mine}. Score them in separate calls."
                )


def check_report(report: Path, jobs: Sequence[Job], model: Path | None) -> None:
    """Raise `UsageError` if the report would replace another file of the same call."""
    if report == STDIN:
        raise UsageError("--report: cannot go to standard output; name a file.")
    others = [path for job in jobs for path in (job.source, job.output, job.rejected)]
    for path in [*([] if model is None else [model]), *others]:
        if _names(path) & _names(report):
            raise UsageError(f"{report}: is {path}, too. Choose another with --report.")


def _names(path: Path) -> set[Path | tuple[int, int]]:
    """Give what identifies a file: its path without links, and for hard links its number."""
    try:
        facts = path.stat()
    except OSError:  # not there, or not to be looked at
        return {resolved(path)}
    return {resolved(path), (facts.st_dev, facts.st_ino)}
