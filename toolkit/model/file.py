"""The model file: one ONNX graph from raw review text to probability and label.

==============  ===========================  ==================================================
``text``        input, string[batch]         reviews in UTF-8
``token_ids``   inside, int32[batch, tokens] parts the text front end from the network; the number
                                             of tokens is fixed, or that of the longest row
``probability`` output, float32[batch]       of the positive class, 0 to 1
``label``       output, string[batch]        ``positive`` where probability ≥ threshold
==============  ===========================  ==================================================

The twin ``NAME.ids.onnx`` has ``token_ids`` as its input and ``probability`` as its only output,
for builds without operators for text; ``NAME.vocabulary.txt`` beside it lists the words.

To change the format: raise `FORMAT_VERSION`, keep reading the older versions here, and keep a file
of each version under ``tests/`` that must still load.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.utils
import pyarrow as pa

from toolkit.errors import ModelError
from toolkit.model.guard import read_onnx
from toolkit.model.plain_json import parse_json
from toolkit.text.vocabulary import FIRST_WORD_ID, Vocabulary

# 1: every row of `token_ids` has `max_tokens` of them.
# 2: rows may have any number up to that; the facts have `calibration` and `threshold_choice`, and
#    `quantization` if there was one.
FORMAT_VERSION = 2
# The facts of version 2, as they are for a file without them.
_ADDED_SINCE_1 = {"calibration": "{}", "threshold_choice": "{}", "quantization": "{}"}

TEXT = "text"
TOKEN_IDS = "token_ids"  # noqa: S105 (the name of a tensor)
PROBABILITY = "probability"
LABEL = "label"

# Kind, name, type and number of dimensions of what a graph must have.
_TENSORS = (
    ("input", TEXT, onnx.TensorProto.STRING, 1),
    ("output", PROBABILITY, onnx.TensorProto.FLOAT, 1),
    ("output", LABEL, onnx.TensorProto.STRING, 1),
    ("inner tensor", TOKEN_IDS, onnx.TensorProto.INT32, 2),
)
_TWINS_TENSORS = (("input", TOKEN_IDS, onnx.TensorProto.INT32, 2), _TENSORS[1])

_LONGEST_FACT = 1 << 20  # characters of JSON

# What each stored fact must be like; a file from elsewhere may hold anything.
_RIGHT: dict[str, Callable[[Any], bool]] = {
    "preset": lambda value: isinstance(value, str),
    # They are written into files as they are.
    "labels": lambda value: (
        isinstance(value, list)
        and len(value) == 2
        and value[0] != value[1]
        and all(isinstance(name, str) and re.fullmatch(r"[\w -]+", name) for name in value)
    ),
    "threshold": lambda value: type(value) in (int, float) and 0 <= value <= 1,
    "max_tokens": lambda value: type(value) is int and 0 < value <= 1_000_000,
    "vocabulary_size": lambda value: type(value) is int and FIRST_WORD_ID < value <= 100_000_000,
    "data": lambda value: isinstance(value, dict),
    "metrics": lambda value: isinstance(value, dict),
    "parity": lambda value: isinstance(value, dict),
    "calibration": lambda value: isinstance(value, dict),
    "threshold_choice": lambda value: isinstance(value, dict),
    "quantization": lambda value: isinstance(value, dict),
    "toolkit_version": lambda value: isinstance(value, str),
}


@dataclass(frozen=True)
class ModelFacts:
    """What `metadata_props` say of a model; all but the texts are stored as JSON."""

    preset: str
    labels: tuple[str, str]  # of probability 0 and of probability 1
    threshold: float  # probabilities from here up get the second label
    max_tokens: int
    vocabulary_size: int  # every token id is below it
    data: dict[str, Any]  # what it was trained on: source, reviews, sha256
    metrics: dict[str, Any]  # as in metrics.json of the run folder
    parity: dict[str, Any]  # as proven by the export: reviews, largest difference, flips
    toolkit_version: str
    calibration: dict[str, Any] = field(default_factory=dict)  # empty where there was none
    # How the threshold was chosen, and what it reaches on held-out reviews if there were any.
    threshold_choice: dict[str, Any] = field(default_factory=dict)
    # Of which kind the large weights are, and what it cost in labels; empty if they are float32.
    quantization: dict[str, Any] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION

    def write_to(self, model: onnx.ModelProto) -> None:
        """Replace the metadata of a model by these."""
        del model.metadata_props[:]
        onnx.helper.set_model_props(
            model, {key: json.dumps(value) for key, value in asdict(self).items()}
        )

    @classmethod
    def read_from(cls, model: onnx.ModelProto, path: Path) -> ModelFacts:
        """Parse the metadata of a model.

        Parameters
        ----------
        model : onnx.ModelProto
            The model.
        path : Path
            Its file, for the messages.

        Returns
        -------
        ModelFacts
            Checked to be of the right kinds.

        Raises
        ------
        ModelError
            If they are missing, damaged or of an unknown format version.
        """
        stored = _ADDED_SINCE_1 | _stored(model, path)
        if "format_version" not in stored:
            raise ModelError(
                f"{path}: an ONNX model, but none that `toolkit export` wrote "
                "(its metadata have no format_version)"
            )
        try:
            _check_version(parse_json(stored["format_version"]), path)
            values = {entry.name: parse_json(stored[entry.name]) for entry in fields(cls)}
        except KeyError as error:
            raise ModelError(f"{path}: damaged metadata, without {error}") from None
        except ValueError as error:  # such as a number of 5,000 digits
            raise ModelError(f"{path}: damaged metadata: {error}") from None
        for key, is_right in _RIGHT.items():
            if not is_right(values[key]):
                raise ModelError(f"{path}: damaged metadata: {key} is {values[key]!r:.50}")
        return cls(**{**values, "labels": tuple(values["labels"])})


@dataclass(frozen=True)
class ModelFile:
    """A model file that was read and found whole."""

    path: Path
    graph: onnx.ModelProto
    facts: ModelFacts

    @classmethod
    def load(cls, path: Path) -> ModelFile:
        """Read a text-in model file.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        ModelFile
            Whole; its vocabulary and network are taken out when they are asked for.

        Raises
        ------
        ModelError
            If there is no such file, or it is no ONNX, no model of this toolkit, of an unknown
            format version, or incomplete.
        """
        graph = read_onnx(path)
        model = cls(path, graph, ModelFacts.read_from(graph, path))
        model._check_parts()
        return model

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of the front end, read out of its `LabelEncoder`."""
        encoder = self._label_encoder()
        attributes = {entry.name: entry for entry in encoder.attribute}
        try:
            words = attributes["keys_strings"].strings
            ids = np.array(attributes["values_int64s"].ints, np.int64)
        except KeyError as error:
            raise ModelError(f"{self.path}: the LabelEncoder has no {error}") from None
        first = int(np.argmax(ids == FIRST_WORD_ID)) if len(ids) else 0
        if not np.array_equal(ids[first:], np.arange(len(words) - first) + FIRST_WORD_ID):
            raise ModelError(f"{self.path}: the ids of the LabelEncoder are not in order")
        if len(words) - first + FIRST_WORD_ID > self.facts.vocabulary_size:
            raise ModelError(f"{self.path}: more words than its {self.facts.vocabulary_size:,} ids")
        try:
            return Vocabulary(pa.array(list(words[first:]), pa.binary()).cast(pa.string()))
        except pa.ArrowInvalid:
            raise ModelError(f"{self.path}: a word of the LabelEncoder is no UTF-8") from None

    @cached_property
    def network(self) -> onnx.ModelProto:
        """The graph from `token_ids` to `probability`, without the text front end."""
        try:
            return onnx.utils.Extractor(self.graph).extract_model([TOKEN_IDS], [PROBABILITY])
        except (AssertionError, ValueError, LookupError, TypeError, RecursionError) as error:
            raise ModelError(f"{self.path}: damaged, its graph cannot be cut: {error}") from None

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file as it is now, in hexadecimal digits."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def _check_parts(self) -> None:
        _check_tensors(self.graph, _TENSORS, self.path)
        width = token_ids_width(self.graph)
        if width not in (self.facts.max_tokens, None):
            raise ModelError(
                f"{self.path}: its network reads {width} tokens, its metadata say "
                f"{self.facts.max_tokens}"
            )

    def _label_encoder(self) -> onnx.NodeProto:
        nodes: list[onnx.NodeProto] = list(self.graph.graph.node)
        for node in nodes:
            if node.op_type == "LabelEncoder":
                return node
        raise ModelError(f"{self.path}: incomplete, without the LabelEncoder of the vocabulary")


