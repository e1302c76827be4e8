"""What is fitted to the logits of a network, on reviews that it was not fitted on.

A scale and a bias by log loss: Platt scaling; the scale alone is temperature scaling (Guo et al.,
On Calibration of Modern Neural Networks, ICML 2017). Stars and the neutral range: on reviews as
they come, with no weights for domains or labels, as four stars are likelier than one where most
reviewers are content.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.metrics import calibration_error, log_loss
from toolkit.evaluation.ratings import (
    classes_of,
    macro_f1,
    macro_f1_of,
    star_figures,
)
from toolkit.model.classes import NEUTRAL_OF_THREE, POSITIVE_OF_THREE, is_positive
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

# Below the first number the two together would follow chance; below the second, the scale would.
FEWEST_FOR_BIAS = 100
FEWEST_FOR_SCALE = 30

# More than any network needs. Reviews that a network separates without a mistake have no best
# scale: the greater, the better.
_LARGEST_SCALE = 20.0
_LARGEST_BIAS = 10.0

# Of the log loss of reviews left out, beyond which a calibration does harm; less is noise.
_LARGEST_RISE = 0.001

_FOLDS = 5

_Array = npt.NDArray[Any]


def fit_calibration(
    labels: _Array, probability: _Array, groups: _Array | None = None, weights: _Array | None = None
) -> Calibration:
    """Find the scale and the bias that make the probabilities of held-out reviews most likely.

    `labels` (reviews,) are from 0 to 1, soft or not. With `groups`, the error is measured on other
    groups than those fitted on. `weights` (reviews,) say how much each counts, in the fit and in
    what is measured. The note says why the scale alone or nothing is fitted.
    """
    labels = labels.astype(np.float64)
    weights = np.ones(len(labels)) if weights is None else weights.astype(np.float64)
    scale, bias, note = _fit(labels, probability, weights)
    unseen: _Array | None = probability
    if (scale, bias) != (1.0, 0.0):
        groups = np.arange(len(labels)) if groups is None else groups
        unseen = _unseen(labels, probability, groups, weights)
    before, after = (_measured(log_loss, labels, found, weights) for found in (probability, unseen))
    if before is not None and after is not None and after > before + _LARGEST_RISE:
        scale, bias, unseen = 1.0, 0.0, probability
        note = f"not calibrated: it would raise the log loss on other reviews to {after:.4f}"
        after = before
    return Calibration(
        scale=scale,
        bias=bias,
        fitted_on=len(labels),
        error_before=_measured(calibration_error, labels, probability, weights),
        error=_measured(calibration_error, labels, unseen, weights),
        log_loss_before=before,
        log_loss=after,
        by_probability=True,
        note=note or None,
    )


def _fit(labels: _Array, probability: _Array, weights: _Array) -> tuple[float, float, str]:
    few = f"{len(labels)} reviews are too few"
    if len(labels) < FEWEST_FOR_SCALE:
        return 1.0, 0.0, f"not calibrated: {few}"
    if not 0 < np.mean(is_positive(labels)) < 1:
        return 1.0, 0.0, "not calibrated: all reviews have one label"
    has_bias = len(labels) >= FEWEST_FOR_BIAS
    columns = [logits_of(probability), np.ones(len(labels))]
    scale, bias = (*_coefficients(columns if has_bias else columns[:1], labels, weights), 0.0)[:2]
    if not (0 < scale <= _LARGEST_SCALE and abs(bias) <= _LARGEST_BIAS):
        return 1.0, 0.0, f"not calibrated: no sound fit (scale {scale:.3g}, bias {bias:.3g})"
    return scale, bias, "" if has_bias else f"scale only: {few} for a bias"


def _coefficients(
    columns: list[_Array], targets: _Array, weights: _Array, prior: float = 0.0
) -> list[float]:
    """Fit by log loss what each column, (reviews,), counts: 1 for the first, 0 for the others.

    The `prior` is of the squared distance from these numbers, beside the sum of the log losses.
    """
    from scipy.optimize import minimize

    def loss(line: _Array) -> tuple[float, _Array]:
        # Column by column: a product of matrices adds up in another order.
        sums = sum(share * column for share, column in zip(line, columns, strict=True))
        excess, far = (sigmoid(sums) - targets) * shares, line - start
        losses = np.logaddexp(0, sums) - targets * sums
        slopes = np.array([np.sum(excess * column) for column in columns])
        return float(np.sum(shares * losses) + near * far @ far), slopes + 2 * near * far

    shares, near = weights / weights.sum(), prior / len(weights)
    start = np.eye(len(columns))[0]
    return [float(value) for value in minimize(loss, start, jac=True, method="BFGS").x]


def _unseen(labels: _Array, probability: _Array, groups: _Array, weights: _Array) -> _Array | None:
    """Give the probabilities after fits on other groups; None if they are too few."""
    from sklearn.model_selection import GroupKFold

    if len(labels) < 2 * FEWEST_FOR_SCALE or len(np.unique(groups)) < _FOLDS:
        return None
    changed = np.empty(len(labels))
    for fitted, left_out in GroupKFold(_FOLDS).split(labels, groups=groups):
        scale, bias, _ = _fit(labels[fitted], probability[fitted], weights[fitted])
        changed[left_out] = rescaled(probability[left_out], scale, bias)
    return changed


def unseen_probabilities(held_out: HeldOut, found: Calibration) -> _Array:
    """Return the probabilities of held-out reviews, (reviews,), calibrated by others of them.

    If they are too few to leave some out, their own calibration is used.
    """
    if not found.is_changed:
        return held_out.probability
    labels, weights = held_out.labels.astype(np.float64), held_out.weights.astype(np.float64)
    unseen = _unseen(labels, held_out.probability, held_out.groups, weights)
    return rescaled(held_out.probability, found.scale, found.bias) if unseen is None else unseen


def _measured(
    measure: Callable[[_Array, _Array, _Array], float],
    labels: _Array,
    probability: _Array | None,
    weights: _Array,
) -> float | None:
    if probability is None or not len(labels):
        return None
    return measure(labels, probability, weights)


FEWEST_RATED = 200  # reviews with stars; of fewer the two ends follow chance
FEWEST_ON_A_SIDE = 20  # reviews with more, and with no more, than a number of stars
FEWEST_NEUTRAL = 50
_STEPS = 100  # ends of a neutral range are hundredths
_PRIOR = 1.0  # of a slope's squared distance from 1, of a bias and a length, beside the log losses


@dataclass(frozen=True)
class Rated:
    """Reviews, (reviews,), that a network was not fitted on, with stars and three classes."""

    logits: _Array  # calibrated
    known_tokens: _Array  # of which the network knows the word
    stars: _Array  # 1 to 5, NaN where there are none
    classes: _Array  # negative, neutral or positive, by the labels
    weights: _Array  # how much each counts
    groups: _Array  # what belongs together
    domains: _Array  # such as hotels and phones

    @classmethod
    def of(
        cls, held_out: HeldOut, calibration: Calibration, neutral: HeldOut | None, share: float
    ) -> Rated:
        """Put held-out reviews and neutral ones together, with the logits of the kept network.

        The probabilities of the neutral ones are calibrated already. Each counts as much as the
        `share` of the other reviews that is held out.
        """

        def columns(part: HeldOut, logits: _Array, classes: _Array, weight: float) -> Any:
            weights = np.full(len(logits), weight)
            told = (part.known_tokens, part.stars, classes, weights, part.groups, part.domains)
            return (logits, *told)

        logits = calibration.scale * logits_of(held_out.probability) + calibration.bias
        parts = [columns(held_out, logits, held_out.labels * POSITIVE_OF_THREE, 1.0)]
        if neutral is not None:
            found = logits_of(neutral.probability)
            parts.append(columns(neutral, found, np.full(len(found), NEUTRAL_OF_THREE), share))
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def take(self, rows: _Array) -> Rated:
        """Give the reviews at some positions."""
        return Rated(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


class NotFitted(Exception):  # noqa: N818 (no error, only a reason)
    """Why stars or a neutral range cannot be fitted."""


def fit_stars(rated: Rated) -> StarScale:
    """Fit the stars; `NotFitted` if few reviews have some, or they do not rise with the logit."""
    rated = rated.take(np.flatnonzero(~np.isnan(rated.stars)))
    given = rounded_stars(rated.stars)
    sides = [min(np.sum(given > k), np.sum(given <= k)) for k in range(1, MOST)]
    if len(given) < FEWEST_RATED:
        raise NotFitted(f"{len(given)} held-out reviews have some, and {FEWEST_RATED} are needed")
    if min(sides) < FEWEST_ON_A_SIDE:
        raise NotFitted(
            f"with more than {1 + int(np.argmin(sides))} stars, or with no more, there are "
            f"{min(sides)} held-out reviews, and {FEWEST_ON_A_SIDE} are needed"
        )
    scale = _scale_of(rated)
    if min(scale.slopes) <= 0:
        raise NotFitted("they do not rise with the probability of positive")
    stars, likely = np.empty(len(given)), np.empty(len(given), np.int64)
    for fitted, left_out in _splits(rated):
        other = _scale_of(rated.take(fitted))
        told = rated.logits[left_out], rated.known_tokens[left_out]
        stars[left_out], likely[left_out] = other.stars(*told), other.most_likely(*told)
    found = star_figures(rated.stars, stars, likely, rated.weights)
    return StarScale(
        *(scale.slopes, scale.biases, scale.lengths, found.reviews),
        *(found.exact, found.within_one, found.mean_error),
    )


def fit_neutral(rated: Rated) -> NeutralRange:
    """Fit the neutral range, of the best macro F1 of the three classes; `NotFitted` if it cannot.

    It holds the probability 0.5, from which reviews are positive. Domains without neutral reviews
    say nothing of it: somebody has left them out.
    """
    with_neutral = np.unique(rated.domains[rated.classes == NEUTRAL_OF_THREE])
    rated = rated.take(np.flatnonzero(np.isin(rated.domains, with_neutral)))
    counts = np.bincount(rated.classes, minlength=3)
    if min(counts) < FEWEST_NEUTRAL:
        raise NotFitted(
            f"of negative, neutral and positive there are {counts[0]}, {counts[1]} and {counts[2]} "
            f"held-out reviews, and {FEWEST_NEUTRAL} of each are needed"
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
        raise NotFitted("none does better on other reviews than {:g} to {:g}".format(*FIXED_RANGE))
    return NeutralRange(low, high, len(probability), int(counts[NEUTRAL_OF_THREE]), own, usual)


def _scale_of(rated: Rated) -> StarScale:
    given, length = rounded_stars(rated.stars), length_of(rated.known_tokens)
    inside = np.clip(rated.logits, -LARGEST_LOGIT, LARGEST_LOGIT)
    columns = [inside, np.ones(len(given)), length]
    found = [_coefficients(columns, given > k, rated.weights, _PRIOR) for k in range(1, MOST)]
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
    """Give rows to fit on, and rows of other groups."""
    from sklearn.model_selection import GroupKFold, KFold

    if len(np.unique(rated.groups)) < _FOLDS:
        return KFold(_FOLDS, shuffle=True, random_state=1).split(rated.logits)
    return GroupKFold(_FOLDS).split(rated.logits, groups=rated.groups)
