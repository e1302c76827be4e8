"""Networks in ONNX Runtime: options, a limit of their memory, and a first row to try them out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from toolkit.errors import ModelError
from toolkit.model.file import TOKEN_IDS, ModelFile, token_ids_width
from toolkit.model.onnx_messages import ModelProto
from toolkit.model.stars import FEWEST, MOST
from toolkit.text.token_ids import Ids, TokenIds

Probabilities = npt.NDArray[np.float32]
Outputs = npt.NDArray[np.float32]

# Rows of one length: few calls, with activations that stay near the processor. With conv1d, batches
# of 32, 64 and 128 give 390,000, 430,000 and 445,000 rows/s on an EPYC core (Zen 5, 1 MiB of
# second-level cache), and 360,000, 335,000 and 260,000 on a Xeon core.
ROWS_OF_ONE_LENGTH = 64

# Rows of any length: at most this many rows, and this many ids if there are two rows or more. From
# 4,096 to 16,384 ids, ngram-linear gives 390,000 to 670,000 rows/s on the EPYC core; ngram-cnn gave
# 78,000 to 67,000 before it had its second convolution, which has more activations an id. Of rows
# with 17 ids, as sentences are, 512 at once take 0.7 of the time of 128 with `reviews`.
MOST_ROWS = 512
MOST_IDS = 8192

# A file of a few bytes can ask for any amount: by shapes, by doubling, by what the ids say. Weights
# and tensors of all networks of a process share this; those of `ngram-cnn` take some 10 MiB.
_MOST_MEMORY = 768 << 20
_LARGEST_CONSTANT = 64 << 20  # that is computed from constants when a file is loaded


def session_options() -> ort.SessionOptions:
    """Options for many small batches from many threads: one thread a call, no spinning."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # errors are raised; a line of log would repeat them
    return options


class Network:
    """A part of a model file that takes `token_ids`; safe to share between threads."""

    def __init__(self, part: ModelProto, model: ModelFile) -> None:
        self._path = model.path
        self._most = model.facts.max_tokens
        self._is_fixed = token_ids_width(model.graph) is not None
        self._session = _open(part, model)
        self.outputs = len(part.graph.output)

    def run(self, rows: Ids) -> list[Outputs]:
        """Give each output for (rows, tokens) ids; raises `ModelError` if it cannot."""
        try:
            return self._session.run(None, {TOKEN_IDS: rows})  # type: ignore[no-any-return]
        except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
            raise ModelError(f"{self._path}: its network does not run: {error}") from None

    def run_all(self, ids: TokenIds) -> Outputs:
        """Give the outputs for any number of reviews, (outputs, reviews), in batches."""
        found = np.empty((self.outputs, len(ids)), np.float32)
        for places, rows in self._batches(ids):
            for values, output in zip(found, self.run(rows), strict=True):
                values[places] = output
        return found

    def rows(self, ids: TokenIds) -> Ids:
        """Pad reviews in front with 0, to one length or that of the longest: (reviews, tokens)."""
        longest = 1 + int(ids.lengths.max(initial=0))
        return ids.padded(self._most if self._is_fixed else min(self._most, longest))

    def _batches(self, ids: TokenIds) -> Iterator[tuple[slice | npt.NDArray[np.int64], Ids]]:
        if not self._is_fixed:
            yield from ids.batches(self._most, MOST_ROWS, MOST_IDS)
            return
        rows = ids.padded(self._most)
        for start in range(0, len(rows), ROWS_OF_ONE_LENGTH):
            part = slice(start, start + ROWS_OF_ONE_LENGTH)
            yield part, rows[part]


def open_network(model: ModelFile) -> Network:
    """Load the network of a model file and try it out; raises `ModelError` if it does not work."""
    network = Network(model.network, model)
    # Rows of the highest id find what cannot work.
    rows = np.full((2, model.facts.max_tokens), model.facts.vocabulary_size - 1, np.int32)
    probability, *stars = network.run(rows)
    if probability.shape != (2,) or not ((probability >= 0) & (probability <= 1)).all():
        raise ModelError(f"{model.path}: its network gives {probability}, expected a probability")
    if not all(each.shape == (2,) and ((each >= FEWEST) & (each <= MOST)).all() for each in stars):
        raise ModelError(f"{model.path}: its network gives {stars[0]}, expected 1 to 5 stars")
    return network


def _open(part: ModelProto, model: ModelFile) -> ort.InferenceSession:
    _limit_memory()
    options = session_options()
    options.add_session_config_entry("session.use_env_allocators", "1")
    # Versions of ONNX Runtime that do not know this entry ignore it.
    options.add_session_config_entry(
        "optimization.constant_folding_max_output_size_in_bytes", str(_LARGEST_CONSTANT)
    )
    try:
        return ort.InferenceSession(
            part.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # noqa: BLE001 (as above)
        raise ModelError(f"{model.path}: ONNX Runtime cannot load its network: {error}") from None


@cache
def _limit_memory() -> None:
    """Limit what all networks of this process take; an allocator can be registered once."""
    arena = ort.OrtMemoryInfo(
        "Cpu", ort.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, ort.OrtMemType.DEFAULT
    )
    with suppress(RuntimeError):  # a program that uses this as a library has registered one
        ort.create_and_register_allocator(arena, ort.OrtArenaCfg({"max_mem": _MOST_MEMORY}))
