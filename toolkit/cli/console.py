"""The output of commands: messages on standard error, text for the terminal, and progress.

Messages are lines for people, or one JSON object per line. Progress is a bar on a terminal. Views
share a console, and the formats of names and numbers.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime
from io import BufferedWriter, FileIO, RawIOBase, TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from toolkit.errors import counted
from toolkit.stores.location import masked

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from toolkit.scoring.file_run import Progress


# Also characters that change the direction of a line, which can show a false name.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def new_console() -> Console:
    """Make a console that prints text without markup; ? replaces what it cannot encode."""
    from rich.console import Console

    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    return Console(highlight=False, markup=False, emoji=False)


def fact_table(rows: Iterable[tuple[str, str]]) -> Table:
    """Make a table of names and facts, in two columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(f"  {name}", Text(one_line(value)))
    return table


def fact_lines(rows: Iterable[tuple[str, str]]) -> str:
    """Return a line for each name and fact; lines may be longer than the terminal is wide."""
    return "\n".join(f"  {name:<13} {one_line(value)}" for name, value in rows)


def one_line(message: str) -> str:
    r"""Escape control characters, as ``\n`` in a file name, and mask passwords in addresses."""
    return _CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), masked(message))


def for_json(value: Any) -> Any:
    """Return a value that can be written as JSON in UTF-8, with passwords in addresses masked."""
    if isinstance(value, dict):
        return {key: for_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [*map(for_json, value)]
    if value is None or isinstance(value, int | float):
        return value
    return masked(str(value)).encode("utf-8", "backslashreplace").decode()


def shortened(text: str, letters: int) -> str:
    """Cut a text to a number of characters; a cut text ends with ``…``."""
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def not_read(ignored: int, links: Sequence[object]) -> Iterator[tuple[str, str]]:
    """Report files and links in folders that are not read."""
    if ignored:
        yield "ignored", f"{counted(ignored, 'file')} of unknown format"
    if links:
        yield "not followed", f"{counted(len(links), 'link')} to folders, such as {links[0]}"


_state = {"json": False}


def use_json(wanted: bool) -> None:
    """Choose JSON or text for all messages from now on."""
    _state["json"] = wanted
    if wanted:
        warnings.showwarning = _show_warning  # type: ignore[assignment]


def is_json() -> bool:
    """Return whether messages are JSON."""
    return _state["json"]


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Check whether a command line asks for JSON; it is not parsed yet, and may be invalid."""
    given = [*arguments, ""]
    return "--log-format=json" in given or any(
        name == "--log-format" and value == "json" for name, value in pairwise(given)
    )


def say(text: str, event: str, *, level: str = "info", bold: bool = False, **facts: Any) -> None:
    """Write one message: the text, or, in JSON, the facts instead of the text."""
    if is_json():
        sys.stderr.write(json_line(event, level, **facts))
        sys.stderr.flush()
    else:
        typer.secho(text, bold=bold, err=True)


def error(message: str, exit_code: int) -> None:
    """Write an error message."""
    sys.stderr.write(error_line(message, exit_code))
    sys.stderr.flush()


def error_line(message: str, exit_code: int) -> str:
    """Return the line of an error message."""
    if is_json():
        return json_line("error", "error", message=message, exit_code=exit_code)
    return f"error: {one_line(message)}\n"


def warning(message: str, **facts: Any) -> None:
    """Write a warning."""
    say(f"warning: {one_line(message)}", "warning", level="warning", message=message, **facts)


def json_line(event: str, level: str, **facts: Any) -> str:
    """Return a message as a line of JSON."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    content = {"time": now, "level": level, "event": event, **facts}
    return json.dumps(for_json(content)) + "\n"


def forgive_standard_error() -> None:
    """Ignore failures of standard error: it may be full, or closed by its reader."""
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = _forgiving(sys.stderr.fileno(), sys.stderr.encoding, closefd=False)


class ClosedOutput(RawIOBase):
    """Stands for a standard output that was closed before the start; notes whether it was used."""

    was_used = False

    def writable(self) -> bool:
        """Return True, as text streams expect."""
        return True

    def write(self, data: Any, /) -> int:
        """Drop some bytes."""
        self.was_used = True
        return memoryview(data).nbytes

    def report(self) -> int:
        """Report that output was lost, if any; return the exit code."""
        if not self.was_used:
            return 0
        error("standard output: is closed. Send it to a file, as in > out.txt", 1)
        return 1


def replace_closed_output() -> ClosedOutput:
    """Replace standard output if it is closed, as by ``>&-``; else return an unused object."""
    closed = ClosedOutput()
    if sys.stdout is None:
        sys.stdout = TextIOWrapper(
            BufferedWriter(closed), "utf-8", "backslashreplace", write_through=True
        )
    return closed


@contextmanager
def only_own_messages() -> Iterator[None]:
    """Drop the messages of a library; messages of this program still go to standard error.

    The library may write to standard output, or to the file descriptor of standard error.
    """
    own = sys.stderr
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    mine = _forgiving(kept, own.encoding)
    nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (closed last)
    os.dup2(nowhere.fileno(), 2)
    sys.stderr = mine
    try:
        with redirect_stdout(nowhere):
            yield
    finally:
        os.dup2(kept, 2)
        sys.stderr = own
        for each in (mine, nowhere):
            with suppress(OSError, ValueError):
                each.close()


def _forgiving(number: int, encoding: str, *, closefd: bool = True) -> TextIOWrapper:
    file = _Forgiving(number, "w", closefd=closefd)
    return TextIOWrapper(
        file, encoding, "backslashreplace", line_buffering=True, write_through=True
    )


class _Forgiving(FileIO):
    """A file that ignores failed writes."""

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view):
                done += os.write(self.fileno(), view[done:])
        except OSError:
            pass
        return len(view)


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    warning(str(message), category=category.__name__)


