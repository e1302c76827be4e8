"""Evaluate models on labelled reviews: figures, comparisons, and the worst mistakes.

A mistake is a review with a wrong label, and the words that caused it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from toolkit.classes import (
    DEFAULT_THRESHOLD,
    NEGATIVE_OF_THREE,
    POSITIVE_OF_THREE,
    SENTIMENT,
    is_positive,
)
from toolkit.errors import UsageError
from toolkit.evaluation.behaviour import SUITE, Sets, Suite, load_suite, steadiness
from toolkit.evaluation.comparison import (
    Comparison,
    Right,
    compare,
    compare_with_constant,
    unique_names,
)
from toolkit.evaluation.groups import Breakdown, MacroMean, break_down, macro_mean
from toolkit.evaluation.labelled_reviews import (
    Data,
    LabelledReviews,
    load,
    load_predictions,
    sha256_if_file,
)
from toolkit.evaluation.metrics import (
    TARGETS,
    AtThreshold,
    Labels,
    Metrics,
    Probabilities,
    ReliabilityBin,
    TargetCoverage,
    at_thresholds,
    coverage_at,
    margins,
    measure,
    notable_thresholds,
    reliability,
)
from toolkit.evaluation.prior_effect import PriorEffect, prior_effect
from toolkit.evaluation.ratings import Ratings, rate
from toolkit.evaluation.second_opinion import SecondEvaluation, check_models, evaluate_second
from toolkit.files import sha256_of
from toolkit.model.explain import Word
from toolkit.model.labels import check_threshold
from toolkit.model.prior import EVEN
from toolkit.model.scorer import Scorer
from toolkit.model.stars import known_tokens
from toolkit.model.training_facts import Steadiness
from toolkit.records.archives import compression_of
from toolkit.records.options import ReadOptions
from toolkit.records.output_file import rows_file
from toolkit.stores.paths import path_of


@dataclass(frozen=True)
class Mistake:
    """A review that a model labels wrong."""

    row: int  # in the file, from 1
    label: int  # the true one, 0 or 1
    probability: float  # of the positive class
    text: str
    words: tuple[Word, ...]  # all, in order; none for predictions from a file
    is_doubtful: bool = False  # whether the label looks wrong

    def effect(self, word: Word) -> float:
        """Return what a word adds to the log-odds of the wrong label."""
        return -word.contribution if self.label else word.contribution

    @property
    def unread(self) -> int:
        """The number of words before the part that the model reads."""
        return sum(word.state == "unread" for word in self.words)

    @property
    def causes(self) -> list[Word]:
        """The words that speak for the wrong label, the strongest first."""
        found = [word for word in self.words if self.effect(word) > 0]
        return sorted(found, key=self.effect, reverse=True)

    def cause_names(self, most: int) -> list[str]:
        """Return up to `most` different words of `causes`, the strongest first."""
        return list(dict.fromkeys(word.text.lower() for word in self.causes))[:most]


def most_confident(
    labels: Labels, probability: Probabilities, threshold: float, most: int
) -> list[int]:
    """Return the positions of at most `most` wrong answers, the surest first.

    Half are false positives, half false negatives, unless there are too few of either.
    """
    wrong = np.flatnonzero(is_positive(probability, threshold) != labels.astype(np.bool_))
    wrong = wrong[np.argsort(-margins(probability[wrong], threshold), kind="stable")]
    is_missed = labels[wrong] == 1
    rank = np.where(is_missed, np.cumsum(is_missed), np.cumsum(~is_missed))
    chosen = np.sort(np.argsort(rank, kind="stable")[:most])
    return [int(place) for place in wrong[chosen]]


_ROUNDING = 1e-6  # of a mean of probabilities


def doubtful(labels: Labels, probability: Probabilities, threshold: float) -> list[int]:
    """Return the positions of the reviews whose label looks wrong, the surest first.

    The model is surer of the other label than it is on average for reviews with that label:
    confident learning (Northcutt, Jiang and Chuang 2021). None if all reviews have one label.
    """
    if not 0 < labels.sum() < len(labels):
        return []
    other = np.where(labels == 1, 1 - probability, probability)
    usual = 1 - probability[labels == 0].mean(), probability[labels == 1].mean()
    is_sure = other > np.where(labels == 1, *usual) + _ROUNDING  # else a constant, too
    # A weak model may be as sure of both labels; it has to say the other one.
    found = np.flatnonzero(is_sure & (is_positive(probability, threshold) != labels))
    return [int(at) for at in found[np.argsort(-other[found], kind="stable")]]


def mistakes(
    reviews: LabelledReviews,
    probability: Probabilities,
    threshold: float,
    scorer: Scorer | None,
    most: int,
) -> tuple[Mistake, ...]:
    """Find the most confident mistakes, the surest first.

    Words are tried if there is a scorer that knows words.
    """
    found = []
    look_wrong = set(doubtful(reviews.labels, probability, threshold))
    for place in most_confident(reviews.labels, probability, threshold=threshold, most=most):
        text = reviews.texts[place].as_py()
        label = int(reviews.labels[place])
        words = scorer.explain(text).words if scorer is not None and scorer.has_words else ()
        row = int(reviews.rows[place]) + 1
        is_doubtful = place in look_wrong
        found.append(
            Mistake(
                row=row,
                label=label,
                probability=float(probability[place]),
                text=text,
                words=words,
                is_doubtful=is_doubtful,
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class EvaluationOptions:
    """How to evaluate."""

    # How the data is read, and its columns: text, label, group, stars; in files of predictions,
    # probability. No group unless it is named.
    reading: ReadOptions = field(default_factory=ReadOptions)
    threshold: float | None = None  # None: each model's own, and 0.5 for predictions of others
    examples: int = 10  # of the most confident mistakes of each model
    targets: Sequence[float] = TARGETS  # accuracies to find the largest coverage for
    doubtful: Path | None = None  # file for the reviews whose label looks wrong to the best model
    force: bool = False  # replace an existing one
    second: str | Path | None = None  # a second model, for where the only model is unsure

    def check(self) -> None:
        """Raise `UsageError` for a number outside its range."""
        if self.examples < 0:
            raise UsageError(f"examples: expected 0 or more, received {self.examples}")
        check_threshold(self.threshold)
        for target in self.targets:
            if not 0 < target <= 1:
                raise UsageError(
                    "--target-accuracy: expected a share above 0 and up to 1, such as 0.97, "
                    f"received {target}"
                )


@dataclass(frozen=True, kw_only=True)
class ModelResult:
    """The figures of a model, or of a file of predictions, which has only a name and a path."""

    name: str  # unique among the models
    path: str
    preset: str | None = None
    sha256: str | None  # of the file; None for standard input
    labels: list[str] | None = None
    threshold: float
    version: str | None = None  # of the model
    toolkit_version: str | None = None  # that wrote the model
    metrics: Metrics
    baseline: Comparison | None  # with a constant; None: all reviews have one label
    thresholds: tuple[AtThreshold, ...]
    best_thresholds: dict[str, AtThreshold]  # by `GOALS`, on these reviews; empty of one label
    precision_at_recall: tuple[AtThreshold, ...]  # of `RECALLS`; empty of one label
    reliability: tuple[ReliabilityBin, ...]
    coverage_at_accuracy: tuple[TargetCoverage, ...]
    mistakes: tuple[Mistake, ...]
    ratings: Ratings | None = None  # None for predictions, or without stars and neutral reviews
    prior: PriorEffect | None = None  # None where the scores do not tell the share of positives
    same: tuple[Steadiness, ...] = ()  # of the sets of `SUITE`
    probability: Probabilities = field(repr=False)  # (reviews,) of the positive class

    @cached_property
    def _ascending(self) -> Probabilities:
        return np.sort(self.probability)

    def called_positive(self, threshold: float) -> int:
        """Return how many reviews `is_positive` calls positive at a threshold."""
        below = np.searchsorted(self._ascending, np.float32(threshold))
        return len(self._ascending) - int(below)

    def mistakes_of(self, label: int) -> list[Mistake]:
        """Return the mistakes with this true label, 0 or 1, the surest first."""
        return [each for each in self.mistakes if each.label == label]


@dataclass(frozen=True)
class Evaluation:
    """The result of an evaluation."""

    date: datetime  # UTC
    data: Data
    models: tuple[ModelResult, ...]
    best: int  # the most accurate of the models; of equal ones the first
    breakdowns: tuple[Breakdown, ...]
    macro_mean: MacroMean | None  # over the groups, if there are any of both labels
    comparisons: tuple[Comparison, ...]  # each other model with the best
    labels: Labels = field(repr=False)  # (reviews,) 0 or 1
    doubtful: int = 0  # reviews whose label looks wrong to the best model
    second: SecondEvaluation | None = None  # None: no second model

    @property
    def groups(self) -> Breakdown | None:
        """The reviews by group, in the order of `break_down`; None without a column."""
        return next((each for each in self.breakdowns if each.key == "groups"), None)


@dataclass(frozen=True)
class _Predictions:
    """The probabilities of a model, or of a file of predictions, for the labelled reviews."""

    identity: dict[str, Any]  # as `Scorer.identity` gives it
    threshold: float
    probability: Probabilities  # (reviews,) float32, NaN for a review without one
    scorer: Scorer | None = None  # None: of a file
    seconds: float = 0.0  # processor time per review

    @classmethod
    def of_model(cls, scorer: Scorer, reviews: LabelledReviews) -> _Predictions:
        started = time.thread_time()
        found = scorer.probabilities(reviews.texts).to_numpy(zero_copy_only=False)
        seconds = time.thread_time() - started
        return cls(
            identity=scorer.identity(),
            threshold=float(scorer.threshold),
            probability=found,
            scorer=scorer,
            seconds=seconds / max(len(found), 1),
        )

    @classmethod
    def of_file(
        cls, path: Path, reviews: LabelledReviews, options: EvaluationOptions
    ) -> _Predictions:
        probability = load_predictions(path, reviews, options.reading)
        name = Path(path.stem).stem if compression_of(path) else path.stem
        identity = {"name": name, "path": str(path), "sha256": sha256_if_file(path)}
        threshold = DEFAULT_THRESHOLD if options.threshold is None else options.threshold
        return cls(identity, threshold, probability)


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
        A labelled CSV, TSV, JSONL or Parquet file; or `toolkit.evaluation.SUITE`, our own
        sentences, each in the group of its phenomenon, and sets that should have the same label.
    models : str | Path | Sequence[str | Path]
        Model files of `toolkit export`, run folders, or names of shipped models; the default one
        if nothing is named.
    predictions : str | Path | Sequence[str | Path]
        Files with the probabilities of other models, one row per row of the data.
    options : EvaluationOptions | None
        Columns, threshold, how many mistakes to explain, the accuracies to reach, and a second
        model.

    Returns
    -------
    Evaluation
        The models first, then the predictions, in the order in which they are named.

    Raises
    ------
    InputError
        If a file cannot be read, or holds something else.
    ModelError
        If a model cannot be loaded.
    UsageError
        If a column is missing, the threshold or a target is not from 0 to 1, or a second model is
        named beside several models or predictions, or has classes of its own.
    """
    options = options or EvaluationOptions()
    options.check()
    scorers = _scorers(_listed(models), _listed(predictions), options)
    second = None
    if options.second is not None:
        check_models(len(scorers), len(_listed(predictions)), is_suite=path_of(data) == SUITE)
        second = Scorer(options.second)
    reviews, sets = _reviews_of(path_of(data), options)
    answers = [
        *(_Predictions.of_model(scorer, reviews) for scorer in scorers),
        *(_Predictions.of_file(path_of(path), reviews, options) for path in _listed(predictions)),
    ]
    if sets:  # no sentence is left out, whether or not the model knows a word of it
        answers = [replace(a, probability=np.nan_to_num(a.probability, nan=0.5)) for a in answers]
    reviews, answers = _with_scores(reviews, answers)
    opinions = reviews.opinions()
    names = unique_names([each.identity for each in answers])
    results = tuple(
        _result(name, each, reviews=reviews, opinions=opinions, options=options, sets=sets)
        for name, each in zip(names, answers, strict=True)
    )
    labels = opinions.labels
    rights = [is_positive(each.probability, each.threshold) == labels for each in results]
    best = int(np.argmax([right.sum() for right in rights]))
    look_wrong = doubtful(labels, results[best].probability, results[best].threshold)
    if options.doubtful is not None:
        rows = _doubtful_rows(opinions, results[best].probability, look_wrong)
        with rows_file(options.doubtful, rows.schema, force=options.force) as append:
            assert append is not None
            append(rows)
    found = [(each.probability, each.threshold) for each in results]
    breakdowns = break_down(opinions, found, best)
    groups = next((each for each in breakdowns if each.key == "groups"), None)
    return Evaluation(
        date=datetime.now(UTC).replace(microsecond=0),
        data=reviews.data,
        models=results,
        best=best,
        breakdowns=breakdowns,
        macro_mean=None if groups is None else macro_mean(groups, len(results)),
        comparisons=_compared_with(best, results, rights),
        labels=labels,
        doubtful=len(look_wrong),
        second=None
        if second is None
        else evaluate_second(
            scorers[0],
            second,
            names=(results[0].name, str(second.identity()["name"])),
            reviews=opinions,
            probability=results[0].probability,
            seconds=answers[0].seconds,
        ),
    )


