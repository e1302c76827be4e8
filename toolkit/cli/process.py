"""The process of the command: how it starts, and how an error becomes a message."""

from __future__ import annotations

import ctypes
import errno
import gc
import mmap
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from toolkit.errors import ToolkitError

# Of mallopt(3) in glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_PACKAGES_BYTES = 400 << 20  # address space that scoring one review takes
_LARGEST_THRESHOLD = 32 << 20  # largest M_MMAP_THRESHOLD that glibc accepts on 64 bits


def prepare_process() -> None:
    """Start quickly, and keep freed memory; only for a process that runs nothing but the toolkit.

    Ten reviews are scored in 0.25 s instead of 0.4 s: NumPy starts no threads for linear algebra,
    which nothing here uses; the garbage collector runs less often, as imports leave little garbage;
    and pyarrow does not import pandas (0.14 s), which it would do to recognize values of pandas.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(100_000, 50)
    sys.meta_path.insert(0, _WithoutPandas())
    _keep_freed_memory()


def check_memory() -> None:
    """Raise `MemoryError` if a limit of the shell is too low for the packages that score.

    Some packages, such as OpenBLAS, would end the process without a helpful message.
    """
    try:
        import resource  # not on Windows

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    except (ImportError, OSError):
        return
    if limit == resource.RLIM_INFINITY:
        return
    try:
        mmap.mmap(-1, _PACKAGES_BYTES).close()
    except OSError as error:
        raise MemoryError from error


class _WithoutPandas:
    @staticmethod
    def find_spec(fullname: str, *_: object) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("the toolkit does not use pandas", name=fullname)


def _keep_freed_memory() -> None:
    """Keep freed memory for the next arrays, if the C library is glibc.

    By default, glibc returns each array of some hundred kilobytes to the system, and gets new pages
    for the next one. With 100,000 reviews, that causes 70,000 more page faults, at which threads
    wait for each other, and takes 5 to 10 % more time. Arrays of more than 32 MiB are still
    returned.

    Arrow uses the same allocator. With its own, which keeps freed memory too, scoring takes 280 MB
    instead of 205 MB, at the same speed.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # Windows, macOS, musl
        return
    if mallopt(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD) and mallopt(_M_TRIM_THRESHOLD, 1 << 30):
        os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


# Messages of libraries without memory: the loader of the C library, ONNX Runtime, protobuf (which
# cannot copy a model), OpenBLAS, and Python (which cannot start a thread).
_OUT_OF_MEMORY = (
    "bad_alloc",
    "failed to map segment",
    "annot allocate memory",
    "Failed to serialize proto",
    "emory allocation",
    "can't start new thread",
)
_MORE_MEMORY = "Free some, raise the limit (ulimit -v), or use fewer threads with --workers"
EXIT_REJECTED = 3  # done, but some records could not be read
READER_IS_GONE = 128 + getattr(signal, "SIGPIPE", 13)


class Interrupted(BaseException):
    """A signal asked the process to stop; raised wherever the main thread is."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_code = 128 + number


@dataclass(frozen=True)
class Failure:
    """The message and the exit code of an error."""

    message: str
    exit_code: int
    # No message if the reader of standard output closed it, as with `cat` and other tools.
    is_silent: bool = False

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Return the failure that an error means to the user, with the error's notes."""
        message, code = _explained(error)
        notes = "".join(f" {note}" for note in getattr(error, "__notes__", []))
        stop = "." if notes and not message.endswith(".") else ""
        return cls(message + stop + notes, code, is_silent=code == READER_IS_GONE)


def _explained(error: BaseException) -> tuple[str, int]:  # noqa: PLR0911 (one per kind)
    chain = [*_chain(error)]
    match error:
        case Interrupted():
            return "interrupted", error.exit_code
        case _ if is_of_closed_pipe(error):
            return "standard output: was closed by its reader", READER_IS_GONE
        case _ if any(map(_is_out_of_memory, chain)):
            return f"out of memory. {_MORE_MEMORY}", 1
        case ToolkitError():
            return str(error), error.exit_code
        case OSError():  # such as a file without permission to read
            return ": ".join(str(part) for part in (error.filename, error.strerror) if part), 1
    if is_of_typer(error):
        return error.format_message(), error.exit_code  # type: ignore[attr-defined]
    why = "This is a bug in the toolkit: set TOOLKIT_TRACEBACK=1 to see where"
    return f"unexpected {type(error).__name__}: {error}. {why}", 1


def is_of_closed_pipe(error: BaseException) -> bool:
    """Check whether an error, or what caused it, is a pipe that its reader has closed."""
    return any(isinstance(each, BrokenPipeError) for each in _chain(error))


def is_of_typer(error: BaseException) -> bool:
    """Check whether an error is Typer's, of a command that was called in a wrong way."""
    return hasattr(error, "format_message") and hasattr(error, "exit_code")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error, and the errors that caused it."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    # Errors of the toolkit may quote a file with these words, so they are not searched.
    return not isinstance(error, ToolkitError) and any(
        words in str(error) for words in _OUT_OF_MEMORY
    )
