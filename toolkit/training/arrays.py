"""From reviews to the arrays that a network is fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolkit.errors import TrainingError
from toolkit.text import Ids, Vocabulary
from toolkit.training.presets.base import Preset
from toolkit.training.sources.reviews import Labels, Reviews


@dataclass(frozen=True)
class Part:
    """Reviews as a network takes them.

    Attributes
    ----------
    ids : Ids
        (reviews, max_tokens) int32, padded in front with 0.
    labels : Labels
        (reviews,) int8, 1 positive and 0 negative.
    """

    ids: Ids
    labels: Labels


@dataclass(frozen=True)
class Arrays:
    """A vocabulary, and the reviews in its ids; `held_out` is None when nothing is."""

    vocabulary: Vocabulary
    fitted: Part
    held_out: Part | None

    def samples(self, count: int, seed: int) -> Iterator[tuple[str, int]]:
        """Some random fitted rows as the network sees them: words, and the label."""
        ids, labels = self.fitted.ids, self.fitted.labels
        drawn = np.random.default_rng(seed).choice(len(ids), min(count, len(ids)), replace=False)
        return ((self.vocabulary.decode(ids[row]), int(labels[row])) for row in drawn)


def encode(preset: Preset, fitted: Reviews, held_out: Reviews | None) -> Arrays:
    """Build the vocabulary and turn reviews into ids.

    The held-out reviews have no say in the vocabulary: they stand for reviews to come, and those
    too hold words that were never counted.

    Parameters
    ----------
    preset : Preset
        Says how many words and how many tokens of a review the network knows.
    fitted : Reviews
        What the network is fitted on.
    held_out : Reviews | None
        What it is judged on meanwhile.

    Returns
    -------
    Arrays
        With a vocabulary that has at least one word.

    Raises
    ------
    TrainingError
        If the reviews to fit on have no words.
    """
    vocabulary = Vocabulary.build(fitted.texts, preset.vocabulary_size)
    if not len(vocabulary.words):
        raise TrainingError(
            f"{fitted.name}: no words in the {len(fitted)} reviews to fit on, only punctuation "
            "and white space. Give reviews with words, or choose the column with --text-column."
        )
    return Arrays(
        vocabulary,
        encode_part(preset, vocabulary, fitted),
        None if held_out is None else encode_part(preset, vocabulary, held_out),
    )


def encode_part(preset: Preset, vocabulary: Vocabulary, reviews: Reviews) -> Part:
    """Turn reviews into ids of a vocabulary."""
    ids = vocabulary.encode(reviews.texts, last=preset.max_tokens).padded(preset.max_tokens)
    return Part(ids, reviews.labels)