def _listed(given: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    return [given] if isinstance(given, str | Path) else given


def _reviews_of(path: Path, options: EvaluationOptions) -> tuple[LabelledReviews, Sets]:
    """Read the reviews of a file, or make the toolkit's own sentences and sets."""
    if path != SUITE:
        return load(path, options.reading), {}
    suite = load_suite()
    return _as_reviews(suite), suite.sets


def _as_reviews(suite: Suite) -> LabelledReviews:
    """Return the toolkit's own sentences as reviews, grouped by phenomenon."""
    labels = suite.labels
    count = len(suite.sentences)
    data = Data(
        path=SUITE,
        sha256=sha256_of(SUITE),
        columns={"text": "sentence", "label": "label", "group": "phenomenon"},
        rows=count,
        reviews=count,
        positive=int(labels.sum()),
        without_text=0,
        without_label=0,
        soft_labels=0,
        neutral=0,
        label_meaning="",
        is_suite=True,
    )
    return LabelledReviews(
        data=data,
        rows=np.arange(count),
        texts=pa.chunked_array([suite.texts], pa.large_string()),
        classes=np.where(labels == 1, POSITIVE_OF_THREE, NEGATIVE_OF_THREE),
        stars=None,
        groups=pa.chunked_array([suite.phenomena], pa.large_string()),
    )


def _scorers(
    models: Sequence[str | Path], predictions: Sequence[str | Path], options: EvaluationOptions
) -> list[Scorer]:
    """Load the models; the default one if neither models nor predictions are named."""
    wanted = models if models or predictions else [None]
    scorers = [Scorer(model, options.threshold) for model in wanted]
    for scorer in scorers:
        scorer.check_sentiment("evaluate", "Use evaluate_classes.")
    return scorers


def _compared_with(
    best: int, results: Sequence[ModelResult], rights: Sequence[Right]
) -> tuple[Comparison, ...]:
    """Compare each other model with the one at the position `best`."""
    return tuple(
        compare(result.name, right, reference=results[best].name, reference_right=rights[best])
        for result, right in zip(results, rights, strict=True)
        if result is not results[best]
    )


def _doubtful_rows(
    reviews: LabelledReviews, probability: Probabilities, places: Sequence[int]
) -> pa.Table:
    """Return the reviews at `places` with their label, the model's label and its probability."""
    at = np.array(places, np.int64)
    labels = reviews.labels[at]
    names = pa.array(SENTIMENT)
    return pa.table(
        {
            "row": reviews.rows[at] + 1,  # in the file, from 1
            "label": names.take(pa.array(labels)),
            "model_says": names.take(pa.array(1 - labels)),
            "positive_probability": probability[at],
            "text": reviews.texts.take(pa.array(at)),
        }
    )


def _with_scores(
    reviews: LabelledReviews, answers: Sequence[_Predictions]
) -> tuple[LabelledReviews, list[_Predictions]]:
    """Leave out, for all models, the reviews without a score from one of them.

    Files of predictions need no score for neutral reviews.
    """
    lacks_score = [
        np.isnan(each.probability) & (reviews.is_opinion | (each.scorer is not None))
        for each in answers
    ]
    has_score = ~np.any(lacks_score, axis=0)
    kept = [replace(each, probability=each.probability[has_score]) for each in answers]
    return reviews.with_score(has_score), kept


def _result(
    name: str,
    answers: _Predictions,
    reviews: LabelledReviews,
    opinions: LabelledReviews,
    options: EvaluationOptions,
    sets: Sets,
) -> ModelResult:
    labels = opinions.labels
    threshold = answers.threshold
    probability = answers.probability[reviews.is_opinion]
    metrics = measure(labels, probability, threshold)
    best, at_recall = notable_thresholds(labels, probability, threshold)
    return ModelResult(
        **{**answers.identity, "name": name, "threshold": threshold},
        metrics=metrics,
        baseline=compare_with_constant(name, metrics),
        thresholds=at_thresholds(labels, probability),
        best_thresholds=best,
        precision_at_recall=at_recall,
        reliability=reliability(labels, probability),
        coverage_at_accuracy=coverage_at(
            labels, probability, threshold=threshold, targets=options.targets
        ),
        mistakes=mistakes(
            opinions, probability, threshold=threshold, scorer=answers.scorer, most=options.examples
        ),
        ratings=_ratings(answers, reviews),
        prior=_prior(answers, labels, probability),
        same=() if answers.scorer is None else tuple(steadiness(answers.scorer, sets)),
        probability=probability,
    )


def _prior(answers: _Predictions, labels: Labels, probability: Probabilities) -> PriorEffect | None:
    """Measure what a prior would change."""
    base = EVEN if answers.scorer is None else answers.scorer.base
    return prior_effect(
        labels, probability, first=answers.probability, threshold=answers.threshold, base=base
    )


def _ratings(answers: _Predictions, reviews: LabelledReviews) -> Ratings | None:
    """Compare the stars and the neutral range of a model with the stars of the reviews."""
    scorer = answers.scorer
    stars = reviews.stars
    if scorer is None or (stars is None and not reviews.data.neutral):
        return None
    facts = scorer.facts
    known = None
    if facts.stars is not None and stars is not None:
        known = known_tokens(scorer.vocabulary, reviews.texts, facts.max_tokens)
    own = None if facts.neutral is None else facts.neutral.ends
    return rate(
        answers.probability,
        known,
        classes=reviews.classes,
        given=stars,
        scale=facts.stars,
        neutral=own,
    )
