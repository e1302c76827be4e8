"""Run a network on token ids in batches, in ONNX Runtime or with the native core."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from toolkit.errors import ModelError
from toolkit.model.file import (
    PROBABILITIES,
    PROBABILITY,
    STARS,
    TOKEN_IDS,
    ModelFile,
    token_ids_width,
)
from toolkit.model.native_network import SplitNetwork, open_session, split_network
from toolkit.model.onnx import ModelProto, with_weights
from toolkit.model.stars import FEWEST, MOST
from toolkit.text.token_ids import Ids, TokenIds

if TYPE_CHECKING:
    from toolkit.model.onnx import TensorProto

Probabilities = npt.NDArray[np.float32]
Outputs = dict[str, npt.NDArray[np.float32]]  # by name: (reviews,), or (reviews, classes)
Places = slice | npt.NDArray[np.int64]

# Batch size for networks with rows of one length: few calls, and activations fit the cache. With
# conv1d, batches of 32, 64 and 128 reach 390,000, 430,000 and 445,000 rows/s on an EPYC core (Zen
# 5, 1 MiB of second-level cache), and 360,000, 335,000 and 260,000 on a Xeon core.
ROWS_OF_ONE_LENGTH = 64

# Limits of a batch of rows of any length; a single row may have more ids. From 4,096 to 16,384 ids,
# ngram-linear reaches 390,000 to 670,000 rows/s on the EPYC core; a network with more activations
# per id, 78,000 to 67,000. With `reviews` and rows of 17 ids, as sentences have, batches of 512
# rows take 0.7 of the time of batches of 128.
MOST_ROWS = 512
MOST_IDS = 8192

# How far the sum of the probabilities of all classes may be from 1.
_OFF_BY = 1e-3

ROWS_OF_HEAD = 256  # batch size of the head; see `toolkit.model.native_network`


class Network:
    """A part of a model file that takes `token_ids`; safe to share between threads.

    Parameters
    ----------
    part : ModelProto
        A graph from `token_ids` to the outputs, with or without weights.
    model : ModelFile
        The model file.
    weights : Mapping[str, TensorProto] | None
        Name → weight, for a part without weights. They are copied only if ONNX Runtime runs the
        whole part.
    """

    def __init__(
        self,
        part: ModelProto,
        model: ModelFile,
        weights: Mapping[str, TensorProto] | None = None,
    ) -> None:
        self._part = part
        self._weights = weights
        self._path = model.path
        self._most = model.facts.max_tokens
        self._is_fixed = token_ids_width(model.graph) is not None
        self.outputs = tuple(output.name for output in part.graph.output)
        # The columns of each output; None: it has one number per review.
        self._classes = len(model.facts.labels) if model.facts.has_classes else None

    @cached_property
    def _session(self) -> ort.InferenceSession:
        weights = self._weights
        part = self._part if weights is None else with_weights(self._part, weights)
        return open_session(part, self._path)

    @cached_property
    def _split(self) -> tuple[SplitNetwork, ort.InferenceSession] | None:
        """The split network and the session of its head; None if the core does not know it."""
        split = split_network(self._part, self._most, self._weights)
        return None if split is None else (split, open_session(split.head, self._path))

    def run(self, rows: Ids) -> Outputs:
        """Return the outputs for (rows, tokens) ids; raise `ModelError` if the network fails."""
        return self._run(self._session, {TOKEN_IDS: rows})

    def run_all(self, ids: TokenIds) -> Outputs:
        """Return the outputs for any number of reviews, run in batches."""
        shape = self._shape(len(ids))
        found = {name: np.empty(shape, np.float32) for name in self.outputs}
        if self._split is not None and self._run_split(*self._split, ids, found):
            return found
        for places, rows in self._batches(ids):
            self._fill(found, places, self.run(rows))
        return found

    def _shape(self, reviews: int) -> tuple[int, ...]:
        """Return the shape of each output for some reviews."""
        return (reviews,) if self._classes is None else (reviews, self._classes)

    def _run_split(
        self, split: SplitNetwork, head: ort.InferenceSession, ids: TokenIds, found: Outputs
    ) -> bool:
        """Fill in the outputs; return False if the core cannot compute the sums."""
        for start in range(0, len(ids), ROWS_OF_HEAD):
            part = slice(start, start + ROWS_OF_HEAD)
            sums = split.body.run(ids.values, ids.starts[part], ids.stops[part], most=self._most)
            if ids.has_start or sums is None:
                return False
            given = dict(zip(split.inputs, sums, strict=False))
            self._fill(found, part, self._run(head, given))
        return True

    def _fill(self, found: Outputs, places: Places, outputs: Outputs) -> None:
        """Copy the outputs of some reviews to their places."""
        for name, output in outputs.items():
            values = found[name]
            expected = values[places].shape
            if output.shape != expected:
                raise ModelError(
                    f"{self._path}: its network returned the shape {output.shape}, expected "
                    f"{expected}"
                )
            values[places] = output

    def _run(self, session: ort.InferenceSession, given: dict[str, Any]) -> Outputs:
        try:
            return dict(zip(self.outputs, session.run([*self.outputs], given), strict=True))
        except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
            raise ModelError(f"{self._path}: its network fails: {error}") from None

    def rows(self, ids: TokenIds) -> Ids:
        """Left-pad with 0 to the fixed length, or to the longest review: (reviews, tokens)."""
        longest = 1 + int(ids.lengths.max(initial=0))
        return ids.padded(self._most if self._is_fixed else min(self._most, longest))

    def _batches(self, ids: TokenIds) -> Iterator[tuple[Places, Ids]]:
        if not self._is_fixed:
            yield from ids.batches(self._most, MOST_ROWS, MOST_IDS)
            return
        rows = ids.padded(self._most)
        for start in range(0, len(rows), ROWS_OF_ONE_LENGTH):
            part = slice(start, start + ROWS_OF_ONE_LENGTH)
            yield part, rows[part]


def open_network(model: ModelFile) -> Network:
    """Load the network of a model file and try it out; raise `ModelError` if it does not work."""
    network = Network(model.network_nodes, model, model.weights)
    # Rows of the highest id reveal tables that are too small.
    most = model.facts.max_tokens
    highest = model.facts.vocabulary_size - 1
    ends = np.array([0, most, 2 * most])
    found = network.run_all(TokenIds(np.full(2 * most, highest, np.int32), ends[:2], ends[1:]))
    if model.facts.has_classes:
        _check_classes(found[PROBABILITIES], model)
        return network
    probability = found[PROBABILITY]
    stars = found.get(STARS)
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ModelError(
            f"{model.path}: its network returned {probability}, expected a probability"
        )
    if stars is not None and not ((stars >= FEWEST) & (stars <= MOST)).all():
        raise ModelError(f"{model.path}: its network returned {stars}, expected 1 to 5 stars")
    return network


def _check_classes(found: npt.NDArray[np.float32], model: ModelFile) -> None:
    """Raise `ModelError` unless each row, (rows, classes), has probabilities that add up to 1."""
    are_shares = ((found >= 0) & (found <= 1)).all()
    if not are_shares or np.abs(found.sum(axis=1) - 1).max() > _OFF_BY:
        shown = found[0][:3]
        raise ModelError(
            f"{model.path}: its network returned {shown} …, expected probabilities that add up to 1"
        )
