"""Networks in ONNX Runtime: options, a limit of their memory, and a first row to try them out."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from toolkit.errors import ModelError
from toolkit.model.file import TOKEN_IDS, ModelFile
from toolkit.text.vocabulary import Ids

Probabilities = npt.NDArray[np.float32]

# For networks that read rows of any length: batches of at most so many rows, and so many ids where
# there are two rows or more. From 4,096 to 16,384 ids, ngram-linear gives 390,000 to 670,000 rows/s
# on the EPYC core; ngram-cnn gave 78,000 to 67,000 before it had its second convolution, which has
# more activations an id.
MOST_ROWS = 128
BATCH_IDS = 8192

# A file of a few bytes can ask for any amount: by shapes, by doubling, by what the ids say. Weights
# and tensors of all networks of a process share this; those of `ngram-cnn` take some 10 MiB.
_MOST_MEMORY = 768 << 20
_LARGEST_CONSTANT = 64 << 20  # that is computed from constants when a file is loaded


def session_options() -> ort.SessionOptions:
    """Options for many small batches from many threads: one thread a call, no spinning."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised; a line of log would say them twice
    return options


def open_network(model: ModelFile) -> ort.InferenceSession:
    """Load the network of a model file, and try it out.

    Parameters
    ----------
    model : ModelFile
        The file, from wherever it is.

    Returns
    -------
    ort.InferenceSession
        `token_ids` → `probability`, of limited memory.

    Raises
    ------
    ModelError
        If ONNX Runtime cannot load or run it, or it gives no probability.
    """
    session = open_part(model.network, model)
    _try_out(session, model)
    return session


def open_part(part: onnx.ModelProto, model: ModelFile) -> ort.InferenceSession:
    """Load a part of a model file that takes `token_ids`; raises `ModelError` if it cannot."""
    _limit_memory()
    options = session_options()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # Versions of ONNX Runtime that do not know it pass over it.
    options.add_session_config_entry(
        "optimization.constant_folding_max_output_size_in_bytes", str(_LARGEST_CONSTANT)
    )
    try:
        return ort.InferenceSession(
            part.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
        raise ModelError(f"{model.path}: ONNX Runtime cannot load its network: {error}") from None


def run_network(session: ort.InferenceSession, rows: Ids, model: ModelFile) -> Probabilities:
    """Give the one output for rows of token ids; raises `ModelError` if it cannot."""
    try:
        (probability,) = session.run(None, {TOKEN_IDS: rows})
    except Exception as error:  # noqa: BLE001 (as above)
        raise ModelError(f"{model.path}: its network does not run: {error}") from None
    return probability  # type: ignore[no-any-return]


def _try_out(session: ort.InferenceSession, model: ModelFile) -> None:
    """Run rows of the highest id, so that what cannot work is found when it is loaded."""
    rows = np.full((2, model.facts.max_tokens), model.facts.vocabulary_size - 1, np.int32)
    probability = run_network(session, rows, model)
    if probability.shape != (2,) or not ((probability >= 0) & (probability <= 1)).all():
        raise ModelError(f"{model.path}: its network gives {probability}, expected a probability")


@cache
def _limit_memory() -> None:
    """Limit what all networks of this process take; an allocator can be registered once."""
    arena = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    with suppress(RuntimeError):  # whoever uses this as a library has registered one
        ort.create_and_register_allocator(arena, ort.OrtArenaCfg({"max_mem": _MOST_MEMORY}))
