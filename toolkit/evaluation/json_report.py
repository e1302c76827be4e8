"""An evaluation as JSON, for `--json` and `--report FILE.json`.

The keys are stable: what exists keeps its name and its meaning, and more may be added; anything
else raises `FORMAT_VERSION`. ``toolkit/cli/REFERENCE.md`` describes them (`tests/docs/reference.py`
writes it).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from toolkit import __version__
from toolkit.evaluation.breakdown import Breakdown, Part
from toolkit.evaluation.metrics import Metrics
from toolkit.evaluation.mistakes import Mistake
from toolkit.evaluation.proportion import Proportion
from toolkit.evaluation.result import Evaluation, ModelResult
from toolkit.evaluation.tables.result_tables import warnings_of

FORMAT_VERSION = 3

_MOST_CAUSES = 20

# Which model it is, as in the JSON of all commands.
_IDENTITY = (
    *("name", "version", "path", "preset", "sha256", "labels", "threshold"),
    "toolkit_version",
)

Json = dict[str, Any]


def as_dict(evaluation: Evaluation) -> Json:
    """Give all as JSON has it; None where a figure is not defined."""
    data, models = evaluation.data, evaluation.models
    return {
        "format_version": FORMAT_VERSION,
        "toolkit_version": __version__,
        "date": evaluation.date.isoformat(),
        "data": {**asdict(data), "path": str(data.path)},
        "best": models[evaluation.best].name,
        "warnings": warnings_of(evaluation),
        "models": [_model(model) for model in models],
        "breakdowns": {each.key: _parts(each, models) for each in evaluation.breakdowns},
        "macro_mean": _macro_mean(evaluation),
        "comparisons": [asdict(each) for each in evaluation.comparisons],
    }


def _model(model: ModelResult) -> Json:
    return {
        **{key: getattr(model, key) for key in _IDENTITY},
        "threshold": round(model.threshold, 7),
        "metrics": _metrics(model.metrics),
        "baseline": model.baseline and asdict(model.baseline),
        "thresholds": [asdict(each) for each in model.thresholds],
        "reliability": [asdict(each) for each in model.reliability],
        "coverage": [asdict(each) for each in model.coverage],
        "coverage_at_accuracy": [asdict(each) for each in model.coverage_at_accuracy],
        "ratings": model.ratings and asdict(model.ratings),
        "mistakes": [_mistake(mistake) for mistake in model.mistakes],
    }


def _metrics(metrics: Metrics) -> Json:
    found: Json = {}
    for key, value in vars(metrics).items():
        if isinstance(value, Proportion):
            found |= {key: value.value, f"{key}_interval": list(value.interval)}
        else:
            found[key] = value
        if key == "balanced_accuracy":
            found["balanced_accuracy_interval"] = metrics.balanced_accuracy_interval
    return found


def _parts(breakdown: Breakdown, models: tuple[ModelResult, ...]) -> list[Json]:
    return [
        {
            "name": part.name,
            "reviews": part.reviews,
            "positive": part.positive,
            "majority_accuracy": part.majority_accuracy,
            "models": {model.name: _in_part(part, place) for place, model in enumerate(models)},
        }
        for part in breakdown.parts
    ]


def _in_part(part: Part, place: int) -> Json:
    metrics = part.metrics[place]
    return {
        "right": metrics.accuracy.right,
        "accuracy": metrics.accuracy.value,
        "interval": list(metrics.accuracy.interval),
        "balanced_accuracy": part.balanced_accuracy[place],
        "balanced_accuracy_interval": part.balanced_interval[place],
        "log_loss": metrics.log_loss,
        "calibration_error": metrics.calibration_error,
        "balanced_calibration_error": metrics.balanced_calibration_error,
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
    return {
        "row": mistake.row,
        "label": mistake.label,
        "probability": mistake.probability,
        "text": mistake.text,
        "causes": [asdict(word) for word in mistake.causes[:_MOST_CAUSES]],
    }
