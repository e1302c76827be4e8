"""How well models do on labelled reviews: metrics, comparisons, mistakes, and reports of them.

>>> from toolkit.evaluation import EvaluationOptions, evaluate
>>> evaluate("reviews.csv", ["a.onnx", "b.onnx"]).models[0].metrics.accuracy  # doctest: +SKIP
0.8544
"""

from __future__ import annotations

from toolkit.evaluation.evaluate_models import EvaluationOptions, evaluate
from toolkit.evaluation.result import Evaluation

__all__ = ["Evaluation", "EvaluationOptions", "evaluate"]
