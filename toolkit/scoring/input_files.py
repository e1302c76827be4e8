"""Find the files to score: those that are named, in folders, or of patterns, also in a store."""

from __future__ import annotations

import glob
import itertools
import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from toolkit.errors import InputError, UsageError
from toolkit.files import is_a_folder, is_link_or_there, is_there, resolved
from toolkit.records.archives import count_others, is_archive, is_safe, members, several
from toolkit.records.formats import endings
from toolkit.records.options import STDIN
from toolkit.scoring.jobs import (
    NOT_KEPT,
    REJECTED_ENDING,
    SCORED,
    Job,
    Jobs,
    default_output,
    has_known_ending,
    named_by,
    scored_name,
    unscored_name,
    with_format,
)
from toolkit.stores.paths import StorePath, is_in_store, path_of

_ANY_DEPTH = "**"  # in a pattern


def find_jobs(
    inputs: Sequence[str],
    output: str | None = None,
    output_format: str | None = None,
    rejected: Path | None = None,
    report: Path | None = None,
) -> Jobs:
    """Find the files to score, in the order of the inputs, and name their outputs.

    ``inputs`` are files, folders, and patterns such as ``data/**/*.csv``. ``output`` is a file for
    one file, else a folder, as always with a slash at its end. ``output_format`` changes the
    endings of the outputs, and ``rejected`` is for one file only. ``report`` is no input, where it
    is in a folder. Raises `InputError` if a folder or a pattern has no file of reviews, and
    `UsageError` if outputs or rejects have no place.
    """
    target = None if output is None else path_of(output)
    found, named = look_for(inputs, target, report)
    files = found.without_repeats()
    is_whole = found.unreadable or any(_is_whole_folder(name, output) for name in inputs)
    is_single = len(files) == 1 and not is_whole
    if is_single and not _is_new_folder(output):
        job = Job.of(files[0][0], _single_output(*files[0], target, output_format), rejected)
        job = replace(job, is_named=job.source in named)
        return Jobs([job], is_single=True, ignored=found.ignored)
    if rejected not in (None, STDIN, NOT_KEPT):
        raise UsageError("--rejected: is for one file; several have theirs beside each output.")
    folder = _folder(target, [source for source, _ in files])
    jobs = [
        replace(
            Job.of(source, folder / with_format(name, output_format), rejected),
            is_named=source in named,
        )
        for source, name in files
    ]
    failed = [
        replace(Job.of(path, folder / name, rejected), error=error)
        for path, name, error in found.unreadable
    ]
    return Jobs([*jobs, *failed], folder, is_single, found.ignored, found.links)


def look_for(
    inputs: Sequence[str], target: Path | None, report: Path | None = None
) -> tuple[Found, set[Path]]:
    """Find files, and say which of them are named by themselves; `NOT_KEPT` is no target."""
    found = Found(report=None if report is None else resolved(report))
    named: set[Path] = set()
    for name in inputs:
        if not name:
            raise UsageError("an empty name, expected a file of reviews. Write . for this folder.")
        path = path_of(name)
        if path == STDIN:
            found.files.append((path, path))
        elif is_a_folder(path):
            found.add_folder(path, target)
        elif is_pattern(name):
            found.add_pattern(name, target)
        else:
            found.add_named(path, target)
            named.add(path)
    return found, named


def _is_whole_folder(name: str, output: str | None) -> bool:
    """Whether an input may have several files, and so the output is a folder."""
    if is_a_folder(path_of(name)):
        return True
    if output is None or path_of(output) == STDIN or not is_pattern(name):
        return False
    return _has_slash(output) or not path_of(output).suffix


def _is_new_folder(output: str | None) -> bool:
    """Whether the output is a folder because of the slash at its end, and does not exist yet."""
    return output is not None and _has_slash(output) and not is_a_folder(path_of(output))


def _has_slash(output: str) -> bool:
    return output.endswith(tuple(filter(None, (os.sep, os.altsep))))


def _single_output(
    source: Path, name: Path, output: Path | None, output_format: str | None
) -> Path:
    if output is None:
        default = default_output(source)
        return default if source == STDIN else with_format(default, output_format)
    if not is_a_folder(output):
        return output
    _check_not_standard_input([source], output)
    return output / with_format(Path(name.name), output_format)


def _folder(output: Path | None, sources: Sequence[Path]) -> Path:
    """Check that the output can be a folder."""
    _check_not_standard_input(sources, output)
    if output is None or output == STDIN:
        raise UsageError(
            f"{len(sources):,} files to score: choose a folder for the scored ones with --output."
        )
    if is_there(output) and not is_a_folder(output):
        raise UsageError(f"{output}: is a file, expected a folder for the scored files.")
    return output


