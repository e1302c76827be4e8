"""The bound of a start: import what scoring needs, and open the model."""

from __future__ import annotations

from pathlib import Path

import onnx  # noqa: F401
import onnxruntime
import pyarrow as pa  # noqa: F401

MODEL = Path(__file__).parents[3] / "exported/conv1d.onnx"

if __name__ == "__main__":
    onnxruntime.InferenceSession(MODEL, providers=["CPUExecutionProvider"])
