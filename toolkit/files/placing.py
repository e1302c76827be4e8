"""How a finished file gets its place: complete or not at all, on this machine or in a store."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from toolkit.files.looking import is_link_or_there, resolved
from toolkit.signals import held_back
from toolkit.stores.contents import Content
from toolkit.stores.store_path import StorePath

# What file systems without hard links say.
_NO_LINKS = {errno.EPERM, errno.EACCES, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}

PARTIAL = ".partial"

_unfinished: set[Path] = set()


def place(
    what: Path | bytes | Content,
    target: Path,
    *,
    force: bool = False,
    folder: Path | None = None,
    on_upload: Callable[[], None] = lambda: None,
) -> None:
    """Give a file or an object all of its content at once; it is never seen in part.

    Parameters
    ----------
    what : Path | bytes | Content
        A complete file of this machine, which is moved; or bytes, or what is put together.
    target : Path
        Where it goes. A link stays, and what it leads to is written. The folder has to be there.
    force : bool
        Whether another file or object may be replaced. One with the same bytes is never an error:
        an earlier attempt may have been killed after it was placed.
    folder : Path | None
        Where a file of this machine grows until it is complete; by default, beside its target.
    on_upload : Callable[[], None]
        Called when a file is uploaded, before it is removed from this machine.

    Raises
    ------
    FileExistsError
        If there is other content, even if it has just come, and ``force`` is not given. What was
        to be moved stays, as after other failures.
    StoreError
        If the store cannot be reached.
    OSError
        If it cannot be written, as where the disk is full.
    """
    content = what if isinstance(what, Content) else _content_of(what)
    target = resolved(target)
    try:
        if isinstance(target, StorePath):
            _upload(content, target, force=force)
        elif isinstance(what, Path):
            _move(what, target, force=force)
        else:
            if not force:
                _check_absent(target)  # before the work
            with unfinished_file(target, folder) as partial:
                _write(content, partial)
                _move(partial, target, force=force)
    except FileExistsError:
        if not is_same(content, target):
            raise
    if isinstance(target, StorePath):
        on_upload()
    if isinstance(what, Path):
        what.unlink(missing_ok=True)


def is_same(what: Path | Content, target: Path) -> bool:
    """Whether a file or an object holds the same bytes; if the sizes agree, it is read for that."""
    content = what if isinstance(what, Content) else _content_of(what)
    if isinstance(target, StorePath):
        from toolkit.stores.uploads import is_same as is_same_object

        return is_same_object(content, target.place)
    try:
        if content.local is not None and target.samefile(content.local):
            return True
        if target.stat().st_size != content.size:
            return False
        with target.open("rb") as file:
            return content.is_read_from(file)
    except FileNotFoundError:
        return False


def _content_of(what: Path | bytes) -> Content:
    return Content.of_bytes(what) if isinstance(what, bytes) else Content.of_file(what)


def _upload(content: Content, target: StorePath, *, force: bool) -> None:
    from toolkit.stores.uploads import upload

    upload(content, target.place, force=force)


def _move(source: Path, target: Path, *, force: bool) -> None:
    """Rename a file, or copy it to another file system."""
    try:
        with held_back():
            _rename(source, target, force=force)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        if not force:
            _check_absent(target)
        with unfinished_file(target) as partial:
            _copy(Content.of_file(source), partial)
            with held_back():
                _rename(partial, target, force=force)


def _check_absent(target: Path) -> None:
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))


def _rename(source: Path, target: Path, *, force: bool) -> None:
    """Rename a file; without force, `FileExistsError` if one is there, or has just come.

    Where a file cannot have two names, one that comes at the very same moment is replaced.
    """
    if force:
        source.replace(target)
        return
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _check_absent(target)
        source.rename(target)
        return
    source.unlink()


def _write(content: Content, partial: Path) -> None:
    """Put content into an empty file; a file with the same gets a second name, if it can."""
    if content.local is not None:
        linked = partial.with_suffix(".linked")
        with suppress(OSError):
            os.link(content.local, linked)
            linked.replace(partial)
            return
    _copy(content, partial)


def _copy(content: Content, partial: Path) -> None:
    with partial.open("wb") as file:  # `shutil.copyfile` blames the source for a full disk
        for data in content.read():
            file.write(data)
    make_ready(partial)


@contextmanager
def unfinished_file(target: Path, folder: Path | None = None) -> Iterator[Path]:
    """Give an empty file with a hidden name, beside a target or in a folder, and remove it."""
    handle, name = tempfile.mkstemp(PARTIAL, prefix_of(target), folder or target.parent)
    os.close(handle)
    partial = Path(name)
    _unfinished.add(partial)
    try:
        yield partial
    finally:
        partial.unlink(missing_ok=True)
        _unfinished.discard(partial)


@contextmanager
def unfinished_folder(target: Path | None = None) -> Iterator[Path]:
    """Give a folder with a hidden name beside a target, or anywhere, and remove it."""
    beside = () if target is None else (PARTIAL, prefix_of(target), target.parent)
    partial = Path(tempfile.mkdtemp(*beside))
    _unfinished.add(partial)
    try:
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        _unfinished.discard(partial)


def remove_unfinished() -> None:
    """Remove the temporary files and folders, for a process that ends without cleaning up."""
    for partial in _unfinished:
        remove_tree(partial)


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


def prefix_of(path: Path) -> str:
    """Give the start of the hidden names beside a path."""
    # A name has at most 255 bytes, a character up to 4; the random part and the suffix have 16.
    return f".{path.name[:50]}."


def make_ready(partial: Path) -> None:
    """Give a temporary file the rights of an ordinary one, and wait until it is on the disk."""
    partial.chmod(0o666 & ~umask())
    flush_to_disk(partial)


def flush_to_disk(path: Path) -> None:
    """Wait until the content of a file is on the disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def umask() -> int:
    """Give which permissions new files do not have."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
