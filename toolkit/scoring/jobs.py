"""Which files a call scores, where the results of each one go, and what they must not replace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import compress
from pathlib import Path

from toolkit.errors import InputError, UsageError
from toolkit.files import check_output_file, is_there, resolved
from toolkit.records.archives import (
    compression_ending,
    file_of,
    format_ending,
    inside_archive,
    is_archive,
    members,
)
from toolkit.records.formats import endings, format_called
from toolkit.records.options import STDIN, is_stream
from toolkit.records.review_file import WHOLE_FILE, FileRange
from toolkit.scoring.options import ScoringOptions
from toolkit.stores.paths import is_in_store, path_of

_AT_ONCE = 16  # looks at files: a store takes its time to answer

NOT_KEPT = Path(os.devnull)  # where rejects go that are only counted

REJECTED_ENDING = ".rejected.jsonl"
SCORED = ".scored"  # before the ending of an output beside its input


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
    is_shard: bool = False  # others score the rest, and only all counts together say much


def default_output(source: Path) -> Path:
    """Name the output beside the input: ``reviews.csv.gz`` → ``reviews.scored.csv.gz``.

    Of standard input and of a pipe, it is standard output.
    """
    if is_stream(source):
        return STDIN
    named = named_by(source)
    ending = format_ending(named) + compression_ending(named)
    return named.parent / f"{named.name.removesuffix(ending)}{SCORED}{ending}"


def named_by(source: Path) -> Path:
    """Give the path that an output is named by: of the format that it has by default.

    An archive with one member is named by its own name: ``data.zip`` that holds ``x.csv`` is
    ``data.csv``. What can only be read, such as a workbook, is written as CSV.
    """
    return written_as(_without_archive(source))


def written_as(path: Path) -> Path:
    """Give a name the ending of the format in which a file with that name is written."""
    found = endings().get(format_ending(path).lower())
    return path if found is None else with_format(path, found.written.name, None)


def _without_archive(source: Path) -> Path:
    inside = inside_archive(source)
    archive = source if inside is None else inside[0]
    if inside is None and not is_archive(source):
        return source
    try:
        found = members(archive, endings())
    except InputError:  # reported when it is read
        return source
    if len(found) != 1:
        return archive.parent / source.name
    if has_known_ending(Path(archive.stem)):
        return archive.parent / archive.stem
    ending = format_ending(found[0]) + compression_ending(found[0])
    return archive.parent / f"{archive.stem}{ending}"


def scored_name(path: Path) -> str | None:
    """Give the name without endings of the input that ``path`` may be the output of, if any."""
    stem = _stem(path)
    return stem.removesuffix(SCORED) if stem.endswith(SCORED) and has_known_ending(path) else None


def unscored_name(path: Path) -> str | None:
    """Give the name of a possible input without its endings."""
    named = named_by(path)
    return _stem(named) if has_known_ending(named) else None


def default_rejected(source: Path, output: Path) -> Path:
    """Name the rejects: ``OUTPUT.rejected.jsonl``; beside the input for standard output."""
    if output != STDIN:
        return path_of(f"{output}{REJECTED_ENDING}")
    is_unnamed = source == STDIN or source.parts[:2] == ("/", "dev")  # /dev/fd/63
    return path_of(f"{'stdin' if is_unnamed else named_by(source)}{REJECTED_ENDING}")


def with_format(path: Path, output_format: str | None, input_format: str | None) -> Path:
    """Give a name the ending of a format, unless it has one of its endings already.

    Without an output format, it is that of the input if the ending is of none.
    """
    target = None if output_format is None else format_called(output_format)
    if target is None and input_format is not None and not has_known_ending(path):
        target = format_called(input_format).written
    if target is None:
        return path
    found, compression = format_ending(path), compression_ending(path)
    if endings().get(found.lower()) == target:
        return path
    name = path.name.removesuffix(found + compression)
    return path.parent / f"{name}{target.endings[0]}{compression if target.is_text else ''}"


def has_known_ending(path: Path) -> bool:
    """Whether the name ends as those of a known format."""
    return format_ending(path).lower() in endings()


def _stem(path: Path) -> str:
    return path.name.removesuffix(format_ending(path) + compression_ending(path))


def check_job(job: Job, *, force: bool, absent: Path | None = None) -> None:
    """Raise `UsageError` if the files of a job cannot be written.

    Files that are there already are an error, too, without ``force``. An object that was ``absent``
    is not looked for again: one that has come since is not replaced, either.
    """
    if job.rejected == job.output == STDIN:
        raise UsageError(
            "--rejected -: the scored records go to standard output. Name a file for one of the "
            "two, with --output or --rejected."
        )
    for path, option in job.written():
        # Standard output needs no folder, unless a record is rejected.
        is_rare = job.output == STDIN and path == default_rejected(job.source, STDIN)
        if (is_rare and not is_there(path)) or (path == absent and is_in_store(path)):
            continue
        check_output_file(path, force=force, option=option, may_skip=option == "--output")


def check_absent(outputs: Sequence[Path]) -> None:
    """Raise `UsageError` if some outputs in a folder exist, before anything is scored."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        there = [*compress(outputs, pool.map(is_there, outputs))]
    if there:
        more = f", and {len(there) - 1:,} more" if there[1:] else ""
        raise UsageError(
            f"{there[0]}: exists already{more}. Choose another folder with --output, or replace "
            "them with --force, or score only what is new with --skip-existing."
        )


