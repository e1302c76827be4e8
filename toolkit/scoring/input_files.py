"""Find the files to score by their names, in folders, and by patterns, also in a store."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from toolkit.errors import InputError, UsageError
from toolkit.files import is_a_folder, is_link_or_there, is_there, resolved
from toolkit.records.archives import is_safe
from toolkit.records.formats import endings
from toolkit.records.inputs import Input, PathKind, several_members
from toolkit.scoring.jobs import (
    REJECTED_ENDING,
    SCORED,
    STDOUT,
    Job,
    Jobs,
    RejectsTo,
    default_output,
    has_known_ending,
    named_by,
    scored_name,
    unscored_name,
    with_format,
    written_as,
)
from toolkit.stores.paths import StorePath, path_of

_ANY_DEPTH = "**"  # in a pattern


def find_jobs(
    inputs: Sequence[str],
    output: str | None = None,
    output_format: str | None = None,
    rejected: Path | RejectsTo | None = None,
    report: Path | None = None,
    input_format: str | None = None,
) -> Jobs:
    """Find the files to score, in the order of the inputs, and name their outputs.

    ``inputs`` are files, folders, and patterns such as ``data/**/*.csv``. ``output`` is a file if
    there is one file to score; otherwise, or with a slash at its end, it is a folder.
    ``output_format`` changes the endings of the outputs, and ``rejected`` is for one file only.
    ``report`` is not an input, even if it is in a folder. ``input_format`` is the format of names
    with an unknown ending.

    Raises `InputError` if a folder or a pattern has no file of reviews, and `UsageError` if outputs
    or rejects have no place.
    """
    target = None if output is None else path_of(output)
    found = look_for(inputs, target, report, only_one_member=target is None)
    files = found.without_repeats()
    name_with_ending = partial(with_format, output_format=output_format, input_format=input_format)
    is_several = found.has_folder or (found.has_pattern and _names_a_folder(output))
    is_single = len(files) == 1 and not (found.unreadable or is_several)
    if is_single and not _is_new_folder(output):
        job = _only_job(files[0], target, rejected, name_with_ending)
        return Jobs([job], is_single=True, ignored=found.ignored)
    if rejected is not None and not isinstance(RejectsTo.of(rejected), RejectsTo):
        raise UsageError("--rejected: is for one file; several have theirs beside each output.")
    folder = _folder(target, files)
    jobs = [
        replace(
            Job.of(file.input, folder / name_with_ending(file.name), rejected),
            is_named=file.is_named,
        )
        for file in files
    ]
    failed = [
        replace(Job.of(file.input, folder / file.name, rejected), error=file.error)
        for file in found.unreadable
    ]
    return Jobs(
        files=[*jobs, *failed],
        folder=folder,
        is_single=is_single,
        ignored=found.ignored,
        links=found.links,
    )


def _only_job(
    file: FoundFile,
    target: Path | None,
    rejected: Path | RejectsTo | None,
    name_with_ending: Callable[[Path], Path],
) -> Job:
    """Return the job of the only file, whose output is a file unless its target is a folder."""
    if target is None:
        path = default_output(file.input)
        path = path if path == STDOUT else name_with_ending(path)
    elif is_a_folder(target):
        _check_not_standard_input([file], target)
        path = target / name_with_ending(Path(file.name.name))
    else:
        path = target
    return replace(Job.of(file.input, path, rejected), is_named=file.is_named)


def look_for(
    names: Sequence[str],
    outputs: Path | None = None,
    report: Path | None = None,
    *,
    only_one_member: bool = False,
) -> Found:
    """Find the files that names, folders and patterns lead to.

    A folder of ``outputs`` is not searched, and ``report`` is not an input. Raises `UsageError` for
    an archive of several members if there can be ``only_one_member``.
    """
    found = Found(None if report is None else resolved(report))
    for name in names:
        if not name:
            raise UsageError("an empty name, expected a file of reviews. Write . for this folder.")
        source = Input.of(path_of(name))
        if source.kind is PathKind.FOLDER or (source.is_in_store and is_a_folder(source.path)):
            found.add_folder(source.path, outputs)
        elif is_pattern(name):
            found.add_pattern(name, outputs)
        else:
            found.add_named(source, only_one_member=only_one_member)
    return found


def _names_a_folder(output: str | None) -> bool:
    """Whether the name of an output is of a folder: it ends in a slash, or has no ending."""
    if output is None or path_of(output) == STDOUT:
        return False
    return _has_slash(output) or not path_of(output).suffix


def _is_new_folder(output: str | None) -> bool:
    """Whether the output is a folder because of the slash at its end, and does not exist yet."""
    return output is not None and _has_slash(output) and not is_a_folder(path_of(output))


def _has_slash(output: str) -> bool:
    return output.endswith(tuple(filter(None, (os.sep, os.altsep))))


def _folder(output: Path | None, files: Sequence[FoundFile]) -> Path:
    """Check that the output can be a folder."""
    _check_not_standard_input(files, output)
    if output is None or output == STDOUT:
        raise UsageError(
            f"{len(files):,} files to score: choose a folder for the scored ones with --output."
        )
    if is_there(output) and not is_a_folder(output):
        raise UsageError(f"{output}: is a file, expected a folder for the scored files.")
    return output


def _check_not_standard_input(files: Sequence[FoundFile], output: Path | None) -> None:
    if any(file.input.is_stdin for file in files):
        if len(files) > 1:
            raise UsageError("standard input cannot be combined with other inputs.")
        raise UsageError(f"{output}: is a folder. Name a file for standard input with --output.")


@dataclass(frozen=True)
class FoundFile:
    """A file that was found."""

    input: Input
    name: Path  # names the output: below the folder of the outputs
    is_named: bool = False  # by itself, not found in a folder or by a pattern
    error: str = ""  # why it cannot be read, as of a folder without the rights


@dataclass
class Found:
    """The files that were found, and what was passed over."""

    report: Path | None = None  # of the run, which is not a file of reviews
    files: list[FoundFile] = field(default_factory=list)
    unreadable: list[FoundFile] = field(default_factory=list)  # folders and members, with the error
    has_folder: bool = False  # whether a folder was named
    has_pattern: bool = False
    ignored: int = 0  # files of no known format, pipes and devices
    links: list[Path] = field(default_factory=list)  # to folders, which are not followed

    def without_repeats(self) -> list[FoundFile]:
        """Return each file once, at its first place."""
        named = {file.input.path for file in self.files if file.is_named}
        once: dict[Path, FoundFile] = {}
        for file in self.files:
            once.setdefault(file.input.real_path, file)
        return [replace(file, is_named=file.input.path in named) for file in once.values()]

    def add_folder(self, folder: Path, output: Path | None) -> None:
        """Add the files of reviews in a folder and the folders in it, by name.

        Hidden files, outputs of earlier runs, and links to folders, which may lead out of this
        folder, are left out. Raises `InputError` if no file is left, or the folder cannot be read.
        """
        self.has_folder = True
        if not self._add_below(folder, (_ANY_DEPTH,), output, is_folder=True):
            links = [link for link in self.links if folder in link.parents]
            more = f". The link {links[0]} to a folder is not followed" if links else ""
            known = ", ".join(endings())
            raise InputError(
                f"{folder}: the folder has no file of reviews, whose names end in {known}{more}"
            )

    def add_pattern(self, pattern: str, output: Path | None) -> None:
        """Add the files that a pattern matches, by name, of any format.

        It may have ``*``, ``?``, ``[…]``, and once ``**`` for folders in any depth. Outputs of
        earlier runs are left out, unless the pattern asks for them. Raises `InputError` if no
        file matches, or the folders cannot be read.
        """
        self.has_pattern = True
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
        """Add the files that match the parts of a pattern, and return their number."""
        found = _walk(base, _Pattern.of(pattern, hidden="._" if is_folder else "."))
        shown = _without_earlier(
            [each for each in map(Input.of, found.files) if not self._is_report(each)],
            _own_folder(base, output),
            with_rejects=pattern[-1].endswith(REJECTED_ENDING),
            with_scored=SCORED in pattern[-1],
        )
        files = [each for each in shown if each.kind not in (PathKind.STREAM, PathKind.SPECIAL)]
        if is_folder:
            files = [each for each in files if has_known_ending(each.path) or each.is_archive]
        for error in found.errors:
            path = Path(error.filename)
            reason = f"{path}: this folder cannot be read: {error.strerror}"
            folder = Input(path, PathKind.FOLDER)
            self.unreadable.append(FoundFile(folder, path.relative_to(base), error=reason))
        if found.errors and not files:
            raise InputError(self.unreadable[-1].error)
        for each in files:
            self._add(each, each.path.relative_to(base))
        self.ignored += len(shown) - len(files)
        self.links += sorted(found.links)
        return len(files)

    def _is_report(self, source: Input) -> bool:
        return self.report is not None and source.real_path == self.report

    def add_named(self, source: Input, *, only_one_member: bool) -> None:
        """Add a file that is named, or the members of an archive.

        Raises `UsageError` for several members if there can be ``only_one_member``.
        """
        if not source.is_archive:
            name = Path(source.path if source.is_stdin else named_by(source).name)
            self.files.append(FoundFile(source, name, is_named=not source.is_stdin))
            return
        found = source.members(endings())
        if not found:
            raise InputError(f"{source}: an archive without files, expected reviews")
        if only_one_member and found[1:]:
            raise UsageError(several_members(source.path, found))
        self._add_members(source, found, name=Path(source.path.name), folder=Path())

    def _add(self, source: Input, name: Path) -> None:
        """Add a file that was found, or all members of an archive, with the output names."""
        if not source.is_archive:
            self.files.append(FoundFile(source, name.with_name(named_by(source).name)))
            return
        try:
            found = source.members(endings())
        except InputError as error:
            self.unreadable.append(FoundFile(source, name, error=str(error)))
            return
        self._add_members(source, found, name=name, folder=name.with_suffix(""))

    def _add_members(self, archive: Input, found: list[Input], name: Path, folder: Path) -> None:
        self.ignored += archive.count_others(endings()) if found[1:] else 0
        for member in found:
            inside = Path(member.member_name)
            if not found[1:]:
                only = name.with_name(named_by(member).name)
                self.files.append(FoundFile(member, only))
            elif is_safe(str(inside)):
                self.files.append(FoundFile(member, folder / written_as(inside)))
            else:
                error = f"{member}: its name leads out of the folder. Unpack the archive first"
                self.unreadable.append(FoundFile(member, folder / inside.name, error=error))


def is_pattern(name: str) -> bool:
    """Whether a name has wildcards, and no file has this name."""
    return glob.has_magic(name) and not is_link_or_there(path_of(name))


@dataclass
class _Walk:
    """The files that match a pattern, in order, and what was passed over on the way."""

    files: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)  # to folders
    errors: list[OSError] = field(default_factory=list)  # of folders that cannot be read


@dataclass(frozen=True)
class _Pattern:
    """The parts of a pattern of paths: those before ``**``, and those after it.

    A name that begins with a letter of ``hidden`` matches only a part that begins so, too.
    """

    head: tuple[str, ...]  # parts, each of one name
    tail: tuple[str, ...]  # of files; at least one part
    is_deep: bool  # ``**`` is between them
    hidden: str

    @classmethod
    def of(cls, parts: Sequence[str], hidden: str) -> _Pattern:
        """Divide the parts of a pattern."""
        rest = (*parts, "*") if parts[-1] == _ANY_DEPTH else tuple(parts)
        is_deep = _ANY_DEPTH in rest
        count = rest.index(_ANY_DEPTH) if is_deep else len(rest) - 1
        return cls(rest[:count], rest[count + is_deep :], is_deep, hidden)

    def _fits(self, name: str, part: str) -> bool:
        return fnmatchcase(name, part) and (name[0] not in self.hidden or part[0] == name[0])

    def leads_below(self, folder: Sequence[str]) -> bool:
        """Whether files in a folder, or in one below it, may match."""
        deeper = folder[len(self.head) :]
        is_shown = self.is_deep and all(self._fits(name, "*") for name in deeper)
        return all(map(self._fits, folder, self.head)) and (is_shown or not deeper)

    def matches(self, file: Sequence[str]) -> bool:
        """Whether the path of a file matches."""
        folder = file[: -len(self.tail)]
        last = file[-len(self.tail) :]
        is_long = len(folder) >= len(self.head) and len(last) == len(self.tail)
        return is_long and self.leads_below(folder) and all(map(self._fits, last, self.tail))


def _walk(base: Path, pattern: _Pattern) -> _Walk:
    """Find the files below a folder or a prefix that match a pattern.

    Where ``**`` is, links to folders are not followed.
    """
    if isinstance(base, StorePath):
        objects = base.objects()
        return _Walk(sorted(p for p in objects if pattern.matches(p.relative_to(base).parts)))
    found = _Walk()
    for where, folders, names in os.walk(base, onerror=found.errors.append, followlinks=True):
        here = Path(where)
        parts = here.relative_to(base).parts
        is_deep = len(parts) >= len(pattern.head)
        inside = [name for name in folders if pattern.leads_below((*parts, name))]
        not_followed = [name for name in inside if is_deep and (here / name).is_symlink()]
        found.links += [here / name for name in not_followed]
        folders[:] = [name for name in inside if name not in not_followed]
        found.files += [here / name for name in names if pattern.matches((*parts, name))]
    found.files.sort()
    return found


def _own_folder(folder: Path, output: Path | None) -> Path | None:
    """Return the folder of the outputs, if it is within the folder that is searched."""
    own = None if output is None else resolved(output)
    return own if own is not None and resolved(folder) in own.parents else None


def _without_earlier(
    found: list[Input], own: Path | None, *, with_rejects: bool, with_scored: bool
) -> list[Input]:
    """Leave out the outputs of earlier runs, in their folder or beside the inputs."""
    beside = set() if with_scored else _scored_beside([each.path for each in found])
    return [
        each
        for each in found
        if each.path not in beside
        and (with_rejects or not each.path.name.endswith(REJECTED_ENDING))
        and (own is None or own not in each.real_path.parents)  # links may lead there
    ]


def _scored_beside(paths: list[Path]) -> set[Path]:
    """Find the outputs, of any format, whose inputs are beside them."""
    scored = {path: name for path in paths if (name := scored_name(path)) is not None}
    found = set()
    for folder in {path.parent for path in scored}:
        with suppress(OSError):  # the input may not match the pattern, so look at all files
            names = set(map(unscored_name, folder.iterdir()))
            found |= {p for p, name in scored.items() if p.parent == folder and name in names}
    return found
