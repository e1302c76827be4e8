"""Files that get their place: complete, and not where another one is unless that is asked for."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path

from toolkit.files.looking import is_link_or_there
from toolkit.stores.store_path import StorePath

# What file systems without hard links say.
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

PARTIAL = ".partial"


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


def create_file(path: Path, data: bytes) -> None:
    """Create a small file or object that is not there, complete or not at all.

    Parameters
    ----------
    path : Path
        The file or object; the folder of a file has to be there.
    data : bytes
        All that it holds. Who has to know whether the file is their own puts something unique into
        it: where a request to a store is cut off, tried again, and finds an object with the same
        bytes, that is taken for the one of the first attempt.

    Raises
    ------
    FileExistsError
        If there is one, even if it has just come.
    StoreError
        If the store cannot be reached.
    """
    if isinstance(path, StorePath):
        from toolkit.stores.uploads import write_object

        write_object(path.place, data, create=True)
        return
    partial = make_partial_file(path)
    try:
        partial.write_bytes(data)
        partial.chmod(0o666 & ~umask())
        flush_to_disk(partial)
        rename_to_new(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def place_file(local: Path, target: Path, *, force: bool) -> None:
    """Move a file to its place, of this machine or in a store; it appears there complete.

    Parameters
    ----------
    local : Path
        A complete file of this machine, which is gone afterwards.
    target : Path
        Its place. On another file system of this machine, `OSError` (EXDEV) is raised.
    force : bool
        Whether it may replace what is there.

    Raises
    ------
    FileExistsError
        If something is there, even if it has just come, and ``force`` is not given.
    StoreError
        If the store cannot be reached. The local file stays.
    """
    if isinstance(target, StorePath):
        from toolkit.stores.contents import Content
        from toolkit.stores.uploads import upload

        upload(Content.of_file(local), target.place, force=force)
        local.unlink()
    elif force:
        local.replace(target)
    else:
        rename_to_new(local, target)


def remove_tree(path: Path) -> None:
    """Remove a file, a folder with all that is in it, or all objects under a prefix.

    Nothing happens if nothing is there.
    """
    if isinstance(path, StorePath):
        path.unlink(missing_ok=True)
        for each in path.objects():
            each.unlink(missing_ok=True)
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    elif is_link_or_there(path):
        path.unlink(missing_ok=True)


def make_partial_file(target: Path) -> Path:
    """Make an empty file with a hidden name beside a target."""
    handle, name = tempfile.mkstemp(PARTIAL, prefix_of(target), target.parent)
    os.close(handle)
    return Path(name)


def prefix_of(path: Path) -> str:
    """Give the start of the hidden names beside a path."""
    # A name has at most 255 bytes, a character up to 4; the random part and the suffix have 16.
    return f".{path.name[:50]}."


def flush_to_disk(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def umask() -> int:
    """Give which permissions new files do not have."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
