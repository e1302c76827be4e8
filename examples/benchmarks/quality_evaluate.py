"""Evaluate models and peers on labelled reviews, as JSON: ``quality_evaluate FACTS FILE...``.

FACTS is JSON: the path of the `data`, and the column of the `group` or null. The files are our
models (.onnx) and the peers' probabilities (.parquet). No text of a review, and
no folder, is in what is printed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.classes import is_positive
from toolkit.evaluation import Evaluation, EvaluationOptions, evaluate
from toolkit.evaluation.comparison import Comparison, compare
from toolkit.evaluation.json import evaluation_as_dict
from toolkit.records import Columns, ReadOptions


def evaluate_files(data: Path, group: str | None, files: list[Path]) -> list[dict[str, Any]]:
    """Give a row for each file: its metrics, also by part, and ours against the best peer."""
    models = [path for path in files if path.suffix == ".onnx"]
    predictions = [path for path in files if path not in models]
    options = EvaluationOptions(ReadOptions(Columns(group=group)), examples=0)
    evaluation = evaluate(data, models, predictions, options)
    report = evaluation_as_dict(evaluation)
    comparisons = {found.model: found for found in beside_best_peer(evaluation)}
    return [
        {
            "name": model["name"],
            "is_peer": model["preset"] is None,
            "reviews": report["data"]["reviews"],
            "threshold": model["threshold"],
            "metrics": model["metrics"],
            "lengths": _parts(report, "length", model["name"]),
            "groups": _parts(report, "groups", model["name"]),
            "macro_mean": _macro_mean(report, model["name"]),
            **_as_row(comparisons.get(model["name"])),
        }
        for model in report["models"]
    ]


def _parts(report: dict[str, Any], key: str, model: str) -> list[dict[str, Any]]:
    return [
        {**{name: part[name] for name in ("name", "reviews", "positive")}, **part["models"][model]}
        for part in report["breakdowns"].get(key, [])
    ]


def _macro_mean(report: dict[str, Any], model: str) -> dict[str, Any] | None:
    mean = report["macro_mean"]
    return mean and {"groups": mean["groups"], **mean["models"][model]}


def beside_best_peer(evaluation: Evaluation) -> list[Comparison]:
    """Compare each of our models with the most accurate peer: not with the best of ours.

    That peer is picked by these very reviews, which is in its favour.
    """
    rights = {
        model.name: is_positive(model.probability, model.threshold) == evaluation.labels
        for model in evaluation.models
    }
    peers = [model.name for model in evaluation.models if model.preset is None]
    if not peers:
        return []
    best = max(peers, key=lambda name: int(np.count_nonzero(rights[name])))
    ours = [model.name for model in evaluation.models if model.preset is not None]
    return [compare(name, rights[name], best, rights[best]) for name in ours]


def _as_row(comparison: Comparison | None) -> dict[str, Any]:
    if comparison is None:
        return {}
    low, high = comparison.interval
    return {
        "comparison": {
            "best": comparison.reference,
            "only_best_right": comparison.only_reference_right,
            "only_model_right": comparison.only_model_right,
            "difference": -comparison.difference,
            "low": -high,
            "high": -low,
            "p_value": comparison.p_value,
            "is_exact": comparison.is_exact,
        }
    }


if __name__ == "__main__":
    facts = json.loads(sys.argv[1])
    found = evaluate_files(Path(facts["data"]), facts["group"], [*map(Path, sys.argv[2:])])
    print(json.dumps(found))