def _check_not_standard_input(sources: Sequence[Path], output: Path | None) -> None:
    if STDIN in sources:
        if len(sources) > 1:
            raise UsageError("standard input cannot be combined with other inputs.")
        raise UsageError(f"{output}: is a folder. Name a file for standard input with --output.")


@dataclass
class Found:
    """Files to score, and what was passed over; an output is named by its path below the folder."""

    report: Path | None = None  # of the run, which is no file of reviews
    files: list[tuple[Path, Path]] = field(default_factory=list)  # with the names for their outputs
    unreadable: list[tuple[Path, Path, str]] = field(
        default_factory=list
    )  # folders, with the error
    ignored: int = 0  # files of no known format, pipes and devices
    links: list[Path] = field(default_factory=list)  # to folders, which are not followed

    def without_repeats(self) -> list[tuple[Path, Path]]:
        """Give each file once, with the name of its output."""
        once: dict[Path, tuple[Path, Path]] = {}
        for source, relative in self.files:
            once.setdefault(resolved(source), (source, relative))
        return list(once.values())

    def add_folder(self, folder: Path, output: Path | None) -> None:
        """Add the files of reviews in a folder and the folders in it, by name.

        Hidden files, outputs of earlier runs, and links to folders, which may lead out of this one,
        are left out. Raises `InputError` if there is no file, or the folder cannot be read.
        """
        own = _own_folder(folder, output)
        paths: list[Path] = _shown_objects(folder, own) if is_in_store(folder) else []
        links: list[Path] = []
        errors: list[OSError] = []
        for where, folders, names in (
            () if is_in_store(folder) else os.walk(folder, onerror=errors.append)
        ):
            inside = [Path(where, name) for name in _shown(folders)]
            links += [path for path in inside if path.is_symlink()]
            folders[:] = [p.name for p in inside if not p.is_symlink() and resolved(p) != own]
            paths += [Path(where, name) for name in _shown(names)]
        shown = _without_earlier(self._without_report(sorted(paths)), own)
        files = [
            path
            for path in shown
            if (has_known_ending(path) or is_archive(path)) and not _is_special(path)
        ]
        for error in errors:
            path, reason = Path(error.filename), f"this folder cannot be read: {error.strerror}"
            self.unreadable.append((path, path.relative_to(folder), f"{path}: {reason}"))
        if not files:
            if errors:
                raise InputError(self.unreadable[-1][2])
            more = f". The link {min(links)} to a folder is not followed" if links else ""
            known = ", ".join(endings())
            raise InputError(
                f"{folder}: a folder without a file of reviews; they end in {known}{more}"
            )
        for path in files:
            self._add(path, path.relative_to(folder))
        self.ignored += len(shown) - len(files)
        self.links += sorted(links)

    def add_named(self, path: Path, output: Path | None) -> None:
        """Add a file that is named, or the members of an archive.

        Raises `UsageError` if there are several, and no place for their outputs.
        """
        if not is_archive(path):
            self.files.append((path, Path(named_by(path).name)))
            return
        found = members(path, endings())
        if not found:
            raise InputError(f"{path}: an archive without files, expected reviews")
        if output is None and found[1:]:
            raise UsageError(several(path, found))
        self._add_members(path, found, Path(path.name), Path())

    def _add(self, path: Path, name: Path) -> None:
        """Add a file that was found, with the name of its output; of an archive, all members."""
        if not is_archive(path):
            self.files.append((path, name.with_name(named_by(path).name)))
            return
        try:
            found = members(path, endings())
        except InputError as error:
            self.unreadable.append((path, name, str(error)))
            return
        self._add_members(path, found, name, name.with_suffix(""))

    def _add_members(self, archive: Path, found: list[Path], name: Path, folder: Path) -> None:
        self.ignored += count_others(archive, endings()) if found[1:] else 0
        for member in found:
            inside = member.relative_to(archive)
            if not found[1:]:
                self.files.append((member, name.with_name(named_by(member).name)))
            elif is_safe(str(inside)):
                self.files.append((member, folder / inside.with_name(named_by(member).name)))
            else:
                error = f"{member}: its name leads out of the folder. Unpack the archive first"
                self.unreadable.append((member, folder / inside.name, error))

    def _without_report(self, paths: list[Path]) -> list[Path]:
        if self.report is None:
            return paths
        return [path for path in paths if resolved(path) != self.report]

    def add_pattern(self, pattern: str, output: Path | None) -> None:
        """Add the files that a pattern of the module `glob` matches, by name, of any format.

        Outputs of earlier runs are left out, but not those that the pattern asks for. Raises
        `InputError` if there is no file, or a folder that may hold one cannot be read.
        """
        parts = path_of(pattern).parts
        base, matches = _matches(pattern)
        files = _without_earlier(
            self._without_report(matches),
            _own_folder(base, output),
            with_rejects=pattern.endswith(REJECTED_ENDING),
            with_scored=SCORED in parts[-1],
        )
        usable = [path for path in files if not _is_special(path)]
        if not usable:
            raise InputError(f"{pattern}: no file matches this pattern")
        for path in usable:
            self._add(path, path.relative_to(base))
        self.ignored += len(files) - len(usable)


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards, and is not simply the name of a file."""
    return glob.has_magic(name) and not is_link_or_there(path_of(name))


def _matches(pattern: str) -> tuple[Path, list[Path]]:
    """Give the folder before the first wildcard, and the files that match."""
    named = path_of(pattern)
    parts = named.parts
    plain = len(list(itertools.takewhile(lambda part: not glob.has_magic(part), parts[:-1])))
    if is_in_store(named):
        base = named.parents[len(parts) - plain - 1]
        return base, _matching_objects(base, parts[plain:])
    name = str(named)  # of a file: URI, which `glob` does not know
    for count in range(plain, len(parts)):
        _check_folders(Path(*parts[:count]), parts[count])
    found = [Path(each) for each in sorted(glob.glob(name, recursive=True))]  # noqa: PTH207
    return Path(*parts[:plain]), [path for path in found if not is_a_folder(path)]


def _own_folder(folder: Path, output: Path | None) -> Path | None:
    """Give the folder of the outputs, if it is within the one that is searched."""
    own = None if output is None else resolved(output)
    return own if own is not None and resolved(folder) in own.parents else None


def _without_earlier(
    paths: list[Path], own: Path | None, *, with_rejects: bool = False, with_scored: bool = False
) -> list[Path]:
    """Leave out what earlier runs have written: to their folder, or beside the inputs."""
    beside = set() if with_scored else _scored_beside(paths)
    return [
        path
        for path in paths
        if path not in beside
        and (with_rejects or not path.name.endswith(REJECTED_ENDING))
        and (own is None or own not in resolved(path).parents)  # links may lead there
    ]


def _scored_beside(paths: list[Path]) -> set[Path]:
    """Find the outputs beside their inputs, of any format: those whose input is there, too."""
    scored = {path: name for path in paths if (name := scored_name(path)) is not None}
    found = set()
    for folder in {path.parent for path in scored}:
        with suppress(OSError):  # the input may not be of the pattern, so look at all files
            names = set(map(unscored_name, folder.iterdir()))
            found |= {p for p, name in scored.items() if p.parent == folder and name in names}
    return found


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
    if is_in_store(path):
        return False
    try:
        mode = path.stat().st_mode
    except OSError:  # reported when it is opened
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _shown_objects(folder: Path, own: Path | None) -> list[Path]:
    """Give the objects under a prefix, also in hidden ones only if it is hidden itself.

    Those under ``own``, where the outputs go, are left out.
    """
    assert isinstance(folder, StorePath)
    return [
        path
        for path in folder.objects()
        if not any(part[0] in "._" for part in path.relative_to(folder).parts)
        and (own is None or own not in path.parents)
    ]


def _matching_objects(base: Path, pattern: Sequence[str]) -> list[Path]:
    """Give the objects under a prefix that match a pattern as of the module `glob`, by name."""
    assert isinstance(base, StorePath)
    found = ((path, path.relative_to(base).parts) for path in base.objects())
    return sorted(path for path, parts in found if _object_matches(tuple(pattern), parts))


@lru_cache(1 << 16)
def _object_matches(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not pattern:
        return not parts
    first, rest = pattern[0], pattern[1:]
    if first == _ANY_DEPTH:
        if not rest:  # all files in any depth
            return not any(part.startswith(".") for part in parts)
        is_deeper = (
            bool(parts) and not parts[0].startswith(".") and _object_matches(pattern, parts[1:])
        )
        return _object_matches(rest, parts) or is_deeper
    if not parts or (parts[0].startswith(".") and not first.startswith(".")):
        return False
    return fnmatchcase(parts[0], first) and _object_matches(rest, parts[1:])
