"""Score a file of reviews: blocks of records in, the same records with two more fields out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime as ort
import pyarrow as pa

from toolkit import __version__
from toolkit.errors import UsageError
from toolkit.model.scorer import Scorer
from toolkit.records.compression import compression_of, compressor, format_ending
from toolkit.records.formats import format_of, open_reviews, output_of
from toolkit.records.read_options import STDIN, ReadOptions
from toolkit.records.review_file import Block, Output, ReviewFile
from toolkit.scoring.file_target import open_file
from toolkit.scoring.rejects import line_of
from toolkit.scoring.sinks import ScoredBlock
from toolkit.scoring.standard_output import StandardOutput
from toolkit.scoring.summary import Progress, Summary
from toolkit.scoring.tally import count
from toolkit.scoring.target import Places, Target
from toolkit.scoring.workers import in_order, usable_cores

REJECTED_ENDING = ".rejected.jsonl"


@dataclass(frozen=True)
class ScoringOptions:
    """How to score a file."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    output_format: str | None = None  # None: by the ending of the output, or as the input
    rejected: Path | None = None  # file of the rejects; None: beside the output
    stop_on_error: bool = False  # end at the first record that cannot be read
    workers: int | None = None  # None: as many as there are usable cores
    force: bool = False  # replace an existing output, and what is unfinished of it
    resume: bool = False  # go on with what is unfinished
    checkpoint_seconds: float = 5.0  # between two checkpoints

    @property
    def resumes(self) -> bool:
        """Whether to go on; ``force`` begins anew."""
        return self.resume and not self.force


def default_output(source: Path) -> Path:
    """Name the output beside the input: ``reviews.csv.gz`` → ``reviews.scored.csv.gz``."""
    if source == STDIN:
        return STDIN
    endings = format_ending(source) + (source.suffix if compression_of(source) else "")
    return source.parent / f"{source.name.removesuffix(endings)}.scored{endings}"


def default_rejected(source: Path, output: Path) -> Path:
    """Name the rejects beside the output: ``OUTPUT.rejected.jsonl``; beside the input if none."""
    written = source if output == STDIN else output
    return Path(f"{'stdin' if written == STDIN else written}{REJECTED_ENDING}")


