"""What has changed since earlier scored files, and a share corrected by rows with labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from pathlib import Path
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import is_positive
from toolkit.errors import InputError, counted
from toolkit.evaluation.cells import percent
from toolkit.evaluation.metrics import NORMAL_95, Proportion
from toolkit.evaluation.summary import (
    MOST_GROUPS,
    RATE,
    Change,
    Corrected,
    LabelCounts,
    Summary,
    TextFigures,
    Turn,
    has_enough_rows,
)
from toolkit.evaluation.summary_themes import Themes
from toolkit.evaluation.summary_words import TermCounts, log_odds
from toolkit.records.columns import Column
from toolkit.records.options import ReadOptions
from toolkit.records.table import read_table

SENTIMENT_NAMED_BY = "--names sentiment=NAME, or score the file first: toolkit score FILE"
_FEWEST_WITH_WORD = 20  # reviews of both times together, for a test
_FEWEST_OF_TURN = 30  # rows before a turn, and since
_MOST_NAMED = 5  # groups that are new
_REACH = 40  # standard deviations; p beyond them is below the smallest number
_ROUNDING = 1 + 1e-7  # of chances that are equal
_PSI_LARGE = 0.25  # of the scores; a rule of thumb for the population stability index
_FEWEST_TEXTS = 20  # for figures of all texts: among three, one is a third
_UNLIKE = 1.5  # times as many unknown words, or as long


def compare(
    found: Summary,
    before: Summary,
    words: TermCounts,
    earlier: TermCounts,
    themes: Themes,
    most: int,
) -> None:
    """Add the changes beyond chance to a summary, with at most `most` words."""
    tests = [*_shares(found, before), *_words(words, earlier)]
    done = [each for each in tests if each is not None]
    kept = beyond_chance(done)
    found.tests = len(done)
    found.changed = len(kept)
    of_words = [each for each in kept if each.is_of_words]
    of_words.sort(
        key=lambda each: -abs(each.difference) / max(each.before.value, each.now.value) ** 0.5
    )
    named = [replace(each, name=themes.written(int(each.name))) for each in of_words[:most]]
    found.changes = [each for each in kept if not each.is_of_words] + named
    found.notes = [*_notes(found, before, kept)]
    found.warnings += unlike_before(found.texts, before.texts)


def other_models(now: Collection[str], before: Collection[str]) -> list[str]:
    """Return a warning if earlier rows name other models; files without the column name none."""
    if not (now and before) or {*now} == {*before}:
        return []
    shown = " and ".join(sorted(before)), " and ".join(sorted(now))
    return [
        f"The earlier rows were scored by {shown[0]}, these by {shown[1]}. What has changed may be "
        "the model: score both with one."
    ]


def _shares(found: Summary, before: Summary) -> Iterator[Change | None]:
    """Test all labels, and the negative ones of groups and aspects."""
    for label in found.labels:
        yield changed(
            "label", label, before=before.total.share(label), now=found.total.share(label)
        )
    pairs = [(f"{found.negative} by {c}", found.by[c], before.by[c]) for c in found.by]
    for what, now, old in (*pairs, ("aspect", found.aspects, before.aspects)):
        for each, earlier in in_both(now, old):
            shares = earlier.share(found.negative), each.share(found.negative)
            yield changed(what, each.name, *shares)


def in_both(
    now: Sequence[LabelCounts], before: Sequence[LabelCounts]
) -> Iterator[tuple[LabelCounts, LabelCounts]]:
    """Pair groups of both times; "(others)" are left out, as they are other groups in each."""
    known = {each.key: each for each in before if not each.is_rest}
    for each in now:
        if earlier := known.get(each.key):
            yield each, earlier


def _notes(found: Summary, before: Summary, kept: Sequence[Change]) -> Iterator[str]:
    """Yield notes on new and missing groups, and on a change that another mix explains."""
    of_all = [each for each in kept if (each.what, each.name) == ("label", found.negative)]
    for column, now in found.by.items():
        old = before.by[column]
        new = [*_missing_in(now, old, rows_of_others=before.total.rows, rows=found.total.rows)]
        if new:
            yield f"New in {column}: {_first(new)}."
        gone = [*_missing_in(old, now, rows_of_others=found.total.rows, rows=before.total.rows)]
        if gone:
            yield f"Gone from {column}: {_first(gone)}."
        others = [sum(each.rows for each in part if each.is_rest) for part in (now, old)]
        yield from _note_on_others(column, now=others[0], before=others[1])
        for change in of_all:
            yield from _note_on_mix(found, column, change=change, pairs=[*in_both(now, old)])


def _note_on_others(column: str, now: int, before: int) -> Iterator[str]:
    """Note that groups beyond the limit are compared with nothing."""
    if now or before:
        yield (
            f"{column} has more than {MOST_GROUPS:,} groups. Only groups among the {MOST_GROUPS:,} "
            f"largest at both times were compared; the others have {counted(now, 'row')} now, "
            f"{before:,} before."
        )


def _first(names: Sequence[str]) -> str:
    """List the first names, and count the rest."""
    rest = len(names) - _MOST_NAMED
    listed = ", ".join(names[:_MOST_NAMED])
    return f"{listed} and {rest:,} more" if rest > 0 else listed


def _note_on_mix(
    found: Summary, column: str, change: Change, pairs: Sequence[tuple[LabelCounts, LabelCounts]]
) -> Iterator[str]:
    """Note that the negative share changes in every group against its change in all rows."""
    differences = []
    for now, old in pairs:
        each = changed("", "", before=old.share(found.negative), now=now.share(found.negative))
        if each is not None:
            differences.append(each.difference)
    rises = change.difference > 0
    if len(differences) > 1 and all((each > 0) is not rises for each in differences):
        ways = ("risen", "fallen") if rises else ("fallen", "risen")
        yield (
            f"{found.negative} has {ways[0]} overall, but {ways[1]} in every {column}: the share "
            f"of rows per {column} has changed."
        )


def _missing_in(
    own: Sequence[LabelCounts], others: Sequence[LabelCounts], rows_of_others: int, rows: int
) -> Iterator[str]:
    """Yield the groups that are missing in `others`, if chance does not explain it."""
    if any(each.is_rest for each in others):  # they may be among these
        return
    known = {each.key for each in others}
    for each in own:
        if each.is_rest or each.key in known:
            continue
        p = exact_p(Proportion(0, rows_of_others), Proportion(each.rows, rows))
        if p * len(own) <= RATE:
            yield f"{each.name or '(empty)'} ({counted(each.rows, 'row')})"


def _words(now: TermCounts, before: TermCounts) -> Iterator[Change | None]:
    """Test the words that lean to complaints or to praise; their names are keys."""
    keys = np.union1d(now.all()[0], before.all()[0])
    new = now.at(keys)
    old = before.at(keys)
    lean = log_odds(old + new, now.reviews + before.reviews)
    for side, what in enumerate(("complaints with", "praise with")):
        reviews = int(before.reviews[side]), int(now.reviews[side])
        if not all(reviews):
            continue
        is_own = (lean < -2 if side else lean > 2) & ((old + new)[:, side] >= _FEWEST_WITH_WORD)
        for key, *counts in np.column_stack([keys, old[:, side], new[:, side]])[is_own].tolist():
            yield changed(what, str(key), *map(Proportion, counts, reviews))


def changed(what: str, name: str, before: Proportion, now: Proportion) -> Change | None:
    """Test whether a share has changed, by Fisher's exact test; None if there are too few rows."""
    if not has_enough_rows(before, now):
        return None
    return Change(what=what, name=name, before=before, now=now, p_value=exact_p(before, now))


