"""Compare two models on fixed texts, and on files of any size in bounded memory."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from math import isnan
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from toolkit.errors import EmptyInputError, InputError, UsageError
from toolkit.evaluation.diff_counts import (
    CHANGED_ROWS,
    ComparedRows,
    Totals,
    compare,
)
from toolkit.evaluation.diff_result import DataChanges, Difference, WordChanges, compare_facts
from toolkit.model.classes import DEFAULT_THRESHOLD, NO_ANSWER
from toolkit.model.scorer import Scorer
from toolkit.records.formats import open_reviews
from toolkit.records.inputs import Input
from toolkit.records.labels import MOST_LABELS, NEUTRAL, WrongValueError, meanings_of
from toolkit.records.options import LabelNames, ReadOptions
from toolkit.records.output_file import AppendRows, rows_file
from toolkit.records.review_file import Reject, ReviewFile
from toolkit.scoring.block_loop import SelectedBlock, run_blocks
from toolkit.scoring.input_files import look_for
from toolkit.scoring.options import ALL, Subset
from toolkit.scoring.results import Progress
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
    """Compare two models by the facts in their files, on fixed texts, and on files of reviews.

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
    models = Scorer(old, options.threshold), Scorer(new, options.threshold)
    for scorer in models:
        scorer.check_sentiment("toolkit diff", "Compare both with toolkit evaluate.")
    fixed = golden_texts((models[0].max_tokens, models[1].max_tokens))
    totals = Totals(options.show)
    texts = pa.array(fixed.values(), pa.large_string())
    totals.add(compare(*models, texts, {"file": pa.array([*fixed])}))
    found = Difference(
        old=models[0].identity(),
        new=models[1].identity(),
        facts=compare_facts(*models),
        words=WordChanges.of(*models),
        texts=totals.changes({}),
    )
    files = [str(data)] if isinstance(data, str | Path) else [*map(str, data)]
    return (
        replace(found, data=_compare_files(models, files, options=options, on_file=on_file))
        if files
        else found
    )


def _compare_files(
    models: tuple[Scorer, Scorer], inputs: Sequence[str], options: DiffOptions, on_file: OnFile
) -> DataChanges:
    """Read files, and count what changes; raises as `diff`."""
    # The output is not one of the files in folders: an earlier run may have written it there.
    found = look_for(inputs, report=options.output)
    failed = [file.error for file in found.unreadable]
    files = [file.input for file in found.without_repeats()]
    if failed and not files:
        raise InputError(failed[0])
    data = DataChanges(
        failed=failed,
        ignored=found.ignored,
        links=[*map(str, found.links)],
        subset=options.subset,
        output=None if options.output is None else str(options.output),
    )
    # Where the user says what labels mean, that may depend on all their decimals.
    totals = Totals(options.show, cuts_labels=options.reading.labels == LabelNames())
    run = _Comparison(
        models=models, files=files, options=options, on_file=on_file, data=data, totals=totals
    )
    with rows_file(options.output, CHANGED_ROWS, force=options.force) as append:
        run.read(append)
        data.changes = run.totals.changes(run.meanings())
        if not data.changes.counts.answered:
            raise InputError(f"{run.place}: {run.reason_for_nothing()}")
    return data


class _Block(NamedTuple):
    """The result of a block."""

    rows: ComparedRows
    rejects: Sequence[Reject]
    wanted: int  # records, with the rejects
    records: int  # of the whole block
    before: int | None  # records of the file before it, if blocks are left out


def _answer_of(target: float) -> int:
    """Return the number of the answer that a label means, of `toolkit.model.classes.ANSWERS`."""
    if target == NEUTRAL or isnan(target):
        return NO_ANSWER
    return int(target >= DEFAULT_THRESHOLD)


