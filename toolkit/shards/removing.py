"""Folders of shards that disappear as a whole."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from toolkit.files import prefix_of, remove_tree, reporting_failures

_ENDING = ".removed"


def remove_at_once(path: Path) -> None:
    """Remove a folder, which is there as a whole or not at all, also where this is killed."""
    with reporting_failures(path), suppress(FileNotFoundError):
        path.rename(path.with_name(f"{prefix_of(path)}{uuid4().hex[:12]}{_ENDING}"))
    remove_leftovers(path)


def remove_leftovers(path: Path) -> None:
    """Remove what is left of a folder where `remove_at_once` was killed."""
    with suppress(OSError):
        for each in path.parent.iterdir():
            if each.name.startswith(prefix_of(path)) and each.name.endswith(_ENDING):
                remove_tree(each)
