"""Which files a call scores, and where the results of each one go."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.files import is_a_folder, is_there, resolved
from toolkit.records.options import STDIN
from toolkit.records.review_file import WHOLE_FILE, FileRange
from toolkit.scoring.input_files import Found, is_pattern
from toolkit.scoring.output_names import default_output, default_rejected, with_format
from toolkit.stores.paths import path_of

_AT_ONCE = 16  # requests to a store

NOT_KEPT = Path(os.devnull)  # where rejects go that are only counted


@dataclass(frozen=True)
class Job:
    """One file to score."""

    source: Path  # STDIN is standard input
    output: Path  # STDIN is standard output
    rejected: Path  # written only if a record is rejected; STDIN is standard output, or NOT_KEPT
    error: str | None = None  # why it cannot be scored, where that is known before the run
    is_named: bool = True  # by itself, not found in a folder or by a pattern
    file_range: FileRange = WHOLE_FILE  # of the file, where others score the rest
    shard: str | None = None  # such as 3/16, which the output says of itself

    @classmethod
    def of(cls, source: Path, output: Path, rejected: Path | None = None) -> Job:
        """Make a job; by default, its rejects go to ``OUTPUT.rejected.jsonl``."""
        return cls(source, output, rejected or default_rejected(source, output))

    @property
    def rejects_file(self) -> Path | None:
        """The file for rejects; None where they are not kept, or go to standard output."""
        return None if self.rejected in (STDIN, NOT_KEPT) else self.rejected

    def written(self) -> Iterator[tuple[Path, str]]:
        """Give the files that are written, each with the option that names it."""
        if self.output != STDIN:
            yield self.output, "--output"
        if self.rejects_file is not None:
            yield self.rejects_file, "--rejected"


@dataclass(frozen=True)
class Jobs:
    """The files that one call scores."""

    files: Sequence[Job]
    folder: Path | None = None  # of the outputs, where there are several or it has to be made
    is_single: bool = False  # one file, and neither a folder nor a pattern into a folder
    ignored: int = 0  # files of no known format, pipes and devices
    links: Sequence[Path] = ()  # to folders, which were not followed
    is_part: bool = False  # others score the rest, and only all counts together say much


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
