"""The driver of a run over files: the blocks of each file, then its end.

`toolkit score`, its dry run, `toolkit diff` and `toolkit summarize` read files of reviews block by
block, each as a `Visitor` of `run_files`. A visitor says what to do with a file, a block, and the
result of a block. The driver does the rest: it opens and closes the inputs, selects the records,
runs the work in threads and in order, counts records and rejects, and reports the progress.

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

from toolkit.errors import (
    EmptyInputError,
    InputError,
    OutputError,
    StoreError,
    ToolkitError,
    UsageError,
)
from toolkit.records.columns import Column
from toolkit.records.formats import open_reviews
from toolkit.records.inputs import Input
from toolkit.records.labels import WrongValueError
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import WHOLE_FILE, FileRange, Offset, Reject, ReviewFile
from toolkit.scoring.block_loop import BlockCounts, SelectedBlock, run_blocks
from toolkit.scoring.options import ALL, Subset


@dataclass(frozen=True)
class Progress:
    """How far a run has come in a file."""

    records: int
    bytes_done: int
    bytes_in_all: int | None  # None: unknown
    resumed: int = 0  # how many of the records an earlier run has scored
    accuracy: float | None = None  # so far; None without labels


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
    workers: int | None = None  # threads; None: one per usable core


@dataclass(eq=False, kw_only=True)
class FileVisit(Generic[FileT]):
    """A file while a run reads it, and how far the run has come."""

    file: FileT  # as in the sequence that the run was given
    number: int  # its position in that sequence, from 0
    rows_before: int  # records of the files before it, as far as they were read
    attempt: int = 0  # how many visits of this file have failed before
    closing: ExitStack = field(default_factory=ExitStack, repr=False)  # left when the visit ends
    reviews: ReviewFile = field(init=False, repr=False)  # the open file
    file_range: FileRange = WHOLE_FILE  # the part of the file to read
    start: Offset = ()  # where to start, after the records of an earlier run
    resumed: int = 0  # records of an earlier run
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

    def resume(self, start: Offset, records: int, rejected: int) -> None:
        """Start after the records that an earlier run has read, before the first block."""
        self.start = start
        self.resumed = records
        self.records = records
        self.rejected = rejected
        self.end = records

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
        size = self.file_range.size
        return Progress(
            records=self.records,
            bytes_done=self.reviews.bytes_read - self.file_range.first_byte,
            bytes_in_all=self.reviews.size if size is None else size,
            resumed=self.resumed,
        )


class Visitor(ABC, Generic[FileT, OutT]):
    """What a command does with the files of a run, in the order of these methods.

    `work` is called by any thread, all other methods by the thread of the run.
    """

    def begin(self, visit: FileVisit[FileT]) -> bool:  # noqa: ARG002
        """Prepare a file before it is opened; return whether to read it."""
        return True

    def opened(self, visit: FileVisit[FileT]) -> None:
        """Look at the header of the open file."""

    def empty(self, visit: FileVisit[FileT], error: EmptyInputError) -> None:  # noqa: ARG002
        """Handle a file without content: raise its error, as here, or finish the file."""
        raise error

    @abstractmethod
    def work(self, visit: FileVisit[FileT], block: SelectedBlock) -> OutT:
        """Parse a block, and return what `add` needs of it."""

    @abstractmethod
    def add(self, visit: FileVisit[FileT], result: OutT) -> None:
        """Take the result of the next block, in file order."""

    def progress(self, visit: FileVisit[FileT]) -> Progress:
        """Return the progress to report after a block."""
        return visit.progress()

    def end(self, visit: FileVisit[FileT]) -> None:
        """Finish the file after its last block, while it is still open."""

    def failed(
        self,
        visit: FileVisit[FileT],  # noqa: ARG002
        error: ToolkitError,
    ) -> bool | None:
        """Handle the error of a file: raise it to end the run, as here, or note it.

        Returns True to visit the file again.
        """
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
        rows += run.records_of(file, number, rows)


@dataclass(frozen=True)
class _Run(Generic[FileT, OutT]):
    """Reads files, one at a time, for a visitor."""

    visitor: Visitor[FileT, OutT]
    options: RunOptions
    on_file: OnFile[FileT]

    def records_of(self, file: FileT, number: int, rows_before: int) -> int:
        """Read a file, again as long as the visitor asks for it; return how many records it has."""
        attempt = 0
        while True:
            visit = FileVisit(file=file, number=number, rows_before=rows_before, attempt=attempt)
            try:
                self._visit(visit)
            except (InputError, UsageError, OutputError, StoreError) as error:
                if self.visitor.failed(visit, error):
                    attempt += 1
                    continue
            return visit.end

    def _visit(self, visit: FileVisit[FileT]) -> None:
        """Read a file."""
        options = self.options
        with visit.closing as opened:
            if not self.visitor.begin(visit):
                return
            on_progress = opened.enter_context(self.on_file(visit.file))
            try:
                visit.reviews = opened.enter_context(
                    open_reviews(visit.file.input, options.reading, options.columns)
                )
            except EmptyInputError as error:
                self.visitor.empty(visit, error)
                return
            options.subset.check(visit.reviews)
            self.visitor.opened(visit)
            self._read_blocks(visit, on_progress)
            self.visitor.end(visit)

    def _read_blocks(self, visit: FileVisit[FileT], on_progress: OnProgress | None) -> None:
        """Read the blocks of a file; count them, add their results, and report the progress."""
        worked = run_blocks(
            visit.reviews,
            partial(self._work, visit),
            self.options.subset,
            workers=self.options.workers,
            file_range=visit.file_range,
            start=visit.start,
            done=visit.resumed,
        )
        with closing(worked) as blocks:
            try:
                for block in blocks:
                    self._add(visit, block)
                    del block  # frees a large block before the next one is read
                    if on_progress is not None:
                        on_progress(self.visitor.progress(visit))
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
