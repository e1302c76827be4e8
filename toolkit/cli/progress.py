"""How far a file or a joining has come, on standard error: a bar on a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.cli import messages
from toolkit.scoring.summary import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import ProgressColumn

_SECONDS_BETWEEN_LINES = 10.0

OnProgress = Callable[[Progress], None]
OnJoined = Callable[[int, int], None]  # with the bytes so far, and those in all


@contextmanager
def progress_of(file: Path, *, quiet: bool) -> Iterator[OnProgress | None]:
    """Show a bar on a terminal, and a line every ten seconds elsewhere."""
    if quiet:
        yield None
    elif _is_terminal():
        with _bar(file.name) as on_progress:
            yield on_progress
    else:
        yield _lines(file.name)


@contextmanager
def progress_of_joining(output: Path, *, quiet: bool) -> Iterator[OnJoined]:
    """Show a bar on a terminal, and nothing elsewhere."""
    if quiet or not _is_terminal():
        yield lambda _, __: None
        return
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _drawn(DownloadColumn(), TransferSpeedColumn()) as bar:
        task = bar.add_task(output.name, total=None)
        yield lambda done, size: bar.update(task, completed=done, total=size)


def _is_terminal() -> bool:
    return sys.stderr.isatty() and not messages.is_json()


def _drawn(*columns: ProgressColumn) -> Bar:
    """Make a bar with a name, some columns and the time left; it disappears at the end."""
    from rich import progress as rich  # late: it takes 0.05 s
    from rich.console import Console

    return rich.Progress(
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(),
        *columns,
        rich.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


@contextmanager
def _bar(name: str) -> Iterator[OnProgress]:
    """Draw a bar by bytes read, with the rate."""
    from rich.progress import TaskProgressColumn, TextColumn

    rate = TextColumn("{task.fields[rate]:,.0f} reviews/s{task.fields[accuracy]}")
    started = time.perf_counter()
    with _drawn(TaskProgressColumn(), rate) as bar:
        task = bar.add_task(name, total=None, rate=0.0, accuracy="")

        def update(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.bytes_done,
                total=progress.bytes_in_all,
                rate=(progress.records - progress.resumed) / (time.perf_counter() - started),
                accuracy=_accuracy(progress),
            )

        yield update


def _lines(name: str) -> OnProgress:
    """Write a line every ten seconds, with the rate since the last one and the time left."""
    last, before = time.perf_counter(), Progress(0, 0, None)

    def update(progress: Progress) -> None:
        nonlocal last, before
        seconds = time.perf_counter() - last
        if seconds < _SECONDS_BETWEEN_LINES or progress.bytes_done == before.bytes_done:
            return
        done, total = progress.bytes_done, progress.bytes_in_all
        share, left = "", ""
        if total:
            share = f"{done / total:.0%}, "
            left = f", {seconds * (total - done) / (done - before.bytes_done):,.0f} s left"
        rate = (progress.records - max(before.records, progress.resumed)) / seconds
        messages.say(
            f"{name}: {share}{progress.records:,} reviews, {rate:,.0f}/s"
            f"{_accuracy(progress)}{left}",
            "progress", file=name, records=progress.records, bytes=done, bytes_in_all=total,
            records_per_second=round(rate, 1),
        )  # fmt: skip
        last, before = last + seconds, progress

    return update


def _accuracy(progress: Progress) -> str:
    return "" if progress.accuracy is None else f", {progress.accuracy:.2%} right"