def check_apart(jobs: Sequence[Job], model: Path | None = None, report: Path | None = None) -> None:
    """Raise `UsageError` if a file that a call writes is one that it reads, or writes twice."""
    jobs = [job for job in jobs if job.error is None]
    taken = {name: "an input" for job in jobs for name in _names(job.source)}
    taken |= dict.fromkeys(() if model is None else _names(model), "the model")
    written = [(path, option, job) for job in jobs for path, option in job.written()]
    for path, option, job in written:
        what = "output" if option == "--output" else "rejects"
        _take(taken, path, option, f"the {what} of {job.source}")
    if report == STDIN:
        raise UsageError("--report: cannot go to standard output; name a file.")
    if report is not None:
        folders = {folder for path, *_ in written for folder in resolved(path).parents}
        taken |= dict.fromkeys(folders, "a folder of the output")
        _take(taken, report, "--report", "the report")


def _take(taken: dict[Path | tuple[int, int], str], path: Path, option: str, what: str) -> None:
    if other := next(filter(None, map(taken.get, _names(path))), None):
        raise UsageError(
            f"{path}: cannot be {what}, as it is also {other}. Choose another with {option}, or "
            "make two calls."
        )
    taken[resolved(path)] = what


def _names(path: Path) -> set[Path | tuple[int, int]]:
    """Give what identifies a file: its path without links, and for hard links its number."""
    if is_in_store(path):
        return {file_of(path)}
    try:
        facts = file_of(path).stat()
    except OSError:  # not there, or not to be looked at
        return {resolved(path)}
    return {resolved(path), (facts.st_dev, facts.st_ino)}


def check_call(jobs: Jobs, options: ScoringOptions) -> None:
    """Raise `UsageError` if the options do not go together, or outputs would replace files."""
    files = [job for job in jobs.files if job.error is None]
    if options.resume and any(job.output == STDIN or is_stream(job.source) for job in files):
        raise UsageError("--resume does not work with standard input or output, nor with pipes.")
    if options.estimates_prior and any(is_stream(job.source) for job in files):
        raise UsageError(
            "--prior auto: reads the first records of a file twice, and standard input or a pipe "
            "can be read only once. Save it to a file first, or name the share, as in --prior 0.9."
        )
    if options.skip_existing and any(job.output == STDIN for job in files):
        raise UsageError("--skip-existing does not work with standard output.")
    check_apart(files)
