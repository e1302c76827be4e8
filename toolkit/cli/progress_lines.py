"""How far a long command has come: lines for logs, or a bar; on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from toolkit.scoring.summary import Progress

_SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress_of(file: Path, *, quiet: bool) -> Iterator[Callable[[Progress], None] | None]:
    """Show a bar on a terminal, and a line every ten seconds elsewhere."""
    if quiet:
        yield None
    elif typer.get_text_stream("stderr").isatty():
        from toolkit.cli.progress import progress_bar

        with progress_bar(file.name) as on_progress:
            yield on_progress
    else:
        yield progress_lines(file.name)


def progress_lines(name: str) -> Callable[[Progress], None]:
    """Write a plain line every ten seconds, with the rate and the time left of the last ones."""
    started = time.perf_counter()
    last, before = started, Progress(0, 0, None)

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
        right = "" if progress.accuracy is None else f", {progress.accuracy:.2%} right"
        sys.stderr.write(
            f"{name}: {share}{progress.records:,} reviews, {rate:,.0f}/s{right}{left}\n"
        )
        last, before = last + seconds, progress

    return update
