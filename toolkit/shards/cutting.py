"""Cut the inputs of a job into shards of about the same size, by their bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from toolkit.errors import EmptyInputError, UsageError
from toolkit.model.scorer import Scorer
from toolkit.records.formats import format_of, open_reviews
from toolkit.records.read_options import STDIN, is_stream
from toolkit.records.record_blocks import Cut
from toolkit.records.stretch import Stretch
from toolkit.scoring.identity import settings_of
from toolkit.scoring.jobs import Job, Jobs
from toolkit.scoring.options import ScoringOptions
from toolkit.scoring.output import output_form
from toolkit.scoring.results import ScoringModel
from toolkit.shards.pieces import Piece, PlannedFile
from toolkit.shards.plan import Plan, id_of

MOST_SHARDS = 100_000


@dataclass(frozen=True)
class WantedShards:
    """What a call asks for; the same inputs and options give the same plan."""

    scorer: Scorer
    jobs: Jobs
    options: ScoringOptions
    count: int  # from 1; some have nothing to do where inputs cannot be cut into as many pieces
    folder: Path  # below which all outputs are
    # Whether the outputs stay in parts. Only then are files cut whose outputs cannot be joined,
    # such as Parquet files.
    keep_parts: bool

    def are_in(self, plan: Plan) -> bool:
        """Whether a plan is one of the same call."""
        return (
            plan.count == self.count
            and plan.keep_parts == self.keep_parts
            and plan.max_rejected == self.options.max_rejected
            and plan.settings == settings_of(self.scorer, self.options)
            and [*plan.files] == [PlannedFile.of(job, self.folder) for job in self.jobs.files]
        )


def make_plan(wanted: WantedShards) -> Plan:
    """Plan which pieces each shard scores, in order: all of every file, each part of it once.

    Raises `UsageError` if an input or an option cannot be used in shards, and `InputError` if an
    input cannot be read.
    """
    scorer, jobs, options, count = wanted.scorer, wanted.jobs, wanted.options, wanted.count
    if not 1 <= count <= MOST_SHARDS:
        raise UsageError(f"--shard: expected 1 to {MOST_SHARDS:,} shards, received {count:,}")
    _check(jobs, options)
    scorer.check_gives(options.reading.columns.adds)
    files = [PlannedFile.of(job, wanted.folder) for job in jobs.files]
    shards: list[list[Piece]] = [[] for _ in range(count)]
    total = max(sum(file.size for file in files), 1)
    before = 0
    for number, (job, file) in enumerate(zip(jobs.files, files, strict=True)):
        inner = _bounds(before, file.size, total, count)
        for stretch in _stretches(job, options, file.size, inner, keep_parts=wanted.keep_parts):
            middle = before + stretch.first_byte + (stretch.size or file.size) // 2
            shards[min(middle * count // total, count - 1)].append(Piece(number, stretch))
        before += file.size
    settings = settings_of(scorer, options)
    model = ScoringModel.of(scorer)
    # Its path is another one on another machine.
    model = replace(model, identity={**model.identity, "path": None})
    job_id = id_of(settings, files)
    most = options.max_rejected
    return Plan(job_id, settings, model, most, wanted.keep_parts, files, shards)


def _bounds(before: int, size: int, total: int, count: int) -> list[int]:
    """Say at which bytes a file is cut, of which some bytes of all files are before.

    A file that is no larger than a shard stays whole: to find the records of a CSV file takes a
    pass over it, and of many files that would be over all.
    """
    if size * count <= total:
        return []
    near = range(before * count // total, min((before + size) * count // total + 1, count))
    bounds = (total * shard // count - before for shard in near)
    return [offset for offset in bounds if 0 < offset < size]


def _check(jobs: Jobs, options: ScoringOptions) -> None:
    for job in jobs.files:
        if job.error is not None:
            raise UsageError(f"{job.error}. Leave it out of the shards.")
        if is_stream(job.source):
            raise UsageError(f"{job.source}: shards are of files, not of standard input or pipes.")
        if STDIN in (job.output, job.rejected):
            raise UsageError("shards are written to files, not to standard output.")
    if options.subset:
        raise UsageError("--limit and --sample take a part of each file: score it in one run.")
    if options.skip_existing:
        raise UsageError("--skip-existing does not work with shards: they are scored once anyway.")


def _stretches(
    job: Job, options: ScoringOptions, size: int, offsets: Sequence[int], *, keep_parts: bool
) -> list[Stretch]:
    """Cut a file about at some offsets, if that can be done."""
    whole = [Stretch()]
    asked = format_of(job.output, options.output_format, "--output-format")
    if not offsets or not (keep_parts or asked.is_text):
        return whole
    try:
        with open_reviews(job.source, options.reading) as reviews:
            output_form(reviews, job, options)
            cuts = reviews.cuts(offsets)
            return _between(cuts, size, counts_anew=reviews.counts_anew) if cuts else whole
    except EmptyInputError:  # reported by the shard that has it
        return whole


def _between(cuts: Sequence[Cut], size: int, *, counts_anew: bool) -> list[Stretch]:
    bounds: list[Cut] = [((), 0), *cuts, ((), size)]
    return [
        Stretch(start, stop, first, last - first, counts_anew and bool(start))
        for (start, first), (stop, last) in pairwise(bounds)
    ]
