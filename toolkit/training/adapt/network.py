"""From a start and labelled reviews to the adapted network, without files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

import numpy as np
import pyarrow as pa

from toolkit.model.logits import logits_of
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.adapt.choice import AS_IT_IS, WORDS, Choice, choose
from toolkit.training.adapt.fit import Examples, positive_share
from toolkit.training.adapt.start import Start
from toolkit.training.adapt.words import extended, word_shares
from toolkit.training.predictions import in_batches
from toolkit.training.result import Probabilities
from toolkit.training.sources.reviews import Reviews
from toolkit.training.split import Split


@dataclass(frozen=True)
class AdaptedNetwork:
    """A network, (batch, tokens) int32 → (batch, 1) float32, its words, and how it came about.

    Reviews with a probability from `threshold` are positive. It is the share of positives, from
    which a review is more positive than most: so both labels are found, however rare one is.
    """

    network: Any
    start: Start
    vocabulary: Vocabulary
    vocabulary_size: int  # every token id is below it
    threshold: float
    choice: Choice
    examples: Examples

    def probabilities(self, texts: pa.ChunkedArray) -> Probabilities:
        """Give the probabilities of reviews, (reviews,) float32."""
        ids = self.start.encode(self.vocabulary, texts)
        return in_batches(lambda rows: self.network(rows, training=False), ids, self.start.width)


def adapt_network(start: Start, reviews: Reviews, splits: Sequence[Split]) -> AdaptedNetwork:
    """Choose by cross-validation how to adapt a network, and fit it on all reviews.

    Parameters
    ----------
    start : Start
        The network to begin with.
    reviews : Reviews
        The labelled reviews.
    splits : Sequence[Split]
        Which reviews each fold is fitted and measured on; each is held out once.

    Returns
    -------
    AdaptedNetwork
        The network, of which the start's own is a part or a copy.
    """
    from toolkit.networks import adapted
    from toolkit.networks.calibrated import calibrated

    words = extended(start.vocabulary, reviews.texts)
    examples = examples_of(start, words, reviews)
    choice = choose(examples, splits)
    kept, weights = choice.kept.name, choice.weights
    vocabulary, size, network = start.vocabulary, start.vocabulary_size, start.network
    if kept == WORDS:
        vocabulary, size = words, words.size
        of_words = weights.words.astype(np.float32)
        known = start.vocabulary.size
        network = adapted.freeze(network, known, of_words, weights.scale, weights.bias)
    elif kept != AS_IT_IS:
        network = calibrated(network, weights.scale, weights.bias)
    threshold = threshold_of(kept, start, examples)
    return AdaptedNetwork(network, start, vocabulary, size, threshold, choice, examples)


def examples_of(start: Start, words: Vocabulary, reviews: Reviews) -> Examples:
    """Let the start read reviews, with a vocabulary that begins with its own."""
    from toolkit.networks.calibrated import logits_of_network

    known = start.encode(start.vocabulary, reviews.texts)
    logits = in_batches(lambda rows: logits_of_network(start.network, rows), known, start.width)
    shares = word_shares(start.encode(words, reviews.texts), words.size)
    targets = reviews.targets.astype(np.float64)
    # A threshold other than a half is that of a start which was adapted to a share of positives.
    (odds,) = logits_of(np.array([start.threshold]))
    return Examples(logits.astype(np.float64), shares, targets, float(odds))


def threshold_of(candidate: str, start: Start, examples: Examples) -> float:
    """Say from which probability a candidate calls reviews positive, with four digits that count.

    That of the start, or the share of positives.
    """
    if candidate == AS_IT_IS:
        return start.threshold
    share = positive_share(examples.targets)
    return round(share, 3 - floor(log10(min(share, 1 - share))))
