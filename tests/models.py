"""The model files that come with the project, for tests that need any trained model."""

from __future__ import annotations

from functools import cache

import onnxruntime as ort

from tests.data import PROJECT
from toolkit.model.scorer import Scorer
from toolkit.model.shipped import DEFAULT_MODEL

EXPORTED = PROJECT / "exported"
MODEL = EXPORTED / f"{DEFAULT_MODEL}.onnx"
# Of the tutorial's network, which reads rows of one length; also for tests that need two models.
CONV1D = EXPORTED / "conv1d.onnx"


@cache
def shipped_scorer() -> Scorer:
    """Load the default model once; a scorer has no state."""
    return Scorer(MODEL)


@cache
def text_in_session() -> ort.InferenceSession:
    """Load it as any other application would."""
    return ort.InferenceSession(str(MODEL), providers=["CPUExecutionProvider"])
