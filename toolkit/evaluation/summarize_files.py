"""Scored files of any size, summed up block by block in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.evaluation.diff_models import rows_file
from toolkit.evaluation.groups import NO_GROUP
from toolkit.evaluation.metrics import Proportion
from toolkit.evaluation.summary import (
    Corrected,
    Quote,
    Slice,
    Summary,
    TermFound,
    Texts,
    beyond_chance,
    changed,
    correct,
    entropy,
    in_steps,
    unlike_before,
)
from toolkit.evaluation.summary_words import (
    Counts,
    Keys,
    Term,
    TermCounts,
    Terms,
    counted,
    leaning,
    log_odds,
    unlike,
)
from toolkit.files import is_a_file, is_a_folder
from toolkit.model.labels import MIXED, NEUTRAL
from toolkit.model.scorer import Scorer
from toolkit.records.columns import Column
from toolkit.records.formats import open_reviews
from toolkit.records.labels import FIVE, TEN, WrongValueError, by_word, number, read_probabilities
from toolkit.records.options import ReadOptions
from toolkit.records.review_file import Reject, ReviewFile
from toolkit.records.table import read_table
from toolkit.scoring.blocks import SelectedBlock, run_blocks
from toolkit.scoring.input_files import look_for
from toolkit.scoring.jobs import NOT_KEPT, REJECTED_ENDING, SCORED
from toolkit.scoring.results import Progress
from toolkit.stores.paths import path_of
from toolkit.text.strings import is_blank, without_half_pairs
from toolkit.text.token_ids import UNKNOWN_ID

MOST_GROUPS = 1_000  # of a column; more are counted together
OTHER_GROUPS = "(others)"
_MOST_LABELS = 20  # a column with more different values has no labels
_KEPT_ROWS = 20_000  # random ones, for quotes and for picking; of each group, an equal part
_FEWEST_KEPT = 50  # of a group
_LETTERS_KEPT = 4_000  # of a text, the last ones
_LETTERS_SHOWN = 400
_LETTERS_BEFORE = 150  # a word that is shown in a long text
_ASPECT = "aspect_"
_NAMED_BY = "--names sentiment=NAME, or score the file first: toolkit score FILE"
_SUBJECT = (0.15, 0.85)  # the probability of a word alone: outside, it is an opinion
_FAR = 0.5  # from the score to the stars, both from 0 to 1, for a row that is surprising
_RARE = 0.25  # share of the group, for a row that is surprising in it
_DATES = (
    *("%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%d-%m-%Y"),
    *("%B %d, %Y", "%b %d, %Y", "%d %B %Y", "%d %b %Y", "%Y%m%d"),
)
_EITHER_WAY = ("%m/%d/%Y", "%d/%m/%Y")
_TIME = r"[T ]+\d{1,2}:\d\d.*$"

# Of the file of picked rows.
PICKED_ROWS = pa.schema(
    {
        "text": pa.large_string(),
        "label": pa.string(),
        "group": pa.string(),
        "file": pa.string(),
        "row": pa.int64(),
    }
)

OnFile = Callable[[Path], AbstractContextManager[Callable[[Progress], None] | None]]
_Cell = tuple[str, str, str]  # what is grouped by, the group, and the label
_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SummaryOptions:
    """What to find in scored files."""

    reading: ReadOptions = field(default_factory=ReadOptions)  # columns and format
    model: str | Path | None = None  # that has scored them; None: the default one
    by: tuple[str, ...] = ()  # columns to group by
    date_column: str | None = None
    date_form: str | None = None  # as `strptime` has it; None: found by the dates
    show: int = 10  # words of each kind, and rows
    since: Sequence[str] = ()  # scored files to compare with
    corrected: str | None = None  # a scored file with labels
    pick: int = 0  # rows to label next
    picked: Path | None = None  # the file for them
    force: bool = False  # replace an existing one


def summarize(
    files: str | Path | Sequence[str | Path],
    options: SummaryOptions | None = None,
    on_file: OnFile = lambda _: nullcontext(),
) -> Summary:
    """Say what scored files say, and what has changed since others.

    Parameters
    ----------
    files : str | Path | Sequence[str | Path]
        Files that `toolkit score` wrote, folders and patterns, read in bounded memory.
    options : SummaryOptions | None
        Columns, what to group by, what to compare with, and which rows to pick.
    on_file : OnFile
        Entered while a file is read; gives what to call with the progress.

    Returns
    -------
    Summary
        Shares by label, group and day, the words of complaints and of praise, and rows to show.

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
    terms = Terms(scorer.vocabulary)
    named = [str(files)] if isinstance(files, str | Path) else [*map(str, files)]
    run = _Run(scorer, terms, options)
    run.read(named, on_file)
    found = run.summary()
    if options.since:
        before = _Run(scorer, terms, replace(options, pick=0))
        before.read([*map(str, options.since)], on_file)
        found.since = before.summary(with_words=False)
        _compare(found, found.since, run, before)
    if options.corrected is not None:
        found.corrected = _corrected(path_of(options.corrected), found, options)
    if options.pick:
        found.picked = run.pick()
    return found


