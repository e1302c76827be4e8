"""Sessions of ONNX Runtime, as everything here runs networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort

from toolkit.errors import ModelError
from toolkit.model_file import PROBABILITY, TOKEN_IDS, ModelFile


def session_options() -> ort.SessionOptions:
    """Options for many small batches from many threads: one thread a call, no spinning."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def open_session(network: onnx.ModelProto, path: Path) -> ort.InferenceSession:
    """Load a network of a model file; raises `ModelError`, which names the file, if it cannot."""
    try:
        return ort.InferenceSession(
            network.SerializeToString(), session_options(), providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
        raise ModelError(f"{path}: ONNX Runtime cannot load its network: {error}") from None


def try_out(session: ort.InferenceSession, model: ModelFile) -> None:
    """Run a row of the highest id, so that what cannot work is found when it is loaded."""
    row = np.full((1, model.facts.max_tokens), model.facts.vocabulary_size - 1, np.int32)
    try:
        (probability,) = session.run([PROBABILITY], {TOKEN_IDS: row})
    except Exception as error:  # noqa: BLE001 (as above)
        raise ModelError(f"{model.path}: its network does not run: {error}") from None
    if probability.shape != (1,) or not 0 <= probability[0] <= 1:
        raise ModelError(f"{model.path}: its network gives {probability}, expected a probability")
