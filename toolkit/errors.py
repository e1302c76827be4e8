"""The errors that users can cause or fix.

    ToolkitError                exit code 1
    ├── UsageError              exit code 2: a wrong command or call
    ├── InputError              a file of reviews that cannot be read
    │   └── EmptyInputError     an empty file
    ├── OutputError             a file that cannot be written, such as on a full disk
    ├── StoreError              an object store cannot be reached, or refuses
    ├── ModelError              a file that is not a model of this toolkit
    ├── TrainingError           data or settings that no model can be trained on
    ├── ParityError             Keras and ONNX disagree; nothing was exported
    └── MissingExtraError       an optional package is not installed

Functions raise these; only `toolkit.cli` prints them and exits. A message says where, what was
found, and what to do. It needs no traceback.

This module also has the signals that ask the process to stop, and a way to delay them.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec


class ToolkitError(Exception):
    """The base of all errors that a user can cause or fix."""

    exit_code = 1


class UsageError(ToolkitError):
    """A command or a function was called in a way that cannot work."""

    exit_code = 2


class InputError(ToolkitError):
    """A file of reviews cannot be read."""


class EmptyInputError(InputError):
    """A file of reviews is empty."""


class OutputError(ToolkitError):
    """A file cannot be written, for a reason that may pass."""


class StoreError(ToolkitError):
    """An object store cannot be reached or refuses, for a reason that may pass."""


class ModelError(ToolkitError):
    """A model file is damaged, not of this toolkit, or of an unknown format version."""


class TrainingError(ToolkitError):
    """No model can be trained with these data or settings."""


class ParityError(ToolkitError):
    """The exported graph does not give the same numbers as the Keras model."""


class MissingExtraError(ToolkitError):
    """An optional package is needed and not installed: one of an extra, or one alone."""

    def __init__(self, extra: str | None, module: str) -> None:
        from toolkit.extras import install_command  # late: few runs lack a package

        super().__init__(
            f"This needs the package '{module}', which is not installed. Install it with: "
            f"{install_command(extra, module)}"
        )

    @classmethod
    def check(cls, extra: str | None, *modules: str) -> None:
        """Raise this error for the first module that is not installed."""
        for module in modules:
            if find_spec(module) is None:
                raise cls(extra, module)


def is_wrong_call(error: BaseException) -> bool:
    """Check whether the input or the call is wrong, so that the same run cannot be resumed."""
    return isinstance(error, ToolkitError) and not isinstance(error, OutputError | StoreError)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun, such as ``1 row`` or ``1,000 rows``, for messages."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


# Ctrl-C, `kill`, and a closed terminal (Windows has no signal for it).
STOPPING = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


@contextmanager
def held_back() -> Iterator[None]:
    """Delay stopping signals until the block ends, so that it always runs as a whole.

    Masking is not enough: another thread could receive the signal, and Python would still run the
    handler in this one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python runs handlers in the main thread only
        return
    received: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _frame: received.append(number))
        for number in STOPPING
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in received[:1]:
            signal.raise_signal(number)
