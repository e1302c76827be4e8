"""An evaluation as JSON.

The keys are stable: what is there keeps its name and its meaning, and more may come; anything else
raises `FORMAT_VERSION`. Shares and probabilities are numbers from 0 to 1, intervals are pairs of
the lower and the upper end (95 %), and what is not defined is null.

===================  ===============================================================================
``format_version``   1
``toolkit_version``  that made it
``data``             ``path``, ``columns`` (name by what it is: text, label, group, stars),
                     ``rows``, and of these ``reviews`` (with text and label; all figures are of
                     them), ``without_text``, ``without_label``; ``positive`` of the reviews
``best``             name of the most accurate model
``models``           a list, see below
``breakdowns``       lists by ``length`` and, where there are such columns, ``stars``,
                     ``largest_groups``, ``weakest_groups``; of objects with ``name``, ``reviews``,
                     ``positive`` and ``models``: by name, ``right``, ``accuracy``, ``interval``
``comparisons``      a list with an object for each model but the best: the fields of
                     `toolkit.evaluation.comparison.Comparison`, with ``interval`` for ``low`` and
                     ``high``
===================  ===============================================================================

A model has ``name``, ``path`` (null: the default one), ``preset`` and ``sha256`` (null: predictions
of others), ``threshold``, and

===============  ===================================================================================
``metrics``      the fields of `toolkit.evaluation.measures.Metrics`; ``accuracy`` with
                 ``accuracy_interval``
``reliability``  bins of the probability: ``low``, ``high``, ``reviews``, ``probability`` (mean),
                 ``positive`` (share)
``coverage``     ``asked`` (share of the reviews), ``answered`` and ``right`` (counts),
                 ``accuracy``, and ``uncertain``, the pair for ``toolkit score --uncertain`` that
                 leaves out the others (null: there are none)
``mistakes``     the surest first: ``row`` (in the file, from 1), ``label``, ``probability``,
                 ``text``, ``misleading``: the words that misled most, the worst first, with
                 ``word``, ``start``, ``stop`` (characters) and ``effect`` (log-odds)
===============  ===================================================================================
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from toolkit import __version__
from toolkit.evaluation.breakdown import Breakdown
from toolkit.evaluation.comparison import Comparison
from toolkit.evaluation.measures import Metrics
from toolkit.evaluation.mistakes import Mistake
from toolkit.evaluation.result import Evaluation, ModelResult
from toolkit.evaluation.shares import Share

FORMAT_VERSION = 1

_MISLEADING_WORDS = 20


def as_dict(evaluation: Evaluation) -> dict[str, Any]:
    """Give an evaluation as the JSON of this module's docstring."""
    data, models = evaluation.data, evaluation.models
    return {
        "format_version": FORMAT_VERSION,
        "toolkit_version": __version__,
        "data": {**asdict(data), "path": str(data.path)},
        "best": models[evaluation.best].name,
        "models": [_model(model) for model in models],
        "breakdowns": {
            breakdown.key: _parts(breakdown, models) for breakdown in evaluation.breakdowns
        },
        "comparisons": [_comparison(comparison) for comparison in evaluation.comparisons],
    }


def _model(model: ModelResult) -> dict[str, Any]:
    return {
        "name": model.name,
        "path": None if model.path is None else str(model.path),
        "preset": model.preset,
        "sha256": model.sha256,
        "threshold": round(model.threshold, 7),
        "metrics": _metrics(model.metrics),
        "reliability": [asdict(each) for each in model.reliability],
        "coverage": [
            {
                "asked": each.asked,
                "answered": each.answered.count,
                "right": each.answered.right,
                "accuracy": each.answered.value,
                "uncertain": each.uncertain and list(each.uncertain),
            }
            for each in model.coverage
        ],
        "mistakes": [_mistake(mistake) for mistake in model.mistakes],
    }


def _metrics(metrics: Metrics) -> dict[str, Any]:
    accuracy = {
        "accuracy": metrics.accuracy.value,
        "accuracy_interval": list(metrics.accuracy.interval),
    }
    return {**accuracy, **{k: v for k, v in vars(metrics).items() if k != "accuracy"}}


def _parts(breakdown: Breakdown, models: tuple[ModelResult, ...]) -> list[dict[str, Any]]:
    return [
        {
            "name": part.name,
            "reviews": part.reviews,
            "positive": part.positive,
            "models": {
                model.name: _share(share) for model, share in zip(models, part.shares, strict=True)
            },
        }
        for part in breakdown.parts
    ]


def _share(share: Share) -> dict[str, Any]:
    return {"right": share.right, "accuracy": share.value, "interval": list(share.interval)}


def _comparison(comparison: Comparison) -> dict[str, Any]:
    facts = asdict(comparison)
    low, high = facts.pop("low"), facts.pop("high")
    return {**facts, "interval": [low, high]}


def _mistake(mistake: Mistake) -> dict[str, Any]:
    words = sorted((w for w in mistake.words if w.effect > 0), key=lambda w: -w.effect)
    return {
        "row": mistake.row,
        "label": mistake.label,
        "probability": mistake.probability,
        "text": mistake.text,
        "misleading": [
            {"word": mistake.text[word.start : word.stop], **asdict(word)}
            for word in words[:_MISLEADING_WORDS]
        ],
    }
