"""What models and files of predictions say of the same labelled reviews."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from toolkit.evaluation.comparison import Right
from toolkit.evaluation.labelled_reviews import LabelledReviews
from toolkit.evaluation.metrics import Labels, Probabilities, calls_positive
from toolkit.evaluation.predictions import load_predictions
from toolkit.evaluation.ratings import Ratings, rate
from toolkit.files.checksums import sha256_of
from toolkit.model.facts.stars import known_tokens
from toolkit.model.scorer import Scorer
from toolkit.records.read_options import ReadOptions, is_stream
from toolkit.records.text_files.compression import compression_of
from toolkit.records.text_files.zip_members import file_of

_DEFAULT_THRESHOLD = 0.5  # of predictions, which have none of their own


@dataclass(frozen=True)
class Answers:
    """What a model, or a file of predictions, says of the labelled reviews."""

    identity: dict[str, Any]  # as `Scorer.identity` gives it
    threshold: float
    probability: Probabilities  # (reviews,) float32, NaN for a review without one
    scorer: Scorer | None = None  # None: predictions
    neutral: Probabilities | None = None  # (neutral,) of the neutral reviews

    @classmethod
    def of_model(cls, scorer: Scorer, reviews: LabelledReviews) -> Self:
        """Let a model score the reviews, and the neutral ones among those with stars."""
        found = scorer.probabilities(reviews.texts).to_numpy(zero_copy_only=False)
        neutral = None
        if reviews.rated is not None:
            texts = reviews.rated.texts
            neutral = scorer.probabilities(texts).to_numpy(zero_copy_only=False)
        return cls(scorer.identity(), float(scorer.threshold), found, scorer, neutral)

    @classmethod
    def of_predictions(
        cls, path: Path, reviews: LabelledReviews, reading: ReadOptions, threshold: float | None
    ) -> Self:
        """Read them from a file; raises `InputError` as `load_predictions` does."""
        probability = load_predictions(path, reviews, reading)
        name = Path(path.stem).stem if compression_of(path) else path.stem
        identity = {"name": name, "path": str(path), "sha256": sha256_if_file(path)}
        return cls(identity, _DEFAULT_THRESHOLD if threshold is None else threshold, probability)

    def is_right(self, labels: Labels) -> Right:
        """Whether each review gets its label, (reviews,)."""
        calls = calls_positive(self.probability, self.threshold)
        return np.asarray(calls == labels.astype(np.bool_))

    def ratings(self, reviews: LabelledReviews) -> Ratings | None:
        """Compare the stars and the neutral range of a model with the stars of the reviews."""
        rated, scorer = reviews.rated, self.scorer
        if rated is None or scorer is None or self.neutral is None:
            return None
        facts, probability = scorer.facts, np.append(self.probability, self.neutral)
        known = None
        if facts.stars is not None and rated.stars is not None:
            texts = pa.chunked_array([*reviews.texts.chunks, *rated.texts.chunks])
            known = known_tokens(scorer.vocabulary, texts, facts.max_tokens)
        own = None if facts.neutral is None else facts.neutral.ends
        return rate(probability, known, rated.classes, rated.stars, facts.stars, own)


def with_scores(
    reviews: LabelledReviews, answers: list[Answers]
) -> tuple[LabelledReviews, list[Answers]]:
    """Leave out, for all models, the reviews that one of them gives no score."""
    has_score = np.all([~np.isnan(each.probability) for each in answers], axis=0)
    neutral = [each.neutral for each in answers if each.neutral is not None]
    has_neutral = np.all([~np.isnan(each) for each in neutral], axis=0) if neutral else None
    kept = [
        replace(
            each,
            probability=each.probability[has_score],
            neutral=None if each.neutral is None else each.neutral[has_neutral],
        )
        for each in answers
    ]
    return reviews.only(has_score, has_neutral), kept


def names_of(answers: Sequence[Answers]) -> list[str]:
    """Give each the shortest of its names that no other one has."""
    paths = [each.identity["path"] for each in answers]
    names = [each.identity["name"] for each in answers]
    for longer in ([Path(path).name for path in paths], paths):
        names = [
            long if names.count(name) > 1 else name
            for name, long in zip(names, longer, strict=True)
        ]
    return [
        f"{name} ({names[:place].count(name) + 1})" if name in names[:place] else name
        for place, name in enumerate(names)
    ]


def sha256_if_file(path: Path) -> str | None:
    """Give the SHA-256 of a file, or of the archive that it is in; None for a stream."""
    if is_stream(path):
        return None
    return sha256_of(file_of(path))
