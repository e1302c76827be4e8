"""From reviews to the arrays that a network is fitted on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from toolkit.errors import TrainingError
from toolkit.text.vocabulary import Ids, Vocabulary
from toolkit.training.material import Material
from toolkit.training.presets.base import Preset
from toolkit.training.sources.reviews import Labels, Reviews, Targets


@dataclass(frozen=True)
class Part:
    """Reviews as a network takes them.

    Attributes
    ----------
    ids : Ids
        (reviews, max_tokens) int32, padded in front with 0.
    labels : Labels
        (reviews,) int8, 1 positive and 0 negative.
    targets : Targets | None
        (reviews,) float32, the probabilities to fit in place of the labels, if they differ.
    """

    ids: Ids
    labels: Labels
    targets: Targets | None = None


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


def encode(preset: Preset, material: Material, teacher_weight: float = 0.5) -> Arrays:
    """Build the vocabulary and turn reviews into ids.

    The held-out reviews have no say in the vocabulary: they stand for reviews to come, and those
    too hold words that were never counted.

    Parameters
    ----------
    preset : Preset
        Says how many words and how many tokens of a review the network knows.
    material : Material
        What the network is fitted on, and what it is judged on meanwhile.
    teacher_weight : float
        Share of the teacher in the targets of fitted reviews.

    Returns
    -------
    Arrays
        With a vocabulary that has at least one word.

    Raises
    ------
    TrainingError
        If the reviews to fit on have no words.
    """
    fitted, held_out = material.fitted, material.held_out
    vocabulary = Vocabulary.build(fitted.texts, preset.vocabulary_size)
    if not len(vocabulary.words):
        raise TrainingError(
            f"{fitted.name}: no words in the {len(fitted)} reviews to fit on, only punctuation "
            "and white space. Give reviews with words, or choose the column with --text-column."
        )
    targets = fitted.blended(teacher_weight)
    part = encode_part(preset, vocabulary, fitted)
    return Arrays(
        vocabulary,
        part if np.array_equal(targets, part.labels) else replace(part, targets=targets),
        None if held_out is None else encode_part(preset, vocabulary, held_out),
    )


def encode_part(preset: Preset, vocabulary: Vocabulary, reviews: Reviews) -> Part:
    """Turn reviews into ids of a vocabulary."""
    ids = vocabulary.encode(reviews.texts, last=preset.max_tokens).padded(preset.max_tokens)
    return Part(ids, reviews.labels)
