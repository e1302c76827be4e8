"""Outputs that appear complete or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import OutputError, UsageError
from toolkit.signals import held_back

_SUFFIX = ".partial"
_unfinished: set[Path] = set()


def path_of(name: str) -> Path:
    """Give the path that a name on a command line means."""
    return Path(name)


def check_output(
    path: Path, *, force: bool, option: str = "--output", may_fail: bool = False
) -> None:
    """Raise `UsageError` if an output at ``path`` exists (without ``force``) or cannot be made.

    Call it before long work, which would find out only at its end. ``may_fail`` is for an output
    that is rarely written: that it cannot be made is reported when it is.
    """
    remedy = f"Choose another with {option}"
    if _is_circle(path):
        raise UsageError(f"{path}: is a link that leads to itself. {remedy}.")
    folder = resolved(path).parent if path.is_symlink() else path.parent
    with reporting_failures(path):  # such as a name that is too long to look for
        exists, folder_exists, folder_is_folder = path.exists(), folder.exists(), folder.is_dir()
    special = exists and not (path.is_file() or path.is_dir())
    if special or path.absolute().parent == Path("/dev"):
        raise UsageError(f"{path}: is a device or a pipe, expected a file. {remedy}.")
    if (exists or path.is_symlink()) and not force:
        raise UsageError(f"{path}: exists already. {remedy}, or replace it with --force.")
    if not folder_is_folder:
        found = "is a file" if folder_exists else "does not exist"
        raise UsageError(
            f"{path}: the folder {folder} {found}. Create it, or choose another with {option}."
        )
    if may_fail:
        return
    try:
        tempfile.TemporaryFile(dir=resolved(path).parent).close()
    except OSError as error:
        raise UsageError(
            f"{path}: cannot create a file in {folder}: {error.strerror}. {remedy}."
        ) from None


def check_output_file(
    path: Path, *, force: bool, option: str = "--output", may_fail: bool = False
) -> None:
    """Raise `UsageError` as `check_output` does, and if ``path`` is a folder."""
    with reporting_failures(path):
        is_folder = path.is_dir()
    if is_folder:
        raise UsageError(f"{path}: is a folder, expected a file. Choose another with {option}.")
    check_output(path, force=force, option=option, may_fail=may_fail)


@contextmanager
def atomic_files(*paths: Path, force: bool = False) -> Iterator[tuple[Path, ...]]:
    """Give a temporary file for each path, and rename it to the path when the block succeeds.

    The temporary files are beside their paths, under hidden names, so that each rename stays within
    one file system. An interruption comes before all renames or after them. If the block raises
    (Ctrl-C included), the temporary files are removed, and the paths stay as they were.
    """
    for path in paths:
        check_output_file(path, force=force)
    partials: list[Path] = []
    try:
        with reporting_failures(*paths):
            partials.extend(_make_partial_file(resolved(path)) for path in paths)
            yield tuple(partials)
            for partial in partials:
                partial.chmod(0o666 & ~_umask())
                flush_to_disk(partial)
            with held_back():
                for partial, path in zip(partials, paths, strict=True):
                    if force:
                        partial.replace(resolved(path))
                    else:  # a file may have come in the meantime
                        rename_to_new(partial, resolved(path))
    finally:
        for partial in partials:
            partial.unlink(missing_ok=True)
            _unfinished.discard(partial)


@contextmanager
def atomic_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give one temporary file, as `atomic_files` does."""
    with atomic_files(path, force=force) as (partial,):
        yield partial


@contextmanager
def atomic_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary folder, and rename it to ``path`` when the block succeeds.

    With ``force``, an existing folder is replaced only when the new one is complete.
    """
    check_output(path, force=force)
    if path.exists() and not path.is_dir():
        raise UsageError(f"{path}: is a file, expected a folder. Choose another with --output.")
    target = resolved(path)
    with reporting_failures(path):
        partial = Path(tempfile.mkdtemp(_SUFFIX, _prefix(target), target.parent))
    _unfinished.add(partial)
    try:
        with reporting_failures(path):
            yield partial
            partial.chmod(0o777 & ~_umask())
            with held_back():
                _replace_folder(target, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _unfinished.discard(partial)


# What file systems without hard links say.
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def rename_to_new(source: Path, target: Path) -> None:
    """Rename a file; `FileExistsError` if there is one at ``target``, even if it has just come.

    Where a file cannot have two names, one that comes at the very same moment is replaced.
    """
    try:
        os.link(source, target)
    except FileExistsError:
        if not target.samefile(source):  # as it was killed before the old name was removed
            raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(target):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        source.rename(target)
        return
    source.unlink()


def create_file(path: Path, content: bytes) -> None:
    """Write a new file, complete or not at all; `FileExistsError` if there is one."""
    partial = _make_partial_file(resolved(path))
    try:
        partial.write_bytes(content)
        partial.chmod(0o666 & ~_umask())
        flush_to_disk(partial)
        rename_to_new(partial, resolved(path))
    finally:
        partial.unlink(missing_ok=True)
        _unfinished.discard(partial)


def remove_tree(path: Path) -> None:
    """Remove a folder with all that is in it, if it is there."""
    shutil.rmtree(path, ignore_errors=True)


def remove_unfinished() -> None:
    """Remove the temporary files and folders, for a process that ends without cleaning up."""
    for partial in _unfinished:
        if partial.is_dir():
            shutil.rmtree(partial, ignore_errors=True)
        else:
            partial.unlink(missing_ok=True)


def _replace_folder(target: Path, partial: Path) -> None:
    if not target.exists():
        partial.rename(target)
        return
    replaced = partial.with_suffix(".replaced")
    target.rename(replaced)
    try:
        partial.rename(target)
    except BaseException:
        replaced.rename(target)
        raise
    shutil.rmtree(replaced)


def resolved(path: Path) -> Path:
    """Follow links as far as possible, so that a write replaces the target and keeps the link.

    Before Python 3.13, `Path.resolve` raises RuntimeError for a link that leads to itself.
    """
    return Path(os.path.realpath(path))


def is_there(path: Path) -> bool:
    """Whether there is a file or a folder; `Path.exists` raises if a name is too long."""
    return os.path.exists(path)  # noqa: PTH110


def _is_circle(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


def _make_partial_file(target: Path) -> Path:
    handle, name = tempfile.mkstemp(_SUFFIX, _prefix(target), target.parent)
    os.close(handle)
    partial = Path(name)
    _unfinished.add(partial)
    return partial


@contextmanager
def reporting_failures(path: Path, *others: Path) -> Iterator[None]:
    """Turn an `OSError` into an `OutputError` that names its output, or the first if unclear."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            concerned = [p for p in (path, *others) if _is_in(p.parent, str(error.filename))]
            if not concerned:
                raise
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _is_in(folder: Path, name: str) -> bool:
    return resolved(folder) in resolved(Path(name).parent).joinpath("_").parents


def _prefix(path: Path) -> str:
    # A name has at most 255 bytes, a character up to 4; the random part and the suffix have 16.
    return f".{path.name[:50]}."


def flush_to_disk(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
