"""All reviews of a fit as rows of ids: the labelled ones first, then the unlabelled ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.records.values import Targets
from toolkit.text.token_ids import TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.balance import balanced_weights
from toolkit.training.data import FitData, check_words
from toolkit.training.presets import Preset
from toolkit.training.sources.reviews import Reviews, UnlabelledReviews
from toolkit.training.sources.unlabelled import known_or_nan

# With a teacher, a label is not taken for certain, so that no single review can pull without end.
_DOUBT = 0.02
# Loss weight of labelled reviews without a teacher score; all others weigh at most 1.
_LABEL_WEIGHT = 1.9


@dataclass(frozen=True)
class Corpus:
    """What the steps of an n-gram recipe work on; the vocabulary is of all reviews.

    `tokens` and `held_out` are the last `max_tokens` ids of each review, the `targets` are labels,
    soft or not; `teacher` (reviews,) is NaN where it has none. `weights` (labelled reviews,) are
    those in the loss. A network learns from reviews that have a label or a teacher; the others only
    tell which words and pairs there are, and what is around them.
    """

    vocabulary: Vocabulary
    tokens: TokenIds
    targets: Targets
    teacher: Targets
    weights: Targets
    is_second_topic: npt.NDArray[np.bool_] | None = None  # (labelled reviews,), if there are two
    held_out: TokenIds | None = None
    held_out_targets: Targets | None = None
    held_out_weights: Targets | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def learned_tokens(self) -> TokenIds:
        """The reviews that a network learns from: those with labels, which come first."""
        has_target = ~np.isnan(self.teacher)
        has_target[: len(self.targets)] = True
        return self.tokens.take(np.flatnonzero(has_target))

    def learned_targets(self, teacher_weight: float) -> Targets:
        """What a network learns of them, (reviews,) float32.

        A label, less a doubt, is mixed with the teacher by ``teacher_weight`` (0 to 1). Other
        reviews have what the teacher says. Without a teacher, it is the labels alone.
        """
        labelled = len(self.targets)
        has_teacher = ~np.isnan(self.teacher)
        if not has_teacher.any():
            return self.targets
        labels = (_DOUBT + (1 - 2 * _DOUBT) * self.targets).astype(np.float64)
        mixed = (1 - teacher_weight) * labels + teacher_weight * self.teacher[:labelled]
        mixed = np.where(has_teacher[:labelled], mixed, labels)
        others = self.teacher[labelled:][has_teacher[labelled:]]
        return np.concatenate([mixed, others]).astype(np.float32)

    def learned_weights(self, tokens_of_a_review: int) -> Targets:
        """Of them in the loss: short texts say less, and a label alone weighs most."""
        labelled = len(self.targets)
        lengths = self.learned_tokens.lengths
        if len(lengths) == labelled:
            return self.weights
        weights = np.minimum(lengths / tokens_of_a_review, 1)
        has_teacher = ~np.isnan(self.teacher[:labelled])
        weights[:labelled] = np.where(has_teacher, 1, _LABEL_WEIGHT) * self.weights
        return weights.astype(np.float32)

    @classmethod
    def of(cls, preset: Preset, data: FitData) -> Corpus:
        """Count the words and turn all reviews into ids; `TrainingError` if no words are found."""
        parts: list[Reviews | UnlabelledReviews] = [data.fitted]
        if data.unlabelled is not None:
            parts.append(data.unlabelled)
        texts = pa.chunked_array(
            [chunk.cast(pa.large_string()) for part in parts for chunk in part.texts.chunks],
            pa.large_string(),
        )
        vocabulary = Vocabulary.build(texts, preset.vocabulary_size)
        check_words(vocabulary, data.fitted)
        held_out = data.held_out

        def ids(texts: pa.ChunkedArray) -> TokenIds:
            encoded = vocabulary.encode(texts, last=preset.max_tokens)
            return encoded.with_start(preset.max_tokens)

        return cls(
            vocabulary,
            ids(texts),
            data.fitted.targets,
            np.concatenate([known_or_nan(part.teacher, len(part)) for part in parts]),
            balanced_weights(data.fitted),
            None if data.fitted.topics is None else data.fitted.topics > 0,
            None if held_out is None else ids(held_out.texts),
            None if held_out is None else held_out.labels.astype(np.float32),
            None if held_out is None else balanced_weights(held_out),
        )
