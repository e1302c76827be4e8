"""The bound of a start: import what scoring needs, and open the model."""

from __future__ import annotations

import onnxruntime
import pyarrow as pa  # noqa: F401

from tests.benchmarks.sources import PROJECT, TIMED_MODEL

MODEL = PROJECT / "exported" / f"{TIMED_MODEL}.onnx"

if __name__ == "__main__":
    onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
