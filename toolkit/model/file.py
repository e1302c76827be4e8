"""The model file: one ONNX graph from raw review text to probability and label.

================  ===========================  ================================================
``text``          input, string[batch]         reviews in UTF-8
``token_ids``     inside, int32[batch, tokens] between the text front end and the network; the
                                               number of tokens is fixed, or the length of the
                                               longest row
``probability``   output, float32[batch]       of the positive class, 0 to 1
``label``         output, string[batch]        ``positive`` if probability ≥ threshold
``known_tokens``  output, int32[batch]         how many tokens of a row are in the vocabulary; if
                                               0, ignore probability and label. Since format
                                               version 3
``stars``         output, float32[batch]       1 to 5, if the model learned from star ratings
================  ===========================  ================================================

A model of classes, format version 4, has any labels and no threshold. ``probabilities``,
float32[batch, classes], has the probability of each label, in the order of the metadata. ``label``
is the most likely label, the first if several are equally likely; ``probability`` belongs to it.

A file may have more outputs; readers ignore them. The twin ``NAME.ids.onnx`` is the same model for
builds without string operators: it has ``token_ids`` as its input, the same outputs, and
``neutral``, the two ends of the neutral range, if the model has one. ``NAME.vocabulary.txt`` lists
the words, and ``NAME.tokens.json`` has everything needed to turn texts into ids.

To change the format: raise `toolkit.model.facts.FORMAT_VERSION`, keep reading the older
versions, and keep a file of each version under ``tests/frozen_files`` that must still load.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa

from toolkit.errors import ModelError
from toolkit.files import sha256_of
from toolkit.model import find_model
from toolkit.model.facts import ModelFacts
from toolkit.model.names import plain_word
from toolkit.model.onnx import (
    FLOAT,
    INT32,
    STRING,
    ModelProto,
    cut_nodes,
    parse_onnx,
    read_model,
    weights_of,
    with_weights,
)
from toolkit.stores.paths import path_of
from toolkit.text.token_ids import FIRST_WORD_ID
from toolkit.text.vocabulary import Spellings, Vocabulary

if TYPE_CHECKING:
    from toolkit.model.onnx import TensorProto

TEXT = "text"
TOKEN_IDS = "token_ids"  # noqa: S105 (the name of a tensor)
PROBABILITY = "probability"
PROBABILITIES = "probabilities"  # of a model of classes
LABEL = "label"
KNOWN_TOKENS = "known_tokens"
STARS = "stars"
NEUTRAL_RANGE = "neutral"  # only in the twin: the ends of the neutral range, float32[2]


class _Tensor(NamedTuple):
    """A tensor that a graph must have."""

    kind: str
    name: str
    element: int
    rank: int  # number of dimensions


_PROBABILITY = _Tensor("output", PROBABILITY, element=FLOAT, rank=1)
_TENSORS = (
    _Tensor("input", TEXT, element=STRING, rank=1),
    _PROBABILITY,
    _Tensor("output", LABEL, element=STRING, rank=1),
    _Tensor("inner tensor", TOKEN_IDS, element=INT32, rank=2),
)
_TENSORS_OF_TWIN = (_Tensor("input", TOKEN_IDS, element=INT32, rank=2), _PROBABILITY)
_NEEDED_FROM_VERSION_3 = _Tensor("output", KNOWN_TOKENS, element=INT32, rank=1)
_OF_CLASSES = _Tensor("output", PROBABILITIES, element=FLOAT, rank=2)
_STARS = _Tensor("output", STARS, element=FLOAT, rank=1)  # optional

_DIGITS_SHOWN = 16  # of the hash


class Model(ABC):
    """What there is to know of a model, of whichever kind: a file, or a classifier folder.

    `toolkit.model.folder.open_model` reads one.
    """

    path: Path  # of the ONNX file
    facts: ModelFacts
    name: str
    # Most bytes of a block of a file for this model; None: any. Threads share blocks, and a killed
    # run loses the blocks that it has not finished.
    block_bytes: ClassVar[int | None] = None

    @property
    @abstractmethod
    def sha256(self) -> str:
        """The SHA-256 of what decides the answers, in hexadecimal digits."""

    @property
    @abstractmethod
    def has_stars(self) -> bool:
        """Whether the model predicts stars."""

    def identity(self) -> dict[str, Any]:
        """Return the facts that identify the model, for the JSON of all commands."""
        return {
            "name": self.name,
            "version": self.facts.version,
            "path": str(self.path),
            "preset": self.facts.preset,
            "sha256": self.sha256,
            "labels": list(self.facts.labels),
            "threshold": None if self.facts.has_classes else self.facts.threshold,
            "toolkit_version": self.facts.toolkit_version,
        }

    @cached_property
    def in_one_value(self) -> str:
        """Name, version and hash, such as ``reviews 2026.11 sha256-0123456789abcdef``.

        These are three words: in name and version, characters other than letters, digits and
        ``_ . + -`` become ``_``. The hash is the start of the SHA-256.
        """
        return in_one_value(self.name, self.facts.version, self.sha256)


@dataclass(frozen=True)
class ModelFile(Model):
    """A model file that was read and found complete."""

    path: Path
    graph: ModelProto
    facts: ModelFacts
    name: str = ""  # of the shipped model, the run folder or the file
    read_sha256: str | None = None  # of the content that was read

    @classmethod
    def load(cls, path: Path) -> ModelFile:
        """Read a text-in model file; raise `ModelError` if it is damaged or another file."""
        model = _read(path, _TENSORS)
        width = token_ids_width(model.graph)
        if width not in (model.facts.max_tokens, None):
            raise ModelError(
                f"{path}: its network reads {width} tokens, its metadata say "
                f"{model.facts.max_tokens}"
            )
        return model

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of the text front end, from its `LabelEncoder`."""
        encoders = [node for node in self.graph.graph.node if node.op_type == "LabelEncoder"]
        if not encoders:
            raise ModelError(
                f"{self.path}: incomplete, as the LabelEncoder with the vocabulary is missing"
            )
        attributes = {entry.name: entry for entry in encoders[0].attribute}
        try:
            words = attributes["keys_strings"].strings
            ids = np.array(attributes["values_int64s"].ints, np.int64)
        except KeyError as error:
            raise ModelError(f"{self.path}: the LabelEncoder lacks {error}") from None
        # First the words, with ids 4, 5, 6 …; then other spellings, with the ids of these words.
        first = int(np.argmax(ids == FIRST_WORD_ID)) if len(ids) else 0
        in_order = ids[first:] == np.arange(len(ids) - first) + FIRST_WORD_ID
        end = first + int(np.cumprod(in_order).sum())
        spellings = ids[end:]
        size = end - first + FIRST_WORD_ID
        is_known = (spellings >= FIRST_WORD_ID) & (spellings < size)
        is_allowed = self.facts.rule.has_spellings or not len(spellings)
        if len(ids) != len(words) or not (is_allowed and is_known.all()):
            raise ModelError(f"{self.path}: the ids of the LabelEncoder are not in order")
        if size > self.facts.vocabulary_size:
            raise ModelError(
                f"{self.path}: has more words than token ids ({self.facts.vocabulary_size:,})"
            )
        try:
            strings = pa.array(list(words[first:]), pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:
            raise ModelError(f"{self.path}: a word of the LabelEncoder is not UTF-8") from None
        # Read from the file, not computed: another version of Unicode may have other capitals.
        other = Spellings(strings[end - first :], spellings.astype(np.int32))
        return Vocabulary(strings[: end - first], self.facts.rule, other)

    @property
    def has_stars(self) -> bool:
        """Whether the file has the output `stars`."""
        return any(value.name == STARS for value in self.graph.graph.output)

    @cached_property
    def network(self) -> ModelProto:
        """The graph from `token_ids` to `probability` and, if the file has it, `stars`.

        For a model of classes, the graph to `probabilities`. It is a copy: see `network_nodes`.
        """
        return with_weights(self.network_nodes, self.weights)

    @cached_property
    def weights(self) -> dict[str, TensorProto]:
        """The weights of the file by name."""
        return weights_of(self.graph)

    @cached_property
    def network_nodes(self) -> ModelProto:
        """`network` without weights."""
        outputs = [PROBABILITY, *([STARS] if self.has_stars else [])]
        if self.facts.has_classes:
            outputs = [PROBABILITIES]
        try:
            return cut_nodes(self.graph, TOKEN_IDS, outputs)
        except ValueError as error:
            raise ModelError(f"{self.path}: damaged, its graph cannot be cut: {error}") from None

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file that was read, in hexadecimal digits."""
        return self.read_sha256 or sha256_of(self.path)


def in_one_value(name: str, version: str, sha256: str) -> str:
    """Return a model as three words: ``reviews 2026.11 sha256-0123456789abcdef``."""
    return " ".join(map(plain_word, (name, version, f"sha256-{sha256[:_DIGITS_SHOWN]}")))


def load_model(model: str | Path | None = None) -> ModelFile:
    """Load the model file that `find_model` finds."""
    path = find_model(model)
    loaded = ModelFile.load(path)
    is_of_run = model is not None and path_of(model).resolve() == path.parent.resolve()
    return replace(loaded, name=path.parent.resolve().name) if is_of_run else loaded


def read_twin(path: Path) -> ModelFile:
    """Read the ids-in twin of a model file; raise `ModelError` if it is another file."""
    return _read(path, _TENSORS_OF_TWIN)


def _read(path: Path, tensors: tuple[_Tensor, ...]) -> ModelFile:
    """Read a model file, and check that it has some tensors."""
    content = read_model(path)
    model = parse_onnx(content, path)
    graph = model.graph
    facts = ModelFacts.read_from(model, path)
    found = {"input": graph.input, "output": graph.output, "inner tensor": graph.value_info}
    if facts.counts_known_tokens:
        tensors = (*tensors, _NEEDED_FROM_VERSION_3)
    if facts.has_classes:
        tensors = (*tensors, _OF_CLASSES)
    for each in (*tensors, _STARS):
        place = f"the {each.kind} '{each.name}'"
        values = [value.type.tensor_type for value in found[each.kind] if value.name == each.name]
        if not values and each is not _STARS:
            hint = " (an ids-in twin cannot be used here)" if each.name == TEXT else ""
            raise ModelError(f"{path}: incomplete, {place} is missing{hint}")
        if any(
            value.elem_type != each.element or len(value.shape.dim) != each.rank for value in values
        ):
            raise ModelError(f"{path}: damaged, {place} has the wrong type or shape")
    return ModelFile(
        path=path,
        graph=model,
        facts=facts,
        name=path.stem,
        read_sha256=hashlib.sha256(content).hexdigest(),
    )


def logit_name(network: ModelProto) -> str | None:
    """Return the tensor whose sigmoid is `probability`; None if the network ends otherwise."""
    return _input_of(network, "Sigmoid", PROBABILITY)


def class_logits_name(network: ModelProto) -> str | None:
    """Return the tensor whose softmax is `probabilities`; None if the network ends otherwise."""
    return _input_of(network, "Softmax", PROBABILITIES)


def _input_of(network: ModelProto, operator: str, output: str) -> str | None:
    """Return the input of the last operator before an output; None if it is another operator."""
    makers = {name: node for node in network.graph.node for name in node.output}
    node = makers.get(output)
    while node is not None and node.op_type in ("Reshape", "Squeeze", "Flatten", "Identity"):
        node = makers.get(node.input[0])
    return None if node is None or node.op_type != operator else str(node.input[0])


def token_ids_width(model: ModelProto) -> int | None:
    """Return the number of tokens in a row of `token_ids`, if it is fixed; None: any number."""
    values = [*model.graph.value_info, *model.graph.input]
    info = next(value for value in values if value.name == TOKEN_IDS)
    width = info.type.tensor_type.shape.dim[-1]
    return width.dim_value if width.HasField("dim_value") else None
