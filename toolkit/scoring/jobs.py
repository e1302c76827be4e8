"""Which files a call scores, where their results go, and what the results must not replace."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from itertools import compress
from pathlib import Path

from toolkit.errors import InputError, UsageError
from toolkit.files import check_output_file, is_there, resolved
from toolkit.records.archives import compression_ending, format_ending
from toolkit.records.formats import endings, format_called
from toolkit.records.inputs import Input, names_of, status_of
from toolkit.records.options import STDIN
from toolkit.records.review_file import WHOLE_FILE, FileRange
from toolkit.scoring.options import ScoringOptions
from toolkit.stores.paths import is_in_store, path_of

_AT_ONCE = 16  # threads that check files: a store answers slowly

STDOUT = STDIN  # standard output, where the path of an output is expected

REJECTED_ENDING = ".rejected.jsonl"
SCORED = ".scored"  # before the ending of an output beside its input


class RejectsTo(Enum):
    """The targets for rejected records that are not files."""

    STDOUT = "standard output"
    NOWHERE = "nowhere"  # they are only counted

    @classmethod
    def of(cls, path: Path | RejectsTo) -> Path | RejectsTo:
        """Read what a user names: ``-`` and the null device are not files."""
        if path == STDOUT:
            return cls.STDOUT
        return cls.NOWHERE if path == Path(os.devnull) else path


@dataclass(frozen=True)
class Job:
    """One file to score."""

    input: Input
    output: Path  # STDOUT is standard output
    rejected: Path | RejectsTo  # a file is written only if a record is rejected
    error: str | None = None  # why it cannot be scored, if that is known before the run
    is_named: bool = True  # by itself, not found in a folder or by a pattern
    file_range: FileRange = (
        WHOLE_FILE  # the part of the file to score, if other processes score the rest
    )
    shard: str | None = None  # such as 3/16, which is written into the output

    @classmethod
    def of(
        cls, source: Path | Input, output: Path, rejected: Path | RejectsTo | None = None
    ) -> Job:
        """Make a job; by default, its rejects go to ``OUTPUT.rejected.jsonl``."""
        source = Input.of(source)
        if rejected is None:
            rejected = default_rejected(source, output)
        return cls(source, output, RejectsTo.of(rejected))

    @property
    def source(self) -> Path:
        """The path of the input; `STDIN` is standard input."""
        return self.input.path

    @property
    def is_to_stdout(self) -> bool:
        """Whether the scored records go to standard output."""
        return self.output == STDOUT

    @property
    def rejects_file(self) -> Path | None:
        """The file for rejects; None if they are not kept, or go to standard output."""
        return None if isinstance(self.rejected, RejectsTo) else self.rejected

    def written(self) -> Iterator[tuple[Path, str]]:
        """Yield the files that are written, each with the option that names it."""
        if not self.is_to_stdout:
            yield self.output, "--output"
        if self.rejects_file is not None:
            yield self.rejects_file, "--rejected"


@dataclass(frozen=True)
class Jobs:
    """The files that one call scores."""

    files: Sequence[Job]
    folder: Path | None = None  # of the outputs, if there are several or it has to be created
    is_single: bool = False  # one file, and neither a folder nor a pattern into a folder
    ignored: int = 0  # files of no known format, pipes and devices
    links: Sequence[Path] = ()  # to folders, which were not followed
    is_shard: bool = False  # other processes score the rest; only all counts together are useful


def default_output(source: Input) -> Path:
    """Name the output beside the input: ``reviews.csv.gz`` → ``reviews.scored.csv.gz``.

    For standard input and for a pipe, it is standard output.
    """
    if source.is_stream:
        return STDOUT
    named = named_by(source)
    ending = format_ending(named) + compression_ending(named)
    return named.parent / f"{named.name.removesuffix(ending)}{SCORED}{ending}"


def named_by(source: Input) -> Path:
    """Return the path that names an output, with the ending of the default output format.

    An archive with one member is named by its own name: ``data.zip`` that holds ``x.csv`` is
    ``data.csv``. The output of a format that can only be read, such as a workbook, is CSV.
    """
    return written_as(_without_archive(source))


def written_as(path: Path) -> Path:
    """Return a name with the ending of the format in which a file with that name is written."""
    found = endings().get(format_ending(path).lower())
    return path if found is None else with_format(path, found.written.name, None)


def _without_archive(source: Input) -> Path:
    if source.archive is None and not source.is_archive:
        return source.path
    archive = source.file
    try:
        found = source.members(endings())
    except InputError:  # reported when it is read
        return source.path
    if len(found) != 1:
        return archive.parent / source.path.name
    if has_known_ending(Path(archive.stem)):
        return archive.parent / archive.stem
    (member,) = found
    ending = format_ending(member.path) + compression_ending(member.path)
    return archive.parent / f"{archive.stem}{ending}"


def scored_name(path: Path) -> str | None:
    """Return the name without endings of the input that may have ``path`` as its output."""
    stem = _stem(path)
    return stem.removesuffix(SCORED) if stem.endswith(SCORED) and has_known_ending(path) else None


def unscored_name(path: Path) -> str | None:
    """Return the name of a possible input without its endings; None if they are unknown."""
    named = named_by(Input.of(path))
    return _stem(named) if has_known_ending(named) else None


def default_rejected(source: Input, output: Path) -> Path:
    """Name the rejects: ``OUTPUT.rejected.jsonl``; beside the input for standard output."""
    if output != STDOUT:
        return path_of(f"{output}{REJECTED_ENDING}")
    is_unnamed = source.is_stdin or source.path.parts[:2] == ("/", "dev")  # /dev/fd/63
    return path_of(f"{'stdin' if is_unnamed else named_by(source)}{REJECTED_ENDING}")


def with_format(path: Path, output_format: str | None, input_format: str | None) -> Path:
    """Return a name with an ending of a format; an ending of this format stays as it is.

    Without an output format, a name with an unknown ending gets the ending of the input format.
    """
    target = None if output_format is None else format_called(output_format)
    if target is None and input_format is not None and not has_known_ending(path):
        target = format_called(input_format).written
    if target is None:
        return path
    found = format_ending(path)
    compression = compression_ending(path)
    if endings().get(found.lower()) == target:
        return path
    name = path.name.removesuffix(found + compression)
    return path.parent / f"{name}{target.endings[0]}{compression if target.is_text else ''}"


def has_known_ending(path: Path) -> bool:
    """Whether the name has the ending of a known format."""
    return format_ending(path).lower() in endings()


def _stem(path: Path) -> str:
    return path.name.removesuffix(format_ending(path) + compression_ending(path))


def check_job(job: Job, *, force: bool, absent: Path | None = None) -> None:
    """Raise `UsageError` if the files of a job cannot be written.

    Without ``force``, an existing file is an error, too. An object that was ``absent`` is not
    looked for again: an object that has appeared since is not replaced, either.
    """
    if job.is_to_stdout and job.rejected is RejectsTo.STDOUT:
        raise UsageError(
            "--rejected -: the scored records go to standard output. Name a file for one of the "
            "two, with --output or --rejected."
        )
    for path, option in job.written():
        # Standard output needs no folder, unless a record is rejected.
        is_rare = job.is_to_stdout and path == default_rejected(job.input, STDOUT)
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
    """Raise `UsageError` if a call writes a file that it also reads, or writes it twice."""
    jobs = [job for job in jobs if job.error is None]
    taken = {name: "an input" for job in jobs for name in job.input.names}
    taken |= dict.fromkeys(() if model is None else _names(model), "the model")
    written = [(path, option, job) for job in jobs for path, option in job.written()]
    for path, option, job in written:
        what = "output" if option == "--output" else "rejects"
        _take(taken, path, option=option, what=f"the {what} of {job.source}")
    if report == STDOUT:
        raise UsageError("--report: cannot go to standard output; name a file.")
    if report is not None:
        folders = {folder for path, *_ in written for folder in resolved(path).parents}
        taken |= dict.fromkeys(folders, "a folder of the output")
        _take(taken, report, option="--report", what="the report")


def _take(taken: dict[Path | tuple[int, int], str], path: Path, option: str, what: str) -> None:
    if other := next(filter(None, map(taken.get, _names(path))), None):
        raise UsageError(
            f"{path}: cannot be {what}, as it is also {other}. Choose another with {option}, or "
            "make two calls."
        )
    taken[resolved(path)] = what


def _names(path: Path) -> set[Path | tuple[int, int]]:
    """Return what identifies a file that is written, as it is now."""
    return names_of(resolved(path), None if is_in_store(path) else status_of(path))


def check_call(jobs: Jobs, options: ScoringOptions) -> None:
    """Raise `UsageError` if the options do not go together, or outputs would replace files."""
    files = [job for job in jobs.files if job.error is None]
    if options.resume and any(job.is_to_stdout or job.input.is_stream for job in files):
        raise UsageError("--resume does not work with standard input or output, nor with pipes.")
    if options.estimates_prior and any(job.input.is_stream for job in files):
        raise UsageError(
            "--prior auto: reads the first records of a file twice, and standard input or a pipe "
            "can be read only once. Save it to a file first, or name the share, as in --prior 0.9."
        )
    if options.skip_existing and any(job.is_to_stdout for job in files):
        raise UsageError("--skip-existing does not work with standard output.")
    check_apart(files)