def score_file(
    scorer: Scorer,
    source: Path,
    output: Path,
    options: ScoringOptions | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Summary:
    """Score the reviews of a file, in order, in bounded memory.

    Parameters
    ----------
    scorer : Scorer
        The model.
    source : Path
        A file of a known format (`toolkit.records.formats`); ``-`` is standard input.
    output : Path
        The file to write; ``-`` is standard output. It appears when it is complete. A record that
        cannot be read is not in it, but in ``OUTPUT.rejected.jsonl``.
    options : ScoringOptions | None
        Columns, workers, what to do with bad records and with what is there already.
    on_progress : Callable[[Progress], None] | None
        Called after each block, in the calling thread.

    Returns
    -------
    Summary
        What became of the records.

    Raises
    ------
    InputError
        If the file cannot be read, or not to its end; there is no output then.
    OutputError
        If the output cannot be written. What is done so far stays, for ``resume``.
    UsageError
        If a column is missing or taken, or the output exists or cannot be made.
    """
    options = options or ScoringOptions()
    places = Places(output, options.rejected or default_rejected(source, output))
    if options.resumes and STDIN in (source, output):
        raise UsageError("--resume: a run goes on only from a file to a file, with their names")
    facts = _identity_before_reading(scorer, source, options) if output != STDIN else None
    with open_reviews(source, options.reading) as reviews:
        written = _output(reviews, source, output, options)
        places.check(source, force=options.force, resume=options.resumes)
        with _open_target(places, written, facts, options) as target:
            if not target.is_complete:
                _score_blocks(_Job(scorer, reviews, written, places), target, options, on_progress)
            target.finish()
            return target.summary


@dataclass(frozen=True)
class _Job:
    """What scoring a block needs; shared by the threads."""

    scorer: Scorer
    reviews: ReviewFile
    output: Output
    places: Places

    def score(self, block: Block, known: pa.FloatArray | None) -> ScoredBlock:
        """Score a block, or take the probabilities that are known."""
        parsed = self.reviews.parse(block)
        probability = self.scorer.probabilities(parsed.texts) if known is None else known
        records, rejects, labels = parsed.records, parsed.rejects, parsed.fields.get("label")
        del parsed  # and with it the texts, which may be as large as the output
        sentiment = self.scorer.sentiments(probability)
        data = self.output.render(records, sentiment, probability)
        if self.output.open_file is None:
            data = compressor(compression_of(self.places.output))(data)
        return ScoredBlock(
            data,
            b"".join(line_of(reject, self.reviews) for reject in rejects),
            (rejects[0].number, rejects[0].reason) if rejects else None,
            probability,
            count(self.scorer, sentiment, labels, len(rejects)),
            block.following,
            block.ends_group,
        )


def _score_blocks(
    job: _Job,
    target: Target,
    options: ScoringOptions,
    on_progress: Callable[[Progress], None] | None,
) -> None:
    reviews, resumed = job.reviews, target.summary.records

    def score(item: tuple[int, Block]) -> ScoredBlock:
        position, block = item
        return job.score(block, target.saved[position] if position < len(target.saved) else None)

    for scored in in_order(
        score,
        enumerate(reviews.blocks(target.start)),
        options.workers or usable_cores(),
        size=lambda item: item[1].size,
    ):
        if scored.first_reject and options.stop_on_error:
            reviews.fail(*scored.first_reject)
        target.append(scored)
        if on_progress is not None:
            summary = target.summary
            on_progress(
                Progress(
                    summary.records, reviews.bytes_read, reviews.size, resumed, summary.accuracy
                )
            )
        del scored  # which may be large, before the next block is read


def _identity_before_reading(
    scorer: Scorer, source: Path, options: ScoringOptions
) -> dict[str, Any] | None:
    """Give the identity of a run that can be gone on with.

    It is taken before the input is opened: if another file takes its name meanwhile, a later run
    finds that it has changed.
    """
    if source == STDIN:
        return None
    try:
        return identity(scorer, source, options)
    except OSError:
        return None  # opening it says what is wrong


def _open_target(
    places: Places, output: Output, facts: dict[str, Any] | None, options: ScoringOptions
) -> AbstractContextManager[Target]:
    if places.output == STDIN:
        return closing(StandardOutput(places, output))
    return open_file(
        places,
        output,
        facts,
        force=options.force,
        resume=options.resumes,
        seconds=options.checkpoint_seconds,
    )


def _output(reviews: ReviewFile, source: Path, output: Path, options: ScoringOptions) -> Output:
    """Choose the format of the output, by its name where none is asked for."""
    own = format_of(source, options.reading.format)
    asked = options.output_format or (own.name if output == STDIN else None)
    target = format_of(output, asked, "--output-format")
    if options.reading.delimiter is not None and own.delimiter is target.delimiter is None:
        raise UsageError("--delimiter: neither the input nor the output is a delimited file")
    return output_of(reviews, own, target, options.reading.delimiter)


def identity(scorer: Scorer, source: Path, options: ScoringOptions) -> dict[str, Any]:
    """Say what the bytes of an output depend on, for JSON."""
    facts = source.stat()
    return {
        "toolkit": __version__,
        "ONNX Runtime": ort.__version__,
        "the model": scorer.sha256,
        "the threshold": float(scorer.threshold),
        "the uncertain range": scorer.uncertain and list(scorer.uncertain),
        "the input": [str(source.resolve()), facts.st_size, facts.st_mtime_ns],
        "the options": [asdict(options.reading), options.output_format, options.stop_on_error],
    }
