"""The files of reviews in a folder or of a pattern; what cannot be read does not vanish."""

from __future__ import annotations

import glob
import itertools
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from toolkit.errors import InputError
from toolkit.files import resolved
from toolkit.records.compression import format_ending
from toolkit.records.formats import endings
from toolkit.scoring.score_file import REJECTED_ENDING, default_output


@dataclass(frozen=True)
class Found:
    """Files to score, and what was passed over.

    Each file comes with a name for its output: where it stands below the folder, or below the part
    of the pattern that is none.
    """

    files: Sequence[tuple[Path, Path]]
    ignored: int = 0  # files that no format belongs to, pipes and devices
    links: Sequence[Path] = ()  # to folders, which are not followed


def files_in(folder: Path, output: Path | None) -> Found:
    """Find files of reviews, without hidden ones.

    What earlier runs have written is left out: the folder of the outputs, rejects, and outputs
    beside their inputs. A link that leads nowhere stays, and fails when it is opened.

    Parameters
    ----------
    folder : Path
        Searched with the folders in it, but not those that are links: they may lead out of it.
    output : Path | None
        The folder of the outputs.

    Returns
    -------
    Found
        By name.

    Raises
    ------
    InputError
        If there is none, or a folder cannot be read.
    """
    own = resolved(output) if output is not None else None
    if own is not None and resolved(folder) not in own.parents:
        own = None  # the outputs stand elsewhere, or around what is read
    names, links = _walk(folder, own)
    shown = [path for path in names if not path.name.endswith(REJECTED_ENDING)]
    known = endings()
    found = [
        path for path in shown if format_ending(path).lower() in known and not _is_special(path)
    ]
    earlier = {default_output(path) for path in found}
    files = [path for path in found if path not in earlier]
    if not files:
        more = f". The link {links[0]} to a folder is not followed" if links else ""
        raise InputError(
            f"{folder}: a folder without a file of reviews; they end in {', '.join(known)}{more}"
        )
    return Found(
        [(path, path.relative_to(folder)) for path in files], len(shown) - len(found), links
    )


def files_matching(pattern: str) -> Found:
    """Find the files that a pattern matches.

    Parameters
    ----------
    pattern : str
        As the module `glob` has them; ``**`` stands for folders in folders.

    Returns
    -------
    Found
        By name, also those of no known format: they were asked for.

    Raises
    ------
    InputError
        If there is none, or a folder that may hold some cannot be read.
    """
    parts = Path(pattern).parts
    plain = len(list(itertools.takewhile(lambda part: not glob.has_magic(part), parts[:-1])))
    for count in range(plain, len(parts)):
        _check_folders(Path(*parts[:count]), parts[count])
    matches = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
    files = [path for path in matches if not _is_folder(path)]
    usable = [path for path in files if not _is_special(path)]
    if not usable:
        raise InputError(f"{pattern}: no file matches this pattern")
    base = Path(*parts[:plain])
    return Found([(path, path.relative_to(base)) for path in usable], len(files) - len(usable))


def _walk(folder: Path, output: Path | None) -> tuple[list[Path], list[Path]]:
    """Give the files, and the links to folders, by name; without hidden ones and the output."""
    files: list[Path] = []
    links: list[Path] = []
    for where, folders, names in os.walk(folder, onerror=_fail):
        inside = [Path(where, name) for name in _shown(folders)]
        links += [path for path in inside if path.is_symlink()]
        inside = [path for path in inside if not path.is_symlink() and resolved(path) != output]
        folders[:] = [path.name for path in inside]
        files += [Path(where, name) for name in _shown(names)]
    if output is not None:  # links may lead there
        files = [path for path in files if output not in resolved(path).parents]
    return sorted(files), sorted(links)


def _shown(names: Iterable[str]) -> list[str]:
    return [name for name in names if name[0] not in "._"]


def _fail(error: OSError) -> NoReturn:
    raise InputError(f"{error.filename}: this folder cannot be read: {error.strerror}") from None


def _check_folders(pattern: Path, part: str) -> None:
    """Find folders in which a part of a pattern cannot be looked for; `glob` passes over them."""
    needed = os.X_OK | (os.R_OK if glob.has_magic(part) else 0)
    only_folders = os.path.join(pattern, "")  # noqa: PTH118 (a Path has no slash at its end)
    for name in sorted(glob.glob(only_folders, recursive=True)):  # noqa: PTH207
        if not os.access(name, needed, effective_ids=os.access in os.supports_effective_ids):
            raise InputError(f"{Path(name)}: this folder cannot be read: Permission denied")


def _is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112 (Path.is_dir raises where a folder cannot be read)


def _is_special(path: Path) -> bool:
    """Whether this is a pipe, a socket or a device, which reading might wait for in vain."""
    try:
        mode = path.stat().st_mode
    except OSError:  # said when it is opened
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
