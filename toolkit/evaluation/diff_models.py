"""Compare two models on fixed texts, and on files of any size in bounded memory."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path

import pyarrow as pa

from toolkit.classes import DEFAULT_THRESHOLD, NEUTRAL_TARGET, NO_ANSWER
from toolkit.errors import EmptyInputError, InputError, ToolkitError, UsageError
from toolkit.evaluation.class_diff import (
    CHANGED_CLASSES,
    ClassTotals,
    check_same_kind,
    common_classes,
    compare_classes,
)
from toolkit.evaluation.diff_counts import (
    CHANGED_ROWS,
    ComparedRows,
    Totals,
    compare,
)
from toolkit.evaluation.diff_result import (
    Changes,
    DataChanges,
    Difference,
    WordChanges,
    compare_facts,
)
from toolkit.model.scorer import Scorer
from toolkit.records.columns import Column
from toolkit.records.labels import MOST_LABELS, WrongValueError, meanings_of
from toolkit.records.options import LabelNames, ReadOptions
from toolkit.records.output_file import AppendRows, rows_file
from toolkit.records.review_file import ReviewFile
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.file_run import FileVisit, OnProgress, RunOptions, Visitor, run_files
from toolkit.scoring.input_files import FoundFile, look_for
from toolkit.scoring.options import ALL, Subset
from toolkit.text.strings import golden_texts, without_half_pairs

_LABELS_SHOWN = 5  # in a message

OnFile = Callable[[Path], AbstractContextManager[OnProgress | None]]


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
    check_same_kind(models)
    has_classes = models[0].facts.has_classes
    names_of_labels = options.reading.labels
    for model in models:
        model.check_options_of_sentiment(
            {
                "--positive, --negative": bool(names_of_labels.named),
                "--positive-from": names_of_labels.positive_from is not None,
            }
        )
    fixed = golden_texts((models[0].max_tokens, models[1].max_tokens))
    texts = pa.array(fixed.values(), pa.large_string())
    names = {"file": pa.array([*fixed])}
    changes: Changes
    if has_classes:
        of_classes = ClassTotals(options.show)
        of_classes.add(compare_classes(*models, texts, names))
        changes = of_classes.changes_of({})
    else:
        totals = Totals(options.show)
        totals.add(compare(*models, texts, names))
        changes = totals.changes({})
    found = Difference(
        old=models[0].identity(),
        new=models[1].identity(),
        facts=compare_facts(*models),
        words=WordChanges.of(*models),
        texts=changes,
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
    files = found.without_repeats()
    if failed and not files:
        raise InputError(failed[0])
    data = DataChanges(
        failed=failed,
        ignored=found.ignored,
        links=[*map(str, found.links)],
        subset=options.subset,
        output=None if options.output is None else str(options.output),
    )
    has_classes = models[0].facts.has_classes
    kind = _ClassComparison if has_classes else _Comparison
    schema = CHANGED_CLASSES if has_classes else CHANGED_ROWS
    with rows_file(options.output, schema, force=options.force) as append:
        comparison = kind(models=models, files=files, options=options, data=data, append=append)
        run_files(
            files,
            comparison,
            RunOptions(
                reading=options.reading, columns=comparison.columns(), subset=options.subset
            ),
            on_file=lambda file: on_file(file.input.path),
        )
        comparison.check_any_is_read()
        data.changes = comparison.changes()
        if not data.changes.counts.answered:
            raise InputError(f"{comparison.place}: {comparison.reason_for_nothing()}")
    return data


def _answer_of(target: float) -> int:
    """Return the number of the answer that a label means, of `toolkit.classes.ANSWERS`."""
    if target == NEUTRAL_TARGET or isnan(target):
        return NO_ANSWER
    return int(target >= DEFAULT_THRESHOLD)


@dataclass
class _Comparison(Visitor[FoundFile, ComparedRows]):
    """Compares the answers of two models to the rows of files."""

    models: tuple[Scorer, Scorer]
    files: Sequence[FoundFile]
    options: DiffOptions
    data: DataChanges
    append: AppendRows | None  # writes changed rows
    # Of the files that were opened: the number of rows in the files before it, and the file.
    starts: list[tuple[int, FoundFile]] = field(default_factory=list)
    errors: list[ToolkitError] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Where the user says what labels mean, that may depend on all their decimals.
        cuts = self.options.reading.labels == LabelNames()
        self.totals = Totals(self.options.show, cuts_labels=cuts)

    @property
    def needs_labels(self) -> bool:
        """Whether the user asked for labels, by a column or by names for them."""
        reading = self.options.reading
        return reading.columns.of("label").is_named or reading.labels != LabelNames()

    @property
    def place(self) -> str:
        """Where the rows are, for messages."""
        count = len(self.files)
        return str(self.files[0].input) if count == 1 else f"{count:,} files together"

    def columns(self) -> tuple[Column, ...]:
        """Return the columns to read."""
        of = self.options.reading.columns.of
        return of("text"), replace(of("label"), is_needed=self.needs_labels), of("group")

    def opened(self, visit: FileVisit[FoundFile]) -> None:
        """Take the names of the columns, and warn of a column that cannot have labels."""
        self.starts.append((visit.rows_before, visit.file))
        self.data.columns = {**visit.reviews.chosen, **self.data.columns}
        self._warn_of_labels(visit.reviews)

    def work(self, visit: FileVisit[FoundFile], block: SelectedBlock) -> ComparedRows:
        """Score the rows of a block with both models."""
        parsed = block.parse()
        count = len(parsed.texts)
        path = visit.file.input.path
        fields = {
            **parsed.fields,
            "file": pa.repeat(without_half_pairs(str(path)), count),
            "row": pa.array(block.rows + 1),
        }
        if len(self.files) > 1 and not self.options.reading.columns.of("group").is_named:
            # Without the folder, if no other file has the name.
            is_clear = len({each.input.path.name for each in self.files}) == len(self.files)
            name = without_half_pairs(path.name if is_clear else str(path))
            fields["group"] = pa.repeat(name, count)
        return self.compare(parsed.texts, fields)

    def compare(self, texts: pa.Array, fields: Mapping[str, pa.Array]) -> ComparedRows:
        """Score texts with both models, in any thread."""
        return compare(*self.models, texts, fields)

    def changes(self) -> Changes:
        """Return what changes, after the last file."""
        return self.totals.changes(self.meanings())

    def add(self, visit: FileVisit[FoundFile], result: ComparedRows) -> None:
        """Count the rows of a block, and write the changed ones."""
        rows = result.after(visit.before)
        self.totals.add(rows, visit.rows_before)
        if self.append is not None:
            self.append(rows.changed())

    def end(self, visit: FileVisit[FoundFile]) -> None:
        """Note that a whole file was read, and take its warnings."""
        data = self.data
        data.warnings += [each for each in visit.reviews.warnings if each not in data.warnings]
        data.files.append(str(visit.file.input))
        self._count(visit)

    def failed(self, visit: FileVisit[FoundFile], error: ToolkitError) -> None:
        """Note the error of one of several files, with the rows that were compared before it."""
        data = self.data
        self._count(visit)
        if not isinstance(error, InputError | UsageError):
            raise error
        if len(self.files) == 1 and not data.failed:
            raise error
        if isinstance(error, EmptyInputError):
            data.warnings.append(f"{visit.file.input}: the file is empty.")
            data.files.append(str(visit.file.input))
            return
        self.errors.append(error)
        count = visit.records
        read = f" The {count:,} records before that are compared." if count else ""
        data.failed.append(f"{error}{read}")
        if count:
            data.files.append(str(visit.file.input))

    def _count(self, visit: FileVisit[FoundFile]) -> None:
        """Add the counts of a file, as far as it was read."""
        data = self.data
        data.records += visit.records
        data.rejected += visit.rejected
        if data.first_reject is None and visit.first_error is not None:
            data.first_reject = f"{visit.reviews.name}: {visit.first_error}"

    def check_any_is_read(self) -> None:
        """Raise the first error if no file was read."""
        if self.errors and not self.data.files:
            error = self.errors[0]
            error.add_note(f"None of the {len(self.data.failed):,} files can be compared.")
            raise error

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
            at = bisect(self.starts, error.row, key=lambda each: each[0]) - 1
            start, file = self.starts[at]
            place = f"{file.input}: {column}"
            row = error.row - start
            raise WrongValueError(place, row, error.problem) from None
        self.data.label_meaning = found.meaning
        often = dict(zip(words, counts.tolist(), strict=True))
        self.data.neutral = sum(
            often[word] for word, target in found.targets.items() if target == NEUTRAL_TARGET
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


@dataclass
class _ClassComparison(_Comparison):
    """Compares the answers of two models of classes."""

    def __post_init__(self) -> None:
        self.totals = self.of_classes = ClassTotals(self.options.show, cuts_labels=False)

    def compare(self, texts: pa.Array, fields: Mapping[str, pa.Array]) -> ComparedRows:
        """Label texts with both models, in any thread."""
        return compare_classes(*self.models, texts, fields)

    def changes(self) -> Changes:
        """Return what changes; raise `InputError` if a named column has no class of both models."""
        changes = self.of_classes.changes_of(common_classes(self.models))
        counts = changes.counts
        needs = self.needs_labels or self.options.needs_labels
        if needs and counts.answered and not counts.labelled + counts.labelled_without_score:
            column = self.data.columns.get("label", "")
            labels = self.totals.labels()[0][:_LABELS_SHOWN]
            found = ", ".join(f"{label!r:.60}" for label in labels) or "none"
            raise InputError(
                f"{self.place}: column {column!r}: no label is a class of both models (found: "
                f"{found}). Choose the column with --label-column."
            )
        return changes
