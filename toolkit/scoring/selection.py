"""Which records of a file are scored, where only a part of them is wanted."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.errors import UsageError
from toolkit.records.formats import open_reviews
from toolkit.records.record_blocks import Block, Parsed, Place
from toolkit.records.review_file import ReviewFile
from toolkit.records.stretch import Stretch
from toolkit.records.text_files.zip_members import file_of
from toolkit.scoring.workers import in_order
from toolkit.text.strings import only_rows

_SEED = 0  # the same file gives the same sample

# Records of a block by position, from 0, rejects among them; None is all of them.
Positions = npt.NDArray[np.int64] | None


@dataclass(frozen=True)
class Wanted:
    """A block, and what is wanted of it."""

    block: Block
    positions: Positions = None
    before: int | None = None  # records of the file before the block, if blocks are left out


@dataclass(frozen=True)
class Part:
    """The part of each file that is scored: its first records, or a random sample in order."""

    limit: int | None = None
    sample: int | None = None

    def __post_init__(self) -> None:
        if self.limit is not None and self.sample is not None:
            raise UsageError("--limit and --sample cannot be combined: leave out one.")
        for name, value in (("--limit", self.limit), ("--sample", self.sample)):
            if value is not None and value < 1:
                raise UsageError(f"{name}: expected 1 or more, received {value}")

    def __bool__(self) -> bool:
        return self.limit is not None or self.sample is not None

    def __str__(self) -> str:
        if self.limit is not None:
            return f"only the first {self.limit:,} records of a file (--limit)"
        return f"only {self.sample:,} random records of a file (--sample)" if self.sample else ""

    def check(self, reviews: ReviewFile) -> None:
        """Raise `UsageError` if the file cannot be read as often as the part needs."""
        if self.sample is not None and not file_of(reviews.path).is_file():
            raise UsageError(
                f"{reviews.name}: --sample reads a file twice, and this can be read only once. "
                "Save it to a file first, or use --limit."
            )

    def blocks(
        self, reviews: ReviewFile, start: Place, done: int, workers: int, stretch: Stretch
    ) -> Iterator[Wanted]:
        """Give what is wanted of the blocks from a place on; ``done`` records are before it."""
        if self.sample is not None:
            return _sampled(reviews, start, self.sample, workers)
        if self.limit is not None:
            return _first(reviews, start, self.limit - done)
        return map(Wanted, reviews.blocks(start or stretch.start, stretch.stop))


def _first(reviews: ReviewFile, start: Place, left: int) -> Iterator[Wanted]:
    if left <= 0:
        return
    with closing(reviews.blocks(start)) as blocks:  # type: ignore[type-var]
        for block in blocks:
            count = _count(reviews.parse(block))
            yield Wanted(block, None if count <= left else np.arange(left))
            left -= count
            if left <= 0:
                return


def _sampled(reviews: ReviewFile, start: Place, size: int, workers: int) -> Iterator[Wanted]:
    """Read the file once to count its records, and again."""
    before: dict[Place, int] = {}  # where a block starts → the records before it
    records = 0
    with open_reviews(reviews.path, reviews.options) as counted:
        for place, following, count in in_order(
            lambda found: (found[0], found[1].following, _count(counted.parse(found[1]))),
            _with_places(counted.blocks()),
            workers,
            size=lambda found: found[1].size,
        ):
            before[place] = records
            records += count
            before[following] = records
    wanted = np.arange(records)
    if size < records:
        chosen = random.Random(_SEED).sample(range(records), size)  # noqa: S311 (no secret)
        wanted = np.sort(np.array(chosen, np.int64))
    for place, block in _with_places(reviews.blocks(start), start):
        first, stop = before[place], before[block.following]
        low, high = np.searchsorted(wanted, (first, stop))
        if low < high:
            yield Wanted(block, wanted[low:high] - first, first)


def _with_places(blocks: Iterable[Block], start: Place = ()) -> Iterator[tuple[Place, Block]]:
    for block in blocks:
        yield start, block
        start = block.following


def _count(parsed: Parsed) -> int:
    return len(parsed.records) + len(parsed.rejects)


def positions_read(parsed: Parsed) -> npt.NDArray[np.int64]:
    """Give the positions of the records that could be read, of all that are in a block."""
    is_read = np.ones(_count(parsed), np.bool_)
    is_read[[reject.position for reject in parsed.rejects]] = False
    return np.flatnonzero(is_read)


def only(parsed: Parsed, positions: Positions) -> Parsed:
    """Keep some records of a block."""
    if positions is None:
        return parsed
    is_wanted = np.zeros(_count(parsed), np.bool_)
    is_wanted[positions] = True
    rows = is_wanted[positions_read(parsed)]
    records = parsed.records
    return replace(
        parsed,
        texts=only_rows(parsed.texts, rows),
        records=pa.RecordBatch.from_arrays(
            [only_rows(column, rows) for column in records.columns], schema=records.schema
        ),
        rejects=[reject for reject in parsed.rejects if is_wanted[reject.position]],
        fields={role: only_rows(column, rows) for role, column in parsed.fields.items()},
    )
