"""Batch scoring and export toolkit for review sentiment.

>>> from toolkit import Scorer
>>> Scorer().score(["A fine film, and superbly acted."])[0].sentiment
'positive'
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from toolkit.lazy import late_names

# From 1.29 on, ONNX Runtime reports every session to its maker, also on Linux and macOS, unless
# this variable is 1 when it is imported. Set it to 0 to allow the reports.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.1.0"
DISTRIBUTION = "review-sentiment-toolkit"  # `review_sentiment_toolkit.py` knows this package by it
__all__ = ["Scorer", "__version__", "train"]

if TYPE_CHECKING:
    from toolkit.model.scorer import Scorer as Scorer
    from toolkit.training.memory import train as train


# Imported late, so that `toolkit --help` starts without ONNX Runtime and Arrow.
__getattr__ = late_names(__name__, {"model": ("Scorer",), "training.memory": ("train",)})
