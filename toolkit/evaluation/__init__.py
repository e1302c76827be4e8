"""How well models do on labelled reviews: metrics, comparisons, mistakes, and reports of them.

>>> from toolkit.evaluation import EvaluationOptions, evaluate
>>> evaluate("reviews.csv", ["a.onnx", "b.onnx"]).models[0].metrics.accuracy  # doctest: +SKIP
0.8544
>>> from toolkit.evaluation import diff
>>> diff("old.onnx", "reviews", "reviews.csv").changes.counts.changed  # doctest: +SKIP
17
>>> from toolkit.evaluation import summarize
>>> summarize("scored.csv").complaints[0].name  # doctest: +SKIP
'waste of money'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.lazy import late_names

if TYPE_CHECKING:
    from toolkit.evaluation.behaviour import SUITE
    from toolkit.evaluation.diff_models import DiffOptions, diff
    from toolkit.evaluation.evaluate_models import Evaluation, EvaluationOptions, evaluate
    from toolkit.evaluation.scored_files import SummaryOptions
    from toolkit.evaluation.summarize_files import summarize

__all__ = [
    "SUITE",
    "DiffOptions",
    "Evaluation",
    "EvaluationOptions",
    "SummaryOptions",
    "diff",
    "evaluate",
    "summarize",
]

# Late, so that training and export import the metrics without readers, journal and reports.
_MODULES = {
    "behaviour": ("SUITE",),
    "diff_models": ("DiffOptions", "diff"),
    "evaluate_models": ("Evaluation", "EvaluationOptions", "evaluate"),
    "scored_files": ("SummaryOptions",),
    "summarize_files": ("summarize",),
}
__getattr__ = late_names(__name__, _MODULES)
