"""The command `toolkit`: its subcommands, and the only place that turns errors into messages."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer

import toolkit
from toolkit.cli import console as messages
from toolkit.cli.commands import MARKUP, CommandGroup
from toolkit.cli.console import forgive_standard_error, one_line
from toolkit.cli.process import (
    READER_IS_GONE,
    Failure,
    Interrupted,
    is_of_closed_pipe,
    is_of_typer,
)
from toolkit.cli.score_report import end_report
from toolkit.errors import STOPPING
from toolkit.files import remove_unfinished

app = typer.Typer(
    cls=CommandGroup,
    epilog="Start with: `toolkit score reviews.csv`",
    no_args_is_help=True,
    rich_markup_mode=MARKUP,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from toolkit.native import core_name

        typer.echo(f"toolkit {toolkit.__version__}, core: {core_name()}")
        raise typer.Exit


_VERSION = "Print the version and the core in use (native or Arrow)."
Version = Annotated[
    bool, typer.Option("--version", help=_VERSION, is_eager=True, callback=_show_version)
]


@app.callback()
def options(version: Version = False) -> None:
    """Score the sentiment of reviews, and train, evaluate, export and explain the models."""


def _standard_error() -> int:
    """Return a file descriptor that stays standard error while TensorFlow is imported."""
    try:
        # If other standard streams are closed, the first two copies get their numbers.
        copies = sorted(os.dup(2) for _ in range(3))
        for copy in copies[:-1]:
            os.close(copy)
        return copies[-1]
    except OSError:  # standard error is closed: the caller wants no messages
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 (stays open)
        return sys.stderr.fileno()


_MESSAGES = _standard_error()


def run() -> NoReturn:
    """Run the command line in a process that `start` prepared; end without unloading modules."""
    forgive_standard_error()
    closed = messages.replace_closed_output()
    code: str | int | None = 0
    try:
        try:
            main()
        except SystemExit as ending:
            code = ending.code
        for number in STOPPING:  # the work is done
            signal.signal(number, signal.SIG_IGN)
    except Interrupted as error:
        code = _report(error)
    number = code if isinstance(code, int) else int(code is not None)
    flushed = _flush_output()
    number = number or closed.report() or flushed
    with suppress(OSError, ValueError, AttributeError):  # the stream may be closed
        sys.stderr.flush()
    os._exit(number)


def _flush_output() -> int:
    """Write what standard output still holds; return the exit code."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return READER_IS_GONE
    except OSError as error:  # such as a full disk
        messages.error(f"standard output: cannot be written: {error.strerror}", 1)
        return 1
    except (ValueError, AttributeError):  # closed, or not there
        pass
    return 0


def main() -> None:
    """Run the command line; every error becomes one message on standard error."""
    messages.use_json(messages.asks_for_json(sys.argv[1:]))
    sys.unraisablehook = _unraisable
    try:
        for number in STOPPING:
            signal.signal(number, _interrupt)
        _run_command()
    except Interrupted as error:  # while an error is reported, or the command ends
        if os.environ.get("TOOLKIT_TRACEBACK"):
            raise
        sys.exit(_report(error))


def _run_command() -> None:
    """Run the command; every error becomes a message, and the exit code is raised."""
    try:
        sys.exit(app(standalone_mode=False) or 0)  # in this mode, Typer does not print errors
    except SystemExit as ending:
        if is_of_closed_pipe(ending):  # found by Typer or Rich, which exit with 1
            sys.exit(READER_IS_GONE)
        raise
    except (Exception, Interrupted) as error:
        if os.environ.get("TOOLKIT_TRACEBACK") and not is_of_typer(error):
            raise
        sys.exit(_report(error))


def _report(error: BaseException) -> int:
    """Print the message of an error; return the exit code."""
    failure = Failure.of(error)
    if failure.is_silent:
        sys.stdout = None  # its reader is gone, so it can no longer be flushed
    elif is_of_typer(error) and not messages.is_json():
        from typer.rich_utils import rich_format_error  # late: it takes 0.05 s

        error.format_message = lambda: one_line(failure.message)  # type: ignore[attr-defined]
        rich_format_error(error)  # type: ignore[arg-type]
    else:
        messages.error(failure.message, failure.exit_code)
    return failure.exit_code


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    # Ignore further signals: they must not interrupt the clean-up.
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
    interrupted = Interrupted(number)
    if _is_importing(frame):
        # An exception during the import of a C module would become another one, or crash it.
        _end_at_once(interrupted)
    raise interrupted


def _end_at_once(interrupted: Interrupted) -> NoReturn:
    """Clean up as far as possible, say that the process was interrupted, and end it."""
    remove_unfinished()
    end_report(interrupted)
    line = messages.error_line("interrupted", interrupted.exit_code)
    with suppress(OSError):
        os.write(_MESSAGES, line.encode())
    os._exit(interrupted.exit_code)


def _unraisable(found: sys.UnraisableHookArgs) -> None:
    """End the process if Python would drop an interruption, as one that meets a destructor."""
    if isinstance(found.exc_value, Interrupted):
        _end_at_once(found.exc_value)
    sys.__unraisablehook__(found)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
            return True
        frame = frame.f_back
    return False


if __name__ == "__main__":
    main()
