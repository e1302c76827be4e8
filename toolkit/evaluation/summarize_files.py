"""Scored files of any size, summed up block by block in bounded memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from operator import add
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.evaluation.diff_models import OnFile
from toolkit.evaluation.metrics import Numbers
from toolkit.evaluation.summary import (
    MOST_GROUPS,
    NONE_KEY,
    OTHERS_KEY,
    Slice,
    Summary,
    Texts,
    in_steps,
)
from toolkit.evaluation.summary_changes import (
    SENTIMENT_NAMED_BY,
    compare,
    corrected_by,
    other_models,
)
from toolkit.evaluation.summary_checks import ScoreChecks
from toolkit.evaluation.summary_dates import DateCounts, Days, read_days
from toolkit.evaluation.summary_rows import KeptRows, show_rows
from toolkit.evaluation.summary_themes import Terms, Themes, in_reviews
from toolkit.evaluation.summary_words import Counts, Keys, TermCounts, counted
from toolkit.files import is_a_file, is_a_folder
from toolkit.model.classes import MIXED, NEUTRAL
from toolkit.model.file import in_one_value
from toolkit.model.prior import NO_LEVELS, Levels, count_levels, share_of
from toolkit.model.scorer import Scorer
from toolkit.records.columns import Column
from toolkit.records.formats import open_reviews
from toolkit.records.inputs import Input
from toolkit.records.labels import (
    FIVE,
    TEN,
    Rows,
    WrongValueError,
    by_word,
    number,
    read_probabilities,
)
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import Reject, ReviewFile
from toolkit.scoring.block_loop import SelectedBlock, run_blocks
from toolkit.scoring.input_files import look_for
from toolkit.scoring.jobs import REJECTED_ENDING, SCORED
from toolkit.scoring.results import Progress
from toolkit.stores.paths import path_of
from toolkit.text.strings import is_blank, without_half_pairs
from toolkit.text.token_ids import UNKNOWN_ID, TokenIds

_MOST_LABELS = 20  # a column with more different values has no labels
_ASPECT = "aspect_"
_PROBABILITY_NAMED_BY = "--names probability=NAME"


@dataclass(frozen=True)
class SummaryOptions:
    """What to find in scored files."""

    reading: ReadOptions = field(default_factory=ReadOptions)  # columns and format
    model: str | Path | None = None  # that has scored them; None: the default one
    by: tuple[str, ...] = ()  # columns to group by
    date_column: str | None = None
    date_form: str | None = None  # as `strptime` has it; None: found by the dates
    show: int = 10  # themes of each kind, and rows
    since: Sequence[str] = ()  # scored files to compare with
    corrected: str | None = None  # a scored file with labels
    title: str = ""  # of the page; empty: the name of the file
    force: bool = False  # replace an existing one
    adjusts: bool = True  # tell the share by all scores; not of scores with a prior


def summarize(
    files: str | Path | Sequence[str | Path],
    options: SummaryOptions | None = None,
    on_file: OnFile = lambda _: nullcontext(),
) -> Summary:
    """Summarize scored files, and what has changed since earlier ones.

    Parameters
    ----------
    files : str | Path | Sequence[str | Path]
        Files that `toolkit score` wrote, folders and patterns, read in bounded memory.
    options : SummaryOptions | None
        Columns, what to group by, and what to compare with.
    on_file : OnFile
        Entered while a file is read; gives what to call with the progress.

    Returns
    -------
    Summary
        Shares by label, group and day, the themes of complaints and of praise, and rows to show.

    Raises
    ------
    InputError
        If a file cannot be read, or no row has a score.
    ModelError
        If the model cannot be loaded.
    UsageError
        If a column is missing, or an option is wrong.
    """
    options = options or SummaryOptions()
    scorer = Scorer(options.model)
    scorer.check_sentiment("summarize", "Score the files with it first.")
    scorer.check_words("toolkit summarize --model")
    run = _Run(options, scorer)
    found = run.read([str(files)] if isinstance(files, str | Path) else files, on_file)
    show = options.show
    themes = Themes(run.scorer, run.terms, run.kept.random)
    found.complaints, found.praise = themes.find(run.words, show)
    show_rows(found, run.kept, by=options.by[0] if options.by else None, show=show)
    found.title = options.title
    if options.since:
        earlier = _Run(replace(options, date_column=None), run.scorer)
        found.since = earlier.read(options.since, on_file)
        found.warnings += other_models(run.checks.models, earlier.checks.models)
        compare(
            found, found.since, words=run.words, earlier=earlier.words, themes=themes, most=4 * show
        )
    if options.corrected is not None:
        found.corrected = corrected_by(path_of(options.corrected), found, options.reading)
    return found


def scored_files(names: Sequence[str]) -> list[Input]:
    """Find scored files; in a folder that has files named as outputs of `score`, only these."""
    wanted = []
    for name in names:
        pattern = f"{name.rstrip('/')}/**/*{SCORED}.*"
        if is_a_folder(path_of(name)):
            with suppress(InputError):
                look_for([pattern])
                name = pattern  # noqa: PLW2901
        wanted.append(name)
    found = look_for(wanted)
    if found.unreadable:
        raise InputError(found.unreadable[0].error)
    return [file.input for file in found.without_repeats()]


class _Block(NamedTuple):
    """The counts of a block."""

    records: int
    rejects: Sequence[Reject]
    without_text: int  # and so without a score
    cells: pa.Table  # as `_counted`
    texts: Texts
    levels: Levels  # of the probabilities
    terms: tuple[Keys, Counts, Counts]
    rows: list[pa.Table]  # of `KeptRows`
    is_of_ten: bool  # whether there are more than five stars
    checks: ScoreChecks
    dates: DateCounts


class FoundRows(Protocol):
    """What a summary of any kind counts of its files."""

    files: list[str]
    columns: dict[str, str]
    rows: int
    without_text: int
    rejected: int
    first_reject: str | None
    set_aside: dict[str, int]


class BlockCounts(Protocol):
    """The counts of a block, of any kind."""

    @property
    def records(self) -> int:
        """The number of records that could be read."""
        ...

    @property
    def rejects(self) -> Sequence[Reject]:
        """The records that could not be read."""
        ...


_Counts = TypeVar("_Counts", bound=BlockCounts)


class ScoredRun(ABC, Generic[_Counts]):
    """Reads files one after the other, each with all workers."""

    found: FoundRows

    def __init__(self, options: SummaryOptions, scorer: Scorer) -> None:
        self.options = options
        self.scorer = scorer
        # By what is grouped by, the group and the label: numbers such as rows.
        self.cells: dict[str, dict[str, dict[str, Numbers]]] = defaultdict(dict)
        self.has_prior = False  # whether a file says that its scores are adjusted already
        self.dates = DateCounts()
        self.date_place = ""  # file and column: the first, or of the first wrong date

    def read_files(self, names: Sequence[str | Path], on_file: OnFile) -> None:
        """Read all files, and add up their counts."""
        for place, source in enumerate(scored_files([*map(str, names)])):
            path = source.path
            with (
                open_reviews(source, self.options.reading, self.wanted()) as reviews,
                on_file(path) as on_progress,
            ):
                self.found.columns |= reviews.chosen
                self.has_prior |= "prior" in reviews.metadata
                read = 0
                try:
                    for block in run_blocks(reviews, partial(self.count, path, place, reviews)):
                        self.add(block, reviews, read)
                        read += block.records + len(block.rejects)
                        if on_progress is not None:
                            on_progress(Progress(read, reviews.bytes_read, reviews.size))
                except WrongValueError as error:  # its row counts from the block
                    row = read + error.row
                    raise WrongValueError(error.place, row, error.problem) from None
            self.found.files.append(str(path))
            rejects = path_of(f"{path}{REJECTED_ENDING}")
            if is_a_file(rejects):
                with rejects.open("rb") as file:
                    lines = sum(1 for _ in file)
                self.found.set_aside |= {str(rejects): lines} if lines else {}

    @abstractmethod
    def wanted(self) -> tuple[Column, ...]:
        """Return the columns to read."""

    @abstractmethod
    def count(self, path: Path, place: int, reviews: ReviewFile, block: SelectedBlock) -> _Counts:
        """Count the rows of a block, in any thread; `place`: of the file, from 0."""

    @abstractmethod
    def add(self, block: _Counts, reviews: ReviewFile, before: int) -> None:
        """Add the counts of a block; ``before``: the number of rows before it in its file."""

    def add_rows(self, block: BlockCounts, reviews: ReviewFile, cells: pa.Table) -> None:
        """Add rows, rejects, and cells as `counted_cells` returns them."""
        found = self.found
        found.rows += block.records
        found.rejected += len(block.rejects)
        if block.rejects and found.first_reject is None:
            reject = block.rejects[0]
            place = f"{reviews.name}: {reviews.counts} {reject.number:,}"
            found.first_reject = f"{place}: {reject.reason}"
        for kind, group, label, *numbers in zip(*cells.to_pydict().values(), strict=True):
            groups = self.cells[kind]
            if group not in groups and len(groups) >= MOST_GROUPS and kind.startswith("by "):
                group = OTHERS_KEY  # noqa: PLW2901
            cell = groups.setdefault(group, {}).setdefault(label, np.zeros(len(numbers)))
            cell += numbers

    def add_dates(self, dates: DateCounts, reviews: ReviewFile, before: int) -> None:
        """Add the dates of a block."""
        if "date" in reviews.chosen:
            if not self.date_place or (dates.unread and not self.dates.unread):
                self.date_place = f"{reviews.name}: column {reviews.chosen['date']!r}"
            self.dates.add(dates, before)

    def settle_dates(self) -> list[str]:
        """Choose the order of day and month in dates with slashes; return warnings."""
        dates = self.dates
        days = self.cells["date "]
        order = dates.order(self.date_place)
        for day, labels in self.cells[f"date {order}"].items():
            for label, numbers in labels.items():
                cell = days.setdefault(day, {}).setdefault(label, np.zeros(len(numbers)))
                cell += numbers
        return dates.check(self.date_place)

    def grouped_by(self) -> list[Column]:
        """Return the columns to group by, and the one of dates."""
        options = self.options
        by = [Column(f"by {name}", (name,), is_named=True) for name in options.by]
        if options.date_column is not None:
            by.append(Column("date", (options.date_column,), is_named=True))
        return by

    def days(self, rows: pa.RecordBatch, positions: Rows) -> Days:
        """Read the dates of rows; empty without a column of dates."""
        if "date" not in rows.schema.names:
            return Days({}, DateCounts())
        found = read_days(rows["date"], self.options.date_form)
        if found.counts.first_unread is not None:
            row, word = found.counts.first_unread
            found.counts.first_unread = int(positions[row]), word
        return found

    def check_any(self) -> None:
        """Raise `InputError` if no row has a label."""
        found = self.found
        if self.cells[""]:
            return
        if found.first_reject and not found.rows:
            raise InputError(f"no record can be read; first: {found.first_reject}")
        raise InputError(
            f"{' and '.join(found.files[:3])}: no row has a score. Score the file "
            "first, with: toolkit score FILE"
        )


class _Run(ScoredRun["_Block"]):
    """Reads files with the scores of a model of sentiment."""

    def __init__(self, options: SummaryOptions, scorer: Scorer) -> None:
        super().__init__(options, scorer)
        self.terms = Terms(scorer.vocabulary)
        negative, positive = scorer.facts.labels
        self.found: Summary = Summary(negative=negative, positive=positive)
        # The numbers of `cells`: rows, the sum of their stars, those rated.
        self.shown_by = f"by {options.by[0]}" if options.by else ""  # of rows to show
        self.words = TermCounts()
        self.levels = NO_LEVELS
        self.kept = KeptRows(options.show)
        self.checks = ScoreChecks()

    def read(self, names: Sequence[str | Path], on_file: OnFile) -> Summary:
        """Read all files, and return the summary without themes and rows to show."""
        self.read_files(names, on_file)
        return self._summary()

    def _summary(self) -> Summary:
        """Complete the summary from the counts; an error if no row has a label of the model."""
        found = self.found
        self.check_any()
        found.total = self._slices("")[0]
        if not {found.negative, found.positive} & {*found.total.labels}:
            labels = ", ".join(map(repr, found.total.labels))
            raise UsageError(
                f"{found.files[0]}: has the labels {labels}, but the model has {found.negative!r} "
                f"and {found.positive!r}. Name the model that scored it with --model, or the "
                "column with --names sentiment=NAME."
            )
        share = share_of(self.levels, self.scorer.base)
        if self.options.adjusts and not self.has_prior and share is not None and not share.problem:
            found.adjusted = round(share.adjusted, 4)
        found.by = {name: self._slices(f"by {name}") for name in self.options.by}
        usual = {found.negative, found.positive, NEUTRAL, MIXED}
        found.aspects = [each for each in self._slices("aspect") if usual & {*each.labels}]
        found.warnings += self.checks.warnings((found.negative, found.positive), self._model())
        if self.options.date_column is not None:
            found.warnings += self.settle_dates()
        days = {each.name: each for each in self._slices("date ")}
        found.without_date = days.pop("", Slice("", {})).rows
        if days:
            by_date = {date.fromisoformat(day): each for day, each in days.items()}
            found.step, found.over_time = in_steps(by_date)
        return found

    def _model(self) -> str:
        """Return the model whose words are counted; empty unless rows name their model."""
        return self.scorer.model if self.checks.models else ""

    def wanted(self) -> tuple[Column, ...]:
        """Return the columns to read."""
        columns = self.options.reading.columns
        sentiment, probability = replace(columns, adds=("sentiment", "probability")).added
        names = dict(columns.names)
        named = [
            Column(f"aspect {role}", (name,), is_named=True, named_by=f"--names {role}=NAME")
            for role, name in names.items()
            if role.startswith(_ASPECT) and not name.startswith(_ASPECT)  # which is found anyway
        ]
        return (
            columns.of("text"),
            Column("sentiment", (sentiment.name,), named_by=SENTIMENT_NAMED_BY),
            Column("probability", (probability.name,), named_by=_PROBABILITY_NAMED_BY),
            Column("model", (names.get("model", "model"),), is_needed="model" in names),
            Column("predicted_stars", ("predicted_stars",), is_needed=False),
            columns.of("stars"),
            *self.grouped_by(),
            *named,
            Column("aspect", (_ASPECT,), is_needed=False, is_prefix=True),
        )

    def count(self, path: Path, place: int, reviews: ReviewFile, block: SelectedBlock) -> _Block:
        """Count the rows of a block, in any thread; `place`: of the file, from 0."""
        parsed, positions, _ = block.parse_rows()
        columns = {**parsed.fields, "text": parsed.texts}
        everything = pa.RecordBatch.from_pydict(
            {role: each.cast(pa.large_string()) for role, each in columns.items()}
        )
        has_no_score = is_blank(everything["sentiment"])
        without_text = pc.and_(has_no_score, is_blank(everything["text"])).true_count
        rows = everything.filter(pc.invert(has_no_score))
        positions = positions[~has_no_score.to_numpy(zero_copy_only=False)]
        where = f"{path}: column {reviews.chosen['probability']!r}"
        words = pa.chunked_array([rows["probability"]])
        found = read_probabilities(words, positions, place=where, option=_PROBABILITY_NAMED_BY)
        probability = found.astype(np.float64)
        ids = self.scorer.vocabulary.encode(rows["text"], with_cuts=True)
        unknown = int(np.count_nonzero(ids.values == UNKNOWN_ID))
        histogram = np.histogram(probability, 20, (0, 1))[0].tolist()
        labels = pa.array([self.found.negative, self.found.positive], pa.large_string())
        kinds = pc.fill_null(pc.index_in(rows["sentiment"], labels), -1).to_numpy().astype(np.int8)
        days = self.days(rows, positions)
        models = rows["model"] if "model" in rows.schema.names else _scored_by(reviews, len(rows))
        keys, counts = self._terms(ids, probability, kinds)
        key = np.random.default_rng([place, block.number]).random(len(rows))
        return _Block(
            records=len(everything),
            rejects=parsed.rejects,
            without_text=without_text,
            cells=_counted(pa.concat_tables(self._parts(rows, days))),
            texts=Texts(
                tokens=len(ids.values), unknown=unknown, texts=len(rows), histogram=histogram
            ),
            levels=count_levels(probability.astype(np.float32), None, self.scorer.base),
            terms=(keys, counts, np.bincount(kinds[kinds >= 0], minlength=2)),
            rows=self.kept.of(
                self._to_show(rows, key, path=path, positions=positions, probability=probability)
            ),
            is_of_ten=bool((stars_in(rows, "stars") > FIVE).any()),
            checks=ScoreChecks.of(kinds, probability, rows=positions, models=models),
            dates=days.counts,
        )

    def _terms(
        self, ids: TokenIds, probability: Numbers, kinds: npt.NDArray[np.int8]
    ) -> tuple[Keys, Counts]:
        """Count the reviews with each term, by kind."""
        sentences = self.scorer.score_sentences(ids, probability.astype(np.float32))
        found, keys = self.terms.of(sentences)
        places, reviews = in_reviews(sentences, found, keys=keys, kinds=kinds)
        return counted(reviews, keys[places], kinds)

    def _to_show(
        self, rows: pa.RecordBatch, key: Numbers, path: Path, positions: Rows, probability: Numbers
    ) -> pa.Table:
        """Return rows with the columns of `KeptRows`."""
        by = self.shown_by
        stars = stars_in(rows, "stars")
        gaps = {
            f"gap of {scale}": -np.nan_to_num(np.abs((stars - 1) / (scale - 1) - probability))
            for scale in (FIVE, TEN)
        }
        return pa.table(
            {
                "key": key,
                "group": pc.fill_null(rows[by], NONE_KEY) if by else repeated("", len(rows)),
                "file": pa.repeat(without_half_pairs(str(path)), len(rows)),
                "row": positions + 1,
                "sentiment": rows["sentiment"],
                "probability": probability,
                "stars": stars,
                **gaps,
                "text": rows["text"],
            }
        )

    def _parts(self, rows: pa.RecordBatch, days: Days) -> Iterator[pa.Table]:
        """Yield groups and labels of the rows, for each column to group by."""
        labels = rows["sentiment"]
        has_own = "predicted_stars" in rows.schema.names
        numbers = stars_in(rows, "predicted_stars" if has_own else "stars")
        stars = pa.array(numbers, from_pandas=True)
        for role in rows.schema.names:
            values = rows[role]
            kind, _, name = role.partition(" ")
            if kind == "by":
                yield _part(role, pc.fill_null(values, NONE_KEY), labels=labels, stars=stars)
            elif kind == "aspect":
                is_filled = pc.invert(is_blank(values))
                given = values.filter(is_filled)
                if pc.count_distinct(given).as_py() <= _MOST_LABELS:  # else it has something else
                    names = repeated(name.removeprefix(_ASPECT), len(given))
                    yield _part("aspect", names, labels=given, stars=stars.filter(is_filled))
        for order, dates in days.by_order.items():
            is_own = pc.is_valid(dates)
            own = (each.filter(is_own) for each in (dates, labels, stars))
            yield _part(f"date {order}", *own)
        yield _part("", repeated("", len(rows)), labels=labels, stars=stars)

    def add(self, block: _Block, reviews: ReviewFile, before: int) -> None:
        """Add the counts of a block; ``before``: the number of rows before it in its file."""
        found = self.found
        more = block.texts
        self.add_rows(block, reviews, block.cells)
        found.without_score += block.records - more.texts
        found.without_text += block.without_text
        if len(self.cells[""].get("", ())) > _MOST_LABELS:
            raise InputError(
                f"{reviews.name}: column {reviews.chosen['sentiment']!r}: more than {_MOST_LABELS} "
                "different labels. Name the column with --names sentiment=NAME."
            )
        self.checks.add(block.checks, reviews.name, before)
        self.add_dates(block.dates, reviews, before)
        self.words.add(*block.terms)
        found.texts += more
        self.levels = tuple(map(add, self.levels, block.levels))
        self.kept.add(block.rows, before, self.cells[self.shown_by])
        self.kept.scale = TEN if block.is_of_ten else self.kept.scale

    def _slices(self, kind: str) -> list[Slice]:
        """Return the groups, the largest first."""
        found = []
        for group, labels in self.cells[kind].items():
            _, stars, rated = sum(labels.values(), np.zeros(3)).tolist()
            mean = stars / rated if rated else None
            counts = {key: int(n[0]) for key, n in labels.items()}
            found.append(Slice.of_key(group, counts, mean))
        return sorted(found, key=lambda each: (-each.rows, each.name))


def _scored_by(reviews: ReviewFile, rows: int) -> pa.Array | None:
    """Return the model that a file names in its metadata, for each row."""
    schema: pa.Schema | None = getattr(reviews, "input_schema", None)  # of typed columns alone
    facts = schema.metadata or {} if schema is not None else {}
    keys = (b"toolkit.model", b"toolkit.model_version", b"toolkit.model_sha256")
    name, version, sha256 = (facts.get(key, b"").decode("utf-8", "replace") for key in keys)
    known = in_one_value(name, version, sha256)
    return repeated(known, rows) if sha256 else None


def repeated(word: str, count: int) -> pa.Array:
    """Return an array that repeats a word."""
    return pa.repeat(pa.scalar(word, pa.large_string()), count)


def _part(kind: str, groups: pa.Array, labels: pa.Array, stars: pa.Array) -> pa.Table:
    kinds = pa.repeat(kind, len(labels))
    return pa.table({"kind": kinds, "group": groups, "label": labels, "stars": stars})


def _counted(parts: pa.Table) -> pa.Table:
    """Count by kind, group and label: rows, the sum of their stars, and rows with stars."""
    keys = ["kind", "group", "label"]
    or_zero = pc.ScalarAggregateOptions(min_count=0)
    found = parts.group_by(keys, use_threads=False).aggregate(
        [([], "count_all"), ("stars", "sum", or_zero), ("stars", "count")]
    )
    return found.select([*keys, "count_all", "stars_sum", "stars_count"])


def stars_in(rows: pa.RecordBatch, role: str) -> Numbers:
    """Return stars out of 5 or 10; NaN where there are none."""
    if role not in rows.schema.names:
        return np.full(len(rows), np.nan)
    found = by_word(rows[role], number).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where((found >= 1) & (found <= TEN), found, np.nan)
