"""What a command says on standard error: lines for people, or one JSON object per line."""

from __future__ import annotations

import json
import os
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from datetime import UTC, datetime
from io import FileIO, TextIOWrapper
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer

from toolkit.cli.terminal import one_line

_state = {"json": False}


def use_json(wanted: bool) -> None:
    """Choose JSON or text for all that follows."""
    _state["json"] = wanted
    if wanted:
        warnings.showwarning = _show_warning  # type: ignore[assignment]


def is_json() -> bool:
    """Whether messages are JSON."""
    return _state["json"]


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for JSON; known before it is parsed, which may fail."""
    given = [*arguments, ""]
    return "--log-format=json" in given or any(
        name == "--log-format" and value == "json" for name, value in pairwise(given)
    )


def say(text: str, event: str, *, level: str = "info", bold: bool = False, **facts: Any) -> None:
    """Write one message: the text (without its facts), or the facts as JSON (without the text)."""
    if is_json():
        sys.stderr.write(json_line(event, level, **facts))
        sys.stderr.flush()
    else:
        typer.secho(text, bold=bold, err=True)


def error(message: str, exit_code: int) -> None:
    """Say what has failed."""
    sys.stderr.write(error_line(message, exit_code))
    sys.stderr.flush()


def error_line(message: str, exit_code: int) -> str:
    """Give the line that says what has failed."""
    if is_json():
        return json_line("error", "error", message=message, exit_code=exit_code)
    return f"error: {one_line(message)}\n"


def warning(message: str, **facts: Any) -> None:
    """Say what may be wrong."""
    say(f"warning: {one_line(message)}", "warning", level="warning", message=message, **facts)


def json_line(event: str, level: str, **facts: Any) -> str:
    """Give a message as a line of JSON."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return json.dumps({"time": now, "level": level, "event": event, **facts}) + "\n"


def forgive_standard_error() -> None:
    """Let nothing fail because standard error is full or was closed by its reader."""
    if isinstance(sys.stderr, TextIOWrapper):
        sys.stderr = TextIOWrapper(
            _Forgiving(sys.stderr.fileno(), "w", closefd=False),
            sys.stderr.encoding,
            "backslashreplace",
            line_buffering=True,
            write_through=True,
        )


@contextmanager
def only_own_messages(threads: str) -> Iterator[None]:
    """Drop what a library says; messages of this program still go to standard error.

    The library writes to standard output, or to standard error past Python, or to both in threads
    whose names begin in some way.
    """
    own = sys.stderr
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    mine = TextIOWrapper(
        _WithoutThreads(kept, threads), own.encoding, "backslashreplace", line_buffering=True,
        write_through=True,
    )  # fmt: skip
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


class _Forgiving(FileIO):
    """A file that drops what cannot be written."""

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        done = 0
        try:
            while done < len(view):
                done += os.write(self.fileno(), view[done:])
        except OSError:
            pass
        return len(view)


class _WithoutThreads(_Forgiving):
    """A file that also drops what some threads write."""

    def __init__(self, number: int, threads: str) -> None:
        super().__init__(number, "w")
        self._threads = threads

    def write(self, data: Any, /) -> int:
        if threading.current_thread().name.startswith(self._threads):
            return memoryview(data).nbytes
        return super().write(data)


def _show_warning(message: Warning | str, category: type[Warning], *_: object) -> None:
    warning(str(message), category=category.__name__)
