"""The results of `toolkit evaluate` and `toolkit diff` as JSON.

The keys are stable: a key keeps its name and its meaning, and new keys may be added. Any other
change raises `FORMAT_VERSION`. ``toolkit/cli/README.md`` describes them.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from toolkit import __version__
from toolkit.evaluation.class_diff import ClassChanges, ClassCounts
from toolkit.evaluation.diff_result import (
    ChangedRow,
    Changes,
    Counts,
    DataChanges,
    Difference,
    verdict,
)
from toolkit.evaluation.evaluate_models import Evaluation, Mistake, ModelResult
from toolkit.evaluation.groups import Breakdown
from toolkit.evaluation.metrics import Metrics, Proportion
from toolkit.evaluation.tables import warnings_of
from toolkit.model.decimals import shortest

FORMAT_VERSION = 4  # of an evaluation
DIFF_FORMAT_VERSION = 2

_MOST_CAUSES = 20

Json = dict[str, Any]


def evaluation_as_dict(evaluation: Evaluation) -> Json:
    """Return an evaluation as JSON; undefined figures are None."""
    data = evaluation.data
    models = evaluation.models
    return {
        "format_version": FORMAT_VERSION,
        "toolkit_version": __version__,
        "date": evaluation.date.isoformat(),
        "data": {**asdict(data), "path": str(data.path)},
        "best": models[evaluation.best].name,
        "warnings": warnings_of(evaluation),
        "models": [_model(model) for model in models],
        "breakdowns": {each.key: _slices(each, models) for each in evaluation.breakdowns},
        "macro_mean": _macro_mean(evaluation),
        "doubtful": evaluation.doubtful,
        "comparisons": [asdict(each) for each in evaluation.comparisons],
        "second": evaluation.second and asdict(evaluation.second),
    }


def difference_as_dict(difference: Difference) -> Json:
    """Return the changes between two models as JSON; unknown values are None."""
    return {
        "format_version": DIFF_FORMAT_VERSION,
        "toolkit_version": __version__,
        "old": difference.old,
        "new": difference.new,
        "facts": {key: {"old": old, "new": new} for key, (old, new) in difference.facts.items()},
        "vocabulary": asdict(difference.words),
        "texts": _changes(difference.texts),
        "data": None if difference.data is None else _data(difference.data),
    }


def _model(model: ModelResult) -> Json:
    """Return all fields of a model; its identity has the keys that all commands use."""
    found = asdict(replace(model, mistakes=()))
    del found["probability"]
    return {
        **found,
        "threshold": round(model.threshold, 7),
        "metrics": _metrics(model.metrics),
        "prior": model.prior and {**vars(model.prior), "metrics": _metrics(model.prior.metrics)},
        "mistakes": [_mistake(mistake) for mistake in model.mistakes],
    }


def _metrics(metrics: Metrics) -> Json:
    found: Json = {}
    for key in vars(metrics):
        found[key], interval = metrics.figure(key)
        if key == "accuracy" or hasattr(metrics, f"{key}_interval"):
            found[f"{key}_interval"] = interval
    return found


def _slices(breakdown: Breakdown, models: tuple[ModelResult, ...]) -> list[Json]:
    return [
        {
            "name": each.name,
            "reviews": each.reviews,
            "positive": each.positive,
            "majority_accuracy": each.metrics[0].majority_accuracy,
            "models": {m.name: _in_slice(own) for m, own in zip(models, each.metrics, strict=True)},
        }
        for each in breakdown.slices
    ]


def _in_slice(metrics: Metrics) -> Json:
    balanced = ("balanced_accuracy", "balanced_accuracy_interval")
    losses = ("log_loss", "calibration_error", "balanced_calibration_error")
    return {
        "right": metrics.accuracy.right,
        "accuracy": metrics.accuracy.value,
        "interval": metrics.accuracy.interval,
        **{key: getattr(metrics, key) for key in (*balanced, *losses)},
    }


def _macro_mean(evaluation: Evaluation) -> Json | None:
    mean = evaluation.macro_mean
    if mean is None:
        return None
    names = [model.name for model in evaluation.models]
    figures = [each._asdict() for each in mean.models]
    found = {"groups": mean.groups, "majority_accuracy": mean.majority_accuracy}
    return {**found, "models": dict(zip(names, figures, strict=True))}


def _mistake(mistake: Mistake) -> Json:
    found = {key: value for key, value in vars(mistake).items() if key != "words"}
    causes = [
        {**asdict(word), "contribution": shortest(word.contribution)}
        for word in mistake.causes[:_MOST_CAUSES]
    ]
    return {**found, "causes": causes}


def _data(data: DataChanges) -> Json:
    found = {key: value for key, value in vars(data).items() if key not in ("subset", "changes")}
    return {
        **found,
        "limit": data.subset.limit,
        "sample": data.subset.sample,
        **_changes(data.changes),
        "groups": [{"name": name, **_counts(each)} for name, each in data.changes.groups.items()],
    }


def _changes(changes: Changes) -> Json:
    pairs = {"pairs": changes.as_dict()} if isinstance(changes, ClassChanges) else {}
    return {
        **_counts(changes.counts),
        **pairs,
        "probability_change": changes.probability and asdict(changes.probability),
        "stars_change": changes.stars and asdict(changes.stars),
        "other_whole_stars": changes.stars and changes.other_whole_stars,
        "most_changed": [
            _row(each, "label" if pairs else "sentiment") for each in changes.most_changed
        ],
    }


def _counts(counts: Counts) -> Json:
    comparison = counts.comparison
    numbers = asdict(counts)
    if isinstance(counts, ClassCounts):
        del numbers["to_positive"], numbers["to_negative"]
    return {
        **numbers,
        "old_accuracy": _accuracy(counts.old_accuracy),
        "new_accuracy": _accuracy(counts.new_accuracy),
        "difference": comparison and comparison.difference,
        "interval": comparison and comparison.interval,
        "p_value": comparison and comparison.p_value,
        "is_exact": comparison and comparison.is_exact,
        "verdict": verdict(counts),
    }


def _accuracy(found: Proportion | None) -> Json | None:
    return None if found is None else {"accuracy": found.value, "interval": found.interval}


def _row(row: ChangedRow, answer: str) -> Json:
    place = {"name": row.file} if row.row is None else {"file": row.file, "row": row.row}
    return {
        **place,
        "label": row.label,
        "group": row.group,
        "old": {answer: row.old_sentiment, "probability": row.old_probability},
        "new": {answer: row.new_sentiment, "probability": row.new_probability},
        "text": row.text,
    }
