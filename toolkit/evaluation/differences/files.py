"""Files of reviews, scored by two models in blocks, and what changes for their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.errors import EmptyInputError, InputError, ToolkitError, UsageError
from toolkit.evaluation.differences.block_changes import BlockChanges, Candidate, changes_of_block
from toolkit.evaluation.differences.change_tally import Tally
from toolkit.evaluation.differences.changed_rows import (
    ChangedRowsFile,
    changed_only,
    changed_rows_file,
)
from toolkit.evaluation.differences.changes import DataChanges
from toolkit.evaluation.differences.found_files import Files
from toolkit.evaluation.differences.label_words import LabelPlace, RowOf
from toolkit.evaluation.differences.score_pairs import ModelPair
from toolkit.records.columns import Column
from toolkit.records.formats import open_reviews
from toolkit.records.read_options import LabelNames, ReadOptions
from toolkit.records.record_blocks import Reject
from toolkit.records.review_file import ReviewFile
from toolkit.records.stretch import WHOLE
from toolkit.scoring.selection import Part, Wanted, only, positions_read
from toolkit.scoring.summary import Progress
from toolkit.scoring.workers import in_order, usable_cores
from toolkit.text.strings import without_half_pairs

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
    part: Part = field(default_factory=Part)  # of each file; all by default


@dataclass(frozen=True)
class _Scored:
    """What is left of a block when it is scored."""

    changes: BlockChanges
    changed: pa.RecordBatch | None  # for the output
    rejects: Sequence[Reject]
    records: int  # that are wanted of it, with the rejects
    before: int | None  # records of the file before it, if blocks are left out


class _Run:
    """Reads files one after the other, each with all workers."""

    def __init__(
        self, pair: ModelPair, found: Files, options: DiffOptions, on_file: OnFile
    ) -> None:
        files = found.paths
        self.tally = Tally(options.show)
        self.records, self.rejected = 0, 0
        self.compared: list[Path] = []
        self.failed = [*found.failed]
        self.first_reject: str | None = None
        self.columns: dict[str, str] = {}
        self.warnings: list[str] = []
        self._pair, self._files, self._options, self._on_file = pair, files, options, on_file
        of = options.reading.columns.of
        label = of("label")
        # Whoever says what labels mean wants them, too.
        self._needs_labels = label.is_named or options.reading.labels != LabelNames()
        self._columns: tuple[Column, ...] = (
            of("text"),
            replace(label, is_needed=self._needs_labels),
            of("group"),
        )
        names = [path.name for path in files]
        is_clear = len({*names}) == len(files)
        shown = map(without_half_pairs, names if is_clear else map(str, files))
        self._names = dict(zip(files, shown, strict=True))
        self._by_file = not self._columns[2].is_named and len(files) > 1

    def read(self, output: ChangedRowsFile | None) -> None:
        """Read all files; one of several that cannot be read does not stop the others."""
        first: ToolkitError | None = None
        is_single = len(self._files) == 1 and not self.failed
        for path in self._files:
            before = self.records
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
        part, cores = self._options.part, usable_cores()

        def score(wanted: Wanted) -> _Scored:
            return self._scored(path, reviews, wanted, is_written=output is not None)

        with (
            open_reviews(path, self._options.reading, self._columns) as reviews,
            self._on_file(path) as on_progress,
        ):
            part.check(reviews)
            before = compared = 0
            self.columns = {**reviews.chosen, **self.columns}
            self._warn_of_labels(path, reviews)
            for block in in_order(
                score,
                part.blocks(reviews, (), 0, cores, WHOLE),
                cores,
                size=lambda each: each.block.size,
                is_waiting=lambda: reviews.is_waiting,
            ):
                if block.before is not None:
                    before = block.before
                self._add(block, str(path), before)
                if block.rejects and self.first_reject is None:
                    first = block.rejects[0]
                    place = f"{reviews.counts} {first.number:,}"
                    self.first_reject = f"{reviews.name}: {place}: {first.reason}"
                if output is not None and block.changed is not None:
                    output.append(block.changed, str(path), before)
                before += block.changes.rows
                compared += block.records
                if on_progress is not None:
                    on_progress(Progress(compared, reviews.bytes_read, reviews.size))
            self.warnings += [each for each in reviews.warnings if each not in self.warnings]

    def _warn_of_labels(self, path: Path, reviews: ReviewFile) -> None:
        """Say that a column with a usual name is no column of labels, such as one of lists."""
        found = [name for name in self._columns[1].names if name in reviews.names]
        if found and "label" not in reviews.chosen:
            self.warnings.append(
                f"{path}: the column {found[0]!r} is not used as labels: there are two of them, or "
                "its values are neither numbers nor strings."
            )

    def _scored(
        self, path: Path, reviews: ReviewFile, wanted: Wanted, *, is_written: bool
    ) -> _Scored:
        parsed = reviews.parse(wanted.block)
        rows, records = positions_read(parsed), len(parsed.texts) + len(parsed.rejects)
        if wanted.positions is not None:
            rows = rows[np.isin(rows, wanted.positions)]
            parsed = only(parsed, wanted.positions)
        texts = parsed.texts
        fields = {
            name: values.cast(pa.large_string())
            for name, values in parsed.fields.items()
            if name in ("label", "group")
        }
        if self._by_file:
            fields["group"] = pa.repeat(pa.scalar(self._names[path], pa.large_string()), len(texts))
        scores = self._pair.score(texts)
        names = self._options.reading.labels
        found = changes_of_block(texts, scores, fields, self._options.show, names)
        changed = changed_only(texts, scores, fields, rows + 1) if is_written else None
        count = len(texts) + len(parsed.rejects)
        placed = found.placed(rows, records)
        return _Scored(placed, changed, parsed.rejects, count, wanted.before)

    def _add(self, block: _Scored, name: str, before: int) -> None:
        def placed(each: Candidate) -> Candidate:
            number = before + (each.row.row or 0) + 1
            return replace(each, row=replace(each.row, row=number, name=name))

        candidates = [placed(each) for each in block.changes.candidates]
        self.tally.add(block.changes, candidates, RowOf(name, before))
        self.records += block.records
        self.rejected += len(block.rejects)

    @property
    def place(self) -> str:
        """Where the rows are, for messages."""
        count = len(self._files)
        return str(self._files[0]) if count == 1 else f"{count:,} files together"

    @property
    def label_place(self) -> LabelPlace:
        """Where the labels are, for messages."""
        is_needed = self._needs_labels or self._options.needs_labels
        names = self._options.reading.labels
        return LabelPlace(self.place, self.columns.get("label", ""), is_needed, names)

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


def changes_of_files(
    pair: ModelPair, files: Files, options: DiffOptions, on_file: OnFile
) -> DataChanges:
    """Read files, and count what changes; raises as `diff` in `models.py`."""
    run = _Run(pair, files, options, on_file)
    with changed_rows_file(options.output, force=options.force) as output:
        run.read(output)
        meanings, warning = run.tally.meanings(run.label_place)
        changes = run.tally.changes(meanings)
        if not changes.counts.answered:
            raise InputError(f"{run.place}: {run.reason_for_nothing()}")
    return DataChanges(
        tuple(map(str, run.compared)),
        run.columns,
        run.records,
        run.rejected,
        run.first_reject,
        changes,
        meanings.told,
        meanings.neutral,
        (*run.warnings, *([warning] if warning else [])),
        None if options.output is None else str(options.output),
        tuple(run.failed),
        options.part,
        files.ignored,
        tuple(map(str, files.links)),
    )