_SECONDS_BETWEEN_LINES = 10.0

OnProgress = Callable[["Progress"], None]


@contextmanager
def progress_of(file: Path, *, quiet: bool) -> Iterator[OnProgress | None]:
    """Show progress: a bar on a terminal, otherwise a line every ten seconds."""
    if quiet:
        yield None
    elif sys.stderr.isatty() and not is_json():
        with _bar(one_line(file.name)) as on_progress:
            yield on_progress
    else:
        yield _lines(file.name)


@contextmanager
def _bar(name: str) -> Iterator[OnProgress]:
    """Draw a bar by bytes read, with the rate and the time left; it disappears at the end."""
    from rich import progress as rich  # late: it takes 0.05 s
    from rich.console import Console

    started = time.perf_counter()
    with rich.Progress(
        rich.TextColumn("{task.description}", markup=False),
        rich.BarColumn(),
        rich.TaskProgressColumn(),
        rich.TextColumn("{task.fields[rate]:,.0f} reviews/s{task.fields[accuracy]}"),
        rich.TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as bar:
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
    from toolkit.scoring.file_run import Progress  # late: it imports NumPy

    last = time.perf_counter()
    before = Progress(0, 0, None)

    def update(progress: Progress) -> None:
        nonlocal last, before
        seconds = time.perf_counter() - last
        if seconds < _SECONDS_BETWEEN_LINES or progress.bytes_done == before.bytes_done:
            return
        done = progress.bytes_done
        total = progress.bytes_in_all
        share = ""
        left = ""
        if total:
            share = f"{done / total:.0%}, "
            left = f", {seconds * (total - done) / (done - before.bytes_done):,.0f} s left"
        rate = (progress.records - max(before.records, progress.resumed)) / seconds
        say(
            f"{one_line(name)}: {share}{progress.records:,} reviews, {rate:,.0f}/s"
            f"{_accuracy(progress)}{left}",
            "progress",
            file=name,
            records=progress.records,
            bytes=done,
            bytes_in_all=total,
            records_per_second=round(rate, 1),
        )
        last = last + seconds
        before = progress

    return update


def _accuracy(progress: Progress) -> str:
    return "" if progress.accuracy is None else f", {progress.accuracy:.2%} right"