def read_twin(path: Path) -> tuple[onnx.ModelProto, ModelFacts]:
    """Read the ids-in twin of a model file; raises `ModelError` if it is none."""
    graph = read_onnx(path)
    facts = ModelFacts.read_from(graph, path)
    _check_tensors(graph, _TWINS_TENSORS, path)
    return graph, facts


def _check_tensors(
    model: onnx.ModelProto, expected: tuple[tuple[str, str, int, int], ...], path: Path
) -> None:
    graph = model.graph
    found = {"input": graph.input, "output": graph.output, "inner tensor": graph.value_info}
    for kind, name, element, rank in expected:
        values = [value.type.tensor_type for value in found[kind] if value.name == name]
        if not values:
            hint = " (the ids-in twin is not for this)" if name == TEXT else ""
            raise ModelError(f"{path}: incomplete, without the {kind} '{name}'{hint}")
        if any((value.elem_type, len(value.shape.dim)) != (element, rank) for value in values):
            raise ModelError(f"{path}: damaged, the {kind} '{name}' is of another type or shape")


def _stored(model: onnx.ModelProto, path: Path) -> dict[str, str]:
    stored = {entry.key: entry.value for entry in model.metadata_props}
    for key, value in stored.items():
        if len(value) > _LONGEST_FACT:
            raise ModelError(f"{path}: damaged metadata: {key!s:.50} has {len(value):,} characters")
    return stored


def _check_version(version: object, path: Path) -> None:
    if type(version) is not int or not 1 <= version <= FORMAT_VERSION:
        raise ModelError(
            f"{path}: model format version {version!r}, but this toolkit reads versions up to "
            f"{FORMAT_VERSION}. Install a newer toolkit, or export the model again."
        )


def token_ids_width(model: onnx.ModelProto) -> int | None:
    """Tokens in a row of `token_ids`, as its shape in the graph says; None: any number."""
    values = [*model.graph.value_info, *model.graph.input]
    info = next(value for value in values if value.name == TOKEN_IDS)
    width = info.type.tensor_type.shape.dim[-1]
    return width.dim_value if width.HasField("dim_value") else None
