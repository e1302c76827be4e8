"""The folder of this machine for what is not complete yet and will be an object in a store."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from toolkit.errors import OutputError, UsageError

_LASTING = Path("/var/tmp")  # noqa: S108 (checked below); it outlives a restart, as progress should


def work_folder() -> Path:
    """Give the folder, which belongs to this user alone; `UsageError` if that cannot be.

    It is in TOOLKIT_WORK_FOLDER, or else TMPDIR, /var/tmp, or where the system keeps temporary
    files.
    """
    named = os.environ.get("TOOLKIT_WORK_FOLDER")
    if named:
        base, remedy = Path(named), "Change TOOLKIT_WORK_FOLDER"
    else:
        temporary = os.environ.get("TMPDIR")
        is_lasting = not temporary and _LASTING.is_dir() and os.access(_LASTING, os.W_OK)
        base = _LASTING if is_lasting else Path(temporary or tempfile.gettempdir())
        remedy = "Name another folder with TOOLKIT_WORK_FOLDER"
    user = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    folder = base / f"toolkit-{user}"
    try:
        folder.mkdir(mode=0o700, parents=bool(named), exist_ok=True)
        facts = folder.lstat()
    except OSError as error:
        raise OutputError(
            f"{folder}: the folder for unfinished outputs cannot be made: {error.strerror}. "
            f"{remedy}"
        ) from None
    is_own = not hasattr(os, "getuid") or facts.st_uid == os.getuid()
    if not stat.S_ISDIR(facts.st_mode) or not is_own:
        raise UsageError(f"{folder}: is not a folder of this user. {remedy}")
    if hasattr(os, "getuid") and stat.S_IMODE(facts.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder
