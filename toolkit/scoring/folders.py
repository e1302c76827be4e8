"""The files of reviews in a folder or of a pattern; what cannot be read is reported."""

from __future__ import annotations

import glob
import itertools
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import InputError
from toolkit.files import resolved
from toolkit.records.formats import endings
from toolkit.scoring.output_names import REJECTED_ENDING, default_output, has_known_ending


@dataclass(frozen=True)
class Found:
    """Files to score, and what was passed over.

    Each file comes with the name of its output: its path below the folder, or below the part of
    the pattern that has no wildcard.
    """

    files: Sequence[tuple[Path, Path]]
    unreadable: Sequence[tuple[Path, Path, str]] = ()  # folders, named as the files, with the error
    ignored: int = 0  # files of no known format, pipes and devices
    links: Sequence[Path] = ()  # to folders, which are not followed


def files_in(folder: Path, output: Path | None) -> Found:
    """Find the files of reviews in a folder and the folders in it, by name.

    Hidden files are left out, and what earlier runs have written. A link that leads nowhere stays,
    and fails when it is opened. Links to folders are not followed: they may lead out of this one.
    Raises `InputError` if there is no file, or the folder itself cannot be read.
    """
    own = _own_folder(folder, output)
    paths: list[Path] = []
    links: list[Path] = []
    errors: list[OSError] = []
    for where, folders, names in os.walk(folder, onerror=errors.append):
        inside = [Path(where, name) for name in _shown(folders)]
        links += [path for path in inside if path.is_symlink()]
        inside = [path for path in inside if not path.is_symlink() and resolved(path) != own]
        folders[:] = [path.name for path in inside]
        paths += [Path(where, name) for name in _shown(names)]
    unreadable = [
        (path, path.relative_to(folder), f"{path}: this folder cannot be read: {error.strerror}")
        for path, error in ((Path(error.filename), error) for error in errors)
    ]
    shown = [path for path in _without_own(sorted(paths), own) if not _is_rejects(path)]
    known = [path for path in shown if has_known_ending(path) and not _is_special(path)]
    files = _without_earlier_outputs(known)
    links.sort()
    if not files:
        if unreadable:
            raise InputError(unreadable[0][2])
        more = f". The link {links[0]} to a folder is not followed" if links else ""
        known_endings = ", ".join(endings())
        raise InputError(
            f"{folder}: a folder without a file of reviews; they end in {known_endings}{more}"
        )
    named = [(path, path.relative_to(folder)) for path in files]
    return Found(named, unreadable, len(shown) - len(known), links)


def files_matching(pattern: str, output: Path | None) -> Found:
    """Find the files that a pattern of the module `glob` matches, by name.

    Files of no known format stay: they were asked for. What earlier runs have written is left out,
    but rejects stay where the pattern asks for them. Raises `InputError` if there is no file, or a
    folder that may hold one cannot be read.
    """
    parts = Path(pattern).parts
    plain = len(list(itertools.takewhile(lambda part: not glob.has_magic(part), parts[:-1])))
    for count in range(plain, len(parts)):
        _check_folders(Path(*parts[:count]), parts[count])
    base = Path(*parts[:plain])
    matches = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
    files = [path for path in matches if not is_folder(path)]
    if not pattern.endswith(REJECTED_ENDING):
        files = [path for path in files if not _is_rejects(path)]
    files = _without_earlier_outputs(_without_own(files, _own_folder(base, output)))
    usable = [path for path in files if not _is_special(path)]
    if not usable:
        raise InputError(f"{pattern}: no file matches this pattern")
    named = [(path, path.relative_to(base)) for path in usable]
    return Found(named, ignored=len(files) - len(usable))


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards, and is not simply the name of a file."""
    return glob.has_magic(name) and not os.path.lexists(name)


def is_folder(path: Path) -> bool:
    """Whether there is a folder; `Path.is_dir` raises where it cannot be looked at."""
    return os.path.isdir(path)  # noqa: PTH112


def _own_folder(folder: Path, output: Path | None) -> Path | None:
    """Give the folder of the outputs, if it is within the one that is searched."""
    own = None if output is None else resolved(output)
    return own if own is not None and resolved(folder) in own.parents else None


def _without_own(paths: list[Path], own: Path | None) -> list[Path]:
    if own is None:
        return paths
    return [path for path in paths if own not in resolved(path).parents]  # links may lead there


def _without_earlier_outputs(paths: list[Path]) -> list[Path]:
    earlier = {default_output(path) for path in paths}
    return [path for path in paths if path not in earlier]


def _is_rejects(path: Path) -> bool:
    return path.name.endswith(REJECTED_ENDING)


def _shown(names: Iterable[str]) -> list[str]:
    return [name for name in names if name[0] not in "._"]


def _check_folders(pattern: Path, part: str) -> None:
    """Find folders in which a part of a pattern cannot be looked for; `glob` passes over them."""
    needed = os.X_OK | (os.R_OK if glob.has_magic(part) else 0)
    only_folders = os.path.join(pattern, "")  # noqa: PTH118 (a Path has no slash at its end)
    for name in sorted(glob.glob(only_folders, recursive=True)):  # noqa: PTH207
        if not os.access(name, needed, effective_ids=os.access in os.supports_effective_ids):
            raise InputError(f"{Path(name)}: this folder cannot be read: Permission denied")


def _is_special(path: Path) -> bool:
    """Whether this is a pipe, a socket or a device, for which reading might wait for ever."""
    try:
        mode = path.stat().st_mode
    except OSError:  # reported when it is opened
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
