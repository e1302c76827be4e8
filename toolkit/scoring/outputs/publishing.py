"""The end of a run: complete files get their names, and replace nothing that they must not."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

from toolkit.errors import OutputError
from toolkit.files import (
    is_in_store,
    is_link_or_there,
    is_same,
    is_there,
    place,
    reporting_failures,
    resolved,
)
from toolkit.records.read_options import STDIN
from toolkit.scoring.resuming.journal import OUTPUT, REJECTED, Journal
from toolkit.scoring.summary import Summary
from toolkit.signals import held_back

STANDARD_OUTPUT = Path("standard output")


class FileAppearedError(OutputError):
    """A file has come to the place of an output while it was written."""


def publish(journal: Journal, summary: Summary) -> None:
    """Move the files of a complete output to their places, or do what is left of that.

    Raises `FileAppearedError` if another file is there, and must not be replaced; the complete
    output is kept then, so that a later run only has to move it.
    """
    job, output, rejects = journal.job, journal.folder / OUTPUT, journal.folder / REJECTED
    if job.rejected == STDIN and is_there(output):
        _show(rejects)  # whose reader may wait, so before signals are held back
    # An upload may take long, so it can be interrupted; a later run with `resume` continues it.
    with nullcontext() if is_in_store(job.output) else held_back():
        if is_there(output):  # the last one that is moved
            if is_there(job.output):
                _check_free(journal, job.output, output)
            if job.rejects_file is not None:
                _publish_rejects(journal, job.rejects_file, rejects, summary)
            _place(journal, output, job.output, journal.note_placed)
        journal.drop_files()


def _publish_rejects(journal: Journal, target: Path, rejects: Path, summary: Summary) -> None:
    if summary.rejected and is_there(rejects):
        with reporting_failures(target):
            _place(journal, rejects, target)
    elif not summary.rejected and is_there(target) and journal.may_replace(target):
        resolved(target).unlink()  # of a run that is replaced


def _show(rejects: Path) -> None:
    """Write rejects to standard output, which is not a file of the run."""
    if sys.stdout is None:
        raise OutputError("standard output: is closed. Name a file with --rejected")
    with (
        reporting_failures(STANDARD_OUTPUT),
        suppress(BrokenPipeError),  # a reader that has seen enough: the run is not undone
        rejects.open("rb") as file,
        open(1, "wb", closefd=False) as copy,
    ):
        shutil.copyfileobj(file, copy)


def _place(
    journal: Journal, source: Path, target: Path, on_upload: Callable[[], None] = lambda: None
) -> None:
    """Give a file its place."""
    try:
        place(source, target, force=journal.may_replace(target), on_upload=on_upload)
    except FileExistsError:
        _check_free(journal, target, source)
        raise


def _check_free(journal: Journal, target: Path, source: Path) -> None:
    found = resolved(target)
    if not is_link_or_there(found) or journal.may_replace(target) or is_same(source, found):
        return
    if found.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(found))
    what = "an object" if is_in_store(found) else "a file"
    raise FileAppearedError(
        f"{target}: {what} has appeared here during the run, and is not replaced. Move it away, or "
        "add --force to --resume"
    )
