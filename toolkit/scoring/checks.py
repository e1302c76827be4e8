"""What the outputs, rejects and the report of a call must not replace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import compress
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import check_output_file, is_a_file, is_there, resolved
from toolkit.records.options import STDIN, is_stream
from toolkit.records.zip import file_of
from toolkit.scoring.jobs import Job, Jobs
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.output_names import default_rejected
from toolkit.stores.paths import is_in_store

_AT_ONCE = 16  # requests to a store


def check_job(job: Job, *, force: bool) -> None:
    """Raise `UsageError` if the files of a job cannot be written, or would replace its input.

    Files that are there already are an error, too, without ``force``.
    """
    if job.rejected == job.output == STDIN:
        raise UsageError(
            "--rejected -: the scored records go to standard output. Name a file for one of the "
            "two, with --output or --rejected."
        )
    if job.rejects_file is not None and resolved(job.rejects_file) == resolved(job.output):
        raise UsageError(f"--rejected {job.rejected}: is also the output. Choose another file.")
    check_not_input(job)
    for path, option in job.written():
        # Standard output needs no folder, unless a record is rejected.
        may_fail = job.output == STDIN and path == default_rejected(job.source, STDIN)
        if option == "--output" and not force and is_a_file(path):
            raise UsageError(
                f"{path}: exists already. Choose another with --output, replace it with --force, "
                "or keep it with --skip-existing."
            )
        check_output_file(path, force=force, option=option, may_fail=may_fail)


def check_not_input(job: Job) -> None:
    """Raise `UsageError` if a file of a job is its input."""
    for path, option in job.written():
        with suppress(OSError):  # not there, or cannot be read: reported when it is opened
            source = file_of(job.source)
            is_object = is_in_store(path) or is_in_store(source)
            if path == source if is_object else path.samefile(source):
                raise UsageError(f"{path}: is the input itself. Choose another with {option}.")


def check_absent(outputs: Sequence[Path]) -> None:
    """Raise `UsageError` if some outputs in a folder exist, before anything is scored."""
    there = [*compress(outputs, _are_there(outputs))]
    if there:
        more = f", and {len(there) - 1:,} more" if there[1:] else ""
        raise UsageError(
            f"{there[0]}: exists already{more}. Choose another folder with --output, or replace "
            "them with --force, or score only what is new with --skip-existing."
        )


def _are_there(paths: Sequence[Path]) -> Iterable[bool]:
    """Look at paths, at several at once in a store, which takes its time to answer."""
    if not any(map(is_in_store, paths)):
        return map(is_there, paths)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(is_there, paths))


def check_outputs(jobs: Sequence[Job]) -> None:
    """Raise `UsageError` if an output or rejects would replace a file of the same call."""
    sources = {name for job in jobs for name in _names(job.source)}
    written: dict[Path, str] = {}
    for job in jobs:
        for path, option in job.written():
            what = "output" if option == "--output" else "rejects"
            mine = f"{job.source}" if what == "output" else f"the rejects of {job.source}"
            if sources & _names(path):
                raise UsageError(
                    f"{path}: is an input, which the {what} of {job.source} would replace. Choose "
                    "another folder with --output."
                )
            other = written.setdefault(resolved(path), mine)
            if other != mine:
                raise UsageError(
                    f"{other} and {mine} would both be written to {path}. Score them in separate "
                    "calls."
                )


def check_report(report: Path, jobs: Sequence[Job], model: Path | None) -> None:
    """Raise `UsageError` if the report would replace another file or folder of the same call."""
    if report == STDIN:
        raise UsageError("--report: cannot go to standard output; name a file.")
    names = _names(report)
    for job in jobs:
        for path, what in (
            (model, "the model"),
            (job.source, "the input"),
            (job.output, "the output"),
            (job.rejects_file, "the file for rejects"),
        ):
            if path is not None and _names(path) & names:
                raise UsageError(f"--report {report}: is also {what}. Choose another file.")
        if resolved(report) in resolved(job.output).parents:
            raise UsageError(f"--report {report}: is a folder of the output. Choose another file.")


def check_model(model: Path, jobs: Sequence[Job]) -> None:
    """Raise `UsageError` if an output or rejects would replace the model."""
    names = _names(model)
    for job in jobs:
        for path, option in job.written():
            if _names(path) & names:
                raise UsageError(f"{option} {path}: is also the model. Choose another file.")


def _names(path: Path) -> set[Path | tuple[int, int]]:
    """Give what identifies a file: its path without links, and for hard links its number."""
    if is_in_store(path):
        return {file_of(path)}
    try:
        facts = file_of(path).stat()
    except OSError:  # not there, or not to be looked at
        return {resolved(path)}
    return {resolved(path), (facts.st_dev, facts.st_ino)}


def check_call(jobs: Jobs, options: ScoringOptions) -> None:
    """Raise `UsageError` if the options do not go together, or outputs would replace files."""
    files = [job for job in jobs.files if job.error is None]
    if options.resume and any(job.output == STDIN or is_stream(job.source) for job in files):
        raise UsageError("--resume does not work with standard input or output, nor with pipes.")
    if options.skip_existing and any(job.output == STDIN for job in files):
        raise UsageError("--skip-existing does not work with standard output.")
    if options.skip_existing and options.force:
        raise UsageError("--skip-existing keeps what is there: leave out it or --force.")
    if jobs.folder is not None:
        check_outputs(files)
    for job in files if jobs.is_single else ():
        check_not_input(job)