def exact_p(before: Proportion, now: Proportion) -> float:
    """The two-sided p-value of Fisher's exact test (1935): tables that are at most as likely.

    It holds for small shares and for files of very different sizes, where the normal approximation
    is too small by a factor of two and more.
    """
    right = int(before.right + now.right)
    rows = before.count + now.count
    # The counts that rows drawn at random would have now, where they are not impossibly far.
    mean = right * now.count / rows
    spread = sqrt(mean * (1 - right / rows) * before.count / max(rows - 1, 1))
    reach = _REACH * spread + _REACH**2
    lowest = max(0, right - before.count, int(mean - reach))
    highest = min(right, now.count, int(mean + reach))
    if not lowest <= now.right <= highest:
        return 0.0
    counts = np.arange(lowest, highest + 1)
    step = counts[:-1]
    ratios = np.log((right - step) * (now.count - step) / (step + 1))
    ratios -= np.log(before.count - right + step + 1)
    logs = np.concatenate([[0.0], np.cumsum(ratios)])
    chances = np.exp(logs - logs.max())
    seen = chances[int(now.right) - lowest]
    return float(min(chances[chances <= seen * _ROUNDING].sum() / chances.sum(), 1.0))


def turn_of(steps: Sequence[LabelCounts], label: str) -> Turn | None:
    """Return the step since which the share of a label differs most surely; None if none does.

    Every step is tried, and the p-value is multiplied by their number (Bonferroni).
    """
    before = np.cumsum([(each.labels.get(label, 0), each.rows) for each in steps], axis=0)
    right, rows = before[-1].tolist() if len(steps) else (0, 0)
    tried = []
    for at, (old_right, old_rows) in enumerate(before[:-1].tolist(), 1):
        old = Proportion(old_right, old_rows)
        new = Proportion(right - old_right, rows - old_rows)
        if steps[at].rows and min(old.count, new.count) >= _FEWEST_OF_TURN:
            tried.append((changed("", steps[at].name, before=old, now=new), at))
    done = [(each.p_value * len(tried), at, each) for each, at in tried if each is not None]
    p_value, _, best = min(done, key=lambda each: each[:2], default=(1.0, 0, None))
    if best is None or p_value > RATE:
        return None
    return Turn(since=best.name, before=best.before, now=best.now, p_value=p_value)


