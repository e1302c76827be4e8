"""Sessions of ONNX Runtime: their options, and a limit of their memory."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy.typing as npt
import onnxruntime as ort

from toolkit.errors import ModelError
from toolkit.model.onnx import ModelProto

# A file of a few bytes can ask for any amount: by shapes, by doubling, by what the ids say. Weights
# and tensors of all networks of a process share this; those of the largest take some 10 MiB.
_MOST_MEMORY = 768 << 20
_LARGEST_CONSTANT = 64 << 20  # that is computed from constants when a file is loaded


def session_options() -> ort.SessionOptions:
    """Options for many small batches from many threads: one thread a call, no spinning."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised; a line of log would repeat them
    return options


def constants_of(part: ModelProto) -> list[npt.NDArray[Any]] | None:
    """Give the outputs of a part of a model that has no inputs; None if they cannot be computed."""
    try:
        return _session(part).run(None, {})  # type: ignore[no-any-return]
    except Exception:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
        return None


def open_session(part: ModelProto, path: Path) -> ort.InferenceSession:
    """Load a part of the model file at a path; raises `ModelError` if ONNX Runtime cannot."""
    try:
        return _session(part)
    except Exception as error:  # noqa: BLE001 (as above)
        raise ModelError(f"{path}: ONNX Runtime cannot load its network: {error}") from None


def _session(part: ModelProto) -> ort.InferenceSession:
    _limit_memory()
    options = session_options()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # Versions of ONNX Runtime that do not know this entry ignore it.
    options.add_session_config_entry(
        "optimization.constant_folding_max_output_size_in_bytes", str(_LARGEST_CONSTANT)
    )
    return ort.InferenceSession(
        part.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


@cache
def _limit_memory() -> None:
    """Limit what all networks of this process take; an allocator can be registered once."""
    arena = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    with suppress(RuntimeError):  # a program that uses this as a library has registered one
        ort.create_and_register_allocator(arena, ort.OrtArenaCfg({"max_mem": _MOST_MEMORY}))
