"""From labelled reviews and models to what is known of the models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from toolkit.errors import MissingExtraError, UsageError
from toolkit.evaluation.answers import Answers, names_of, sha256_if_file, with_scores
from toolkit.evaluation.breakdown import break_down
from toolkit.evaluation.comparison import compare, compare_with_constant
from toolkit.evaluation.coverage import TARGETS, coverage_at, coverages
from toolkit.evaluation.groups import macro_mean
from toolkit.evaluation.labelled_reviews import LabelledReviews, load
from toolkit.evaluation.metrics import at_thresholds, measure
from toolkit.evaluation.mistakes import mistakes
from toolkit.evaluation.reliability import reliability
from toolkit.evaluation.result import Data, Evaluation, ModelResult
from toolkit.files import path_of
from toolkit.model.scorer import Scorer
from toolkit.records.read_options import ReadOptions


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
    answers = [
        *(Answers.of_model(scorer, reviews) for scorer in scorers),
        *(
            Answers.of_predictions(path_of(path), reviews, options.reading, options.threshold)
            for path in predictions
        ),
    ]
    reviews, answers = with_scores(reviews, answers)
    facts = _data(reviews)
    results = [
        _result(name, each, reviews, options)
        for name, each in zip(names_of(answers), answers, strict=True)
    ]
    rights = [each.is_right(reviews.labels) for each in answers]
    best = int(np.argmax([right.sum() for right in rights]))
    breakdowns = break_down(reviews, [(each.probability, each.threshold) for each in answers], best)
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


def _data(reviews: LabelledReviews) -> Data:
    return Data(
        path=reviews.path,
        sha256=sha256_if_file(reviews.path),
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


def _result(
    name: str, answers: Answers, reviews: LabelledReviews, options: EvaluationOptions
) -> ModelResult:
    labels, probability, threshold = reviews.labels, answers.probability, answers.threshold
    metrics = measure(labels, probability, threshold)
    return ModelResult(
        **{**answers.identity, "name": name, "threshold": threshold},
        metrics=metrics,
        baseline=compare_with_constant(name, metrics),
        thresholds=at_thresholds(labels, probability),
        reliability=reliability(labels, probability),
        coverage=coverages(labels, probability, threshold),
        coverage_at_accuracy=coverage_at(labels, probability, threshold, options.targets),
        mistakes=mistakes(reviews, probability, threshold, answers.scorer, options.examples),
        ratings=answers.ratings(reviews),
        probability=probability,
    )