@dataclass
class _Comparison:
    """Reads files one after the other, each with all workers."""

    models: tuple[Scorer, Scorer]
    files: Sequence[Input]
    options: DiffOptions
    on_file: OnFile
    data: DataChanges
    totals: Totals
    starts: list[int] = field(default_factory=list)  # of the files that are read: rows before each
    end: int = 0  # of all rows so far, those that are left out among them

    @property
    def needs_labels(self) -> bool:
        """Whether the user asked for labels, by a column or by names for them."""
        reading = self.options.reading
        return reading.columns.of("label").is_named or reading.labels != LabelNames()

    @property
    def place(self) -> str:
        """Where the rows are, for messages."""
        count = len(self.files)
        return str(self.files[0]) if count == 1 else f"{count:,} files together"

    def read(self, append: AppendRows | None) -> None:
        """Read all files; one of several that cannot be read does not stop the others."""
        data = self.data
        errors = []
        for source in self.files:
            before = data.records
            self.starts.append(self.end)
            try:
                self._read(source, append)
            except (InputError, UsageError) as error:
                if len(self.files) == 1 and not data.failed:
                    raise
                if isinstance(error, EmptyInputError):
                    data.warnings.append(f"{source}: the file is empty.")
                else:
                    errors.append(error)
                    count = data.records - before
                    read = f" The {count:,} records before that are compared." if count else ""
                    data.failed.append(f"{error}{read}")
                    if not count:
                        continue
            data.files.append(str(source))
        if errors and not data.files:
            errors[0].add_note(f"None of the {len(data.failed):,} files can be compared.")
            raise errors[0]

    def _read(self, source: Input, append: AppendRows | None) -> None:
        data = self.data
        of = self.options.reading.columns.of
        label = replace(of("label"), is_needed=self.needs_labels)
        with (
            open_reviews(source, self.options.reading, (of("text"), label, of("group"))) as reviews,
            self.on_file(source.path) as on_progress,
        ):
            self.options.subset.check(reviews)
            data.columns = {**reviews.chosen, **data.columns}
            self._warn_of_labels(reviews)
            start = self.end
            before = 0
            compared = data.records
            work = partial(self._compare, source.path)
            for block in run_blocks(reviews, work, self.options.subset):
                before = before if block.before is None else block.before
                rows = block.rows.after(before)
                self.totals.add(rows, start)
                if append is not None:
                    append(rows.changed())
                if block.rejects and data.first_reject is None:
                    reject = block.rejects[0]
                    place = f"{reviews.counts} {reject.number:,}"
                    data.first_reject = f"{reviews.name}: {place}: {reject.reason}"
                before += block.records
                self.end = start + before
                data.rejected += len(block.rejects)
                data.records += block.wanted
                if on_progress is not None:
                    done = data.records - compared
                    on_progress(Progress(done, reviews.bytes_read, reviews.size))
            data.warnings += [each for each in reviews.warnings if each not in data.warnings]

    def _compare(self, path: Path, block: SelectedBlock) -> _Block:
        parsed, rows, records = block.parse_rows()
        count = len(parsed.texts)
        fields = {
            **parsed.fields,
            "file": pa.repeat(without_half_pairs(str(path)), count),
            "row": pa.array(rows + 1),
        }
        if len(self.files) > 1 and not self.options.reading.columns.of("group").is_named:
            # Without the folder, if no other file has the name.
            is_clear = len({each.path.name for each in self.files}) == len(self.files)
            name = without_half_pairs(path.name if is_clear else str(path))
            fields["group"] = pa.repeat(name, count)
        found = compare(*self.models, parsed.texts, fields)
        return _Block(
            rows=found,
            rejects=parsed.rejects,
            wanted=count + len(parsed.rejects),
            records=records,
            before=block.before,
        )

    def _warn_of_labels(self, reviews: ReviewFile) -> None:
        """Warn if a column has a usual name of labels, but its values cannot be labels."""
        usual = self.options.reading.columns.of("label").names
        found = [name for name in usual if name in reviews.names]
        if found and "label" not in reviews.chosen:
            self.data.warnings.append(
                f"{reviews.path}: the column {found[0]!r} is not used as labels: two columns have "
                "this name, or its values are neither numbers nor strings."
            )

    def meanings(self) -> dict[str, int]:
        """Return the number of the answer that each label means, of `ANSWERS`.

        If the column was not named by the user and has no labels, warn.
        """
        try:
            return self._meanings()
        except InputError as error:
            if self.needs_labels or self.options.needs_labels:
                raise
            self.data.warnings.append(f"The column is not used as labels. {error}")
            return {}

    def _meanings(self) -> dict[str, int]:
        words, counts, first = self.totals.labels()
        column = f"column {self.data.columns.get('label', '')!r}"
        place = f"{self.place}: {column}"
        if not self.totals.has_labels:
            raise InputError(
                f"{place}: more than {MOST_LABELS:,} different values, expected labels. Choose "
                "another column with --label-column."
            )
        try:
            found = meanings_of(
                words, place, self.options.reading.labels, counts=counts, first_rows=first - 1
            )
        except WrongValueError as error:
            file = bisect(self.starts, error.row) - 1
            place = f"{self.files[file]}: {column}"
            row = error.row - self.starts[file]
            raise WrongValueError(place, row, error.problem) from None
        self.data.label_meaning = found.meaning
        often = dict(zip(words, counts.tolist(), strict=True))
        self.data.neutral = sum(
            often[word] for word, target in found.targets.items() if target == NEUTRAL
        )
        return {word: _answer_of(target) for word, target in found.targets.items()}

    def reason_for_nothing(self) -> str:
        """Return why no row has a label from either model."""
        data = self.data
        if not data.records:
            return "there are no rows to compare the models on."
        if data.rejected == data.records:
            return f"none of the {data.records:,} records can be read; first: {data.first_reject}"
        return (
            "no row has a text with a word that one of the models knows. Choose the column with "
            "--text-column."
        )
