"""How far a long command has come, for people; on standard error."""

from __future__ import annotations

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


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[FileProgress], None]]:
    """Draw a bar by bytes read, with the rate and the time left; it goes away at the end."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rate]:,.0f} reviews/s{task.fields[accuracy]}"),
        TimeRemainingColumn(),
    )
    started = time.perf_counter()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None, rate=0.0, accuracy="")

        def update(progress: FileProgress) -> None:
            rate = (progress.records - progress.resumed) / (time.perf_counter() - started)
            accuracy = progress.accuracy
            bar.update(
                task,
                completed=progress.bytes_done,
                total=progress.bytes_in_all,
                rate=rate,
                accuracy="" if accuracy is None else f", {accuracy:.2%} right",
            )

        yield update