def scored_files(names: Sequence[str]) -> list[Path]:
    """Find scored files; of a folder with unscored ones beside them, only those named so."""
    wanted = []
    for name in names:
        pattern = f"{name.rstrip('/')}/**/*{SCORED}.*"
        if is_a_folder(path_of(name)):
            with suppress(InputError):
                look_for([pattern], NOT_KEPT)
                name = pattern  # noqa: PLW2901
        wanted.append(name)
    found, _ = look_for(wanted, NOT_KEPT)
    if found.unreadable:
        raise InputError(found.unreadable[0][2])
    return [source for source, _ in found.without_repeats()]


class _Block(NamedTuple):
    """What is left of a block."""

    records: int
    rejects: Sequence[Reject]
    scored: int
    without_text: int  # and so without a score
    cells: list[tuple[_Cell, list[float]]]  # rows, the sum of their stars, rows with stars
    texts: Texts
    keys: Keys
    counts: Counts
    reviews: Counts
    kept: pa.Table  # `_KEPT`
    lowest: pa.Table
    surprising: dict[int, pa.Table]  # by the scale of the stars
    is_of_ten: bool


class _Run:
    """Reads files one after the other, each with all workers."""

    def __init__(self, scorer: Scorer, terms: Terms, options: SummaryOptions) -> None:
        self.scorer, self.terms, self.options = scorer, terms, options
        negative, positive = scorer.facts.labels
        self.found = Summary(negative=negative, positive=positive)
        self.cells: dict[_Cell, _Numbers] = {}
        self.groups: dict[str, set[str]] = {}  # by what is grouped by
        self.words = TermCounts()
        self.kept: list[pa.Table] = []
        self.bounds: dict[str, float] = {}  # of the random keys of a group's rows, if it has enough
        self.lowest: list[pa.Table] = []
        self.surprising: dict[int, list[pa.Table]] = {FIVE: [], TEN: []}
        self.scale = FIVE  # of the stars of all rows: a block may have none above five

    def read(self, names: Sequence[str], on_file: OnFile) -> None:
        """Read all files."""
        for place, path in enumerate(scored_files(names)):
            with (
                open_reviews(path, self.options.reading, self._wanted()) as reviews,
                on_file(path) as on_progress,
            ):
                self.found.columns |= reviews.chosen
                read = 0
                try:
                    for block in run_blocks(reviews, partial(self._count, path, place, reviews)):
                        self._add(block, reviews, read)
                        read += block.records + len(block.rejects)
                        if on_progress is not None:
                            on_progress(Progress(read, reviews.bytes_read, reviews.size))
                except WrongValueError as error:  # its row is that of a block
                    row = read + error.row
                    raise WrongValueError(error.place, row, error.problem) from None
            self.found.files.append(str(path))
            self._look_for_rejects(path_of(f"{path}{REJECTED_ENDING}"))
        if not any(kind == "" for kind, _, _ in self.cells):
            if self.found.first_reject and not self.found.rows:
                raise InputError(f"no record can be read; first: {self.found.first_reject}")
            raise InputError(
                f"{' and '.join(self.found.files[:3])}: no row has a score. Score the file "
                "first, with: toolkit score FILE"
            )

    def _wanted(self) -> tuple[Column, ...]:
        columns, options = self.options.reading.columns, self.options
        sentiment, probability = replace(columns, adds=("sentiment", "probability")).added
        by = [Column(f"by {name}", (name,), is_named=True) for name in options.by]
        if options.date_column is not None:
            by.append(Column("date", (options.date_column,), is_named=True))
        named = [
            Column(f"aspect {role}", (name,), is_named=True, named_by=f"--names {role}=NAME")
            for role, name in columns.aspects
            if not name.startswith(_ASPECT)  # which is found anyway
        ]
        return (
            columns.of("text"),
            Column("sentiment", (sentiment.name,), named_by=_NAMED_BY),
            Column("probability", (probability.name,), named_by="--names probability=NAME"),
            Column("predicted_stars", ("predicted_stars",), is_needed=False),
            columns.of("stars"),
            *by,
            *named,
            Column("aspect", (_ASPECT,), is_needed=False, is_prefix=True),
        )

    def _count(self, path: Path, place: int, reviews: ReviewFile, block: SelectedBlock) -> _Block:
        parsed, positions, _ = block.parse_rows()
        fields = {role: each.cast(pa.large_string()) for role, each in parsed.fields.items()}
        texts = parsed.texts.cast(pa.large_string())
        is_scored = ~is_blank(fields["sentiment"]).to_numpy(zero_copy_only=False)
        has_text = ~is_blank(texts).to_numpy(zero_copy_only=False)
        mask = pa.array(is_scored)
        fields = {role: each.filter(mask) for role, each in fields.items()}
        texts, rows = texts.filter(mask), positions[is_scored]
        where = f"{path}: column {reviews.chosen['probability']!r}"
        words = pa.chunked_array([fields["probability"]])
        probability = read_probabilities(words, rows, where, "--names probability=NAME").astype(
            np.float64
        )
        stars = self._stars(fields.get("predicted_stars", fields.get("stars")), len(texts))
        cells = [*self._cells(fields, stars, reviews)]
        ids = self.scorer.vocabulary.encode(texts)
        labels = fields["sentiment"]
        kinds = np.full(len(texts), -1, np.int8)
        for kind, label in enumerate((self.found.negative, self.found.positive)):
            kinds[pc.equal(labels, label).to_numpy(zero_copy_only=False)] = kind
        histogram = np.histogram(probability, 20, (0, 1))[0].tolist()
        unknown = int(np.count_nonzero(ids.values == UNKNOWN_ID))
        group = fields[f"by {self.options.by[0]}"] if self.options.by else pa.nulls(len(texts))
        shown = pa.table(
            {
                "key": np.random.default_rng([place, block.number]).random(len(texts)),
                "group": pc.fill_null(group.cast(pa.large_string()), NO_GROUP),
                "file": pa.repeat(without_half_pairs(str(path)), len(texts)),
                "row": rows + 1,
                "sentiment": labels,
                "probability": probability,
                "stars": self._stars(fields.get("stars"), len(texts)),
                "text": texts,
            }
        )
        return _Block(
            len(is_scored),
            parsed.rejects,
            len(texts),
            int(np.count_nonzero(~is_scored & ~has_text)),
            cells,
            Texts(len(ids.values), unknown, len(texts), histogram),
            *counted(*self.terms.of(ids), kinds),
            np.bincount(kinds[kinds >= 0], minlength=2).astype(np.int64),
            self._chosen(shown),
            _first(shown, probability, self._most),
            {scale: _first(shown, -_gaps(shown, scale), self._most) for scale in (FIVE, TEN)},
            bool((shown["stars"].to_numpy() > FIVE).any()),
        )

    @property
    def _most(self) -> int:
        return 3 * self.options.show  # some have the same text

    @staticmethod
    def _stars(words: pa.Array | None, count: int) -> _Numbers:
        """Give stars of 5 or 10, NaN where there are none."""
        if words is None:
            return np.full(count, np.nan)
        found = by_word(words, number).to_numpy(zero_copy_only=False).astype(np.float64)
        return np.where((found >= 1) & (found <= TEN), found, np.nan)

    def _cells(
        self, fields: Mapping[str, pa.Array], stars: _Numbers, reviews: ReviewFile
    ) -> Iterator[tuple[_Cell, list[float]]]:
        """Count rows by group and label, for all that is grouped by."""
        labels, one = fields["sentiment"], pa.array(np.where(np.isnan(stars), 0.0, stars))
        rated = pa.array(~np.isnan(stars)).cast(pa.int64())
        for role, values in fields.items():
            kind, _, name = role.partition(" ")
            if kind == "by":
                yield from _grouped(role, pc.fill_null(values, NO_GROUP), labels, one, rated)
            elif kind == "aspect":
                is_filled = pc.invert(is_blank(values))
                given = values.filter(is_filled)
                if pc.count_distinct(given).as_py() > _MOST_LABELS:
                    continue  # it has something else
                names = pa.repeat(name.removeprefix(_ASPECT), len(given)).cast(pa.large_string())
                both = one.filter(is_filled), rated.filter(is_filled)
                yield from _grouped("aspect", names, given, *both)
            elif kind == "date":
                place = f"{reviews.name}: column {reviews.chosen['date']!r}"
                days = _days(values, self.options.date_form, place)
                yield from _grouped("date", days, labels, one, rated)
        nothing = pa.repeat("", len(labels)).cast(pa.large_string())
        yield from _grouped("", nothing, labels, one, rated)

    def _chosen(self, rows: pa.Table) -> pa.Table:
        """Keep the rows with the smallest random keys of each group."""
        codes = rows["group"].combine_chunks().dictionary_encode()
        bounds = np.array([self.bounds.get(name, 1.0) for name in codes.dictionary.to_pylist()])
        keys = rows["key"].to_numpy()
        is_kept = keys <= bounds[codes.indices.to_numpy()] if len(keys) else np.zeros(0, np.bool_)
        return self._smallest(_cut(rows.filter(pa.array(is_kept))))

    def _smallest(self, rows: pa.Table) -> pa.Table:
        rows = rows.sort_by([("group", "ascending"), ("key", "ascending")])
        codes = rows["group"].combine_chunks().dictionary_encode().indices.to_numpy()
        starts = np.flatnonzero(np.diff(codes, prepend=-1))
        rank = np.arange(len(codes)) - np.repeat(starts, np.diff([*starts, len(codes)]))
        most = max(_FEWEST_KEPT, _KEPT_ROWS // max(len(self.bounds), len(starts), 1))
        return rows.filter(pa.array(rank < most))

    def _add(self, block: _Block, reviews: ReviewFile, before: int) -> None:
        self.found.rows += block.records
        self.found.without_score += block.records - block.scored
        self.found.without_text += block.without_text
        self.found.rejected += len(block.rejects)
        if block.rejects and self.found.first_reject is None:
            reject = block.rejects[0]
            place = f"{reviews.name}: {reviews.counts} {reject.number:,}"
            self.found.first_reject = f"{place}: {reject.reason}"
        for (kind, group, label), numbers in block.cells:
            known = self.groups.setdefault(kind, set())
            if group not in known and len(known) >= MOST_GROUPS and kind.startswith("by "):
                group = OTHER_GROUPS  # noqa: PLW2901
            known.add(group)
            cell = self.cells.setdefault((kind, group, label), np.zeros(3))
            cell += numbers
        if len({label for kind, _, label in self.cells if kind == ""}) > _MOST_LABELS:
            raise InputError(
                f"{reviews.name}: column {reviews.chosen['sentiment']!r}: more than {_MOST_LABELS} "
                "different labels. Name the column with --names sentiment=NAME."
            )
        self.words.add(block.keys, block.counts, block.reviews)
        mine, more = self.found.texts, block.texts
        mine.tokens, mine.unknown = mine.tokens + more.tokens, mine.unknown + more.unknown
        mine.texts += more.texts
        mine.histogram = [a + b for a, b in zip(mine.histogram, more.histogram, strict=True)]
        self._keep(_after(block.kept, before))
        lowest = _after(block.lowest, before)
        self.lowest = _merged(self.lowest, lowest, "probability", self._most)
        for scale, rows in block.surprising.items():
            old = self.surprising[scale]
            self.surprising[scale] = _merged(old, _after(rows, before), "key", self._most)
        self.scale = TEN if block.is_of_ten else self.scale

    def _keep(self, rows: pa.Table) -> None:
        """Keep random rows of each group, and forget others where there are enough."""
        if self.options.by:
            known = pa.array(self.groups.get(f"by {self.options.by[0]}", ()), pa.large_string())
            is_known = pc.is_in(rows["group"], known)
            at = rows.column_names.index("group")
            names = pc.if_else(is_known, rows["group"], OTHER_GROUPS)
            rows = rows.set_column(at, "group", names)
        self.bounds |= dict.fromkeys(set(rows["group"].to_pylist()) - {*self.bounds}, 1.0)
        self.kept.append(rows)
        if sum(map(len, self.kept[1:])) < _KEPT_ROWS // 4 and self.kept[1:]:
            return
        kept = self._smallest(pa.concat_tables(self.kept)).combine_chunks()
        self.kept = [kept]
        most = max(_FEWEST_KEPT, _KEPT_ROWS // max(len(self.bounds), 1))
        ends = kept.group_by("group").aggregate([("key", "max"), ("key", "count")])
        for name, largest, count in zip(
            *(ends[c].to_pylist() for c in ends.column_names), strict=True
        ):
            if count >= most:
                self.bounds[name] = largest

    def _look_for_rejects(self, path: Path) -> None:
        """Count the records that scoring has set aside."""
        if is_a_file(path):
            with path.open("rb") as file:
                lines = sum(1 for _ in file)
            if lines:
                self.found.set_aside[str(path)] = lines

    def slices(self, kind: str) -> dict[str, Slice]:
        """Give the groups, the largest first."""
        found: dict[str, dict[str, _Numbers]] = {}
        for (own, group, label), numbers in self.cells.items():
            if own == kind:
                found.setdefault(group, {})[label] = numbers
        slices = []
        for group, labels in found.items():
            _, stars, rated = sum(labels.values(), np.zeros(3)).tolist()
            mean = stars / rated if rated else None
            slices.append(Slice(group, {key: int(n[0]) for key, n in labels.items()}, mean))
        return {each.name: each for each in sorted(slices, key=lambda e: (-e.rows, e.name))}

    def summary(self, *, with_words: bool = True) -> Summary:
        """Put all together."""
        found = self.found
        found.total = self.slices("")[""]
        found.by = {name: [*self.slices(f"by {name}").values()] for name in self.options.by}
        usual = {found.negative, found.positive, NEUTRAL, MIXED}
        found.aspects = [each for each in self.slices("aspect").values() if usual & {*each.labels}]
        if not {found.negative, found.positive} & {*found.total.labels}:
            labels = ", ".join(map(repr, found.total.labels))
            raise UsageError(
                f"{found.files[0]}: has the labels {labels}, but those of the model are "
                f"{found.negative!r} and {found.positive!r}. Name the model that scored it with "
                "--model, or the column with --names sentiment=NAME."
            )
        days = self.slices("date")
        without = days.pop("", None)
        found.without_date = without.rows if without else 0
        if days:
            found.step, found.over_time = in_steps(
                {date.fromisoformat(day): each for day, each in days.items()}
            )
        if with_words:
            # Which rows a worker has kept depends on when it has heard of the bounds; these do not.
            kept = self._smallest(pa.concat_tables(self.kept)).combine_chunks()
            self.kept = [kept]
            self._find_terms(found, kept)
            self._find_rows(found, kept)
        return found

    def _find_terms(self, found: Summary, kept: pa.Table) -> None:
        keys, counts = self.words.all()
        reviews = self.words.reviews
        ids = self.scorer.vocabulary.encode(kept["text"])
        rows, in_rows = self.terms.of(ids)
        shown: set[str] = set()  # texts, each once if there are enough
        order = np.argsort(in_rows, kind="stable")
        rows, in_rows = rows[order], in_rows[order]
        for side, name, result in (
            (0, self.found.negative, found.complaints),
            (1, self.found.positive, found.praise),
        ):
            turn = slice(None, None, -1 if side else 1)  # the own kind first
            best = leaning(self.terms, keys, counts[:, turn], reviews[turn], 5 * self.options.show)
            alone = self.scorer.score([each.name for each in best])
            is_side = pc.equal(kept["sentiment"], name).to_numpy()
            is_full = {True: 0, False: 0}
            for term, (_, probability) in zip(best, alone, strict=True):
                low, high = _SUBJECT
                is_opinion = probability is not None and not low < probability < high
                if is_full[is_opinion] == self.options.show:
                    continue
                is_full[is_opinion] += 1
                first, last = np.searchsorted(in_rows, [term.key, term.key + 1])
                having = rows[first:last]
                quotes = _quotes(kept, having[is_side[having]], term, shown, extreme=bool(side))
                both = (term.first, term.second)
                shares = [n / max(int(k), 1) for n, k in zip(both, reviews[turn], strict=True)]
                result.append(
                    TermFound(
                        name=term.name,
                        reviews=term.first,
                        share=shares[0],
                        other_reviews=term.second,
                        other_share=shares[1],
                        lean=term.lean,
                        is_opinion=is_opinion,
                        phrases=term.phrases,
                        quotes=quotes,
                    )
                )

    def _find_rows(self, found: Summary, kept: pa.Table) -> None:
        show = self.options.show
        is_negative = pc.field("sentiment") == found.negative
        found.most_negative = _shown([each.filter(is_negative) for each in self.lowest], show, "")
        if "stars" in self.found.columns:
            found.surprise = "The score and the stars that the reviewer gave differ most."
            rows = self.surprising[self.scale][0].filter(pc.field("key") < -_FAR)
            stars = [f"{value:g} stars" for value in rows["stars"].to_pylist()]
            found.surprising = _shown([rows], show, stars)
        elif self.options.by:
            column = self.options.by[0]
            found.surprise = (
                f"The label is rare in its group ({column}), and the model is sure of it."
            )
            if self.found.rows - self.found.without_score > len(kept):
                found.surprise += f" Found among {len(kept):,} random rows."
            slices = {each.name: each for each in found.by[column]}
            labels, groups = kept["sentiment"].to_pylist(), kept["group"].to_pylist()
            rest = Slice("", {})
            shares = np.array(
                [
                    each.share(label).value if (each := slices.get(group, rest)).rows else 1.0
                    for label, group in zip(labels, groups, strict=True)
                ]
            )
            sure = np.abs(kept["probability"].to_numpy() - 0.5) * 2
            order = np.argsort(shares - sure, kind="stable")[: self._most]
            order = order[shares[order] < _RARE]
            why = [f"{groups[at]}: {shares[at]:.0%} are {labels[at]}" for at in order]
            found.surprising = _shown([kept.take(pa.array(order))], show, why)

    def pick(self) -> int:
        """Write rows worth labelling; give their number.

        Half of them are random: with those alone that are unsure, adapting was no better.
        """
        kept = pa.concat_tables(self.kept).combine_chunks()
        codes = kept["text"].combine_chunks().dictionary_encode().indices.to_numpy()
        kept = kept.take(pa.array(np.sort(np.unique(codes, return_index=True)[1])))  # once each
        unsure = np.array([entropy(each) for each in kept["probability"].to_pylist()])
        ids = self.scorer.vocabulary.encode(kept["text"])
        groups = kept["group"].combine_chunks().dictionary_encode().indices.to_numpy()
        chosen = unlike(ids, unsure, groups, -(-self.options.pick // 2))
        at_random = np.argsort(kept["key"].to_numpy(), kind="stable")
        rest = at_random[~np.isin(at_random, chosen)][: self.options.pick - len(chosen)]
        rows = kept.take(pa.array([*chosen, *rest.tolist()], pa.int64()))
        rows = rows.add_column(0, "label", pa.nulls(len(rows), pa.string()))
        schema = PICKED_ROWS if self.options.by else PICKED_ROWS.remove(2)
        with rows_file(self.options.picked, schema, force=self.options.force) as append:
            if append is not None:
                append(rows.select(schema.names).cast(schema))
        return len(rows)


def _grouped(
    kind: str, values: pa.Array, labels: pa.Array, stars: pa.Array, rated: pa.Array
) -> Iterator[tuple[_Cell, list[float]]]:
    table = pa.table({"value": values, "label": labels, "stars": stars, "rated": rated})
    sums = [([], "count_all"), ("stars", "sum"), ("rated", "sum")]
    found = table.group_by(["value", "label"], use_threads=False).aggregate(sums)
    for value, label, *numbers in zip(
        *(
            found[name].to_pylist()
            for name in ("value", "label", "count_all", "stars_sum", "rated_sum")
        ),
        strict=True,
    ):
        yield (kind, value, label), numbers


def _days(values: pa.Array, form: str | None, place: str) -> pa.Array:
    """Read days; empty where there is none. `InputError` if most values are something else."""
    values = pc.if_else(is_blank(values), None, pc.utf8_trim_whitespace(values))
    given = len(values) - values.null_count
    days = values if form else pc.replace_substring_regex(values, _TIME, "")
    found = {}
    for each in [form] if form else _DATES:
        read = pc.strptime(days, each, "s", error_is_null=True)
        # Others are of two digits, or mean that there is no date: 0001-01-01, 9999-12-31.
        is_usual = pc.and_(pc.greater(pc.year(read), 999), pc.less(pc.year(read), 9999))
        read = pc.if_else(is_usual, read, None)
        found[each] = len(read) - read.null_count, read
        if found[each][0] == given and each not in _EITHER_WAY:
            break
    most, best = max(found.values(), key=lambda each: each[0])
    first = next((word for word in values.to_pylist() if word), "")
    if 2 * most < given:
        raise InputError(
            f"{place}: {first!r} is not a date as expected, such as 2026-03-31. Choose another "
            "column with --date-column, or say how dates are written with --date-format, such as "
            "%d.%m.%Y."
        )
    if given and {found[each][0] for each in _EITHER_WAY if each in found} == {most} and not form:
        raise UsageError(
            f"{place}: {first!r} may begin with the month or with the day. Say which with "
            "--date-format %m/%d/%Y or --date-format %d/%m/%Y."
        )
    return pc.fill_null(pc.strftime(best, "%Y-%m-%d"), "").cast(pa.large_string())


def _gaps(rows: pa.Table, scale: int) -> _Numbers:
    """From the score to the stars of the reviewer, both from 0 to 1; 0 without stars."""
    stars = rows["stars"].to_numpy()
    gaps: _Numbers = np.abs((stars - 1) / (scale - 1) - rows["probability"].to_numpy())
    return np.where(np.isnan(gaps), 0.0, gaps)


def _first(rows: pa.Table, values: _Numbers, most: int) -> pa.Table:
    """The rows with the smallest values, which become their keys."""
    order = np.argsort(values, kind="stable")[:most]
    return _cut(rows.take(pa.array(order))).set_column(0, "key", pa.array(values[order]))


def _cut(rows: pa.Table) -> pa.Table:
    at = rows.column_names.index("text")
    return rows.set_column(at, "text", pc.utf8_slice_codeunits(rows["text"], -_LETTERS_KEPT))


def _after(rows: pa.Table, before: int) -> pa.Table:
    at = rows.column_names.index("row")
    return rows.set_column(at, "row", pc.add(rows["row"], before))


def _merged(old: list[pa.Table], new: pa.Table, key: str, most: int) -> list[pa.Table]:
    return [pa.concat_tables([*old, new]).sort_by(key).slice(0, most)]


def _shown(tables: list[pa.Table], most: int, why: str | Sequence[str]) -> list[Quote]:
    """Give rows to show, each text once."""
    rows = [row for table in tables for row in table.to_pylist()]
    reasons = [why] * len(rows) if isinstance(why, str) else why
    found: dict[str, Quote] = {}
    for row, reason in zip(rows, reasons, strict=True):
        found.setdefault(row["text"].lower(), _quote(row, 0, reason))
    return [*found.values()][:most]


def _quotes(
    kept: pa.Table, rows: npt.NDArray[np.int64], term: Term, shown: set[str], *, extreme: bool
) -> tuple[Quote, ...]:
    """Three reviews with a term, rather short ones, the surest first."""
    chosen = {row["text"].lower(): row for row in kept.take(pa.array(rows)).to_pylist()}
    sign = -1 if extreme else 1
    order = sorted(
        chosen,
        key=lambda text: (
            text in shown,
            len(text) > _LETTERS_SHOWN // 2,
            sign * chosen[text]["probability"],
        ),
    )[:3]
    shown.update(order)
    first = term.name.split()[0]
    return tuple(_quote(chosen[text], max(text.find(first), 0)) for text in order)


def _quote(row: dict[str, Any], at: int, why: str = "") -> Quote:
    """Cut a text around a place."""
    text: str = row["text"]
    start = 0 if len(text) <= _LETTERS_SHOWN else max(at - _LETTERS_BEFORE, 0)
    shown = text[start : start + _LETTERS_SHOWN]
    shown = "…" * (start > 0) + shown + "…" * (start + _LETTERS_SHOWN < len(text))
    return Quote(
        row["file"], row["row"], row["sentiment"], round(row["probability"], 4), shown, why
    )


def _compare(found: Summary, before: Summary, run: _Run, earlier: _Run) -> None:
    """Find what has changed beyond chance."""
    tests = [
        changed("label", label, before.total.share(label), found.total.share(label))
        for label in found.labels
    ]
    pairs = [(f"{found.negative} by {c}", found.by[c], before.by[c]) for c in found.by]
    for what, now, old in (*pairs, ("aspect", found.aspects, before.aspects)):
        known = {each.name: each for each in old}
        tests += [
            changed(
                what, each.name, known[each.name].share(found.negative), each.share(found.negative)
            )
            for each in now
            if each.name in known
        ]
    keys, counts = run.words.all()
    old_keys, old_counts = earlier.words.all()
    every = np.union1d(keys, old_keys)
    now_of, old_of = np.zeros((2, len(every), 2), np.int64)
    now_of[np.searchsorted(every, keys)] = counts
    old_of[np.searchsorted(every, old_keys)] = old_counts
    both = now_of + old_of
    lean = log_odds(both, run.words.reviews + earlier.words.reviews)
    for side, what in enumerate(("complaints with", "praise with")):
        reviews = int(earlier.words.reviews[side]), int(run.words.reviews[side])
        if not all(reviews):
            continue
        is_own = (lean > 2 if side == 0 else lean < -2) & (both[:, side] >= 20)
        for key, old_n, new_n in zip(
            every[is_own].tolist(),
            old_of[is_own, side].tolist(),
            now_of[is_own, side].tolist(),
            strict=True,
        ):
            shares = Proportion(old_n, reviews[0]), Proportion(new_n, reviews[1])
            tests.append(changed(what, str(key), *shares))
    done = [each for each in tests if each is not None]
    kept = beyond_chance(done)
    found.tests, found.changed = len(done), len(kept)
    words = [each for each in kept if each.what.endswith(" with")]
    words.sort(
        key=lambda each: -abs(each.difference) / max(each.before.value, each.now.value) ** 0.5
    )
    named = [
        replace(each, name=run.terms.name(int(each.name))) for each in words[: 4 * run.options.show]
    ]
    found.changes = [each for each in kept if not each.what.endswith(" with")] + named
    found.warnings += unlike_before(found.texts, before.texts)


def _corrected(path: Path, found: Summary, options: SummaryOptions) -> Corrected:
    """Read labelled rows with scores, and correct the share of positive."""
    of = options.reading.columns.of
    sentiment, _ = replace(options.reading.columns, adds=("sentiment", "probability")).added
    table = read_table(
        path,
        options.reading,
        of("label"),
        Column("sentiment", (sentiment.name,), named_by=_NAMED_BY),
    )
    labelled = np.intersect1d(table.labelled(options.reading.labels), table.filled("sentiment"))
    if not len(labelled):
        raise InputError(
            f"{path}: no row has a label and a score. Label some rows of scored files."
        )
    opinions = table.opinions(labelled, options.reading.labels)
    called = table["sentiment"].take(pa.array(opinions.rows)).to_pylist()
    counts = np.zeros((2, 2), np.int64)
    for target, label in zip(opinions.targets.tolist(), called, strict=True):
        if label in (found.negative, found.positive):
            counts[int(target >= 0.5), int(label == found.positive)] += 1
    if not counts.sum(axis=1).all():
        raise InputError(
            f"{path}: has rows of one label only, expected positive and negative ones."
        )
    labels = found.total.labels
    positive = labels.get(found.positive, 0)
    both = positive + labels.get(found.negative, 0)
    right = [Proportion(int(counts[at, at]), int(counts[at].sum())) for at in (1, 0)]
    try:
        return correct(Proportion(positive, both), *right)
    except ValueError:
        raise InputError(
            f"{path}: the model is no better than chance on these rows. Label others, or leave out "
            "--corrected."
        ) from None
