"""From labelled reviews and models to what is known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from toolkit.errors import MissingExtraError, UsageError
from toolkit.evaluation.breakdown import break_down
from toolkit.evaluation.comparison import compare
from toolkit.evaluation.coverage import coverages
from toolkit.evaluation.measures import (
    Probabilities,
    calls_positive,
    measure,
    reliability,
)
from toolkit.evaluation.mistakes import mistakes
from toolkit.evaluation.options import EvaluationOptions
from toolkit.evaluation.predictions import load_predictions
from toolkit.evaluation.result import Data, Evaluation, ModelResult
from toolkit.evaluation.reviews import LabelledReviews, load
from toolkit.model.scorer import Scorer
from toolkit.model.shipped import DEFAULT_MODEL, is_shipped

_DEFAULT_THRESHOLD = 0.5  # of predictions, which have none of their own
_MODULES = ("sklearn", "scipy", "matplotlib")


def check_extra() -> None:
    """Raise `MissingExtraError` if the packages that this takes are not installed."""
    for module in _MODULES:
        if find_spec(module) is None:
            raise MissingExtraError("train", module)


def evaluate(
    data: str | Path,
    models: Sequence[str | Path] = (),
    predictions: Sequence[str | Path] = (),
    options: EvaluationOptions | None = None,
) -> Evaluation:
    """Judge models on the same labelled reviews.

    Parameters
    ----------
    data : str | Path
        A labelled CSV, TSV, JSONL or Parquet file.
    models : Sequence[str | Path]
        Model files of `toolkit export`, or names of shipped models; the default one if nothing is
        named.
    predictions : Sequence[str | Path]
        Files with the probabilities of other models, a row for each row of the data.
    options : EvaluationOptions | None
        Columns, threshold, and how many mistakes to look into.

    Returns
    -------
    Evaluation
        The models first, then the predictions, as they are named.

    Raises
    ------
    InputError
        If a file cannot be read, or holds something else.
    MissingExtraError
        If scikit-learn is not installed.
    ModelError
        If a model cannot be loaded.
    UsageError
        If a column is missing, or the threshold is no probability.
    """
    options = options or EvaluationOptions()
    check_extra()
    if options.examples < 0:
        raise UsageError(f"examples: expected 0 or more, received {options.examples}")
    if options.threshold is not None and not 0 <= options.threshold <= 1:
        raise UsageError(
            f"threshold: expected a probability from 0 to 1, received {options.threshold}"
        )
    wanted: list[Path | None] = [Path(model) for model in models]
    if not (models or predictions):
        wanted.append(None)
    scorers = [Scorer(model, options.threshold) for model in wanted]
    reviews = load(Path(data), options.columns)
    sources = [
        _of_model(path, scorer, reviews) for path, scorer in zip(wanted, scorers, strict=True)
    ]
    sources += [_of_others(Path(path), reviews, options) for path in predictions]
    names = _names([source.path for source in sources])
    results = tuple(
        _judge(name, source, reviews, options.examples)
        for name, source in zip(names, sources, strict=True)
    )
    return _compared(reviews, results)


@dataclass(frozen=True)
class _Source:
    """Where probabilities come from."""

    path: Path | None
    scorer: Scorer | None
    threshold: float
    probability: Probabilities


def _of_model(path: Path | None, scorer: Scorer, reviews: LabelledReviews) -> _Source:
    probability = scorer.probabilities(reviews.texts).to_numpy()
    return _Source(path, scorer, float(scorer.threshold), probability)


def _of_others(path: Path, reviews: LabelledReviews, options: EvaluationOptions) -> _Source:
    threshold = _DEFAULT_THRESHOLD if options.threshold is None else options.threshold
    probability = load_predictions(path, reviews, options.probability_column)
    return _Source(path, None, float(np.float32(threshold)), probability)


def _judge(name: str, source: _Source, reviews: LabelledReviews, examples: int) -> ModelResult:
    labels, probability, threshold = reviews.labels, source.probability, source.threshold
    scorer = source.scorer
    return ModelResult(
        name,
        source.path,
        None if scorer is None else scorer.facts.preset,
        None if scorer is None else scorer.sha256,
        threshold,
        measure(labels, probability, threshold),
        reliability(labels, probability),
        coverages(labels, probability, threshold),
        mistakes(reviews, probability, threshold, scorer, examples),
        probability,
    )


def _compared(reviews: LabelledReviews, results: tuple[ModelResult, ...]) -> Evaluation:
    rights = [
        calls_positive(result.probability, result.threshold) == reviews.labels.astype(np.bool_)
        for result in results
    ]
    best = int(np.argmax([right.sum() for right in rights]))
    return Evaluation(
        Data(
            reviews.path,
            reviews.columns,
            reviews.rows_in_all,
            len(reviews),
            int(reviews.labels.sum()),
            reviews.without_text,
            reviews.without_label,
        ),
        results,
        best,
        break_down(reviews, rights, best),
        tuple(
            compare(result.name, right, results[best].name, rights[best])
            for position, (result, right) in enumerate(zip(results, rights, strict=True))
            if position != best
        ),
        reviews.labels,
    )


def _names(paths: Sequence[Path | None]) -> list[str]:
    """Name each file as shortly as it can be told from the others."""
    short = [DEFAULT_MODEL if path is None else path.stem for path in paths]
    for longer in (lambda p: p.name, str, lambda p: str(p.absolute())):
        twice = {name for name, count in Counter(short).items() if count > 1}
        short = [
            longer(path) if name in twice and path is not None and not is_shipped(path) else name
            for name, path in zip(short, paths, strict=True)
        ]
    return [
        f"{name} ({short[:place].count(name) + 1})" if short[:place].count(name) else name
        for place, name in enumerate(short)
    ]
