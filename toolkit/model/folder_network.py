"""Run the network of a classifier folder on ids of word pieces.

The answer for a text must not depend on the texts beside it: a resumed run and shards have other
batches, and the same bytes. So nothing is padded: a batch has texts of exactly the same number of
pieces. A batch has few ids, as larger ones are slower: with a network like MiniLM on one core, 215
sentences per second with 1,024 ids per batch, 196 with 4,096, and 143 one by one.

In float32, the rows of such a batch have the same bits as a row alone. `FolderNetwork.check` tries
that, and so finds networks in which they have not: then every text is a batch of its own. Networks
with dynamic quantization always take texts one by one, as they round all rows of a batch by the
largest number in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from toolkit.errors import ModelError
from toolkit.model.folder_labels import ClassifierLabels, Floats
from toolkit.model.native_network import open_content
from toolkit.model.onnx import ModelProto, check_no_loops, parse_onnx, read_content
from toolkit.model.pieces import PieceIds, Pieces

MOST_BYTES = (2 << 30) - 1  # a larger network has its weights in a second file, which is refused
_MOST_ACTIVATIONS = 768 << 20  # bytes
_COPIES = 4  # of the weights, at most, in other layouts

_IDS_IN_A_BATCH = 1024  # a single row may have more

IDS = "input_ids"
_MASK = "attention_mask"
_SEGMENTS = "token_type_ids"
_INPUTS = (IDS, _MASK, _SEGMENTS)
_LOGITS = "logits"
_INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
_FLOATS = ("tensor(float)", "tensor(float16)")
# These round all rows of a batch by the largest number in it.
_DYNAMIC = (
    *("DynamicQuantizeLinear", "DynamicQuantizeMatMul", "DynamicQuantizeLSTM"),
    *("MatMulIntegerToFloat", "QAttention"),
)

_Places = npt.NDArray[np.int64]
_TRIED_ROWS = 5
_TRIED_LENGTH = 12


@dataclass
class FolderNetwork:
    """The loaded network of a classifier folder; safe to share between threads."""

    path: Path
    session: ort.InferenceSession = field(repr=False)
    labels: ClassifierLabels
    sha256: str  # of the file
    bytes: int  # of the file
    one_by_one: bool  # whether every text is a batch of its own

    @classmethod
    def load(cls, path: Path, labels: ClassifierLabels) -> FolderNetwork:
        """Read and load a network.

        Parameters
        ----------
        path : Path
            The ONNX file.
        labels : ClassifierLabels
            The labels of its outputs.

        Returns
        -------
        FolderNetwork
            The network.

        Raises
        ------
        ModelError
            If the file is damaged, could reach outside of itself, or has other inputs or outputs.
        """
        content = read_content(path, MOST_BYTES)
        graph = parse_onnx(content, path)
        check_no_loops(graph, path)
        is_dynamic = any(node.op_type in _DYNAMIC for node in graph.graph.node)
        _check_inputs(graph, path)
        del graph
        most_memory = _MOST_ACTIVATIONS + _COPIES * len(content)
        try:
            session = open_content(content, most_memory)
        except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
            raise ModelError(f"{path}: ONNX Runtime cannot load it: {_line(error)}") from None
        found = cls(
            path=path,
            session=session,
            labels=labels,
            sha256=hashlib.sha256(content).hexdigest(),
            bytes=len(content),
            one_by_one=is_dynamic,
        )
        try:
            found._check_ends()
        except UnicodeDecodeError:
            raise ModelError(f"{path}: damaged, a name in its graph is not UTF-8") from None
        return found

    def _check_ends(self) -> None:
        """Raise `ModelError` for inputs and outputs that do not fit word pieces and labels."""
        inputs = {each.name: each for each in self.session.get_inputs()}
        for name, each in inputs.items():
            if each.type not in _INTEGERS or len(each.shape) != 2:
                raise ModelError(f"{self.path}: its input {name} is {each.type} of {each.shape}")
            rows, length = each.shape
            if isinstance(length, int):
                raise ModelError(
                    f"{self.path}: reads exactly {length} ids of each text. Export it again, for "
                    "texts of any length (dynamic axes)"
                )
            if isinstance(rows, int):
                if rows != 1:
                    raise ModelError(f"{self.path}: reads exactly {rows} texts at once")
                self.one_by_one = True
        output = self._output
        if output.type not in _FLOATS or len(output.shape) != 2:
            raise ModelError(
                f"{self.path}: its output {output.name} is {output.type} of {output.shape}, "
                "expected a number for each text and label. Is it a classifier?"
            )
        labels = output.shape[1]
        expected = len(self.labels.names)
        if isinstance(labels, int) and labels != expected:
            raise ModelError(
                f"{self.path}: gives {labels} numbers for a text, and config.json has "
                f"{expected} labels"
            )

    @property
    def _output(self) -> Any:
        outputs = self.session.get_outputs()
        named = [each for each in outputs if each.name == _LOGITS]
        if not named and len(outputs) > 1:
            names = ", ".join(each.name for each in outputs)
            raise ModelError(f"{self.path}: has the outputs {names:.200}, and none is {_LOGITS}")
        return (named or outputs)[0]

    def run(self, ids: PieceIds) -> Floats:
        """Return the probability of each label, (texts, labels); `ModelError` if that fails."""
        found = np.empty((len(ids.lengths), len(self.labels.names)), np.float32)
        for places in self._batches(ids.lengths):
            length = int(ids.lengths[places[0]])
            rows = ids.values[ids.bounds[places][:, None] + np.arange(length)]
            found[places] = self._logits(rows)
        return self.labels.probabilities(found)

    def _batches(self, lengths: npt.NDArray[np.int64]) -> Iterator[_Places]:
        """Yield the places of the texts of each batch, all of one length, (rows,)."""
        order = np.argsort(lengths, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(lengths[order])) + 1):
            if not len(group) or not lengths[group[0]]:
                continue
            at_once = 1 if self.one_by_one else max(1, _IDS_IN_A_BATCH // int(lengths[group[0]]))
            yield from (group[start : start + at_once] for start in range(0, len(group), at_once))

    def _logits(self, rows: npt.NDArray[np.int64]) -> Floats:
        """Return the numbers of the network for (texts, pieces) ids, (texts, labels)."""
        given = {IDS: rows, _MASK: np.ones_like(rows), _SEGMENTS: np.zeros_like(rows)}
        wanted = {
            each.name: given[each.name].astype(_INTEGERS[each.type], copy=False)
            for each in self.session.get_inputs()
        }
        try:
            (found,) = self.session.run([self._output.name], wanted)
        except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
            raise ModelError(
                f"{self.path}: does not run on {rows.shape[1]} ids: {_line(error)}"
            ) from None
        expected = (len(rows), len(self.labels.names))
        if found.shape != expected:
            raise ModelError(f"{self.path}: gives the shape {found.shape}, expected {expected}")
        if not np.isfinite(found).all():
            raise ModelError(f"{self.path}: gives numbers that are not finite")
        return found.astype(np.float32)  # type: ignore[no-any-return]

    def check(self, pieces: Pieces, most_tokens: int) -> None:
        """Try out the network; from then on, it takes texts one by one if batches change answers.

        Parameters
        ----------
        pieces : Pieces
            The tokenizer of the same folder.
        most_tokens : int
            Number of ids that it cuts texts to.

        Raises
        ------
        ModelError
            If the network does not run on all ids, or on as many as it should read.
        """
        highest = pieces.size - 1
        self._logits(np.full((1, most_tokens), highest, np.int64))
        if self.one_by_one:
            return
        length = min(_TRIED_LENGTH, most_tokens)
        rows = np.random.default_rng(0).integers(0, highest, (_TRIED_ROWS, length))
        alone = np.concatenate([self._logits(row[None]) for row in rows])
        together = self._logits(rows)
        pair = self._logits(rows[:2])
        self.one_by_one = not (np.array_equal(alone, together) and np.array_equal(alone[:2], pair))


def _check_inputs(graph: ModelProto, path: Path) -> None:
    """Raise `ModelError` unless the network reads ids of pieces and at most what follows of them.

    The names are checked before ONNX Runtime loads the file.
    """
    weights = {each.name for each in graph.graph.initializer}
    names = [each.name for each in graph.graph.input if each.name not in weights]
    unknown = [name for name in names if name not in _INPUTS]
    if unknown or IDS not in names:
        found = ", ".join(names) or "none"
        raise ModelError(
            f"{path}: has the inputs {found:.200}, expected {IDS}, and at most {_MASK} and "
            f"{_SEGMENTS} beside it"
        )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
