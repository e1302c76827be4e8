"""The driver of a run over files: the blocks of each file, then its end.

`toolkit diff` and `toolkit summarize` read files of reviews block by block, as a `Visitor` of
`run_files`. A visitor says what to do with a block, and what to do with the result. The driver does
the rest: it opens and closes the inputs, selects the records, runs the work in threads and in
order, counts records and rejects, and reports the progress. `toolkit score`, which can be resumed,
and its dry run have their own loops (`run.py`, `cli/dry_run.py`).

A visitor that counts reviews by language:

>>> from collections import Counter
>>> from toolkit.records.columns import Column
>>> from toolkit.scoring.input_files import look_for
>>> class Languages(Visitor):
...     found = Counter()
...
...     def work(self, visit, block):
...         return Counter(block.parse().fields["language"].to_pylist())
...
...     def add(self, visit, result):
...         self.found += result
>>> columns = (Column("language", ("language",)),)
>>> files = look_for(["reviews.csv"]).files
>>> run_files(files, Languages(), RunOptions(columns=columns))  # doctest: +SKIP
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, NamedTuple, Protocol, TypeVar

from toolkit.errors import InputError, OutputError, StoreError, ToolkitError, UsageError
from toolkit.records.columns import Column
from toolkit.records.formats import open_reviews
from toolkit.records.inputs import Input
from toolkit.records.labels import WrongValueError
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import Reject, ReviewFile
from toolkit.scoring.block_loop import BlockCounts, SelectedBlock, run_blocks
from toolkit.scoring.options import ALL, Subset
from toolkit.scoring.results import Progress


class HasInput(Protocol):
    """A file of a run, such as a `FoundFile` or a `Job`."""

    @property
    def input(self) -> Input:
        """The input to read."""


FileT = TypeVar("FileT", bound=HasInput)
OutT = TypeVar("OutT")  # the result of the work on a block

OnProgress = Callable[[Progress], None]
OnFile = Callable[[FileT], AbstractContextManager[OnProgress | None]]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a run reads its files."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    columns: tuple[Column, ...] | None = None  # to read; None: the columns for scoring
    subset: Subset = ALL  # of each file


@dataclass(eq=False)
class FileVisit(Generic[FileT]):
    """A file while a run reads it, and how far the run has come."""

    file: FileT  # as in the sequence that the run was given
    number: int  # its position in that sequence, from 0
    rows_before: int  # records of the files before it, as far as they were read
    reviews: ReviewFile = field(init=False, repr=False)  # the open file
    before: int = 0  # records of the file before the block whose result is added
    end: int = 0  # records of the file up to the end of the last block that was added
    records: int = 0  # selected records so far, rejects among them
    rejected: int = 0  # of these records
    first_reject: Reject | None = None  # that this run has met; None if an earlier run has met one
    is_stopped: bool = False

    @property
    def first_error(self) -> str | None:
        """Where the first reject is, and what is wrong with it; None without a reject."""
        reject = self.first_reject
        if reject is None:
            return None
        return f"{self.reviews.counts} {reject.number:,}: {reject.reason}"

    def stop(self) -> None:
        """Read no further block of this file."""
        self.is_stopped = True

    def count(self, counts: BlockCounts, before: int | None) -> None:
        """Count the records of a block before its result is added."""
        self.before = self.end if before is None else before
        self.records += counts.records
        if not self.rejected:
            self.first_reject = counts.first_reject
        self.rejected += counts.rejected

    def progress(self) -> Progress:
        """Return how far the run has come in the file."""
        return Progress(self.records, self.reviews.bytes_read, self.reviews.size)


class Visitor(ABC, Generic[FileT, OutT]):
    """What a command does with the files of a run, in the order of these methods.

    `work` is called by any thread, all other methods by the thread of the run.
    """

    def opened(self, visit: FileVisit[FileT]) -> None:
        """Look at the header of the open file."""

    @abstractmethod
    def work(self, visit: FileVisit[FileT], block: SelectedBlock) -> OutT:
        """Parse a block, and return what `add` needs of it."""

    @abstractmethod
    def add(self, visit: FileVisit[FileT], result: OutT) -> None:
        """Take the result of the next block, in file order."""

    def end(self, visit: FileVisit[FileT]) -> None:
        """Finish the file after its last block, while it is still open."""

    def failed(
        self,
        visit: FileVisit[FileT],  # noqa: ARG002
        error: ToolkitError,
    ) -> None:
        """Handle the error of a file: raise it to end the run, as here, or note it."""
        raise error


def run_files(
    files: Sequence[FileT],
    visitor: Visitor[FileT, OutT],
    options: RunOptions | None = None,
    on_file: OnFile[FileT] = lambda _: nullcontext(),
) -> None:
    """Visit files one after the other, each with all workers.

    ``on_file`` returns a context that is open while a file is read; it yields a function that
    receives the progress. Raises what the visitor and the readers of the files raise.
    """
    run = _Run(visitor, options or RunOptions(), on_file)
    rows = 0
    for number, file in enumerate(files):
        visit = FileVisit(file, number, rows)
        try:
            run.visit(visit)
        except (InputError, UsageError, OutputError, StoreError) as error:
            visitor.failed(visit, error)
        rows += visit.end


@dataclass(frozen=True)
class _Run(Generic[FileT, OutT]):
    """Reads files, one at a time, for a visitor."""

    visitor: Visitor[FileT, OutT]
    options: RunOptions
    on_file: OnFile[FileT]

    def visit(self, visit: FileVisit[FileT]) -> None:
        """Read a file."""
        options = self.options
        with ExitStack() as opened:
            on_progress = opened.enter_context(self.on_file(visit.file))
            visit.reviews = opened.enter_context(
                open_reviews(visit.file.input, options.reading, options.columns)
            )
            self.visitor.opened(visit)
            options.subset.check(visit.reviews)
            self._read_blocks(visit, on_progress)
            self.visitor.end(visit)

    def _read_blocks(self, visit: FileVisit[FileT], on_progress: OnProgress | None) -> None:
        """Read the blocks of a file; count them, add their results, and report the progress."""
        work = partial(self._work, visit)
        with closing(run_blocks(visit.reviews, work, self.options.subset)) as blocks:
            try:
                for block in blocks:
                    self._add(visit, block)
                    del block  # frees a large block before the next one is read
                    if on_progress is not None:
                        on_progress(visit.progress())
                    if visit.is_stopped:
                        break
            except WrongValueError as error:  # its row counts from the block
                row = visit.end + error.row
                raise WrongValueError(error.place, row, error.problem) from None

    def _work(self, visit: FileVisit[FileT], block: SelectedBlock) -> _Worked[OutT]:
        """Let the visitor work on a block, in any thread."""
        result = self.visitor.work(visit, block)
        if block.counts is None:  # the visitor needs no record
            block.parse()
        assert block.counts is not None
        return _Worked(result=result, counts=block.counts, before=block.before)

    def _add(self, visit: FileVisit[FileT], block: _Worked[OutT]) -> None:
        """Count a block, and let the visitor add its result."""
        visit.count(block.counts, block.before)
        self.visitor.add(visit, block.result)
        visit.end = visit.before + block.counts.in_block


class _Worked(NamedTuple, Generic[OutT]):
    """The result of the work on a block."""

    result: OutT
    counts: BlockCounts
    before: int | None  # records of the file before the block, if blocks are left out
