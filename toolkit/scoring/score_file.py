"""Score a file of reviews: blocks of records in, the same records with two more fields out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.files import atomic_file, check_output
from toolkit.formats import FORMATS, open_reviews
from toolkit.formats.base import TEXT, Block, RecordFile
from toolkit.formats.columns import Columns
from toolkit.scoring.scorer import Scorer
from toolkit.scoring.workers import in_order, usable_cores


@dataclass(frozen=True)
class ScoringOptions:
    """How to score a file."""

    columns: Columns = field(default_factory=Columns)
    workers: int | None = None  # None: as many as there are usable cores
    force: bool = False  # replace an existing output


@dataclass(frozen=True)
class Progress:
    """How far the scoring of a file has come."""

    records: int
    bytes_done: int
    bytes_in_all: int


@dataclass
class Summary:
    """What became of the records of a file."""

    records: int = 0
    without_text: int = 0
    positive: int = 0
    seconds: float = 0.0

    @property
    def scored(self) -> int:
        """Records with a score."""
        return self.records - self.without_text

    @property
    def positive_share(self) -> float:
        """Share of the positive among the scored, 0 to 1; 0 where none is scored."""
        return self.positive / self.scored if self.scored else 0.0

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds if self.seconds else 0.0


@dataclass(frozen=True)
class _ScoredBlock:
    data: pa.Buffer
    end: int  # offset in the input
    records: int
    without_text: int
    positive: int


def default_output(source: Path) -> Path:
    """Name the output beside the input: ``reviews.csv`` → ``reviews.scored.csv``."""
    return source.parent / f"{source.stem}.scored{source.suffix}"


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
        A file of a known format (`toolkit.formats`).
    output : Path
        The file to write, in the format of the input. It appears when it is complete.
    options : ScoringOptions | None
        Columns, workers, and whether to replace an existing output.
    on_progress : Callable[[Progress], None] | None
        Called after each block, in the calling thread.

    Returns
    -------
    Summary
        Counts of the records.

    Raises
    ------
    InputError
        If the file cannot be read; there is no output then.
    UsageError
        If a column is missing or taken, or the output exists or cannot be written.
    """
    options = options or ScoringOptions()
    started = time.perf_counter()
    summary = Summary()
    with (
        open_reviews(source, options.columns) as reviews,
        _open_output(source, output, force=options.force) as file,
    ):

        def score(block: Block) -> _ScoredBlock:
            return _score_block(scorer, reviews, block)

        _write(file.fileno(), reviews.header)
        for block in in_order(score, reviews.blocks(), options.workers or usable_cores()):
            _write(file.fileno(), block.data)
            summary.records += block.records
            summary.without_text += block.without_text
            summary.positive += block.positive
            if on_progress is not None:
                on_progress(Progress(summary.records, block.end, reviews.size))
        _write(file.fileno(), reviews.trailer)
    summary.seconds = time.perf_counter() - started
    return summary


@contextmanager
def _open_output(source: Path, output: Path, *, force: bool) -> Iterator[IO[bytes]]:
    try:
        is_input = output.samefile(source)
    except OSError:  # one of them is not there, or cannot be: this is found when it is opened
        is_input = False
    if is_input:
        raise UsageError(f"{output}: is the input itself. Choose another with --output.")
    check_output(output, force=force)  # first: a device is no matter of its ending
    if FORMATS.get(output.suffix.lower()) is not FORMATS[source.suffix.lower()]:
        raise UsageError(
            f"{output}: the output has the format of the input; "
            f"choose a name that ends in {source.suffix} with --output."
        )
    with atomic_file(output, force=force) as partial, partial.open("wb", buffering=0) as file:
        yield file


def _score_block(scorer: Scorer, reviews: RecordFile, block: Block) -> _ScoredBlock:
    batch = reviews.parse(block)
    sentiment, probability = scorer.score_array(batch.column(TEXT))
    positive = pc.sum(pc.equal(sentiment, scorer.facts.labels[1])).as_py() or 0
    data = reviews.render(batch, sentiment, probability)
    return _ScoredBlock(data, block.end, len(batch), sentiment.null_count, positive)


def _write(descriptor: int, data: bytes | pa.Buffer) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
