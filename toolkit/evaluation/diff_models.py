"""Two models compared on fixed texts, and on files of reviews of any size, in bounded memory."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from toolkit.errors import EmptyInputError, InputError, ToolkitError, UsageError
from toolkit.evaluation.diff_counts import (
    CHANGED_ROWS,
    MOST_LABELS,
    NO_ANSWER,
    ModelPair,
    RowSummary,
    Totals,
    after,
)
from toolkit.evaluation.diff_result import (
    DataChanges,
    Difference,
    WordChanges,
    compare_facts,
)
from toolkit.files import atomic_file
from toolkit.model.scorer import Scorer
from toolkit.records.compression import compression_of, compressor
from toolkit.records.formats import Format, format_of, open_reviews
from toolkit.records.labels import NEUTRAL, WrongValueError, labels_of
from toolkit.records.options import LabelNames, ReadOptions
from toolkit.records.review_file import BatchFile, Reject, ReviewFile
from toolkit.scoring.blocks import SelectedBlock, run_blocks
from toolkit.scoring.input_files import look_for
from toolkit.scoring.jobs import NOT_KEPT
from toolkit.scoring.options import ALL, Subset
from toolkit.scoring.output import ByteFile
from toolkit.scoring.summary import Progress
from toolkit.text.strings import golden_texts, without_half_pairs

OnFile = Callable[[Path], AbstractContextManager[Callable[[Progress], None] | None]]


@dataclass(frozen=True)
class DiffOptions:
    """How to compare two models."""

    # How the data is read, and its columns: text, label, group. No group unless it is named.
    reading: ReadOptions = field(default_factory=ReadOptions)
    threshold: float | None = None  # of both; None: each model's own
    show: int = 10  # of the most changed rows
    output: Path | None = None  # for all changed rows
    force: bool = False  # replace an existing output
    needs_labels: bool = False  # labels that mean nothing are an error, also of a usual column
    subset: Subset = ALL  # of each file


def diff(
    old: str | Path,
    new: str | Path,
    data: str | Path | Sequence[str | Path] = (),
    options: DiffOptions | None = None,
    on_file: OnFile = lambda _: nullcontext(),
) -> Difference:
    """Compare two models by what their files say, on fixed texts, and on files of reviews.

    Parameters
    ----------
    old : str | Path
        A model file of `toolkit export`, a run folder, or the name of a shipped model.
    new : str | Path
        The model to compare with it.
    data : str | Path | Sequence[str | Path]
        Files of reviews, with or without labels, folders and patterns, read in bounded memory.
    options : DiffOptions | None
        Columns, threshold, which part of the files, how many rows to show, and where to write all
        changed ones.
    on_file : OnFile
        Entered while a file is read; gives what to call with the progress.

    Returns
    -------
    Difference
        What changes. One of several files that cannot be read does not stop the others; its error
        is in ``data.failed``.

    Raises
    ------
    InputError
        If no file can be read, or labels mean nothing.
    ModelError
        If a model cannot be loaded.
    UsageError
        If all files lack a column, an option is wrong, or the output exists (without ``force``).
    """
    options = options or DiffOptions()
    pair = ModelPair(Scorer(old, options.threshold), Scorer(new, options.threshold))
    fixed = golden_texts((pair.old.max_tokens, pair.new.max_tokens))
    texts = pa.array(fixed.values(), pa.large_string())
    totals = Totals(options.show)
    totals.add(pair.score(texts, pa.array([*fixed]), None, {}).summary(options.show))
    found = Difference(
        pair.old.identity(),
        pair.new.identity(),
        compare_facts(pair.old, pair.new),
        WordChanges.of(pair.old, pair.new),
        totals.changes({}),
    )
    files = [str(data)] if isinstance(data, str | Path) else [*map(str, data)]
    return replace(found, data=_compare_files(pair, files, options, on_file)) if files else found


@dataclass(frozen=True)
class _Scored:
    """What is left of a block when it is scored."""

    summary: RowSummary
    changed: pa.Table | None  # for the output
    rejects: Sequence[Reject]
    wanted: int  # records, with the rejects
    records: int  # of the whole block
    before: int | None  # records of the file before it, if blocks are left out


@dataclass
class _Comparison:
    """Reads files one after the other, each with all workers."""

    pair: ModelPair
    files: Sequence[Path]
    failed: list[str]
    options: DiffOptions
    on_file: OnFile
    totals: Totals
    starts: list[int] = field(default_factory=list)  # of the files that are read: rows before each
    end: int = 0  # of all rows so far, those that are left out among them
    records: int = 0
    rejected: int = 0
    first_reject: str | None = None
    compared: list[Path] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def needs_labels(self) -> bool:
        """Whether labels are asked for; who says what labels mean wants them, too."""
        reading = self.options.reading
        return reading.columns.of("label").is_named or reading.labels != LabelNames()

    @property
    def place(self) -> str:
        """Where the rows are, for messages."""
        count = len(self.files)
        return str(self.files[0]) if count == 1 else f"{count:,} files together"

    def read(self, output: ChangedRowsFile | None) -> None:
        """Read all files; one of several that cannot be read does not stop the others."""
        first: ToolkitError | None = None
        is_single = len(self.files) == 1 and not self.failed
        for path in self.files:
            before = self.records
            self.starts.append(self.end)
            try:
                self._read(path, output)
                self.compared.append(path)
            except EmptyInputError:
                if is_single:
                    raise
                self.warnings.append(f"{path}: nothing is in this file.")
                self.compared.append(path)
            except (InputError, UsageError) as error:
                if is_single:
                    raise
                first = first or error
                read = ""
                if count := self.records - before:
                    self.compared.append(path)
                    read = f" The {count:,} records before that are compared."
                self.failed.append(f"{error}{read}")
        if first is not None and not self.compared:
            first.add_note(f"None of the {len(self.failed):,} files can be compared.")
            raise first

    def _read(self, path: Path, output: ChangedRowsFile | None) -> None:
        of = self.options.reading.columns.of
        label = replace(of("label"), is_needed=self.needs_labels)
        columns = (of("text"), label, of("group"))
        with (
            open_reviews(path, self.options.reading, columns) as reviews,
            self.on_file(path) as on_progress,
        ):
            self.options.subset.check(reviews)
            self.columns = {**reviews.chosen, **self.columns}
            self._warn_of_labels(path, reviews)
            start, before, compared = self.end, 0, 0
            for block in run_blocks(
                reviews,
                lambda each: self._score(path, each, is_written=output is not None),
                self.options.subset,
            ):
                before = before if block.before is None else block.before
                self.totals.add(block.summary, start + before, before)
                if block.rejects and self.first_reject is None:
                    reject = block.rejects[0]
                    place = f"{reviews.counts} {reject.number:,}"
                    self.first_reject = f"{reviews.name}: {place}: {reject.reason}"
                if output is not None and block.changed is not None:
                    output.append(after(block.changed, "row", before))
                before += block.records
                self.end = start + before
                self.rejected += len(block.rejects)
                self.records += block.wanted
                compared += block.wanted
                if on_progress is not None:
                    on_progress(Progress(compared, reviews.bytes_read, reviews.size))
            self.warnings += [each for each in reviews.warnings if each not in self.warnings]

    def _score(self, path: Path, block: SelectedBlock, *, is_written: bool) -> _Scored:
        parsed, rows, records = block.parse_rows()
        file = pa.repeat(without_half_pairs(str(path)), len(parsed.texts))
        fields = dict(parsed.fields)
        if len(self.files) > 1 and not self.options.reading.columns.of("group").is_named:
            fields["group"] = pa.repeat(self._short_name(path), len(parsed.texts))
        scored = self.pair.score(parsed.texts, file, rows + 1, fields)
        count = len(parsed.texts) + len(parsed.rejects)
        summary = scored.summary(self.options.show)
        changed = scored.changed() if is_written else None
        return _Scored(summary, changed, parsed.rejects, count, records, block.before)

    def _short_name(self, path: Path) -> str:
        """The name without the folder, if no other file has it."""
        is_clear = len({each.name for each in self.files}) == len(self.files)
        return without_half_pairs(path.name if is_clear else str(path))

    def _warn_of_labels(self, path: Path, reviews: ReviewFile) -> None:
        """Say that a column with a usual name is no column of labels, such as one of lists."""
        usual = self.options.reading.columns.of("label").names
        found = [name for name in usual if name in reviews.names]
        if found and "label" not in reviews.chosen:
            self.warnings.append(
                f"{path}: the column {found[0]!r} is not used as labels: there are two of them, or "
                "its values are neither numbers nor strings."
            )

    def meanings(self) -> tuple[dict[str, int], str, int]:
        """Tell what labels mean, by their words, for the user, and how many rows are neutral.

        If a column that is not named has no labels, that is a warning.
        """
        try:
            return self._meanings()
        except InputError as error:
            if self.needs_labels or self.options.needs_labels:
                raise
            self.warnings.append(f"The column is not used as labels. {error}")
            return {}, "", 0

    def _meanings(self) -> tuple[dict[str, int], str, int]:
        column = f"column {self.columns.get('label', '')!r}"
        words, counts, first = self.totals.labels()
        if not self.totals.has_labels:
            raise InputError(
                f"{self.place}: {column}: more than {MOST_LABELS:,} different values, expected "
                "labels. Choose another column with --label-column."
            )
        if not words:
            return {}, "", 0
        names, place = self.options.reading.labels, f"{self.place}: {column}"
        try:
            found = labels_of(pa.chunked_array([words]), first - 1, place, names, counts)
        except WrongValueError as error:
            file = bisect(self.starts, error.row) - 1
            place = f"{self.files[file]}: {column}"
            row = error.row - self.starts[file]
            raise WrongValueError(place, row, error.problem) from None
        is_neutral = found.targets == NEUTRAL
        meant = np.where(is_neutral, NO_ANSWER, found.targets >= 0.5).tolist()
        return dict(zip(words, meant, strict=True)), found.meaning, int(counts[is_neutral].sum())

    def reason_for_nothing(self) -> str:
        """Say why no row has a label of either model."""
        if not self.records:
            return "no rows to compare the models on."
        if self.rejected == self.records:
            return f"none of the {self.records:,} records can be read; first: {self.first_reject}"
        return (
            "no row has a text with a word that one of the models knows. Choose the column with "
            "--text-column."
        )


def _compare_files(
    pair: ModelPair, data: Sequence[str], options: DiffOptions, on_file: OnFile
) -> DataChanges:
    """Read files, and count what changes; raises as `diff`."""
    # The output is not one of the files in folders: an earlier run may have written it there.
    found, _ = look_for(data, NOT_KEPT, options.output)
    failed = [error for _, _, error in found.unreadable]
    files = [source for source, _ in found.without_repeats()]
    if failed and not files:
        raise InputError(failed[0])
    run = _Comparison(pair, files, failed, options, on_file, Totals(options.show))
    with changed_rows_file(options.output, force=options.force) as output:
        run.read(output)
        meanings, meaning, neutral = run.meanings()
        changes = run.totals.changes(meanings)
        if not changes.counts.answered:
            raise InputError(f"{run.place}: {run.reason_for_nothing()}")
    return DataChanges(
        files=tuple(map(str, run.compared)),
        failed=tuple(run.failed),
        ignored=found.ignored,
        links=tuple(map(str, found.links)),
        subset=options.subset,
        columns=run.columns,
        records=run.records,
        rejected=run.rejected,
        first_reject=run.first_reject,
        label_meaning=meaning,
        neutral=neutral,
        warnings=tuple(run.warnings),
        output=None if options.output is None else str(options.output),
        changes=changes,
    )


def format_of_changed_rows(path: Path) -> Format:
    """Tell the format by the name; `UsageError` if it cannot be written."""
    return format_of(path, option="--output")


class ChangedRowsFile:
    """Writes tables of changed rows, one after the other."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        own = format_of_changed_rows(path)
        self._form = own.load().output_of_table(lambda rows, _: rows, CHANGED_ROWS, own.delimiter)
        self._compress = compressor(compression_of(path))
        self._is_bytes = self._form.open_file is None
        self._file: BatchFile
        if self._form.open_file is None:
            self._file = ByteFile(file, self._form, compression_of(path), is_new=True)
        else:
            self._file = self._form.open_file(file, {})

    def append(self, rows: pa.Table) -> None:
        """Write some rows."""
        for batch in rows.to_batches():
            data = self._form.render(batch, [])
            self._file.append(self._compress(data) if self._is_bytes else data, ends_group=False)

    def close(self) -> None:
        """Write the end."""
        self._file.close()


@contextmanager
def changed_rows_file(path: Path | None, *, force: bool) -> Iterator[ChangedRowsFile | None]:
    """Open the file, which appears when the block succeeds; None without a path."""
    if path is None:
        yield None
        return
    with atomic_file(path, force=force) as partial, partial.open("wb") as file:
        opened = ChangedRowsFile(file, path)
        yield opened
        opened.close()
