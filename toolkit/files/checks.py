"""Whether an output can be written, before the work for it, and what to say where it cannot."""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from toolkit.errors import OutputError, UsageError
from toolkit.files.looking import is_there, resolved
from toolkit.files.work_folder import work_folder
from toolkit.stores.store_path import StorePath
from toolkit.stores.uris import location_of


def check_output(
    path: Path, *, force: bool, option: str = "--output", may_fail: bool = False
) -> None:
    """Raise `UsageError` if an output at ``path`` exists (without ``force``) or cannot be made.

    Call it before long work, which would find out only at its end. ``may_fail`` is for an output
    that is rarely written: that it cannot be made is reported when it is.
    """
    remedy = f"Choose another with {option}"
    if isinstance(path, StorePath):
        _check_object(path, force=force, remedy=remedy)
        return
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


def check_is_no_input(path: Path, inputs: Iterable[Path], option: str = "--output") -> None:
    """Raise `UsageError` if an output is one of the inputs, some of which may be missing."""
    for source in inputs:
        with suppress(OSError):
            if path.samefile(source):
                raise UsageError(f"{path}: is an input. Choose another with {option}.")


def _check_object(path: StorePath, *, force: bool, remedy: str) -> None:
    """Check an output in a store; who may not look at it finds out when it is written."""
    if not path.name:
        raise UsageError(f"{path}: is a bucket, expected an object. {remedy}.")
    if is_there(path) and not force:
        raise UsageError(f"{path}: exists already. {remedy}, or replace it with --force.")


def check_output_file(
    path: Path, *, force: bool, option: str = "--output", may_fail: bool = False
) -> None:
    """Raise `UsageError` as `check_output` does, and if ``path`` is a folder."""
    with reporting_failures(path):
        is_folder = not isinstance(path, StorePath) and path.is_dir()
    if is_folder:
        raise UsageError(f"{path}: is a folder, expected a file. Choose another with {option}.")
    check_output(path, force=force, option=option, may_fail=may_fail)


def _is_circle(path: Path) -> bool:
    try:
        path.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


@contextmanager
def reporting_failures(path: Path, *others: Path) -> Iterator[None]:
    """Turn an `OSError` into an `OutputError` that names its output, or the first if unclear."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            concerned = [p for p in (path, *others) if _is_of(p, str(error.filename))]
            if not concerned:
                raise
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error


def _is_of(path: Path, name: str) -> bool:
    """Whether a failure at a place concerns an output: its temporary file may be anywhere."""
    if isinstance(path, StorePath):
        return name == str(path) or _is_in(work_folder(), name)
    return location_of(name) is None and _is_in(path.parent, name)


def _is_in(folder: Path, name: str) -> bool:
    return resolved(folder) in resolved(Path(name).parent).joinpath("_").parents
