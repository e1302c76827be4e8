"""Scored files of any size, summed up block by block in bounded memory."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from operator import add
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

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
    GivenStars,
    Period,
    Slice,
    Summary,
    Texts,
    gap_warning,
    in_steps,
)
from toolkit.evaluation.summary_changes import (
    SENTIMENT_NAMED_BY,
    compare,
    corrected_by,
    other_models,
    turn_of,
)
from toolkit.evaluation.summary_checks import ScoreChecks
from toolkit.evaluation.summary_dates import DAY_FIRST, DateCounts, Days, read_days_at
from toolkit.evaluation.summary_rows import KeptRows, show_rows
from toolkit.evaluation.summary_since import Part, divide, since_date
from toolkit.evaluation.summary_spread import (
    add_trends_and_contrasts,
    aspects_of,
    columns_of_days,
)
from toolkit.evaluation.summary_themes import Terms, Themes, in_reviews
from toolkit.evaluation.summary_words import Counts, Keys, TermCounts, counted
from toolkit.files import is_a_file, is_a_folder
from toolkit.model.classes import MIXED, NEUTRAL
from toolkit.model.file import in_one_value
from toolkit.model.prior import NO_LEVELS, Levels, count_levels, share_of
from toolkit.model.scorer import Scorer
from toolkit.records.columns import LABEL, Column
from toolkit.records.labels import (
    FIVE,
    TEN,
    Rows,
    by_word,
    number,
    read_probabilities,
)
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import ReviewFile
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.file_run import FileVisit, RunOptions, Visitor, run_files
from toolkit.scoring.input_files import FoundFile, look_for
from toolkit.scoring.jobs import REJECTED_ENDING, SCORED
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
    period: Period | None = None  # of a step of time; None: chosen by the rows
    show: int = 10  # themes of each kind, and rows
    since: Sequence[str] = ()  # scored files to compare with, or the first day of the later rows
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
        Files that `toolkit score` wrote, folders and patterns, read in bounded memory. Files
        without scores are scored.
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
    scorer.check_sentiment("toolkit summarize", "toolkit score counts the labels.")
    scorer.check_words("toolkit summarize --model")
    names = [str(files)] if isinstance(files, str | Path) else [*map(str, files)]
    compared = compared_rows(names, options, on_file)
    run = SummaryRun(options, scorer, compared.now)
    found = run.read(names, on_file)
    show = options.show
    themes = Themes(run.scorer, run.terms, run.kept.random)
    found.complaints, found.praise = themes.find(run.words, show)
    add_trends_and_contrasts(found, run.kept, order=run.order_of_dates, by=options.by[:1])
    show_rows(found, run.kept, show)
    found.title = options.title
    if compared.files:
        earlier = SummaryRun(compared.options, run.scorer, compared.before)
        found.since = earlier.read(compared.files, on_file)
        found.since_date = compared.date
        found.warnings += other_models(run.checks.models, earlier.checks.models)
        compare(
            found, found.since, words=run.words, earlier=earlier.words, themes=themes, most=4 * show
        )
    if options.corrected is not None:
        found.corrected = corrected_by(path_of(options.corrected), found, options.reading)
    return found


def scored_files(names: Sequence[str]) -> list[FoundFile]:
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
    return found.without_repeats()


@dataclass(frozen=True)
class ComparedRows:
    """The rows to compare with: those of earlier files, or before a date."""

    files: Sequence[str]  # empty: nothing is compared
    options: SummaryOptions  # to read them
    date: str | None = None  # as it is given; None: earlier files
    before: Part | None = None  # the earlier rows of the files; None: all rows
    now: Part | None = None  # the later rows; None: all rows


def compared_rows(names: Sequence[str], options: SummaryOptions, on_file: OnFile) -> ComparedRows:
    """Find what to compare the rows of files with; read their dates if it is a date."""
    since = since_date(options.since)
    if since is None:
        return ComparedRows(options.since, replace(options, date_column=None, since=()))
    parts = divide(
        scored_files(names),
        since,
        reading=options.reading,
        date_column=options.date_column,
        date_form=options.date_form,
        on_file=lambda file: on_file(file.input.path),
    )
    return ComparedRows(names, options, since, before=parts.before, now=parts.later)


class FoundRows(Protocol):
    """What a summary of any kind counts of its files."""

    files: list[str]
    columns: dict[str, str]
    rows: int
    rejected: int
    first_reject: str | None
    set_aside: dict[str, int]
    scored_here: list[str]
    scored_by: str | None


_BlockT = TypeVar("_BlockT")  # the counts of a block


class ScoredRun(Visitor[FoundFile, _BlockT]):
    """Sums up scored files of any kind of model: rows, groups and dates.

    Parameters
    ----------
    options : SummaryOptions
        Columns, and what to group by.
    scorer : Scorer
        The model that scores files without scores, and whose words are counted.
    part : Part | None
        The rows to sum up, from a date on or before it; None: all rows.
    """

    found: FoundRows
    label_role = "sentiment"  # role of the column of labels

    def __init__(self, options: SummaryOptions, scorer: Scorer, part: Part | None = None) -> None:
        self.options = options
        self.scorer = scorer
        self.part = part
        # By what is grouped by, the group and the label: numbers such as rows.
        self.cells: dict[str, dict[str, dict[str, Numbers]]] = defaultdict(dict)
        self.dates = DateCounts()
        self.order_of_dates = DAY_FIRST  # of day and month, when it is settled

    def read_files(self, names: Sequence[str | Path], on_file: OnFile) -> None:
        """Read all files, and add up their counts; `InputError` if no row has a score."""
        run_files(
            scored_files([*map(str, names)]),
            self,
            RunOptions(reading=self.options.reading, columns=self.wanted()),
            on_file=lambda file: on_file(file.input.path),
        )
        found = self.found
        if self.cells[""]:
            return
        if found.first_reject and not found.rows:
            raise InputError(f"no record can be read; first: {found.first_reject}")
        which = "" if self.part is None else f" {self.part.name}"
        names = " and ".join(found.files[:3])
        if not found.rows:
            raise InputError(f"{names}: there is no row{which}.")
        what = "score" if self.label_role == "sentiment" else "label"
        raise InputError(f"{names}: no row{which} has a {what}: {self._why_without()}")

    def _why_without(self) -> str:
        """Return why no row has a label, and what to do."""
        if self.found.scored_here:
            return f"the model {self.scorer.identity()['name']} knows no word of any text."
        role = self.label_role
        column = self.found.columns[role]
        return f"the column {column!r} is empty. Name another with --names {role}=NAME."

    @abstractmethod
    def wanted(self) -> tuple[Column, ...]:
        """Return the columns to read."""

    def opened(self, visit: FileVisit[FoundFile]) -> None:
        """Take the names of the columns, and note a file without scores."""
        self.check_scores(visit.reviews)
        self.found.columns |= visit.reviews.chosen

    @abstractmethod
    def check_scores(self, reviews: ReviewFile) -> None:
        """Note a file without scores; raise `UsageError` if it has half of them."""

    def scores_here(self, reviews: ReviewFile) -> None:
        """Note that a file has no scores, and so is scored here."""
        self.found.scored_here.append(str(reviews.path))
        self.found.scored_by = self.scorer.model

    def end(self, visit: FileVisit[FoundFile]) -> None:
        """Note a file, and how many records were rejected when it was scored."""
        path = visit.file.input.path
        self.found.files.append(str(path))
        self.found.rejected += visit.rejected
        if self.found.first_reject is None and visit.first_error is not None:
            self.found.first_reject = f"{visit.reviews.name}: {visit.first_error}"
        rejects = path_of(f"{path}{REJECTED_ENDING}")
        if is_a_file(rejects):
            with rejects.open("rb") as file:
                lines = sum(1 for _ in file)
            self.found.set_aside |= {str(rejects): lines} if lines else {}

    def grouped_by(self) -> list[Column]:
        """Return the columns to group by, and the column of dates."""
        options = self.options
        by = [Column(f"by {name}", (name,), is_named=True) for name in options.by]
        if options.date_column is not None:
            by.append(Column("date", (options.date_column,), is_named=True))
        return by

    def days(self, rows: pa.RecordBatch, positions: Rows) -> Days:
        """Read the dates of rows; empty without a column of dates."""
        if "date" not in rows.schema.names:
            return Days({}, DateCounts())
        return read_days_at(positions, rows["date"], self.options.date_form)

    def own_rows(self, records: pa.RecordBatch, positions: Rows) -> OwnRows:
        """Return the records to sum up, and their positions in the block."""
        if self.part is None:
            return OwnRows(records, positions)
        is_own = self.part.has(self.days(records, positions))
        return OwnRows(records.filter(is_own), positions[is_own.to_numpy(zero_copy_only=False)])

    def add_cells(self, records: int, cells: pa.Table) -> None:
        """Add records, and their cells: kind, group, label, and numbers."""
        self.found.rows += records
        for kind, group, label, *numbers in zip(*cells.to_pydict().values(), strict=True):
            groups = self.cells[kind]
            if group not in groups and len(groups) >= MOST_GROUPS and kind.startswith("by "):
                group = OTHERS_KEY  # noqa: PLW2901
            cell = groups.setdefault(group, {}).setdefault(label, np.zeros(len(numbers)))
            cell += numbers

    def add_dates(self, dates: DateCounts, visit: FileVisit[FoundFile]) -> None:
        """Add the dates of a block."""
        if "date" in visit.reviews.chosen:
            self.dates.add_of(dates, visit.before, visit.reviews)

    def settle_dates(self) -> list[str]:
        """Choose the order of day and month in dates with slashes; return warnings."""
        if self.options.date_column is None:
            return []
        dates = self.dates
        days = self.cells["date "]
        order = dates.order(dates.place) if self.part is None else self.part.order
        self.order_of_dates = order
        for day, labels in self.cells[f"date {order}"].items():
            for label, numbers in labels.items():
                cell = days.setdefault(day, {}).setdefault(label, np.zeros(len(numbers)))
                cell += numbers
        return dates.check(dates.place) if self.part is None else [*self.part.warnings]

    def slices(self, kind: str) -> list[Slice]:
        """Return the groups, the largest first.

        The numbers of a cell begin with rows, the sum of their stars, and rows with stars.
        """
        found = []
        for group, labels in self.cells[kind].items():
            _, stars, rated = sum((each[:3] for each in labels.values()), np.zeros(3)).tolist()
            mean = stars / rated if rated else None
            counts = {key: int(n[0]) for key, n in labels.items()}
            found.append(Slice.of_key(group, counts, mean))
        return sorted(found, key=lambda each: (-each.rows, each.name))

    def over_time(self) -> OverTime:
        """Return the rows by steps of time, after `settle_dates`."""
        days = {each.name: each for each in self.slices("date ")}
        without_date = days.pop("", Slice("", {})).rows
        if self.part is not None:
            without_date = self.part.without_date
        if not days:
            return OverTime(None, [], without_date)
        by_date = {date.fromisoformat(day): each for day, each in days.items()}
        step, steps = in_steps(by_date, self.options.period)
        return OverTime(step, steps, without_date)


class OwnRows(NamedTuple):
    """The records of a block to sum up."""

    records: pa.RecordBatch
    positions: Rows  # in the block


class OverTime(NamedTuple):
    """The rows of files over time."""

    step: Period | None  # None: no row has a date
    steps: list[Slice]
    without_date: int  # rows


class _Block(NamedTuple):
    """The counts of a block of a model of sentiment."""

    records: int  # that could be read
    without_text: int  # and so without a score
    cells: pa.Table  # as `_counted`
    texts: Texts
    levels: Levels  # of the probabilities
    terms: tuple[Keys, Counts, Counts]
    rows: list[pa.Table]  # of `KeptRows`
    stars: npt.NDArray[np.int64]  # as `_star_counts`
    checks: ScoreChecks
    dates: DateCounts


class SummaryRun(ScoredRun[_Block]):
    """Sums up files with the scores of a model of sentiment."""

    def __init__(self, options: SummaryOptions, scorer: Scorer, part: Part | None = None) -> None:
        super().__init__(options, scorer, part)
        self.terms = Terms(scorer.vocabulary)
        negative, positive = scorer.facts.labels
        self.found: Summary = Summary(negative=negative, positive=positive)
        self.shown_by = f"by {options.by[0]}" if options.by else ""  # of rows to show
        self.words = TermCounts()
        self.levels = NO_LEVELS
        self.kept = KeptRows(options.show)
        self.checks = ScoreChecks()
        self.has_prior = False  # whether a file says that its scores are adjusted already
        self.stars = np.zeros((2, TEN), np.int64)  # as `_star_counts`

    def read(self, names: Sequence[str | Path], on_file: OnFile) -> Summary:
        """Read all files, and return the summary without themes and rows to show."""
        self.read_files(names, on_file)
        return self._summary()

    def opened(self, visit: FileVisit[FoundFile]) -> None:
        """Take the names of the columns, and note if a prior was used."""
        super().opened(visit)
        self.has_prior |= "prior" in visit.reviews.metadata

    def _summary(self) -> Summary:
        """Complete the summary from the counts; an error if no row has a label of the model."""
        found = self.found
        found.total = self.slices("")[0]
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
        if self.stars.any():
            found.given_stars = _given_stars(self.stars, self.kept.scale)
        found.by = {name: self.slices(f"by {name}") for name in self.options.by}
        usual = {found.negative, found.positive, NEUTRAL, MIXED}
        found.aspects = [each for each in self.slices("aspect") if usual & {*each.labels}]
        found.warnings += self.checks.warnings((found.negative, found.positive), self._model())
        found.warnings += self.settle_dates()
        found.step, found.over_time, found.without_date = self.over_time()
        found.warnings += gap_warning(
            {each.name: each.rows for each in found.over_time}, found.step
        )
        found.turn = turn_of(found.over_time, found.negative)
        return found

    def _model(self) -> str:
        """Return the model whose words are counted; empty unless rows name their model."""
        return self.scorer.model if self.checks.models else ""

    def wanted(self) -> tuple[Column, ...]:
        """Return the columns to read."""
        columns = self.options.reading.columns
        names = dict(columns.names)
        named = [
            Column(f"aspect {role}", (name,), is_named=True, named_by=f"--names {role}=NAME")
            for role, name in names.items()
            if role.startswith(_ASPECT) and not name.startswith(_ASPECT)  # which is found anyway
        ]
        return (
            columns.of("text"),
            *self.score_columns(),
            Column("model", (names.get("model", "model"),), is_needed="model" in names),
            Column("predicted_stars", ("predicted_stars",), is_needed=False),
            columns.of("stars"),
            *self.grouped_by(),
            *named,
            Column("aspect", (_ASPECT,), is_needed=False, is_prefix=True),
        )

    def score_columns(self) -> tuple[Column, Column]:
        """Return the columns of the scores; they are needed if the user names one of them."""
        columns = self.options.reading.columns
        sentiment, probability = replace(columns, adds=("sentiment", "probability")).added
        is_named = columns.sentiment is not None or columns.probability is not None
        return (
            Column("sentiment", (sentiment.name,), is_named, named_by=SENTIMENT_NAMED_BY),
            Column("probability", (probability.name,), is_named, named_by=_PROBABILITY_NAMED_BY),
        )

    def check_scores(self, reviews: ReviewFile) -> None:
        """Note a file without scores, which are then made here; `UsageError` if it has half."""
        missing = [each for each in self.score_columns() if each.role not in reviews.chosen]
        if missing and LABEL in reviews.names:
            raise UsageError(
                f"{reviews.name}: has labels of a model of classes. Read them with --names "
                f"{LABEL}={LABEL}."
            )
        if len(missing) == 1:
            raise missing[0].missing(reviews.name, reviews.names)
        if missing:
            self.scores_here(reviews)

    def _with_scores(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Add the scores of the model to records of a file that has none."""
        if "sentiment" in records.schema.names:
            return records
        labels, probability = self.scorer.score_array(records["text"])
        for name, values in (("sentiment", labels), ("probability", probability)):
            records = records.append_column(name, values.cast(pa.large_string()))
        return records

    def work(self, visit: FileVisit[FoundFile], block: SelectedBlock) -> _Block:
        """Count the rows of a block."""
        reviews = visit.reviews
        path = visit.file.input.path
        parsed = block.parse()
        columns = {**parsed.fields, "text": parsed.texts}
        everything = pa.RecordBatch.from_pydict(
            {role: each.cast(pa.large_string()) for role, each in columns.items()}
        )
        everything, positions = self.own_rows(everything, block.rows)
        everything = self._with_scores(everything)
        has_no_score = is_blank(everything["sentiment"])
        without_text = pc.and_(has_no_score, is_blank(everything["text"])).true_count
        rows = everything.filter(pc.invert(has_no_score))
        positions = positions[~has_no_score.to_numpy(zero_copy_only=False)]
        where = f"{path}: column {reviews.chosen.get('probability')!r}"
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
        key = np.random.default_rng([visit.number, block.number]).random(len(rows))
        return _Block(
            records=len(everything),
            without_text=without_text,
            cells=_counted(pa.concat_tables(self._parts(rows, days))),
            texts=Texts(
                tokens=len(ids.values), unknown=unknown, texts=len(rows), histogram=histogram
            ),
            levels=count_levels(probability.astype(np.float32), None, self.scorer.base),
            terms=(keys, counts, np.bincount(kinds[kinds >= 0], minlength=2)),
            rows=self.kept.of(
                self._to_show(
                    rows, key, path=path, positions=positions, probability=probability, days=days
                )
            ),
            stars=_star_counts(stars_in(rows, "stars"), kinds),
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
        self,
        rows: pa.RecordBatch,
        key: Numbers,
        path: Path,
        positions: Rows,
        probability: Numbers,
        days: Days,
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
                **columns_of_days(days, len(rows)),
                "aspects": aspects_of(rows),
            }
        )

    def _parts(self, rows: pa.RecordBatch, days: Days) -> Iterator[pa.Table]:
        """Yield groups and labels of the rows, for each column to group by."""
        labels = rows["sentiment"]
        has_own = "predicted_stars" in rows.schema.names
        stars = pa.array(
            stars_in(rows, "predicted_stars" if has_own else "stars"), from_pandas=True
        )
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

    def add(self, visit: FileVisit[FoundFile], result: _Block) -> None:
        """Add the counts of a block to those of all files."""
        block = result
        reviews = visit.reviews
        found = self.found
        more = block.texts
        self.add_cells(block.records, block.cells)
        found.without_score += block.records - more.texts
        found.without_text += block.without_text
        if len(self.cells[""].get("", ())) > _MOST_LABELS:
            raise InputError(
                f"{reviews.name}: column {reviews.chosen['sentiment']!r}: more than {_MOST_LABELS} "
                "different labels. Name the column with --names sentiment=NAME."
            )
        self.checks.add(block.checks, reviews.name, visit.before)
        self.add_dates(block.dates, visit)
        self.words.add(*block.terms)
        found.texts += more
        self.levels = tuple(map(add, self.levels, block.levels))
        self.kept.add(block.rows, visit.before, self.cells[self.shown_by])
        self.stars += block.stars
        self.kept.scale = TEN if self.stars[:, FIVE:].any() else FIVE


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


def _star_counts(stars: Numbers, kinds: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Count rows by their stars, rounded up: (2, 10), negative rows and all others; none is NaN."""
    is_given = ~np.isnan(stars)
    whole = np.ceil(stars[is_given]).astype(np.int64) - 1
    places = np.where(kinds[is_given] == 0, 0, TEN) + whole
    return np.bincount(places, minlength=2 * TEN).reshape(2, TEN)


def _given_stars(counts: npt.NDArray[np.int64], scale: int) -> GivenStars:
    """Sum up the counts of `_star_counts` for stars out of 5 or 10."""
    rows = counts.sum(axis=0)
    low, middle = (slice(0, 2), slice(2, 3)) if scale == FIVE else (slice(0, 4), slice(4, 6))
    return GivenStars(
        scale=scale,
        rows=int(rows.sum()),
        low=int(rows[low].sum()),
        middle=int(rows[middle].sum()),
        called_negative=int(counts[0].sum()),
    )
