"""From labelled reviews and models to what is known of the models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from toolkit.errors import MissingExtraError, UsageError
from toolkit.evaluation.breakdown import break_down
from toolkit.evaluation.comparison import Right, compare, compare_with_constant
from toolkit.evaluation.coverage import TARGETS, coverage_at, coverages
from toolkit.evaluation.groups import macro_mean
from toolkit.evaluation.labelled_reviews import LabelledReviews, load
from toolkit.evaluation.metrics import Labels, Probabilities, at_thresholds, calls_positive, measure
from toolkit.evaluation.mistakes import mistakes
from toolkit.evaluation.predictions import load_predictions
from toolkit.evaluation.ratings import Ratings, rate
from toolkit.evaluation.reliability import reliability
from toolkit.evaluation.result import Data, Evaluation, ModelResult
from toolkit.files import path_of
from toolkit.files.checksums import sha256_of
from toolkit.model.scorer import Scorer
from toolkit.model.stars import known_tokens
from toolkit.records.read_options import ReadOptions, is_stream
from toolkit.records.text_files.compression import compression_of
from toolkit.records.text_files.zip_members import file_of

_DEFAULT_THRESHOLD = 0.5  # of predictions, which have none of their own


@dataclass(frozen=True)
class EvaluationOptions:
    """How to evaluate."""

    # How the data is read, and its columns: text, label, group, stars; in files of predictions,
    # probability. No group unless it is named.
    reading: ReadOptions = field(default_factory=ReadOptions)
    threshold: float | None = None  # None: each model's own, and 0.5 for predictions of others
    examples: int = 10  # of the most confident mistakes of each model
    targets: Sequence[float] = TARGETS  # accuracies to find the largest coverage for


def evaluate(
    data: str | Path,
    models: str | Path | Sequence[str | Path] = (),
    predictions: str | Path | Sequence[str | Path] = (),
    options: EvaluationOptions | None = None,
) -> Evaluation:
    """Evaluate models on the same labelled reviews.

    Parameters
    ----------
    data : str | Path
        A labelled CSV, TSV, JSONL or Parquet file.
    models : str | Path | Sequence[str | Path]
        Model files of `toolkit export`, run folders, or names of shipped models; the default one
        if nothing is named.
    predictions : str | Path | Sequence[str | Path]
        Files with the probabilities of other models, one row per row of the data.
    options : EvaluationOptions | None
        Columns, threshold, how many mistakes to explain, and the accuracies to reach.

    Returns
    -------
    Evaluation
        The models first, then the predictions, in the order in which they are named.

    Raises
    ------
    InputError
        If a file cannot be read, or holds something else.
    MissingExtraError
        If scikit-learn or SciPy is not installed.
    ModelError
        If a model cannot be loaded.
    UsageError
        If a column is missing, or the threshold or a target is not from 0 to 1.
    """
    options = options or EvaluationOptions()
    MissingExtraError.check("evaluate", "sklearn", "scipy")
    _check(options)
    models, predictions = (
        [given] if isinstance(given, str | Path) else given for given in (models, predictions)
    )
    wanted = models if models or predictions else [None]
    scorers = [Scorer(model, options.threshold) for model in wanted]
    reviews = load(path_of(data), options.reading)
    sources = [
        *(_of_model(scorer, reviews) for scorer in scorers),
        *(_of_predictions(path_of(path), reviews, options) for path in predictions),
    ]
    reviews, sources = _with_scores(reviews, sources)
    facts = _data(reviews)
    results = [
        _result(name, source, reviews, options)
        for name, source in zip(_names(sources), sources, strict=True)
    ]
    rights = [_is_right(reviews.labels, each.probability, each.threshold) for each in results]
    best = int(np.argmax([right.sum() for right in rights]))
    answers = [(each.probability, each.threshold) for each in results]
    breakdowns = break_down(reviews, answers, best)
    groups = [each for each in breakdowns if each.key == "groups"]
    return Evaluation(
        date=datetime.now(UTC).replace(microsecond=0),
        data=facts,
        models=tuple(results),
        best=best,
        breakdowns=breakdowns,
        macro_mean=macro_mean(groups[0], len(results)) if groups else None,
        comparisons=tuple(
            compare(result.name, right, results[best].name, rights[best])
            for result, right in zip(results, rights, strict=True)
            if result is not results[best]
        ),
        labels=reviews.labels,
    )


def _check(options: EvaluationOptions) -> None:
    if options.examples < 0:
        raise UsageError(f"examples: expected 0 or more, received {options.examples}")
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise UsageError(
            f"--threshold: expected a probability from 0 to 1, received {options.threshold}"
        )
    for target in options.targets:
        if not 0 < target <= 1:
            raise UsageError(
                f"--target-accuracy: expected a share above 0 and up to 1, such as 0.97, received "
                f"{target}"
            )


@dataclass(frozen=True)
class _Source:
    """Where probabilities come from."""

    identity: dict[str, Any]  # as `Scorer.identity` gives it
    threshold: float
    probability: Probabilities  # (reviews,) float32, NaN where there is none
    scorer: Scorer | None = None  # None: predictions
    neutral: Probabilities | None = None  # (neutral,) of the neutral reviews


def _of_model(scorer: Scorer, reviews: LabelledReviews) -> _Source:
    found = scorer.probabilities(reviews.texts).to_numpy(zero_copy_only=False)
    neutral = None
    if reviews.rated is not None:
        texts = reviews.rated.texts
        neutral = scorer.probabilities(texts).to_numpy(zero_copy_only=False)
    return _Source(scorer.identity(), float(scorer.threshold), found, scorer, neutral)


def _with_scores(
    reviews: LabelledReviews, sources: list[_Source]
) -> tuple[LabelledReviews, list[_Source]]:
    """Leave out, for all models, the reviews that one of them gives no score."""
    has_score = np.all([~np.isnan(each.probability) for each in sources], axis=0)
    neutral = [each.neutral for each in sources if each.neutral is not None]
    has_neutral = np.all([~np.isnan(each) for each in neutral], axis=0) if neutral else None
    kept = [
        replace(
            each,
            probability=each.probability[has_score],
            neutral=None if each.neutral is None else each.neutral[has_neutral],
        )
        for each in sources
    ]
    return reviews.only(has_score, has_neutral), kept


def _of_predictions(path: Path, reviews: LabelledReviews, options: EvaluationOptions) -> _Source:
    threshold = _DEFAULT_THRESHOLD if options.threshold is None else options.threshold
    probability = load_predictions(path, reviews, options.reading)
    name = Path(path.stem).stem if compression_of(path) else path.stem
    identity = {"name": name, "path": str(path), "sha256": _sha256(path)}
    return _Source(identity, threshold, probability)


def _data(reviews: LabelledReviews) -> Data:
    return Data(
        path=reviews.path,
        sha256=_sha256(reviews.path),
        columns=reviews.columns,
        rows=reviews.rows_in_all,
        reviews=len(reviews),
        positive=int(reviews.labels.sum()),
        without_text=reviews.without_text,
        without_label=reviews.without_label,
        soft_labels=reviews.soft_labels,
        neutral=reviews.neutral,
        label_meaning=reviews.label_meaning,
        without_score=reviews.without_score,
    )


def _sha256(path: Path) -> str | None:
    if is_stream(path):
        return None
    return sha256_of(file_of(path))


def _result(
    name: str, source: _Source, reviews: LabelledReviews, options: EvaluationOptions
) -> ModelResult:
    labels, probability, threshold = reviews.labels, source.probability, source.threshold
    metrics = measure(labels, probability, threshold)
    return ModelResult(
        **{**source.identity, "name": name, "threshold": threshold},
        metrics=metrics,
        baseline=compare_with_constant(name, metrics),
        thresholds=at_thresholds(labels, probability),
        reliability=reliability(labels, probability),
        coverage=coverages(labels, probability, threshold),
        coverage_at_accuracy=coverage_at(labels, probability, threshold, options.targets),
        mistakes=mistakes(reviews, probability, threshold, source.scorer, options.examples),
        ratings=_ratings(source, reviews),
        probability=probability,
    )


def _ratings(source: _Source, reviews: LabelledReviews) -> Ratings | None:
    rated, scorer = reviews.rated, source.scorer
    if rated is None or scorer is None or source.neutral is None:
        return None
    facts, probability = scorer.facts, np.append(source.probability, source.neutral)
    known = None
    if facts.stars is not None and rated.stars is not None:
        texts = pa.chunked_array([*reviews.texts.chunks, *rated.texts.chunks])
        known = known_tokens(scorer.vocabulary, texts, facts.max_tokens)
    own = None if facts.neutral is None else facts.neutral.ends
    return rate(probability, known, rated.classes, rated.stars, facts.stars, own)


def _is_right(labels: Labels, probability: Probabilities, threshold: float) -> Right:
    return np.asarray(calls_positive(probability, threshold) == labels.astype(np.bool_))


def _names(sources: Sequence[_Source]) -> list[str]:
    """Give each the shortest of its names that no other one has."""
    paths = [source.identity["path"] for source in sources]
    names = [source.identity["name"] for source in sources]
    for longer in ([Path(path).name for path in paths], paths):
        names = [
            long if names.count(name) > 1 else name
            for name, long in zip(names, longer, strict=True)
        ]
    return [
        f"{name} ({names[:place].count(name) + 1})" if name in names[:place] else name
        for place, name in enumerate(names)
    ]
