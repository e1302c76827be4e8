"""What a second model adds where the first is unsure: a curve, and the range that is best.

The second model answers all reviews. A range around the threshold decides which of its answers
count, as in `toolkit score --second --unsure`. The curve shows ranges that hold some share of the
reviews. These ranges need no labels, so their figures are honest. Where many probabilities are
equal, several shares have the same range, which is shown once.

The best range does need labels: of the ranges tried, the smallest whose accuracy is that of the
best one, up to a standard error. So it is chosen three times. Both halves of the reviews choose
one, which is measured on the other half: these are the figures. The range that is shown is chosen
on all reviews. Equal texts are in the same half, and so are the reviews of a small group, such as a
product. Larger groups, such as a domain, are in both halves, and have a best range of their own.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import floor, log10, sqrt
from shlex import quote
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.classes import is_positive
from toolkit.errors import UsageError
from toolkit.evaluation.comparison import Comparison, Right, compare
from toolkit.evaluation.groups import NO_GROUP, named_groups
from toolkit.evaluation.labelled_reviews import LabelledReviews
from toolkit.evaluation.metrics import (
    Labels,
    Numbers,
    Probabilities,
    log_loss,
    margins,
)
from toolkit.model import DEFAULT_MODEL
from toolkit.model.ranges import Range
from toolkit.model.scorer import Scorer
from toolkit.model.second import is_asked, mean_of

SHARES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)  # of the reviews: the points of the curve
_TRIED = (*(0.02 * step for step in range(11)), 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)
FEWEST_OF_GROUP = 200  # reviews of a group with a range of its own
_SURE = 0.05  # a gain with a larger p-value may be chance
_FEWEST_DIGITS, _MOST_DIGITS = 3, 7  # of the ends of a range

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CurvePoint:
    """The figures if the second model is asked for a share of the reviews."""

    share: float  # of the reviews, as counted
    unsure: Range | None  # None: no review
    seconds: float  # processor time per review, of both models
    accuracy: float  # with the second model's answers, as the log loss
    log_loss: float
    mean_accuracy: float  # with the mean of both logits
    mean_log_loss: float


@dataclass(frozen=True)
class BestRange:
    """The range that is best for some reviews, and what it gains by cross-validation."""

    name: str  # of the group; empty for all reviews
    reviews: int
    helps: bool  # whether the gain is beyond chance; if not, there is no range
    unsure: Range | None  # chosen on all of these reviews
    takes_mean: bool  # whether the mean of both logits was better than the second model's answer
    of_halves: tuple[Range | None, Range | None]  # chosen on each half, measured on the other
    share: float  # of the reviews that the second model was asked
    seconds: float  # processor time per review, of both models
    accuracy_alone: float  # of the first model
    accuracy: float
    log_loss_alone: float
    log_loss: float
    comparison: Comparison  # with the first model alone


@dataclass(frozen=True)
class SecondEvaluation:
    """What a second model adds to the first."""

    first: str  # names of the models
    second: str
    first_option: str | None  # the first model as it was named, for a shell; None: the default
    option: str  # the second model, in the same way
    threshold: float | None  # that was asked for, of all answers; None: the first model's own
    model: dict[str, Any]  # `Scorer.identity` of the second model
    threshold_of_second: float | None  # its own, if it differs from the first model's: not used
    curve: tuple[CurvePoint, ...]
    best: BestRange
    groups: tuple[BestRange, ...]  # those with enough reviews, the largest first


class _Choice(NamedTuple):
    """Which answers of the second model count."""

    unsure: Range | None
    takes_mean: bool = False


@dataclass(frozen=True)
class _Answers:
    """The answers of both models to some reviews."""

    labels: Labels
    threshold: float
    first: Probabilities
    second: Probabilities  # the first model's where the second has no answer

    def only(self, rows: npt.NDArray[Any]) -> _Answers:
        """Return the answers to some of the reviews."""
        return _Answers(self.labels[rows], self.threshold, self.first[rows], self.second[rows])

    def with_choice(self, chosen: _Choice) -> Probabilities:
        """Return the probabilities of both models together, (reviews,)."""
        asked = self.asked(chosen.unsure)
        if chosen.takes_mean:
            # Two equal logits may have a mean that differs in the last digit.
            asked &= self.first != self.second
            return np.where(asked, mean_of(self.first, self.second), self.first)
        return np.where(asked, self.second, self.first)

    def asked(self, unsure: Range | None) -> _Flags:
        """Return which reviews the second model is asked, (reviews,)."""
        if unsure is None:
            return np.zeros(len(self.first), np.bool_)
        return is_asked(self.first, unsure)

    def right(self, probability: Probabilities) -> Right:
        """Return which answers are right, (reviews,)."""
        return np.asarray(is_positive(probability, self.threshold) == self.labels)

    def range_of(self, share: float) -> Range | None:
        """Return the range that holds a share of the reviews, those nearest to the threshold."""
        wanted = round(share * len(self.first))
        if not wanted:
            return None
        if wanted == len(self.first):
            return 0.0, 1.0
        margin = np.sort(margins(self.first, self.threshold))[wanted - 1]
        return _written(
            self.threshold - margin * self.threshold,
            self.threshold + margin * (1 - self.threshold),
        )


def _written(low: float, high: float) -> Range:
    """Round the ends outward, to two digits of the distance to 0 or 1, so that a user can type."""
    gap = min(low, 1 - high)
    if gap <= 0:
        return 0.0, 1.0
    digits = min(max(1 - floor(log10(gap)), _FEWEST_DIGITS), _MOST_DIGITS)
    factor = 10**digits
    # The rest of a division may be off in the last bit: 0.3 is not 0.29.
    down = floor(low * factor + 1e-6) / factor
    return down, -floor(-high * factor + 1e-6) / factor


def evaluate_second(
    first: Scorer,
    second: Scorer,
    names: tuple[str, str],
    *,
    reviews: LabelledReviews,
    probability: Probabilities,
    seconds: float,
) -> SecondEvaluation:
    """Measure what a second model adds.

    Parameters
    ----------
    first : Scorer
        The first model.
    second : Scorer
        The second model.
    names : tuple[str, str]
        The names of both.
    reviews : LabelledReviews
        The reviews, without neutral ones.
    probability : Probabilities
        (reviews,) The first model's probabilities of positive.
    seconds : float
        Processor time of the first model per review.

    Returns
    -------
    SecondEvaluation
        The curve, and the best range for all reviews and for each large group.

    Raises
    ------
    UsageError
        If the second model has classes of its own.
    """
    second.check_sentiment("--second", "Choose a second model that tells them, too.")
    threshold = float(first.threshold)
    alone = _Answers(reviews.labels, threshold, first=probability, second=probability)
    ranges = _different(alone, [alone.range_of(share) for share in SHARES])
    answers, times = _asked_in_turn(second, reviews, alone, ranges)
    curve = tuple(
        _point(answers, unsure, seconds + added / len(answers.first))
        for unsure, added in zip(ranges, times, strict=True)
    )
    of_second = float(second.threshold)
    groups = _groups_of(reviews)
    in_second_half = _halves(reviews, groups)
    best = _best("", answers, in_second_half, curve=curve)
    return SecondEvaluation(
        *names,
        first_option=_option_of(first),
        option=quote(str(second.options.model)),
        threshold=first.options.threshold,
        model=second.identity(),
        threshold_of_second=None if of_second == threshold else round(of_second, 7),
        curve=curve,
        best=best,
        groups=tuple(
            _best(name, answers.only(rows), in_second_half[rows], curve=curve)
            for name, rows in groups
            if len(rows) >= FEWEST_OF_GROUP
        )
        if len(groups) > 1
        else (),
    )


def _option_of(first: Scorer) -> str | None:
    """Return the first model as it was named, for a shell; None for the default."""
    named = first.options.model
    return None if named is None or str(named) == DEFAULT_MODEL else quote(str(named))


def _different(alone: _Answers, ranges: Sequence[Range | None]) -> list[Range | None]:
    """Return the ranges that hold more reviews than the one before, as equal answers share one."""
    counts = [int(alone.asked(each).sum()) for each in ranges]
    return [each for at, each in enumerate(ranges) if at == 0 or counts[at] > max(counts[:at])]


def _asked_in_turn(
    second: Scorer, reviews: LabelledReviews, alone: _Answers, ranges: Sequence[Range | None]
) -> tuple[_Answers, list[float]]:
    """Let the second model answer what each range adds to the one before, and take the time.

    Returns the answers, and the processor time in seconds until each range was answered.
    """
    found = alone.first.copy()
    is_done = np.zeros(len(found), np.bool_)
    total = 0.0
    times = []
    for unsure in ranges:
        rows = np.flatnonzero(alone.asked(unsure) & ~is_done)
        if len(rows):
            started = time.thread_time()
            given = second.probabilities(reviews.texts.take(pa.array(rows)))
            total += time.thread_time() - started
            answers = given.to_numpy(zero_copy_only=False)
            found[rows] = np.where(np.isnan(answers), found[rows], answers)
            is_done[rows] = True
        times.append(total)
    return _Answers(alone.labels, alone.threshold, alone.first, second=found), times


def _point(answers: _Answers, unsure: Range | None, seconds: float) -> CurvePoint:
    both = [answers.with_choice(_Choice(unsure, takes_mean)) for takes_mean in (False, True)]
    own, mean = (
        (float(answers.right(each).mean()), log_loss(answers.labels, each)) for each in both
    )
    return CurvePoint(
        share=float(answers.asked(unsure).mean()),
        unsure=unsure,
        seconds=seconds,
        accuracy=own[0],
        log_loss=own[1],
        mean_accuracy=mean[0],
        mean_log_loss=mean[1],
    )


def _groups_of(reviews: LabelledReviews) -> list[tuple[str, npt.NDArray[np.int64]]]:
    """Return name and rows of each group, the largest first; no group without a column."""
    if reviews.groups is None:
        return []
    groups = named_groups(reviews.groups)
    found = [(name, np.flatnonzero(groups.places == at)) for at, name in enumerate(groups.names)]
    return sorted(found, key=lambda each: (-len(each[1]), each[0]))


def _halves(
    reviews: LabelledReviews, groups: Sequence[tuple[str, npt.NDArray[np.int64]]]
) -> _Flags:
    """Return which reviews are in the second half, (reviews,), by text or by small group."""
    found = np.array([_is_odd(text.as_py()) for text in reviews.texts], np.bool_)
    for name, rows in groups:
        if len(rows) < FEWEST_OF_GROUP and name != NO_GROUP:
            found[rows] = _is_odd(name)
    return found


def _is_odd(text: str) -> bool:
    return bool(sha256(text.encode("utf-8", "surrogatepass")).digest()[0] & 1)


def _best(
    name: str, answers: _Answers, in_second_half: _Flags, *, curve: Sequence[CurvePoint]
) -> BestRange:
    """Choose the best range on all reviews, and measure what each half chose on the other."""
    halves = [np.flatnonzero(in_second_half == each) for each in (False, True)]
    choices = [_chosen(answers.only(rows)) for rows in halves]
    together = answers.first.copy()
    asked = np.zeros(len(together), np.bool_)
    for chosen, other in zip(choices, halves[::-1], strict=True):
        part = answers.only(other)
        together[other] = part.with_choice(chosen)
        asked[other] = part.asked(chosen.unsure)
    before = answers.right(answers.first)
    after = answers.right(together)
    comparison = compare("both", after, reference="first", reference_right=before)
    final = _chosen(answers)
    gains = comparison.difference > 0 and comparison.p_value < _SURE
    helps = gains and final.unsure is not None
    share = float(asked.mean())
    return BestRange(
        name=name,
        reviews=len(together),
        helps=helps,
        unsure=final.unsure if helps else None,
        takes_mean=final.takes_mean and helps,
        of_halves=(choices[0].unsure, choices[1].unsure),
        share=share,
        seconds=float(
            np.interp(share, [each.share for each in curve], [each.seconds for each in curve])
        ),
        accuracy_alone=float(before.mean()),
        accuracy=float(after.mean()),
        log_loss_alone=log_loss(answers.labels, answers.first),
        log_loss=log_loss(answers.labels, together),
        comparison=comparison,
    )


def _chosen(answers: _Answers) -> _Choice:
    """Choose the smallest range that is as accurate as the best one, up to a standard error."""
    tried = [*_choices(answers)] if len(answers.first) else []
    if not tried:
        return _Choice(None)
    rights = [answers.right(answers.with_choice(each)) for each in tried]
    counts = [int(right.sum()) for right in rights]
    best = rights[int(np.argmax(counts))]
    shares: Numbers = np.array([answers.asked(each.unsure).mean() for each in tried])
    near = [at for at, right in enumerate(rights) if _is_near(right, best)]
    smallest = min(shares[at] for at in near)
    return tried[max((at for at in near if shares[at] == smallest), key=lambda at: counts[at])]


def _choices(answers: _Answers) -> Iterator[_Choice]:
    for unsure in dict.fromkeys(answers.range_of(share) for share in _TRIED):
        yield _Choice(unsure)
        if unsure is not None:
            yield _Choice(unsure, takes_mean=True)


def _is_near(right: Right, best: Right) -> bool:
    """Whether answers are at most a standard error of the difference below the best ones."""
    lost = int(np.count_nonzero(best & ~right))
    won = int(np.count_nonzero(right & ~best))
    return lost - won <= sqrt(lost + won - (lost - won) ** 2 / len(right))


def check_models(models: int, predictions: int, *, is_suite: bool) -> None:
    """Raise `UsageError` unless one first model answers labelled reviews."""
    if is_suite:
        raise UsageError(
            "--second: needs labelled reviews, so it cannot be combined with --behaviour. Name a "
            "file of reviews."
        )
    if models > 1 or predictions:
        raise UsageError(
            "--second: needs one first model alone. Name one model, and leave out --predictions."
        )
