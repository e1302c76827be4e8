"""Find the files to score: those that are named, in folders, or of patterns, also in a store."""

from __future__ import annotations

import glob
import itertools
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
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
    written_as,
)
from toolkit.stores.paths import StorePath, is_in_store, path_of

_ANY_DEPTH = "**"  # in a pattern


def find_jobs(
    inputs: Sequence[str],
    output: str | None = None,
    output_format: str | None = None,
    rejected: Path | None = None,
    report: Path | None = None,
    input_format: str | None = None,
) -> Jobs:
    """Find the files to score, in the order of the inputs, and name their outputs.

    ``inputs`` are files, folders, and patterns such as ``data/**/*.csv``. ``output`` is a file for
    one file, else a folder, as always with a slash at its end. ``output_format`` changes the
    endings of the outputs, and ``rejected`` is for one file only. ``report`` is no input, where it
    is in a folder. ``input_format`` is that of names with an unknown ending. Raises `InputError` if
    a folder or a pattern has no file of reviews, and `UsageError` if outputs or rejects have no
    place.
    """
    target = None if output is None else path_of(output)
    formats = (output_format, input_format)
    found, named = look_for(inputs, target, report)
    files = found.without_repeats()
    is_whole = found.unreadable or any(_is_whole_folder(name, output) for name in inputs)
    is_single = len(files) == 1 and not is_whole
    if is_single and not _is_new_folder(output):
        job = Job.of(files[0][0], _single_output(*files[0], target, formats), rejected)
        job = replace(job, is_named=job.source in named)
        return Jobs([job], is_single=True, ignored=found.ignored)
    if rejected not in (None, STDIN, NOT_KEPT):
        raise UsageError("--rejected: is for one file; several have theirs beside each output.")
    folder = _folder(target, [source for source, _ in files])
    jobs = [
        replace(
            Job.of(source, folder / with_format(name, *formats), rejected), is_named=source in named
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
    source: Path, name: Path, output: Path | None, formats: tuple[str | None, str | None]
) -> Path:
    if output is None:
        default = default_output(source)
        return default if default == STDIN else with_format(default, *formats)
    if not is_a_folder(output):
        return output
    _check_not_standard_input([source], output)
    return output / with_format(Path(name.name), *formats)


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
        if not self._add_below(folder, (_ANY_DEPTH,), output, is_folder=True):
            links = [link for link in self.links if folder in link.parents]
            more = f". The link {links[0]} to a folder is not followed" if links else ""
            known = ", ".join(endings())
            raise InputError(
                f"{folder}: a folder without a file of reviews; they end in {known}{more}"
            )

    def add_pattern(self, pattern: str, output: Path | None) -> None:
        """Add the files that a pattern matches, by name, of any format.

        It may have ``*``, ``?``, ``[…]``, and once ``**`` for folders in any depth. Outputs of
        earlier runs are left out, but not those that the pattern asks for. Raises `InputError` if
        there is no file, or the folders cannot be read.
        """
        path = path_of(pattern)
        if path.parts.count(_ANY_DEPTH) > 1:
            raise UsageError(f"{pattern}: a pattern has ** once. Give several patterns.")
        wild = [*itertools.dropwhile(lambda part: not glob.has_magic(part), path.parts[:-1])]
        base = path.parents[len(wild)]
        if not self._add_below(base, (*wild, path.parts[-1]), output, is_folder=False):
            raise InputError(f"{pattern}: no file matches this pattern")

    def _add_below(
        self, base: Path, pattern: tuple[str, ...], output: Path | None, *, is_folder: bool
    ) -> int:
        """Add what matches the parts of a pattern, and say how many files that are."""
        found, links, errors = _walk(base, pattern, "._" if is_folder else ".")
        shown = _without_earlier(
            [p for p in found if self.report is None or resolved(p) != self.report],
            _own_folder(base, output),
            with_rejects=pattern[-1].endswith(REJECTED_ENDING),
            with_scored=SCORED in pattern[-1],
        )
        files = [path for path in shown if not _is_special(path)]
        if is_folder:
            files = [path for path in files if has_known_ending(path) or is_archive(path)]
        for error in errors:
            path, reason = Path(error.filename), f"this folder cannot be read: {error.strerror}"
            self.unreadable.append((path, path.relative_to(base), f"{path}: {reason}"))
        if errors and not files:
            raise InputError(self.unreadable[-1][2])
        for path in files:
            self._add(path, path.relative_to(base))
        self.ignored += len(shown) - len(files)
        self.links += sorted(links)
        return len(files)

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
                self.files.append((member, folder / written_as(inside)))
            else:
                error = f"{member}: its name leads out of the folder. Unpack the archive first"
                self.unreadable.append((member, folder / inside.name, error))


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards, and is not simply the name of a file."""
    return glob.has_magic(name) and not is_link_or_there(path_of(name))


def _walk(
    base: Path, pattern: Sequence[str], hidden: str
) -> tuple[list[Path], list[Path], list[OSError]]:
    """Give the files below a folder or a prefix that match the parts of a pattern, by name.

    Names that begin with a letter of ``hidden`` have to be asked for. Where ``**`` is, links to
    folders are not followed, but given, too, with the errors of folders that cannot be read.
    """
    rest = (*pattern, "*") if pattern[-1] == _ANY_DEPTH else tuple(pattern)
    is_deep = _ANY_DEPTH in rest
    head = rest.index(_ANY_DEPTH) if is_deep else len(rest) - 1  # parts, each of one name
    tail = rest[head + is_deep :]

    def fits(name: str, part: str) -> bool:
        return fnmatchcase(name, part) and (name[0] not in hidden or part[0] == name[0])

    def is_inside(parts: Sequence[str]) -> bool:
        deeper = parts[head:]
        is_shown = is_deep and all(fits(name, "*") for name in deeper)
        return all(map(fits, parts, rest[:head])) and (is_shown or not deeper)

    def is_wanted(parts: Sequence[str]) -> bool:
        first, last = parts[: -len(tail)], parts[-len(tail) :]
        is_long = len(first) >= head and len(last) == len(tail)
        return is_long and is_inside(first) and all(map(fits, last, tail))

    if isinstance(base, StorePath):
        objects = base.objects()
        return sorted(p for p in objects if is_wanted(p.relative_to(base).parts)), [], []
    paths: list[Path] = []
    links: list[Path] = []
    errors: list[OSError] = []
    for where, folders, names in os.walk(base, onerror=errors.append, followlinks=True):
        here = Path(where)
        parts = here.relative_to(base).parts
        inside = [name for name in folders if is_inside((*parts, name))]
        not_followed = [n for n in inside if len(parts) >= head and (here / n).is_symlink()]
        links += [here / name for name in not_followed]
        folders[:] = [name for name in inside if name not in not_followed]
        paths += [here / name for name in names if is_wanted((*parts, name))]
    return sorted(paths), links, errors


def _own_folder(folder: Path, output: Path | None) -> Path | None:
    """Give the folder of the outputs, if it is within the one that is searched."""
    own = None if output is None else resolved(output)
    return own if own is not None and resolved(folder) in own.parents else None


def _without_earlier(
    paths: list[Path], own: Path | None, *, with_rejects: bool, with_scored: bool
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


def _is_special(path: Path) -> bool:
    """Whether this is a pipe, a socket or a device, for which reading might wait for ever."""
    if is_in_store(path):
        return False
    try:
        mode = path.stat().st_mode
    except OSError:  # reported when it is opened
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))
