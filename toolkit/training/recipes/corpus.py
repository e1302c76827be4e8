"""All reviews of a fit as rows of ids: the labelled ones first, then the unlabelled ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.records.values import Rows, Targets
from toolkit.text.token_ids import TokenIds
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.balance import balanced_weights
from toolkit.training.data import FitData, check_words
from toolkit.training.presets import Preset
from toolkit.training.sources.reviews import Reviews, UnlabelledReviews
from toolkit.training.sources.unlabelled import known_or_nan


@dataclass(frozen=True)
class Corpus:
    """What the steps of an n-gram recipe work on; the vocabulary is of all reviews.

    `tokens` and `held_out` are the last `max_tokens` ids of each review, the `targets` are labels,
    soft or not; `teacher` (reviews,) is NaN where it has none. `weights` (labelled reviews,) are
    those in the loss.
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

    @property
    def labelled(self) -> Rows:
        """Positions of the labelled reviews."""
        return np.arange(len(self.targets))

    @property
    def unlabelled(self) -> Rows:
        """Positions of the others."""
        return np.arange(len(self.targets), len(self))

    @property
    def has_teacher(self) -> npt.NDArray[np.bool_]:
        """(reviews,) bool, whether the teacher has a probability for each."""
        return ~np.isnan(self.teacher)

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
