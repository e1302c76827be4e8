"""Files with the scores of a model of sentiment, summed up block by block in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from operator import add
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import MIXED, NEUTRAL
from toolkit.errors import InputError, UsageError
from toolkit.evaluation.diff_models import OnFile
from toolkit.evaluation.metrics import Numbers
from toolkit.evaluation.scored_files import (
    ScoredFiles,
    ScoredRun,
    SummaryOptions,
    read_runs,
    repeated,
    stars_in,
)
from toolkit.evaluation.summary import (
    NONE_KEY,
    GivenStars,
    Summary,
    TextFigures,
    gap_warning,
)
from toolkit.evaluation.summary_changes import (
    SENTIMENT_NAMED_BY,
    compare,
    corrected_by,
    other_models,
    turn_of,
)
from toolkit.evaluation.summary_checks import ScoreChecks
from toolkit.evaluation.summary_dates import DateCounts, Days
from toolkit.evaluation.summary_rows import KeptRows, show_rows
from toolkit.evaluation.summary_since import DateSide
from toolkit.evaluation.summary_spread import (
    add_trends_and_contrasts,
    aspects_of,
    columns_of_days,
)
from toolkit.evaluation.summary_themes import Terms, Themes, in_reviews
from toolkit.evaluation.summary_words import Counts, Keys, TermCounts, counted
from toolkit.model.file import in_one_value
from toolkit.model.prior import NO_LEVELS, Levels, count_levels, share_of
from toolkit.model.scorer import Scorer
from toolkit.records.columns import LABEL, Column
from toolkit.records.labels import (
    FIVE,
    TEN,
    Rows,
    read_probabilities,
)
from toolkit.records.review_file import ReviewFile
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.file_run import FileVisit
from toolkit.scoring.input_files import FoundFile
from toolkit.stores.paths import path_of
from toolkit.text.strings import is_blank, without_half_pairs
from toolkit.text.token_ids import UNKNOWN_ID, TokenIds

_MOST_LABELS = 20  # a column with more different values has no labels
_ASPECT = "aspect_"
_PROBABILITY_NAMED_BY = "--names probability=NAME"


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
    return summarize_found(ScoredFiles.find(files, options.since), options, on_file)


def summarize_found(files: ScoredFiles, options: SummaryOptions, on_file: OnFile) -> Summary:
    """Summarize files that are found already, as `summarize` does."""
    scorer = Scorer(options.model)
    scorer.check_sentiment("toolkit summarize", "toolkit score counts the labels.")
    scorer.check_words("toolkit summarize --model")
    runs = read_runs(SummaryRun, files, scorer=scorer, options=options, on_file=on_file)
    run = runs.now
    found = run.found
    show = options.show
    themes = Themes(scorer, run.terms, run.kept.random)
    found.complaints, found.praise = themes.find(run.words, show)
    add_trends_and_contrasts(found, run.kept, order=run.order_of_dates, by=options.by[:1])
    show_rows(found, run.kept, show)
    if runs.before is not None:
        earlier = runs.before
        found.since = earlier.found
        found.warnings += other_models(run.checks.models, earlier.checks.models)
        compare(
            found, found.since, words=run.words, earlier=earlier.words, themes=themes, most=4 * show
        )
    if options.corrected is not None:
        found.corrected = corrected_by(path_of(options.corrected), found, options.reading)
    return found


class _Block(NamedTuple):
    """The counts of a block of a model of sentiment."""

    records: int  # that could be read
    without_text: int  # and so without a score
    cells: pa.Table  # as `_counted`
    texts: TextFigures
    levels: Levels  # of the probabilities
    terms: tuple[Keys, Counts, Counts]
    rows: list[pa.Table]  # of `KeptRows`
    stars: npt.NDArray[np.int64]  # as `_star_counts`
    checks: ScoreChecks
    dates: DateCounts


class SummaryRun(ScoredRun[_Block]):
    """Sums up files with the scores of a model of sentiment."""

    def __init__(
        self, options: SummaryOptions, scorer: Scorer, part: DateSide | None = None
    ) -> None:
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

    def read(self, files: Sequence[FoundFile], on_file: OnFile) -> Summary:
        """Read all files, and return the summary without themes and rows to show."""
        self.read_files(files, on_file)
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
            texts=TextFigures(
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
