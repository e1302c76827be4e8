"""Run a function on the blocks of a file in threads, in order; select a subset of its records."""

from __future__ import annotations

import os
import random
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.records.formats import open_reviews
from toolkit.records.review_file import (
    WHOLE_FILE,
    Block,
    FileRange,
    Offset,
    Parsed,
    Reject,
    ReviewFile,
)
from toolkit.scoring.options import ALL, Subset
from toolkit.text.strings import only_rows

_SEED = 0  # so that the same file gives the same sample

# Items in memory per worker: one running, one queued.
_ITEMS_AHEAD = 2
# Bytes of these items per worker; a single item may be larger.
_BYTES_AHEAD = 16 << 20

_In = TypeVar("_In")
_Out = TypeVar("_Out")

Positions = npt.NDArray[np.int64]  # of records in a block, from 0; rejects count


class BlockCounts(NamedTuple):
    """The records of a block, as every run counts them."""

    records: int  # wanted; rejects count
    rejected: int  # of these records
    first_reject: Reject | None
    in_block: int  # records of the block, wanted or not


@dataclass(eq=False)
class SelectedBlock:
    """A block of a file, and which of its records are wanted; for one thread at a time."""

    reviews: ReviewFile
    block: Block
    positions: Positions | None = None  # None: all records
    before: int | None = None  # records of the file before the block, if blocks are left out
    number: int = 0  # in the loop, from 0

    rows: Positions = field(init=False, repr=False)  # of each readable record, after `parse`
    counts: BlockCounts | None = field(default=None, init=False)  # after `parse`

    def parse(self) -> Parsed:
        """Return the wanted records, and count them."""
        whole = self.reviews.parse(self.block)
        wanted = whole
        self.rows = _positions_read(whole)
        if self.positions is not None:
            wanted = _only(whole, self.positions)
            self.rows = self.rows[np.isin(self.rows, self.positions)]
        self.counts = BlockCounts(
            records=_count(wanted),
            rejected=len(wanted.rejects),
            first_reject=wanted.rejects[0] if wanted.rejects else None,
            in_block=_count(whole),
        )
        return wanted


def run_blocks(
    reviews: ReviewFile,
    work: Callable[[SelectedBlock], _Out],
    subset: Subset = ALL,
    *,
    workers: int | None = None,
    file_range: FileRange = WHOLE_FILE,
    start: Offset = (),
    done: int = 0,
) -> Generator[_Out, None, None]:
    """Call a function on the blocks of a file in threads; yield the results in file order.

    ``work`` is called once per block, by any thread. Blocks without a record of the subset are left
    out. There are ``workers`` threads, by default one per usable core. A resumed run begins at
    ``start``, after ``done`` records. Memory is bounded, whatever the size of the file.
    """
    cores = workers or usable_cores()
    blocks = _selected(reviews, subset, start=start, done=done, cores=cores, file_range=file_range)
    yield from in_order(
        work,
        _numbered(blocks),
        cores,
        size=lambda each: each.block.size,
        is_waiting=lambda: reviews.is_waiting,
    )


def _numbered(blocks: Iterable[SelectedBlock]) -> Iterator[SelectedBlock]:
    for number, each in enumerate(blocks):
        each.number = number
        yield each
        del each  # frees a large block as soon as its task is done


def _selected(
    reviews: ReviewFile,
    subset: Subset,
    *,
    start: Offset,
    done: int,
    cores: int,
    file_range: FileRange,
) -> Iterable[SelectedBlock]:
    """Return the blocks of a file that have records of the subset."""
    if subset.sample is not None:
        return _sampled(reviews, start, size=subset.sample, cores=cores)
    if subset.limit is not None:
        return _first(reviews, start, subset.limit - done)
    blocks = reviews.blocks(start or file_range.start, file_range.stop)
    return (SelectedBlock(reviews, block) for block in blocks)


def _first(reviews: ReviewFile, start: Offset, left: int) -> Iterator[SelectedBlock]:
    """Return the blocks of the first `left` records."""
    if left <= 0:
        return
    with closing(reviews.blocks(start)) as blocks:  # type: ignore[type-var]
        for block in blocks:
            count = _count(reviews.parse(block))
            yield SelectedBlock(reviews, block, None if count <= left else np.arange(left))
            left -= count
            if left <= 0:
                return