def beyond_chance(found: Sequence[Change]) -> list[Change]:
    """Return the changes at a false discovery rate of `RATE` (Benjamini and Hochberg 1995)."""
    order = sorted(found, key=lambda each: each.p_value)
    both = zip(order, adjusted_p([each.p_value for each in order]), strict=True)
    return [replace(each, adjusted=value) for each, value in both if value <= RATE]


def adjusted_p(values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Benjamini and Hochberg 1995), in the same order."""
    order = np.argsort(values, kind="stable")
    ranks = np.arange(1, len(values) + 1)
    scaled = np.asarray(values, np.float64)[order] * (len(values) / ranks)
    found = np.empty(len(values))
    found[order] = np.minimum.accumulate(scaled[::-1])[::-1]
    adjusted: list[float] = found.tolist()
    return adjusted


def unlike_before(now: TextFigures, before: TextFigures) -> list[str]:
    """Return how the texts differ, if that could explain a change instead of opinions.

    Fewer than 20 texts or scores at one of the times tell nothing.
    """
    found: list[str] = []
    if min(now.texts, before.texts) < _FEWEST_TEXTS:
        return found
    if now.unknown_share > 0.02 + _UNLIKE * before.unknown_share:
        shares = f"{before.unknown_share:.1%} before, {now.unknown_share:.1%} now"
        found.append(f"more words unknown to the model: {shares}")
    if not 1 / _UNLIKE < (now.length / max(before.length, 1e-9)) < _UNLIKE:
        found.append(
            f"a different length: a mean of {before.length:.0f} words before, {now.length:.0f} now"
        )
    old, new = (np.array(each.histogram, np.float64) + 0.5 for each in (before, now))
    chance = (len(old) - 1) * (1 / old.sum() + 1 / new.sum())  # the mean index of equal sources
    p = old / old.sum()
    q = new / new.sum()
    index = float(((q - p) * np.log(q / p)).sum())
    has_enough = min(sum(now.histogram), sum(before.histogram)) >= _FEWEST_TEXTS
    if has_enough and index > _PSI_LARGE + 2 * chance:
        found.append(
            f"a different distribution of scores: a population stability index of {index:.2f}, "
            f"where {_PSI_LARGE} is large"
        )
    return [f"The texts differ from before: {each}." for each in found]


def corrected_by(path: Path, found: Summary, reading: ReadOptions) -> Corrected:
    """Correct the share of positive by scored rows with labels; `InputError` if that fails."""
    sentiment, _ = replace(reading.columns, adds=("sentiment", "probability")).added
    label = reading.columns.of("label")
    called_so = Column("sentiment", (sentiment.name,), named_by=SENTIMENT_NAMED_BY)
    table = read_table(path, reading, label, called_so)
    labelled = np.intersect1d(table.labelled(reading.labels), table.filled("sentiment"))
    if not len(labelled):
        raise InputError(
            f"{path}: no row has both a label and a score. Label some rows of scored files."
        )
    opinions = table.opinions(labelled, reading.labels)
    names = pa.array([found.negative, found.positive], pa.large_string())
    called = pc.index_in(table["sentiment"].take(pa.array(opinions.rows)), names)
    is_called = pc.is_valid(called).to_numpy()
    counts = np.zeros((2, 2), np.int64)  # by the label, and by what the model calls it
    truth = is_positive(opinions.targets[is_called])
    np.add.at(counts, (truth.astype(int), called.drop_null().to_numpy()), 1)
    if not counts.sum(axis=1).all():
        raise InputError(
            f"{path}: has rows of one label only, expected positive and negative ones."
        )
    positive, negative = (found.total.share(each) for each in (found.positive, found.negative))
    called_positive = Proportion(positive.right, int(positive.right + negative.right))
    right = [Proportion(int(counts[at, at]), int(counts[at].sum())) for at in (1, 0)]
    try:
        corrected = correct(called_positive, *right)
    except ValueError:
        low = 1 - right[1].value
        high = right[0].value
        raise InputError(
            f"{path}: these labelled rows do not represent the scored files. By their errors, the "
            f"model labels {percent(low, 1)} to {percent(high, 1)} of any reviews as "
            f"{found.positive}, but the scored files have {percent(called_positive.value, 1)}. "
            "Label a random sample of the scored files, or leave out --corrected."
        ) from None
    if corrected is None:
        raise InputError(
            f"{path}: the model is no better than chance on these rows. Label other rows, or "
            "leave out --corrected."
        )
    return corrected


@dataclass(frozen=True)
class _Estimate:
    """A corrected share before it is cut to 0 to 1, and half of its 95% interval."""

    share: float
    half: float

    @classmethod
    def of(cls, called: Proportion, sensitivity: Proportion, specificity: Proportion) -> Self:
        se = sensitivity.value
        sp = specificity.value
        q = called.value
        better = se + sp - 1
        share = (q + sp - 1) / better
        kept = min(max(share, 0.0), 1.0)
        variance = (
            q * (1 - q) / called.count
            + kept**2 * _variance(sensitivity)
            + (1 - kept) ** 2 * _variance(specificity)
        ) / better**2
        return cls(share, NORMAL_95 * sqrt(variance))

    @property
    def fits(self) -> bool:
        """Whether the share is within 0 to 1, apart from chance."""
        return -self.half <= self.share <= 1 + self.half


def correct(
    called: Proportion, sensitivity: Proportion, specificity: Proportion
) -> Corrected | None:
    """Correct a share of positives for known errors; None if the labels are no better than chance.

    `ValueError` if no share of positives gives these counts with these errors.
    """
    if sensitivity.value + specificity.value <= 1:
        return None
    found = _Estimate.of(called, sensitivity, specificity)
    if not found.fits:
        raise ValueError("the errors do not fit the counts")
    low, high = (min(max(found.share + half, 0.0), 1.0) for half in (-found.half, found.half))
    share = min(max(found.share, 0.0), 1.0)
    return Corrected(
        share=share,
        interval=(low, high),
        counted=called.value,
        sensitivity=sensitivity,
        specificity=specificity,
    )


def _variance(share: Proportion) -> float:
    """Return the variance of an estimate, with a row more of each kind: few rows prove little."""
    mean = (share.right + 1) / (share.count + 2)
    return mean * (1 - mean) / (share.count + 2)
