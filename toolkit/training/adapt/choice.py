"""Which way to adapt: the simplest that is not worse than the best one beyond noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.training.adapt.fit import Examples, Floats, Prior, Weights, fit, losses
from toolkit.training.split import Split

AS_IT_IS, SCALE_AND_BIAS, WORDS = "as it is", "scale and bias", "words"

# Deviations of the weights of words, the one to prefer first: on domains that a start did not know,
# it never did harm. Few labels say little about the best one, and the others are as likely chance.
_STRENGTHS = (0.8, 0.4, 1.6, 0.2, 3.2)

# What counts as noise, in standard errors of the mean difference of the losses. Between strengths,
# less let 20 labels choose the ends of the list, at a cost of 0.3 points. For the start to be kept,
# with 1 it was where 20 to 50 labels would have made its probabilities much better.
_NOISE_OF_PRIORS, _NOISE_OF_WORDS, _NOISE_OF_START = 2.0, 1.0, 0.25
_FEWEST_FOR_WORDS = 8  # reviews of either label; fewer made words lose up to a point


@dataclass(frozen=True)
class Candidate:
    """A way to adapt: the best of its priors, None for no change, and its cross-validated logits.

    A review's logit, (reviews,) float64, comes from a fit on other reviews.
    """

    name: str
    prior: Prior | None
    logits: Floats

    def losses(self, examples: Examples) -> Floats:
        """Give the loss of each review, (reviews,)."""
        return losses(self.logits, examples.targets)


@dataclass(frozen=True)
class Choice:
    """The candidate that is kept, of all, the simplest first; and its weights by all reviews."""

    kept: Candidate
    candidates: tuple[Candidate, ...]
    weights: Weights


def choose(examples: Examples, splits: Sequence[Split]) -> Choice:
    """Cross-validate all candidates, and fit the one to keep on all reviews."""

    def tried(name: str, *priors: Prior) -> Candidate:
        logits = [_cross_validated(examples, splits, prior) for prior in priors]
        found = [Candidate(name, *one) for one in zip(priors, logits, strict=True)]
        return _first(found, examples, [_NOISE_OF_PRIORS] * len(found))

    scaled = tried(SCALE_AND_BIAS, Prior(expects_share=True), Prior(expects_share=False))
    candidates = [Candidate(AS_IT_IS, None, examples.start), scaled]
    positives = np.count_nonzero(examples.targets >= 0.5)
    if min(positives, len(examples) - positives) >= _FEWEST_FOR_WORDS:
        expects_share = scaled.prior is None or scaled.prior.expects_share
        priors = [Prior(expects_share, strength) for strength in _STRENGTHS]
        candidates.append(tried(WORDS, *priors))
    kept = _first(candidates, examples, [_NOISE_OF_START, _NOISE_OF_WORDS, 0.0])
    return Choice(kept, tuple(candidates), fit(examples, kept.prior))


def _first(
    candidates: Sequence[Candidate], examples: Examples, noises: Sequence[float]
) -> Candidate:
    """Give the first that is not worse than the best one beyond its noise, in standard errors."""
    losses_of = [one.losses(examples) for one in candidates]
    best = min(losses_of, key=lambda found: float(found.mean()))
    for one, found, noise in zip(candidates, losses_of, noises, strict=False):
        more = found - best
        if more.mean() <= noise * more.std(ddof=1) / np.sqrt(len(more)):
            return one
    return candidates[-1]


def _cross_validated(examples: Examples, splits: Sequence[Split], prior: Prior) -> Floats:
    found = np.empty(len(examples))
    for split in splits:
        weights = fit(examples.take(split.fitted), prior)
        found[split.held_out] = weights.logits(examples.take(split.held_out))
    return found
