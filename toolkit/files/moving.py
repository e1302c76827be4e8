"""Complete files that get their place on any file system of this machine."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import IO

from toolkit.files.atomic import atomic_file
from toolkit.files.looking import is_link_or_there, resolved
from toolkit.files.placing import place_file
from toolkit.signals import held_back


def move_file(local: Path, target: Path, *, force: bool) -> None:
    """Rename a complete file, or copy it to another file system; it appears there complete.

    Parameters
    ----------
    local : Path
        A complete file of this machine, which is gone afterwards.
    target : Path
        Its place on this machine; a link stays, and what it leads to is written.
    force : bool
        Whether it may replace what is there.

    Raises
    ------
    FileExistsError
        If something is there, even if it has just come, and ``force`` is not given.
    OutputError
        If it cannot be copied, as where the disk is full. The local file stays.
    """
    place = resolved(target)
    try:
        with held_back():
            place_file(local, place, force=force)
        return
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    if not force and is_link_or_there(place):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place))
    with local.open("rb") as file:
        copy_to(file, target, force=force)
    local.unlink()


def copy_to(file: IO[bytes], target: Path, *, force: bool) -> None:
    """Write a file that appears complete; `shutil.copyfile` blames the source of a full disk."""
    with atomic_file(target, force=force) as partial, partial.open("wb") as copy:
        shutil.copyfileobj(file, copy)
