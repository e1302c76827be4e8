"""Which way to adapt: the simplest that is not worse than the best one beyond noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.training.adapt.fit import Examples, Floats, Prior, Weights, fit, losses
from toolkit.training.split import Split

AS_IT_IS, SCALE_AND_BIAS, WORDS = "as it is", "scale and bias", "words"

# Deviations of the weights of words. Of presence, counts, and counts over √(n + 1), the last gave
# the lowest log loss, and never is the best strength at an end of these.
_STRENGTHS = (0.2, 0.4, 0.8, 1.6, 3.2)

# In standard errors of the mean difference of the losses. With 1, the start was kept as it is where
# 20 to 50 labels would have made its probabilities much better; with 0, chance made some worse.
_NOISE = 0.5


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
    nothing = Candidate(AS_IT_IS, None, examples.start)
    priors = [Prior(expects_share=True), Prior(expects_share=False)]
    scaled = _best(SCALE_AND_BIAS, priors, examples, splits)
    expects_share = scaled.prior is not None and scaled.prior.expects_share
    priors = [Prior(expects_share, strength) for strength in _STRENGTHS]
    candidates = (nothing, scaled, _best(WORDS, priors, examples, splits))
    best = min(candidates, key=lambda one: float(one.losses(examples).mean()))
    kept = next(one for one in candidates if not _is_worse(one, best, examples))
    return Choice(kept, candidates, fit(examples, kept.prior))


def _best(name: str, priors: list[Prior], examples: Examples, splits: Sequence[Split]) -> Candidate:
    """Choose the prior with the lowest cross-validated loss, of equal ones the first."""
    tried = [Candidate(name, prior, _cross_validated(examples, splits, prior)) for prior in priors]
    return min(tried, key=lambda one: float(one.losses(examples).mean()))


def _cross_validated(examples: Examples, splits: Sequence[Split], prior: Prior) -> Floats:
    found = np.empty(len(examples))
    for split in splits:
        weights = fit(examples.take(split.fitted), prior)
        found[split.held_out] = weights.logits(examples.take(split.held_out))
    return found


def _is_worse(one: Candidate, best: Candidate, examples: Examples) -> bool:
    """Whether the mean loss of one is higher than that of the best, beyond noise."""
    more = one.losses(examples) - best.losses(examples)
    error = more.std(ddof=1) / np.sqrt(len(more))
    return bool(more.mean() > _NOISE * error)
