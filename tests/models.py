"""The model file that comes with the project, for tests that need any trained model."""

from __future__ import annotations

from functools import cache

import onnxruntime as ort

from tests.data import PROJECT
from toolkit.scoring.scorer import Scorer

MODEL = PROJECT / "exported" / "conv1d.onnx"


@cache
def shipped_scorer() -> Scorer:
    """Load it once; a scorer has no state."""
    return Scorer(MODEL)


@cache
def text_in_session() -> ort.InferenceSession:
    """Load it as any other application would."""
    return ort.InferenceSession(str(MODEL), providers=["CPUExecutionProvider"])
