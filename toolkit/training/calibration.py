"""Fits on the logits of a network, by reviews that the network was not fitted on.

Calibration fits a scale and a bias by log loss (Platt scaling); the scale alone is temperature
scaling (Guo et al., On Calibration of Modern Neural Networks, ICML 2017). Stars and the neutral
range are fitted to reviews as they come, without weights for domains or labels: four stars are
likelier than one where most reviewers are content.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from toolkit.classes import NEUTRAL_OF_THREE, POSITIVE_OF_THREE, is_positive
from toolkit.evaluation.metrics import calibration_error, log_loss
from toolkit.evaluation.ratings import (
    classes_of,
    macro_f1,
    macro_f1_of,
    star_figures,
)
from toolkit.model.stars import (
    FIXED_RANGE,
    LARGEST_LOGIT,
    MOST,
    NeutralRange,
    StarScale,
    length_of,
    logits_of,
    rescaled,
    rounded_stars,
    sigmoid,
)
from toolkit.model.training_facts import Calibration
from toolkit.training.result import HeldOut

# With fewer reviews, scale and bias, or the scale alone, would follow chance.
FEWEST_FOR_BIAS = 100
FEWEST_FOR_SCALE = 30

# More than any network needs. If a network separates all reviews without a mistake, there is no
# best scale: the larger, the better.
_LARGEST_SCALE = 20.0
_LARGEST_BIAS = 10.0

# A calibration that raises the log loss of other reviews by more than this is dropped; less is
# noise.
_LARGEST_RISE = 0.001

_FOLDS = 5

_Array = npt.NDArray[Any]


class _Line(NamedTuple):
    """A change of the logits, ``scale · z + bias``, and why it is not a full fit, or ""."""

    scale: float = 1.0
    bias: float = 0.0
    note: str = ""

    @property
    def is_changed(self) -> bool:
        return self.scale != 1.0 or self.bias != 0.0


def fit_calibration(
    labels: _Array, probability: _Array, groups: _Array | None = None, weights: _Array | None = None
) -> Calibration:
    """Fit the scale and the bias that make the labels of held-out reviews most likely.

    `labels` (reviews,) are from 0 to 1, soft or not; `probability` (reviews,) is not
    calibrated. With `groups` (reviews,), the error is measured on groups that were not fitted on.
    `weights` (reviews,) count in the fit and in the measures. The note says why only the scale,
    or nothing, was fitted.
    """
    labels = labels.astype(np.float64)
    weights = np.ones(len(labels)) if weights is None else weights.astype(np.float64)
    line = _fit(labels, probability, weights)
    unseen: _Array | None = probability
    if line.is_changed:
        groups = np.arange(len(labels)) if groups is None else groups
        unseen = _unseen(labels=labels, probability=probability, groups=groups, weights=weights)

    def measured(
        measure: Callable[[_Array, _Array, _Array], float], probability: _Array | None
    ) -> float | None:
        if probability is None or not len(labels):
            return None
        return measure(labels, probability, weights)

    before = measured(log_loss, probability)
    after = measured(log_loss, unseen)
    if before is not None and after is not None and after > before + _LARGEST_RISE:
        note = f"not calibrated: it would raise the log loss on other reviews to {after:.4f}"
        line = _Line(note=note)
        unseen = probability
        after = before
    return Calibration(
        scale=line.scale,
        bias=line.bias,
        fitted_on=len(labels),
        error_before=measured(calibration_error, probability),
        error=measured(calibration_error, unseen),
        log_loss_before=before,
        log_loss=after,
        by_probability=True,
        note=line.note or None,
    )


def _fit(labels: _Array, probability: _Array, weights: _Array) -> _Line:
    few = f"{len(labels)} reviews are too few"
    if len(labels) < FEWEST_FOR_SCALE:
        return _Line(note=f"not calibrated: {few}")
    if not 0 < np.mean(is_positive(labels)) < 1:
        return _Line(note="not calibrated: all reviews have one label")
    has_bias = len(labels) >= FEWEST_FOR_BIAS
    columns = [logits_of(probability)]
    if has_bias:
        columns.append(np.ones(len(labels)))
    scale, *biases = _coefficients(columns, labels, weights)
    bias = biases[0] if biases else 0.0
    if not (0 < scale <= _LARGEST_SCALE and abs(bias) <= _LARGEST_BIAS):
        return _Line(note=f"not calibrated: no sound fit (scale {scale:.3g}, bias {bias:.3g})")
    return _Line(scale, bias, "" if has_bias else f"scale only: {few} for a bias")


def _coefficients(
    columns: list[_Array], targets: _Array, weights: _Array, prior: float = 0.0
) -> list[float]:
    """Fit one coefficient per column by log loss, starting at 1 for the first and 0 for the rest.

    Each column and the targets are (reviews,). `prior` weighs the squared distance from the start
    against the sum of the log losses.
    """
    from scipy.optimize import minimize

    def loss(line: _Array) -> tuple[float, _Array]:
        # Column by column: a product of matrices adds up in another order.
        sums = sum(share * column for share, column in zip(line, columns, strict=True))
        excess = (sigmoid(sums) - targets) * shares
        far = line - start
        losses = np.logaddexp(0, sums) - targets * sums
        slopes = np.array([np.sum(excess * column) for column in columns])
        return float(np.sum(shares * losses) + near * far @ far), slopes + 2 * near * far

    shares = weights / weights.sum()
    near = prior / len(weights)
    start = np.eye(len(columns))[0]
    return [float(value) for value in minimize(loss, start, jac=True, method="BFGS").x]


def _unseen(labels: _Array, probability: _Array, groups: _Array, weights: _Array) -> _Array | None:
    """Return probabilities calibrated by fits on other groups; None if reviews are too few."""
    from sklearn.model_selection import GroupKFold

    if len(labels) < 2 * FEWEST_FOR_SCALE or len(np.unique(groups)) < _FOLDS:
        return None
    changed = np.empty(len(labels))
    for fitted, left_out in GroupKFold(_FOLDS).split(labels, groups=groups):
        line = _fit(labels[fitted], probability[fitted], weights[fitted])
        changed[left_out] = rescaled(probability[left_out], line.scale, line.bias)
    return changed


def unseen_probabilities(held_out: HeldOut, found: Calibration) -> _Array:
    """Return the probabilities of held-out reviews, (reviews,), each calibrated by the others.

    If the reviews are too few for that, `found`, the calibration by all of them, is used.
    """
    if not found.is_changed:
        return held_out.probability
    labels = held_out.labels.astype(np.float64)
    weights = held_out.weights.astype(np.float64)
    unseen = _unseen(
        labels=labels,
        probability=held_out.probability,
        groups=held_out.groups,
        weights=weights,
    )
    return rescaled(held_out.probability, found.scale, found.bias) if unseen is None else unseen


FEWEST_RATED = 200  # reviews with stars; with fewer, the coefficients of 1 and 5 follow chance
FEWEST_ON_A_SIDE = 20  # reviews above each border between two numbers of stars, and below it
FEWEST_NEUTRAL = 50  # reviews of each class
_STEPS = 100  # the ends of a neutral range are hundredths
_PRIOR = 1.0  # of `_coefficients`, for slopes around 1, and biases and lengths around 0


@dataclass(frozen=True)
class Rated:
    """Reviews that a network was not fitted on, with stars and three classes; all (reviews,)."""

    logits: _Array  # calibrated
    known_tokens: _Array  # number of tokens whose word the network knows
    stars: _Array  # 1 to 5, NaN if not given
    classes: _Array  # negative, neutral or positive, by the labels
    weights: _Array  # how much each review counts
    groups: _Array  # reviews with the same number are never split
    domains: _Array  # such as hotels and phones

    @classmethod
    def of(
        cls, held_out: HeldOut, calibration: Calibration, neutral: HeldOut | None, share: float
    ) -> Rated:
        """Join held-out reviews and neutral reviews, with the logits of the kept network.

        The probabilities of `neutral` are calibrated already. Only the `share` of the other
        reviews is held out, so each neutral review weighs `share`.
        """
        found = cls(
            logits=calibration.scale * logits_of(held_out.probability) + calibration.bias,
            known_tokens=held_out.known_tokens,
            stars=held_out.stars,
            classes=held_out.labels * POSITIVE_OF_THREE,
            weights=np.ones(len(held_out.labels)),
            groups=held_out.groups,
            domains=held_out.domains,
        )
        if neutral is None:
            return found
        count = len(neutral.labels)
        added = cls(
            logits=logits_of(neutral.probability),
            known_tokens=neutral.known_tokens,
            stars=neutral.stars,
            classes=np.full(count, NEUTRAL_OF_THREE),
            weights=np.full(count, share),
            groups=neutral.groups,
            domains=neutral.domains,
        )
        return cls(
            **{
                name: np.concatenate([getattr(found, name), getattr(added, name)])
                for name in cls.__dataclass_fields__
            }
        )

    def take(self, rows: _Array) -> Rated:
        """Return the reviews at some positions."""
        return Rated(**{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


class NotFitted(Exception):  # noqa: N818 (no error, only a reason)
    """Stars or a neutral range cannot be fitted; the message says why."""


def fit_stars(rated: Rated) -> StarScale:
    """Fit the stars; raise `NotFitted` if they are too few or do not rise with the logit."""
    rated = rated.take(np.flatnonzero(~np.isnan(rated.stars)))
    given = rounded_stars(rated.stars)
    sides = [min(np.sum(given > k), np.sum(given <= k)) for k in range(1, MOST)]
    if len(given) < FEWEST_RATED:
        raise NotFitted(f"{len(given)} held-out reviews have stars, and {FEWEST_RATED} are needed")
    if min(sides) < FEWEST_ON_A_SIDE:
        raise NotFitted(
            f"{min(sides)} held-out reviews are on one side of {1 + int(np.argmin(sides))}.5 "
            f"stars, and {FEWEST_ON_A_SIDE} are needed on each side"
        )
    scale = _scale_of(rated)
    if min(scale.slopes) <= 0:
        raise NotFitted("stars do not rise with the probability of positive")
    stars = np.empty(len(given))
    likely = np.empty(len(given), np.int64)
    for fitted, left_out in _splits(rated):
        other = _scale_of(rated.take(fitted))
        logits = rated.logits[left_out]
        known_tokens = rated.known_tokens[left_out]
        stars[left_out] = other.stars(logits, known_tokens)
        likely[left_out] = other.most_likely(logits, known_tokens)
    found = star_figures(given=rated.stars, stars=stars, most_likely=likely, weights=rated.weights)
    return replace(
        scale,
        fitted_on=found.reviews,
        exact=found.exact,
        within_one=found.within_one,
        mean_error=found.mean_error,
    )


def fit_neutral(rated: Rated) -> NeutralRange:
    """Fit the neutral range with the best macro F1 of the three classes.

    The range contains 0.5, the border between negative and positive. Domains without neutral
    reviews are left out: somebody has removed theirs. Raises `NotFitted` if reviews are too few, or
    if no range is better than the fixed one.
    """
    with_neutral = np.unique(rated.domains[rated.classes == NEUTRAL_OF_THREE])
    rated = rated.take(np.flatnonzero(np.isin(rated.domains, with_neutral)))
    counts = np.bincount(rated.classes, minlength=3)
    if min(counts) < FEWEST_NEUTRAL:
        raise NotFitted(
            f"{counts[0]} negative, {counts[1]} neutral and {counts[2]} positive reviews are held "
            f"out, and {FEWEST_NEUTRAL} of each are needed"
        )
    probability = sigmoid(rated.logits)
    low, high = _best_range(probability, rated.classes, rated.weights)
    found = np.empty(len(probability), np.int64)
    for fitted, left_out in _splits(rated):
        other = _best_range(probability[fitted], rated.classes[fitted], rated.weights[fitted])
        found[left_out] = classes_of(probability[left_out], other)
    fixed = classes_of(probability, FIXED_RANGE)
    own, usual = (macro_f1(rated.classes, each, rated.weights) for each in (found, fixed))
    if own < usual:
        low, high = FIXED_RANGE
        raise NotFitted(f"on other reviews, no range is better than {low:g} to {high:g}")
    return NeutralRange(
        low=low,
        high=high,
        fitted_on=len(probability),
        neutral=int(counts[NEUTRAL_OF_THREE]),
        macro_f1=own,
        macro_f1_of_fixed=usual,
    )


def _scale_of(rated: Rated) -> StarScale:
    given = rounded_stars(rated.stars)
    length = length_of(rated.known_tokens)
    inside = np.clip(rated.logits, -LARGEST_LOGIT, LARGEST_LOGIT)
    columns = [inside, np.ones(len(given)), length]
    found = [
        _coefficients(
            columns=columns,
            targets=given > k,
            weights=rated.weights,
            prior=_PRIOR,
        )
        for k in range(1, MOST)
    ]
    slopes, biases, lengths = zip(*found, strict=True)
    return StarScale(slopes, biases, lengths)


def _best_range(probability: _Array, classes: _Array, weights: _Array) -> tuple[float, float]:
    """Try all ranges of hundredths around 0.5 that leave something on both sides."""
    # Weights of each class below each hundredth, (3, steps + 1).
    cells = np.minimum((probability * _STEPS).astype(np.int64), _STEPS - 1)
    counts = np.zeros((3, _STEPS))
    np.add.at(counts, (classes, cells), weights)
    below = np.pad(np.cumsum(counts, axis=1), ((0, 0), (1, 0)))
    half = _STEPS // 2

    def score(ends: tuple[int, int]) -> float:
        low, high = (below[:, end] for end in ends)
        return macro_f1_of(np.stack([low, high - low, below[:, -1] - high], axis=1))

    pairs = [(low, high) for low in range(1, half + 1) for high in range(half, _STEPS)]
    low, high = max((pair for pair in pairs if pair[0] < pair[1]), key=score)
    return low / _STEPS, high / _STEPS


def _splits(rated: Rated) -> Any:
    """Return pairs of rows to fit on and rows of other groups, in folds."""
    from sklearn.model_selection import GroupKFold, KFold

    if len(np.unique(rated.groups)) < _FOLDS:
        return KFold(_FOLDS, shuffle=True, random_state=1).split(rated.logits)
    return GroupKFold(_FOLDS).split(rated.logits, groups=rated.groups)
