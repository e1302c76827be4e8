"""Outputs that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import ToolkitError, UsageError


def check_output(path: Path, *, force: bool, option: str = "--output") -> None:
    """Raise `UsageError` if an output at ``path`` exists (without ``force``) or cannot be made.

    Worth calling before long work: the work itself only finds out at its end.
    """
    folder = path.parent
    with _reporting_failures(path):  # such as a name that is too long to look for
        exists, folder_exists, folder_is_folder = path.exists(), folder.exists(), folder.is_dir()
    if exists and not (path.is_file() or path.is_dir()):
        raise UsageError(f"{path}: is a device or a pipe. Choose a file with {option}.")
    if exists and not force:
        raise UsageError(
            f"{path}: exists already. Choose another place with {option}, "
            "or replace it with --force."
        )
    if not folder_is_folder:
        found = "is a file" if folder_exists else "does not exist"
        raise UsageError(
            f"{path}: the folder {folder} {found}. Make it first, or choose another with {option}."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{path}: no right to write in {folder}. Choose another with {option}.")


_SUFFIX = ".partial"
_unfinished: set[Path] = set()


@contextmanager
def atomic_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give the path of a file to write, and move it to ``path`` if the block ends well.

    The file stands beside ``path`` under a hidden name, so that the move is a rename within one
    file system. If the block raises (Ctrl-C included), it is removed and ``path`` stays as it was.
    """
    check_output(path, force=force)
    if path.is_dir():
        raise UsageError(f"{path}: is a folder, expected a file to write")
    with _reporting_failures(path):
        handle, name = tempfile.mkstemp(_SUFFIX, _prefix(path), path.parent)
        os.close(handle)
    partial = Path(name)
    _unfinished.add(partial)
    try:
        with _reporting_failures(path):
            yield partial
            partial.chmod(0o666 & ~_umask())
            _flush_to_disk(partial)
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
        _unfinished.discard(partial)


@contextmanager
def atomic_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a folder to fill, and move it to ``path`` if the block ends well.

    As `atomic_file`. With ``force``, an existing folder is replaced only when the new one is
    complete.
    """
    check_output(path, force=force)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: is a file, expected a folder to write")
    with _reporting_failures(path):
        partial = Path(tempfile.mkdtemp(_SUFFIX, _prefix(path), path.parent))
    _unfinished.add(partial)
    try:
        with _reporting_failures(path):
            yield partial
            partial.chmod(0o777 & ~_umask())
            if path.exists():
                replaced = partial.with_suffix(".replaced")
                path.rename(replaced)
                try:
                    partial.rename(path)
                except OSError:
                    replaced.rename(path)
                    raise
                shutil.rmtree(replaced)
            else:
                partial.rename(path)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _unfinished.discard(partial)


def remove_unfinished() -> None:
    """Remove what is being written at this moment, for a process that ends without unwinding."""
    for partial in _unfinished:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


@contextmanager
def _reporting_failures(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.filename is not None and not _stands_in(path.parent, str(error.filename)):
            raise
        raise ToolkitError(f"{path}: cannot be written: {error.strerror or error}") from error


def _stands_in(folder: Path, name: str) -> bool:
    return folder.resolve() in Path(name).parent.resolve().joinpath("_").parents


def _prefix(path: Path) -> str:
    # A name may have 255 bytes, a character up to four, and the random part and suffix have 16.
    return f".{path.name[:50]}."


def _flush_to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
