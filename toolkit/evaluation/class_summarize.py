"""Files that a model of classes scored, summed up block by block in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.evaluation.class_summary import UNSURE, ClassFacts, ClassSummary, TypicalWord
from toolkit.evaluation.diff_models import OnFile
from toolkit.evaluation.metrics import Numbers, Proportion
from toolkit.evaluation.scored_files import (
    ScoredFiles,
    ScoredRun,
    SummaryOptions,
    read_runs,
    repeated,
    stars_in,
)
from toolkit.evaluation.summary import NONE_KEY, RATE, Change, gap_warning
from toolkit.evaluation.summary_changes import beyond_chance, changed, exact_p, in_both
from toolkit.evaluation.summary_dates import DateCounts, Days
from toolkit.evaluation.summary_since import DateSide
from toolkit.evaluation.summary_themes import is_function_word
from toolkit.evaluation.summary_words import kinds_of_people, log_odds
from toolkit.model.opened import open_model
from toolkit.model.scorer import Scorer
from toolkit.records.class_labels import MOST_CLASSES
from toolkit.records.columns import LABEL, LABEL_PROBABILITY, Column
from toolkit.records.formats import open_reviews
from toolkit.records.labels import Rows, read_label_probabilities
from toolkit.records.review_file import ReviewFile
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.file_run import FileVisit
from toolkit.scoring.input_files import FoundFile
from toolkit.text.strings import is_blank
from toolkit.text.token_ids import FIRST_WORD_ID

_LABEL_NAMED_BY = f"--names {LABEL}=NAME"
_PROBABILITY_NAMED_BY = f"--names {LABEL_PROBABILITY}=NAME"
_FEWEST_WITH_WORD = 3  # texts of a class, for a typical word
_LEAN = 2.0  # standard deviations, for a typical word
_WORDS_KEPT = 20  # of a class


def summarize_classes(
    files: ScoredFiles,
    options: SummaryOptions | None = None,
    on_file: OnFile = lambda _: nullcontext(),
) -> ClassSummary:
    """Summarize files that a model of classes scored, and what has changed since earlier ones.

    Parameters
    ----------
    files : ScoredFiles
        Files that `toolkit score` wrote, read in bounded memory.
    options : SummaryOptions | None
        Columns, and what to group by. `model` is the model whose words are counted; if it is a
        model of classes, it scores files without scores.
    on_file : OnFile
        Entered while a file is read; returns what to call with the progress.

    Returns
    -------
    ClassSummary
        Shares by label, group and day, and the words that are typical of each class.

    Raises
    ------
    InputError
        If a file cannot be read, or no row has a label.
    ModelError
        If the model cannot be loaded.
    UsageError
        If a column is missing, or an option is not for classes.
    """
    options = options or SummaryOptions()
    if options.corrected is not None:
        raise UsageError(
            "--corrected: for files with scores of a model of sentiment. Leave it out."
        )
    scorer = Scorer(options.model)
    runs = read_runs(_Run, files, scorer=scorer, options=options, on_file=on_file)
    found = runs.now.found
    if runs.before is not None:
        _compare(found, runs.before.found)
    return found


def are_of_classes(files: ScoredFiles, options: SummaryOptions) -> bool:
    """Return whether files have labels of a model of classes, or would get them.

    The first file decides, unless a column is named: by its column `predicted_label`, or, if it has
    no scores, by the model. Standard input and pipes are not read for that: the model decides.
    """
    columns = options.reading.columns
    if {LABEL, LABEL_PROBABILITY} & {*dict(columns.names)}:
        return True
    if columns.sentiment is not None or columns.probability is not None:
        return False
    sentiment, _ = replace(columns, adds=("sentiment", "probability")).added
    wanted = (
        Column("sentiment", (sentiment.name,), is_needed=False),
        Column(LABEL, (LABEL,), is_needed=False),
    )
    first = files.files[0].input
    if not first.is_stream:
        with open_reviews(first, options.reading, wanted) as reviews:
            if reviews.chosen:
                return "sentiment" not in reviews.chosen
    return options.model is not None and open_model(options.model).facts.has_classes


@dataclass(frozen=True)
class _Words:
    """The texts of a block that have a word, by word and label."""

    labels: Sequence[str]  # of the block
    ids: npt.NDArray[np.int64]  # of words
    kinds: npt.NDArray[np.int64]  # places in `labels`
    texts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Block:
    """The counts of a block."""

    records: int  # that could be read
    without_label: int
    without_text: int
    cells: pa.Table
    words: _Words
    dates: DateCounts


class _Run(ScoredRun[_Block]):
    """Reads files with the labels of a model of classes."""

    label_role = LABEL

    def __init__(
        self, options: SummaryOptions, scorer: Scorer, part: DateSide | None = None
    ) -> None:
        super().__init__(options, scorer, part)
        self.found: ClassSummary = ClassSummary()
        # The words to count: a classifier folder has none.
        self.vocabulary = (scorer if scorer.has_words else Scorer()).vocabulary
        self._labels: dict[str, int] = {}  # the column of each in `_texts_with`
        self._texts_with = np.zeros((self.vocabulary.size, 8), np.int32)  # word by label

    def read(self, files: Sequence[FoundFile], on_file: OnFile) -> ClassSummary:
        """Read all files, and return the summary without changes."""
        self.read_files(files, on_file)
        found = self.found
        found.total = self.slices("")[0]
        found.classes = [*self._classes()]
        found.by = {name: self.slices(f"by {name}") for name in self.options.by}
        found.warnings += self.settle_dates()
        found.step, found.over_time, found.without_date = self.over_time()
        found.warnings += gap_warning(
            {each.name: each.rows for each in found.over_time}, found.step
        )
        return found

    def wanted(self) -> tuple[Column, ...]:
        """Return the columns to read."""
        columns = self.options.reading.columns
        names = dict(columns.names)
        probability = names.get(LABEL_PROBABILITY, LABEL_PROBABILITY)
        return (
            columns.of("text"),
            Column(
                LABEL,
                (names.get(LABEL, LABEL),),
                is_needed=LABEL in names or not self.scorer.facts.has_classes,
                named_by=_LABEL_NAMED_BY,
            ),
            Column(
                LABEL_PROBABILITY,
                (probability,),
                is_needed=LABEL_PROBABILITY in names,
                named_by=_PROBABILITY_NAMED_BY,
            ),
            columns.of("stars"),
            *self.grouped_by(),
        )

    def check_scores(self, reviews: ReviewFile) -> None:
        """Note a file without labels, which the model gives here."""
        if LABEL not in reviews.chosen:
            self.scores_here(reviews)

    def _with_labels(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Add label and probability to records of a file without labels."""
        if LABEL in records.schema.names:
            return records
        roles = (LABEL, LABEL_PROBABILITY)
        answers = self.scorer.columns(self.scorer.predict(records["text"]), roles)
        for role in roles:
            records = records.append_column(role, answers[role].cast(pa.large_string()))
        return records

    def work(self, visit: FileVisit[FoundFile], block: SelectedBlock) -> _Block:
        """Count the rows of a block."""
        parsed = block.parse()
        columns = {**parsed.fields, "text": parsed.texts}
        everything = pa.RecordBatch.from_pydict(
            {role: each.cast(pa.large_string()) for role, each in columns.items()}
        )
        everything, positions = self.own_rows(everything, block.rows)
        everything = self._with_labels(everything)
        has_no_label = is_blank(everything[LABEL])
        without_text = pc.and_(has_no_label, is_blank(everything["text"])).true_count
        rows = everything.filter(pc.invert(has_no_label))
        positions = positions[~has_no_label.to_numpy(zero_copy_only=False)]
        days = self.days(rows, positions)
        probability = self._probability(rows, positions, visit)
        return _Block(
            records=len(everything),
            without_label=len(everything) - len(rows),
            without_text=without_text,
            cells=_cells(rows, probability, days),
            words=self._words(rows),
            dates=days.counts,
        )

    @staticmethod
    def _probability(rows: pa.RecordBatch, positions: Rows, visit: FileVisit[FoundFile]) -> Numbers:
        """Return the probability of each label, (rows,) float64; NaN where it is missing."""
        if LABEL_PROBABILITY not in rows.schema.names:
            return np.full(len(rows), np.nan)
        name = visit.reviews.chosen.get(LABEL_PROBABILITY)
        where = f"{visit.file.input.path}: column {name!r}"
        words = pa.chunked_array([rows[LABEL_PROBABILITY]])
        found = read_label_probabilities(
            words, positions, place=where, option=_PROBABILITY_NAMED_BY
        )
        return found.astype(np.float64)

    def _words(self, rows: pa.RecordBatch) -> _Words:
        """Count the texts with each word by their label."""
        codes = rows[LABEL].dictionary_encode()
        ids = self.vocabulary.encode(rows["text"])
        size = self.vocabulary.size
        texts = np.repeat(np.arange(len(ids)), ids.stops - ids.starts)
        pairs = np.unique(texts * size + _values(ids.values, ids.starts, ids.stops))
        words = pairs % size
        kinds = codes.indices.to_numpy(zero_copy_only=False).astype(np.int64)[pairs // size]
        is_word = words >= FIRST_WORD_ID
        labels = codes.dictionary.to_pylist()
        keys, counts = np.unique((kinds * size + words)[is_word], return_counts=True)
        return _Words(labels=labels, ids=keys % size, kinds=keys // size, texts=counts)

    def add(self, visit: FileVisit[FoundFile], result: _Block) -> None:
        """Add the counts of a block to the counts of all files."""
        block = result
        reviews = visit.reviews
        self.found.without_label += block.without_label
        self.found.without_text += block.without_text
        self.add_cells(block.records, block.cells)
        self.add_dates(block.dates, visit)
        for label in block.words.labels:
            self._labels.setdefault(label, len(self._labels))
        if len(self._labels) > MOST_CLASSES:
            raise InputError(
                f"{reviews.name}: column {reviews.chosen[LABEL]!r}: more than {MOST_CLASSES:,} "
                f"different labels. Name the column with {_LABEL_NAMED_BY}."
            )
        while self._texts_with.shape[1] < len(self._labels):
            self._texts_with = np.pad(self._texts_with, ((0, 0), (0, self._texts_with.shape[1])))
        places = np.array([self._labels[label] for label in block.words.labels], np.int64)
        self._texts_with[block.words.ids, places[block.words.kinds]] += block.words.texts

    def _classes(self) -> Iterator[ClassFacts]:
        """Yield the classes, the largest first."""
        numbers = self.cells[""][""]
        people = np.fromiter(kinds_of_people(self.vocabulary), np.int64)
        with_word = self._texts_with[:, : len(self._labels)].astype(np.int64)
        with_word[people] = 0  # several names share such a word
        words = self.vocabulary.words.to_pylist()
        empty = [at for at, word in enumerate(words, FIRST_WORD_ID) if is_function_word(word)]
        with_word[empty] = 0
        of_all = with_word.sum(axis=1)
        rows_of_all = self.found.total.rows
        for label in sorted(numbers, key=lambda each: (-numbers[each][0], each)):
            rows, stars, rated, probability, known, unsure = numbers[label].tolist()
            own = with_word[:, self._labels[label]]
            yield ClassFacts(
                label=label,
                rows=int(rows),
                with_probability=int(known),
                probability=probability / known if known else None,
                unsure=int(unsure) if known else None,
                stars=stars / rated if rated else None,
                words=tuple(self._typical(own, of_all - own, int(rows), rows_of_all - int(rows))),
            )

    def _typical(
        self,
        own: npt.NDArray[np.int64],
        others: npt.NDArray[np.int64],
        rows: int,
        other_rows: int,
    ) -> Iterator[TypicalWord]:
        """Yield the words that a class has more often than the other texts, (vocabulary,) each."""
        places = np.flatnonzero(own >= _FEWEST_WITH_WORD)
        counts = np.stack([own[places], others[places]], axis=1)
        lean = log_odds(counts, np.array([rows, other_rows]))
        order = np.argsort(-lean, kind="stable")[:_WORDS_KEPT]
        words = self.vocabulary.words
        for at in order[lean[order] > _LEAN].tolist():
            yield TypicalWord(
                word=words[int(places[at]) - FIRST_WORD_ID].as_py(),
                texts=int(counts[at, 0]),
                share=counts[at, 0] / rows,
                other_share=counts[at, 1] / max(other_rows, 1),
                lean=float(lean[at]),
            )


def _values(
    values: npt.NDArray[np.int32], starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return the ids of all texts, one text after the other."""
    lengths = stops - starts
    first = np.repeat(starts - np.cumsum(lengths) + lengths, lengths)
    found: npt.NDArray[np.int64] = values[first + np.arange(int(lengths.sum()))].astype(np.int64)
    return found


def _cells(rows: pa.RecordBatch, probability: Numbers, days: Days) -> pa.Table:
    """Count by what is grouped by, group and label: the numbers of a cell."""
    labels = rows[LABEL]
    values = {
        "stars": pa.array(stars_in(rows, "stars"), from_pandas=True),
        "probability": pa.array(probability, from_pandas=True),
        "unsure": pa.array((probability < UNSURE).astype(np.int64)),
    }

    def part(kind: str, groups: pa.Array) -> pa.Table:
        named = {"kind": repeated(kind, len(labels)), "group": groups, "label": labels}
        return pa.table(named | values)

    parts = [part("", repeated("", len(rows)))]
    parts += [
        part(role, pc.fill_null(rows[role], NONE_KEY))
        for role in rows.schema.names
        if role.startswith("by ")
    ]
    for order, dates in days.by_order.items():
        of_order = part(f"date {order}", dates)
        parts.append(of_order.filter(pc.is_valid(dates)))
    keys = ["kind", "group", "label"]
    or_zero = pc.ScalarAggregateOptions(min_count=0)
    wanted: list[Any] = [
        ([], "count_all"),
        ("stars", "sum", or_zero),
        ("stars", "count"),
        ("probability", "sum", or_zero),
        ("probability", "count"),
        ("unsure", "sum", or_zero),
    ]
    found = pa.concat_tables(parts).group_by(keys, use_threads=False).aggregate(wanted)
    return found.select(
        [*keys, "count_all", "stars_sum", "stars_count", "probability_sum", "probability_count",
         "unsure_sum"]
    )  # fmt: skip


def _compare(found: ClassSummary, before: ClassSummary) -> None:
    """Add the changes beyond chance to a summary."""
    found.since = before
    labels = dict.fromkeys([*found.labels, *before.labels])
    tests = [
        changed("label", label, before=before.total.share(label), now=found.total.share(label))
        for label in labels
    ]
    for column, slices in found.by.items():
        for now, old in in_both(slices, before.by[column]):
            tests += [
                changed(
                    f"{column} {now.name}", label, before=old.share(label), now=now.share(label)
                )
                for label in labels
            ]
    done: list[Change] = [each for each in tests if each is not None]
    found.tests = len(done)
    found.changes = beyond_chance(done)
    for what, own, other in (("New", found, before), ("No longer there", before, found)):
        names = [
            f"{each.label} ({each.rows:,})"
            for each in own.classes
            if each.label not in other.labels and _is_no_chance(each.rows, own, other)
        ]
        if names:
            found.notes.append(f"{what}: {', '.join(names)}.")


def _is_no_chance(rows: int, own: ClassSummary, other: ClassSummary) -> bool:
    """Whether chance does not explain that a class of some rows is missing in other files."""
    p = exact_p(Proportion(0, other.total.rows), Proportion(rows, own.total.rows))
    return p * len(own.classes) <= RATE
