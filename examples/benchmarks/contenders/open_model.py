"""The bound of a start: import what scoring needs, and open a shipped model. Argument: MODEL."""

from __future__ import annotations

import sys

import onnxruntime
import pyarrow as pa  # noqa: F401

from examples.benchmarks.sources import PROJECT

if __name__ == "__main__":
    model = PROJECT / "exported" / f"{sys.argv[1]}.onnx"
    onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
