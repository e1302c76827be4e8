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

from toolkit.scoring.score_file import Progress as FileProgress

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
            rate = progress.records / (time.perf_counter() - started)
            bar.update(task, completed=progress.bytes_done, total=progress.bytes_in_all, rate=rate)

        yield update


def progress_lines(name: str) -> Callable[[FileProgress], None]:
    """Write a plain line every ten seconds."""
    started = last = time.perf_counter()

    def update(progress: FileProgress) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last < _SECONDS_BETWEEN_LINES or not progress.bytes_done:
            return
        last = now
        left = (now - started) * (progress.bytes_in_all / progress.bytes_done - 1)
        sys.stderr.write(
            f"{name}: {progress.bytes_done / progress.bytes_in_all:.0%}, "
            f"{progress.records:,} reviews, {progress.records / (now - started):,.0f}/s, "
            f"{left:,.0f} s left\n"
        )

    return update
