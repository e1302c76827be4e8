"""The model file: one ONNX graph from raw review text to probability and label.

================  ===========================  ================================================
``text``          input, string[batch]         reviews in UTF-8
``token_ids``     inside, int32[batch, tokens] between the text front end and the network; the
                                               number of tokens is fixed, or that of the longest
                                               row
``probability``   output, float32[batch]       of the positive class, 0 to 1
``label``         output, string[batch]        ``positive`` where probability ≥ threshold
``known_tokens``  output, int32[batch]         how many of a row's tokens are in the vocabulary;
                                               where it is 0, the text is no opinion. From
                                               version 3 of the format
``stars``         output, float32[batch]       1 to 5, if the model learned from star ratings
================  ===========================  ================================================

A model of classes, version 4, has any labels and no threshold. Its ``probability`` is that of the
label, and ``probabilities``, float32[batch, classes], are those of all labels, in the order of the
metadata; its `label` is the first of the most likely ones.

A file may have more outputs, which readers ignore. The twin ``NAME.ids.onnx`` has ``token_ids`` as
its input and the same outputs, for builds without operators for text, and ``neutral``, the two ends
of the neutral range, if the model has one. ``NAME.vocabulary.txt`` lists the words, and
``NAME.tokens.json`` has all that makes ids of text.

To change the format: raise `toolkit.model.facts.FORMAT_VERSION`, keep reading the older
versions, and keep a file of each version under ``tests/frozen_files`` that must still load.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
PROBABILITIES = "probabilities"  # of a model of classes: one for each class
LABEL = "label"
KNOWN_TOKENS = "known_tokens"
STARS = "stars"
NEUTRAL_RANGE = "neutral"  # of the twin alone: the ends of the neutral range, float32[2]

# Kind, name, type and number of dimensions of what a graph must have.
_TENSORS = (
    ("input", TEXT, STRING, 1),
    ("output", PROBABILITY, FLOAT, 1),
    ("output", LABEL, STRING, 1),
    ("inner tensor", TOKEN_IDS, INT32, 2),
)
_TWINS_TENSORS = (("input", TOKEN_IDS, INT32, 2), _TENSORS[1])
_NEEDED_FROM_VERSION_3 = (("output", KNOWN_TOKENS, INT32, 1),)
_OF_CLASSES = ("output", PROBABILITIES, FLOAT, 2)
_OPTIONAL = (("output", STARS, FLOAT, 1),)

_DIGITS_SHOWN = 16  # of the hash


@dataclass(frozen=True)
class ModelFile:
    """A model file that was read and found whole."""

    path: Path
    graph: ModelProto
    facts: ModelFacts
    name: str = ""  # of the shipped model, the run folder or the file
    read_sha256: str | None = None  # of the content that was read

    @classmethod
    def load(cls, path: Path) -> ModelFile:
        """Read a text-in model file; raises `ModelError` if it is damaged or something else."""
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
        """The words of the front end, read out of its `LabelEncoder`."""
        encoders = [node for node in self.graph.graph.node if node.op_type == "LabelEncoder"]
        if not encoders:
            raise ModelError(f"{self.path}: incomplete, without the LabelEncoder of the vocabulary")
        attributes = {entry.name: entry for entry in encoders[0].attribute}
        try:
            words = attributes["keys_strings"].strings
            ids = np.array(attributes["values_int64s"].ints, np.int64)
        except KeyError as error:
            raise ModelError(f"{self.path}: the LabelEncoder has no {error}") from None
        # Words with the ids 4, 5, 6 and so on, then other spellings of them with the same ids.
        first = int(np.argmax(ids == FIRST_WORD_ID)) if len(ids) else 0
        in_order = ids[first:] == np.arange(len(ids) - first) + FIRST_WORD_ID
        end = first + int(np.cumprod(in_order).sum())
        spellings, size = ids[end:], end - first + FIRST_WORD_ID
        is_known = (spellings >= FIRST_WORD_ID) & (spellings < size)
        is_allowed = self.facts.rule.has_spellings or not len(spellings)
        if len(ids) != len(words) or not (is_allowed and is_known.all()):
            raise ModelError(f"{self.path}: the ids of the LabelEncoder are not in order")
        if size > self.facts.vocabulary_size:
            raise ModelError(f"{self.path}: more words than its {self.facts.vocabulary_size:,} ids")
        try:
            strings = pa.array(list(words[first:]), pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:
            raise ModelError(f"{self.path}: a word of the LabelEncoder is not UTF-8") from None
        # Those of the file, as another version of Unicode may have other capitals.
        other = Spellings(strings[end - first :], spellings.astype(np.int32))
        return Vocabulary(strings[: end - first], self.facts.rule, other)

    @property
    def has_stars(self) -> bool:
        """Whether the file has the output `stars`."""
        return any(value.name == STARS for value in self.graph.graph.output)

    @cached_property
    def network(self) -> ModelProto:
        """The graph from `token_ids` to `probability` and, if it has them, `stars`.

        Of a model of classes, to `probabilities`. It is a copy: see `network_nodes`.
        """
        return with_weights(self.network_nodes, self.weights)

    @cached_property
    def weights(self) -> dict[str, TensorProto]:
        """The weights of the file by name."""
        return weights_of(self.graph)

    @cached_property
    def network_nodes(self) -> ModelProto:
        """What `network` is, without weights."""
        outputs = [PROBABILITY, *([STARS] if self.has_stars else [])]
        if self.facts.has_classes:
            outputs = [PROBABILITIES]
        try:
            return cut_nodes(self.graph, TOKEN_IDS, outputs)
        except ValueError as error:
            raise ModelError(f"{self.path}: damaged, its graph cannot be cut: {error}") from None

    def identity(self) -> dict[str, Any]:
        """Say which model this is, with the same keys in the JSON of every command."""
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

        These are three words: other characters than letters, digits and ``_ . + -`` are ``_`` in
        name and version. The hash is the start of the file's SHA-256.
        """
        return in_one_value(self.name, self.facts.version, self.sha256)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file that was read, in hexadecimal digits."""
        return self.read_sha256 or sha256_of(self.path)


def in_one_value(name: str, version: str, sha256: str) -> str:
    """Write a model as three words: ``reviews 2026.11 sha256-0123456789abcdef``."""
    return " ".join(map(plain_word, (name, version, f"sha256-{sha256[:_DIGITS_SHOWN]}")))


def load_model(model: str | Path | None = None) -> ModelFile:
    """Load a model file, the export of a run folder, or a shipped model, as `find_model` does."""
    path = find_model(model)
    loaded = ModelFile.load(path)
    is_of_run = model is not None and path_of(model).resolve() == path.parent.resolve()
    return replace(loaded, name=path.parent.resolve().name) if is_of_run else loaded


def read_twin(path: Path) -> ModelFile:
    """Read the ids-in twin of a model file; raises `ModelError` if it is not one."""
    return _read(path, _TWINS_TENSORS)


def _read(path: Path, tensors: tuple[tuple[str, str, int, int], ...]) -> ModelFile:
    content = read_model(path)
    model = parse_onnx(content, path)
    facts, graph = ModelFacts.read_from(model, path), model.graph
    found = {"input": graph.input, "output": graph.output, "inner tensor": graph.value_info}
    if facts.counts_known_tokens:
        tensors = (*tensors, *_NEEDED_FROM_VERSION_3)
    if facts.has_classes:
        tensors = (*tensors, _OF_CLASSES)
    for kind, name, element, rank in (*tensors, *_OPTIONAL):
        values = [value.type.tensor_type for value in found[kind] if value.name == name]
        if not values and (kind, name, element, rank) not in _OPTIONAL:
            hint = " (the ids-in twin is not for this)" if name == TEXT else ""
            raise ModelError(f"{path}: incomplete, without the {kind} '{name}'{hint}")
        if any((value.elem_type, len(value.shape.dim)) != (element, rank) for value in values):
            raise ModelError(f"{path}: damaged, the {kind} '{name}' is of another type or shape")
    return ModelFile(path, model, facts, path.stem, hashlib.sha256(content).hexdigest())


def logit_name(network: ModelProto) -> str | None:
    """Name the tensor with the logit of `probability`; None if that does not end in a sigmoid."""
    makers = {name: node for node in network.graph.node for name in node.output}
    node = makers.get(PROBABILITY)
    while node is not None and node.op_type in ("Reshape", "Squeeze", "Flatten", "Identity"):
        node = makers.get(node.input[0])
    return None if node is None or node.op_type != "Sigmoid" else str(node.input[0])


def token_ids_width(model: ModelProto) -> int | None:
    """Tokens in a row of `token_ids`, as its shape in the graph says; None: any number."""
    values = [*model.graph.value_info, *model.graph.input]
    info = next(value for value in values if value.name == TOKEN_IDS)
    width = info.type.tensor_type.shape.dim[-1]
    return width.dim_value if width.HasField("dim_value") else None
