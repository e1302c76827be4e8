"""All reviews of a training as rows of ids: the labelled ones first, then the unlabelled ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.errors import TrainingError
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.material import Material
from toolkit.training.ngrams.tokens import Floats, Positions, Tokens
from toolkit.training.presets.base import Preset


@dataclass(frozen=True)
class Corpus:
    """What the steps of a training work on.

    Attributes
    ----------
    vocabulary : Vocabulary
        Words counted in all reviews: unlabelled ones know words, too.
    vocabulary_size : int
        Every id is below it.
    tokens : Tokens
        The last `max_tokens` ids of each review.
    targets : Floats
        (labelled,) float32, the labels, soft or not.
    teacher : Floats
        (reviews,) float32, probabilities of a teacher of the user; NaN where there is none.
    """

    vocabulary: Vocabulary
    vocabulary_size: int
    tokens: Tokens
    targets: Floats
    teacher: Floats

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def labelled(self) -> Positions:
        """Positions of the labelled reviews."""
        return np.arange(len(self.targets))

    @property
    def unlabelled(self) -> Positions:
        """Positions of the others."""
        return np.arange(len(self.targets), len(self))

    @property
    def taught(self) -> npt.NDArray[np.bool_]:
        """(reviews,) bool, whether the teacher has a say on each."""
        return ~np.isnan(self.teacher)

    @classmethod
    def of(cls, preset: Preset, material: Material) -> Corpus:
        """Count the words and turn all reviews into ids; `TrainingError` if there are no words."""
        fitted, unlabelled = material.fitted, material.unlabelled
        parts = (fitted,) if unlabelled is None else (fitted, unlabelled)
        texts = pa.chunked_array(
            [chunk.cast(pa.large_string()) for part in parts for chunk in part.texts.chunks],
            pa.large_string(),
        )
        vocabulary = Vocabulary.build(texts, preset.vocabulary_size)
        if not len(vocabulary.words):
            raise TrainingError(
                f"{fitted.name}: no words in the {len(fitted)} reviews to fit on, only punctuation "
                "and white space. Give reviews with words, or choose the column with --text-column."
            )
        return cls(
            vocabulary,
            vocabulary.size,
            Tokens.of(vocabulary, texts, preset.max_tokens),
            fitted.targets,
            np.concatenate([_teacher(part.teacher, len(part)) for part in parts]),
        )


def _teacher(probabilities: Floats | None, count: int) -> Floats:
    return np.full(count, np.nan, np.float32) if probabilities is None else probabilities
