"""What is at a path, of this machine or in a store."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

from toolkit.stores.store_path import StorePath


def resolved(path: Path) -> Path:
    """Follow links as far as possible, so that a write replaces the target and keeps the link.

    Before Python 3.13, `Path.resolve` raises RuntimeError for a link that leads to itself.
    """
    return path if isinstance(path, StorePath) else Path(os.path.realpath(path))


def is_there(path: Path) -> bool:
    """Whether there is a file, a folder or an object; `Path.exists` raises if a name is too long.

    A prefix of objects does not count: an object may have its name, and to look costs a request.
    """
    return is_a_file(path) if isinstance(path, StorePath) else _mode(path) != 0


def is_a_file(path: Path) -> bool:
    """Whether there is a file; `Path.is_file` raises if a name is too long."""
    if isinstance(path, StorePath):
        with suppress(PermissionError):
            return path.is_file()
        return False
    return stat.S_ISREG(_mode(path))


def is_a_folder(path: Path) -> bool:
    """Whether there is a folder; `Path.is_dir` raises where it cannot be looked at."""
    return stat.S_ISDIR(_mode(path))


def is_link_or_there(path: Path) -> bool:
    """Whether anything has the name, also a link that leads nowhere."""
    return is_there(path) if isinstance(path, StorePath) else os.path.lexists(path)


def for_arrow(path: Path) -> Any:
    """Give what Arrow opens for a path: a reader for an object, whose columns are read in turns."""
    if not isinstance(path, StorePath):
        return path
    from toolkit.stores.reader import MANY_BLOCKS, ObjectReader

    return ObjectReader(path.place, MANY_BLOCKS)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except (OSError, ValueError):  # ValueError: a name with a null byte
        return 0