def _sampled(
    reviews: ReviewFile, start: Offset, *, size: int, cores: int
) -> Iterator[SelectedBlock]:
    """Return the blocks of a random sample: read the file once to count, once to sample."""
    before: dict[Offset, int] = {(): 0}  # start of a block → number of records before it
    records = 0

    def counted(each: SelectedBlock) -> tuple[Offset, int]:
        return each.block.following, _count(each.parse())

    with open_reviews(reviews.source, reviews.options) as first_pass:
        for following, count in run_blocks(first_pass, counted, workers=cores):
            records += count
            before[following] = records
    wanted = np.arange(records)
    if size < records:
        chosen = random.Random(_SEED).sample(range(records), size)  # noqa: S311 (no secret)
        wanted = np.sort(np.array(chosen, np.int64))
    place = start
    for block in reviews.blocks(start):
        first = before[place]
        stop = before[block.following]
        place = block.following
        low, high = np.searchsorted(wanted, (first, stop))
        if low < high:
            yield SelectedBlock(
                reviews=reviews, block=block, positions=wanted[low:high] - first, before=first
            )


def _count(parsed: Parsed) -> int:
    return len(parsed.records) + len(parsed.rejects)


def _positions_read(parsed: Parsed) -> Positions:
    """Return the positions in the block of all records that could be read."""
    is_read = np.ones(_count(parsed), np.bool_)
    is_read[[reject.position for reject in parsed.rejects]] = False
    return np.flatnonzero(is_read)


def _only(parsed: Parsed, positions: Positions) -> Parsed:
    """Return only the records at some positions of a block."""
    is_wanted = np.zeros(_count(parsed), np.bool_)
    is_wanted[positions] = True
    rows = is_wanted[_positions_read(parsed)]
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


def usable_cores() -> int:
    """Return how many cores this process may use, by its affinity and its cgroup's quota."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity
        return os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup of version 2, or no limit ("max")
        return cores


def in_order(
    function: Callable[[_In], _Out],
    items: Iterable[_In],
    workers: int,
    size: Callable[[_In], int] = lambda item: 0,  # noqa: ARG005
    is_waiting: Callable[[], bool] = lambda: False,
) -> Iterator[_Out]:
    """Apply a function to items in threads; yield the results in order, reading few items ahead.

    The calling thread is one of the workers: with more threads than cores, the system would now and
    then suspend the thread that holds Python's lock, and all others would wait. ``size`` returns
    the bytes of an item, so that large items do not pile up. If the next item ``is_waiting`` for
    input, all results are yielded before it. The calling thread takes the first item: thousands of
    small files have one item each, and a second thread would only cost time.
    """
    if workers == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers - 1)  # starts threads only when items are submitted
    ahead: deque[_Task[_In, _Out]] = deque()

    def first() -> _Out:
        """Return the first result; while it is not done, process an item that no thread has."""
        if not ahead[0].future.done():
            any(task.run_here() for task in ahead)
        return ahead.popleft().future.result()

    try:
        for item in items:
            task = _Task(function, item, size=size(item), pool=pool if ahead else None)
            ahead.append(task)
            del item  # frees a large item as soon as its task is done
            while len(ahead) >= _ITEMS_AHEAD * workers or (
                ahead and sum(task.size for task in ahead) > _BYTES_AHEAD * workers
            ):
                yield first()
            while ahead and is_waiting():
                yield first()
        while ahead:
            yield first()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Task(Generic[_In, _Out]):
    """An item that is queued, running or done."""

    def __init__(
        self,
        function: Callable[[_In], _Out],
        item: _In,
        *,
        size: int,
        pool: ThreadPoolExecutor | None,
    ) -> None:
        self.size = size
        self._function = function
        self._item = [item]  # emptied when the task runs
        self.future: Future[_Out] = pool.submit(self._run) if pool else Future()

    def _run(self) -> _Out:
        return self._function(self._item.pop())

    def run_here(self) -> bool:
        """Run the task in this thread; return False if another thread has started it."""
        if not self.future.cancel():
            return False
        self.future = Future()
        try:
            self.future.set_result(self._run())
        except Exception as error:  # noqa: BLE001 (raised by `future.result()`)
            self.future.set_exception(error)
        return True
