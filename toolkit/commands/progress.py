"""How far a long command has come, for people and for logs; on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from toolkit.scoring.summary import Progress as FileProgress

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[FileProgress], None]]:
    """Draw a bar by bytes read, with the rate and the time left; it goes away at the end."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]:,.0f} reviews/s"),
        TimeRemainingColumn(),
    )
    started = time.perf_counter()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, rate=0.0)

        def update(progress: FileProgress) -> None:
            rate = (progress.records - progress.resumed) / (time.perf_counter() - started)
            bar.update(task, completed=progress.bytes_done, total=progress.bytes_in_all, rate=rate)

        yield update


def progress_lines(name: str) -> Callable[[FileProgress], None]:
    """Write a plain line every ten seconds, with the rate and the time left of the last ones."""
    started = time.perf_counter()
    last, before = started, FileProgress(0, 0, None)

    def update(progress: FileProgress) -> None:
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
        sys.stderr.write(f"{name}: {share}{progress.records:,} reviews, {rate:,.0f}/s{left}\n")
        last, before = last + seconds, progress

    return update
