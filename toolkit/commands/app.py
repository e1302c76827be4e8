"""The command `toolkit`: its subcommands, and the one place that turns errors into exit codes."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

import toolkit
from toolkit.commands.export import export
from toolkit.commands.score import score
from toolkit.commands.train import train
from toolkit.errors import ToolkitError
from toolkit.files import remove_unfinished
from toolkit.signals import STOPPING

app = typer.Typer(
    help="Train, export and batch-score the sentiment of reviews.",
    epilog="Start with: `toolkit score reviews.csv`",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(train)
app.command()(export)
app.command()(score)


class Interrupted(BaseException):
    """A signal asked the process to stop; raised where the main thread is at that moment."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            is_eager=True,
            callback=lambda wanted: _show_version() if wanted else None,
        ),
    ] = False,
) -> None:
    """Train, export and batch-score the sentiment of reviews."""


def _standard_error() -> int:
    """Give a file descriptor that stays standard error while `toolkit.backend` redirects it."""
    try:
        return os.dup(2)
    except OSError:  # it is closed: who started the process wants no messages
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (for good)
        return sys.stderr.fileno()


_MESSAGES = _standard_error()


def main() -> None:
    """Run the command line; every error ends as one message on standard error."""
    for number in STOPPING:
        signal.signal(number, _interrupt)
    try:
        app()
    except ToolkitError as error:
        _fail(str(error), error.exit_code)
    except Interrupted as interruption:
        _fail("interrupted", interruption.exit_code)
    except MemoryError:
        _fail("out of memory", 1)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read the output has gone; nobody is left to tell
        sys.exit(1)
    except OSError as error:  # such as a file that must not be read
        _fail(": ".join(str(part) for part in (error.filename, error.strerror) if part), 1)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    # Once is enough: what is removed and waited for on the way out is not to be interrupted.
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    if _is_importing(frame):
        # An exception in the middle of a C module comes out as another one, or crashes.
        remove_unfinished()
        os.write(_MESSAGES, b"error: interrupted\n")
        os._exit(128 + number)
    raise Interrupted(number)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


def _fail(message: str, exit_code: int) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(exit_code)


def _show_version() -> NoReturn:
    sys.stdout.write(f"toolkit {toolkit.__version__}\n")
    raise typer.Exit


if __name__ == "__main__":
    main()
