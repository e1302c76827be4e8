"""Outputs that are put together from parts, on this machine or in a store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from uuid import uuid4

from toolkit.errors import UsageError
from toolkit.files import (
    check_output_file,
    flush_to_disk,
    is_there,
    move_file,
    reporting_failures,
)
from toolkit.shards.joining import OnBytes, Range, content_of, copy
from toolkit.stores.contents import Content
from toolkit.stores.store_path import StorePath

Contents = Callable[[], Iterator[Range | bytes]]


def write_new(
    target: Path,
    contents: Contents,
    folder: Path,
    on_bytes: OnBytes,
    *,
    force: bool,
) -> None:
    """Write a file that appears complete, or find that it is there already.

    ``folder`` is the one of the shards, where what is not complete is removed with the rest.
    """
    if not force and is_there(target):
        _check_same(target, contents, on_bytes)
        return
    with reporting_failures(target):
        try:
            _write(target, contents, folder, on_bytes, force=force)
        except FileExistsError:  # another process finishes the job, too
            if force:
                raise
            _check_same(target, contents, on_bytes)


def _check_same(target: Path, contents: Contents, on_bytes: OnBytes) -> None:
    """Raise `UsageError` if a file that is there is not the one to write."""
    with target.open("rb") as file:
        if not _content(target, contents, on_bytes).is_read_from(file):
            raise UsageError(
                f"{target}: exists already, and is not what the shards give. Move it away, or "
                "replace it with --force."
            )


def _write(
    target: Path,
    contents: Contents,
    folder: Path,
    on_bytes: OnBytes,
    *,
    force: bool,
) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    check_output_file(target, force=True)  # what has come since is not replaced below
    if isinstance(target, StorePath):
        _write_object(target, contents, on_bytes, force=force)
        return
    unfinished = folder / f"{uuid4().hex[:12]}.joined"
    try:
        whole = _whole(contents)
        if whole is not None and _is_linked(whole.path, unfinished):
            on_bytes(whole.size)
        else:
            with unfinished.open("xb") as file:
                for each in contents():
                    copy(each, file, on_bytes)
        flush_to_disk(unfinished)
        move_file(unfinished, target, force=force)
    finally:  # also where the disk is full, which each attempt would fill more
        unfinished.unlink(missing_ok=True)


def _whole(contents: Contents) -> Range | None:
    """Give the only part, if an output is nothing else."""
    parts = [*islice(contents(), 2)]
    only = parts[0] if len(parts) == 1 else None
    return only if isinstance(only, Range) and only.is_whole else None


def _is_linked(part: Path, unfinished: Path) -> bool:
    """Give a part a second name instead of a copy; False where a file cannot have two."""
    try:
        os.link(part, unfinished)
    except OSError:
        return False
    return True


def _content(target: Path, contents: Contents, on_bytes: OnBytes) -> Content:
    """Describe what is written; its size is that of all ranges."""
    sizes = [len(each) if isinstance(each, bytes) else each.size for each in contents()]
    return Content("a part", sum(sizes), str(target), lambda: content_of(contents(), on_bytes))


def _write_object(target: StorePath, contents: Contents, on_bytes: OnBytes, *, force: bool) -> None:
    """Write an object: within the store if it is one part, else through this machine."""
    from toolkit.stores.uploads import copy_within, upload

    content, whole = _content(target, contents, on_bytes), _whole(contents)
    is_copied = (
        whole is not None
        and isinstance(whole.path, StorePath)
        and copy_within(whole.path.place, target.place, content, force=force)
    )
    if is_copied:
        on_bytes(content.size)
    else:
        upload(content, target.place, force=force)
