"""Outputs that are put together from parts, on this machine or in a store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import Content, check_output_file, is_in_store, place, reporting_failures
from toolkit.shards.joining import OnBytes, Range, content_of
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
    with reporting_failures(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        check_output_file(target, force=True)  # what has come since is not replaced below
        content = _content(target, contents, on_bytes)
        try:
            place(content, target, force=force, folder=None if is_in_store(folder) else folder)
        except FileExistsError:
            raise UsageError(
                f"{target}: exists already, and is not what the shards give. Move it away, or "
                "replace it with --force."
            ) from None
    if content.local or content.copied:  # nothing was read
        on_bytes(content.size)


def _content(target: Path, contents: Contents, on_bytes: OnBytes) -> Content:
    """Describe what is written; its size is that of all ranges."""
    pieces = [*contents()]
    size = sum(len(each) if isinstance(each, bytes) else each.size for each in pieces)
    only = pieces[0] if len(pieces) == 1 else None
    local = copied = None
    if isinstance(only, Range) and only.is_whole:
        if isinstance(only.path, StorePath):
            copied = only.path.place
        else:
            local = only.path
    return Content(
        "a part", size, str(target), lambda: content_of(contents(), on_bytes), local, copied
    )
