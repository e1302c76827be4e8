"""The Keras network as an ONNX graph, and the model file around it, with its ids-in twin.

A network has a form of its own, or tf2onnx converts it. tf2onnx orders nodes by the hashes of their
names and numbers them across conversions, so that exporting twice gives two files. With nodes in
one fixed order and with short names, they are one, byte for byte.

The model file is the text front end (`toolkit.export.front_end`), the network, label and stars in
one graph. All operators are in every stock ONNX Runtime.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from toolkit.errors import MissingExtraError, ModelError, ParityError
from toolkit.export.front_end import front_end, listed_graph, weight
from toolkit.model.facts import ModelFacts
from toolkit.model.file import (
    KNOWN_TOKENS,
    LABEL,
    PROBABILITY,
    STARS,
    TEXT,
    TOKEN_IDS,
    logit_name,
    token_ids_width,
)
from toolkit.model.stars import FEWEST, LARGEST_LOGIT
from toolkit.networks import import_tensorflow
from toolkit.networks.network_files import graph_of_network
from toolkit.text.token_ids import Ids
from toolkit.text.vocabulary import Vocabulary

# float32 carries 7 digits, and summing 1,600 products in another order moves the sixth; what was
# seen on the IMDB reviews is 1e-7 to 1e-6.
TOLERANCE = 1e-5
OPSET = 18  # the newest that tf2onnx 1.17 writes; ONNX Runtime 1.14 and newer read it


def canonical(network: onnx.ModelProto) -> onnx.ModelProto:
    """Order nodes depth first from the output, number them, and leave out what it does not need."""
    graph = network.graph
    producers = {name: node for node in graph.node for name in node.output}
    weights = {entry.name: entry for entry in graph.initializer}
    names = {TOKEN_IDS: TOKEN_IDS, PROBABILITY: PROBABILITY, "": ""}
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def visit(name: str) -> None:
        if name in weights:
            constants.append(deepcopy(weights[name]))
            names[name] = constants[-1].name = f"network/weights_{len(constants)}"
        else:
            node = producers[name]
            for source in node.input:
                if source not in names:
                    visit(source)
            nodes.append(node)
            for position, output in enumerate(node.output):
                suffix = f"_{position}" if position else ""
                names.setdefault(output, f"network/{node.op_type}_{len(nodes)}{suffix}")

    visit(PROBABILITY)
    renamed = [_renamed(node, names) for node in nodes]
    made = onnx.helper.make_graph(renamed, "network", graph.input, graph.output, constants)
    return onnx.helper.make_model(
        made, ir_version=network.ir_version, opset_imports=network.opset_import
    )


def _renamed(node: onnx.NodeProto, names: dict[str, str]) -> onnx.NodeProto:
    renamed = deepcopy(node)
    renamed.input[:] = [names[name] for name in node.input]
    renamed.output[:] = [names[name] for name in node.output]
    renamed.name = renamed.output[0]
    renamed.ClearField("doc_string")
    del renamed.attribute[:]
    renamed.attribute.extend(sorted(node.attribute, key=lambda entry: entry.name))
    return renamed


class Converted(NamedTuple):
    """A network as a graph, `token_ids` → `probability`, and what a user should know of it."""

    model: onnx.ModelProto
    notes: list[str]


def run_keras(network: Any, ids: Ids) -> npt.NDArray[np.float32]:
    """Give the probabilities of (rows, tokens) ids, (rows,), without dropout."""
    return np.asarray(network(ids, training=False))[:, 0]


def convert(network: Any, max_tokens: int) -> Converted:
    """Make a graph, int32[batch, tokens] → float32[batch], of a Keras network.

    `ModelError` if the network has a fixed number of tokens, and that is not `max_tokens`.
    """
    width = network.input_shape[-1]
    if width not in (max_tokens, None):
        raise ModelError(
            f"the network reads {width} tokens, but its config says {max_tokens}. "
            "Is it the config of another run?"
        )
    if (graph := graph_of_network(network)) is not None:
        return Converted(canonical(graph), [])
    note = (
        f"the network {network.name} stays as tf2onnx converted it: it has no ONNX form of its own "
        "here, which may be faster"
    )
    return Converted(canonical(_by_tf2onnx(network)), [note])


def _by_tf2onnx(network: Any) -> onnx.ModelProto:
    tf = import_tensorflow()
    try:
        import tf2onnx
    except ModuleNotFoundError as error:
        raise MissingExtraError("train", error.name or "tf2onnx") from None
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)

    # tf2onnx 1.17 cannot convert a Keras 3 model object (tensorflow-onnx issue 2448); a function
    # works, and the dictionary it returns names the outputs.
    def forward(token_ids: Any) -> Any:
        return {PROBABILITY: tf.reshape(network(token_ids, training=False), [-1])}

    signature = [tf.TensorSpec((None, network.input_shape[-1]), tf.int32, name=TOKEN_IDS)]

    model: onnx.ModelProto
    model, _ = tf2onnx.convert.from_function(
        tf.function(forward, input_signature=signature), signature, opset=OPSET
    )
    return model


# The oldest versions that have all the operators, so that old builds load the file, too.
IR_VERSION = 9
OPERATOR_SETS = {"": OPSET, "ai.onnx.ml": 3, "com.microsoft": 1}


@dataclass(frozen=True)
class ModelPair:
    """A text-in model and its ids-in twin."""

    text_in: onnx.ModelProto
    ids_in: onnx.ModelProto
    facts: ModelFacts

    @classmethod
    def of(cls, network: onnx.ModelProto, vocabulary: Vocabulary, facts: ModelFacts) -> ModelPair:
        """Make both of a network, `token_ids` → `probability`."""
        facts = replace(facts, token_rule=vocabulary.rule.version)
        text_in = text_in_model(network, vocabulary, facts)
        return cls(text_in, ids_in_model(network, facts), facts)

    def with_facts(self, facts: ModelFacts) -> ModelPair:
        """Replace the metadata of both, in place."""
        for model in (self.text_in, self.ids_in):
            facts.write_to(model)
        return ModelPair(self.text_in, self.ids_in, facts)

    def save(self, text_in: Path, ids_in: Path) -> tuple[Path, Path]:
        """Write both, and give their paths back."""
        onnx.save(self.text_in, text_in)
        onnx.save(self.ids_in, ids_in)
        return text_in, ids_in


def text_in_model(
    network: onnx.ModelProto, vocabulary: Vocabulary, facts: ModelFacts
) -> onnx.ModelProto:
    """Put the text front end before a network (`token_ids` → `probability`), the label after it."""
    front = front_end(vocabulary, facts.max_tokens, is_fixed=token_ids_width(network) is not None)
    return _model(
        facts.preset,
        f"Sentiment of reviews: {TEXT} in, {PROBABILITY} and {LABEL} out.",
        front.input,
        [front, network.graph],
        [_label(facts), *_more_outputs(network, facts)],
        replace(facts, token_rule=vocabulary.rule.version),
        value_info=[*front.value_info, *front.output],
    )


def ids_in_model(network: onnx.ModelProto, facts: ModelFacts) -> onnx.ModelProto:
    """Give the network, `token_ids` → `probability`, the same facts, without text: the twin."""
    return _model(
        f"{facts.preset}_ids",
        f"Sentiment of reviews: token ids in, {PROBABILITY} out.",
        [token_ids_info(token_ids_width(network))],
        [network.graph],
        [*_more_outputs(network, facts)],
        facts,
    )


def token_ids_info(width: int | None) -> onnx.ValueInfoProto:
    """Name, type and shape of the tensor between front end and network; None is any width."""
    shape = ["batch", "tokens" if width is None else width]
    return helper.make_tensor_value_info(TOKEN_IDS, TensorProto.INT32, shape)


def _label(facts: ModelFacts) -> onnx.GraphProto:
    return listed_graph(
        f"label (float[batch] {PROBABILITY}) => (string[batch] {LABEL})",
        ["label"],
        [
            weight("float", "threshold", [facts.threshold]),
            weight("string[2]", "names", facts.labels),
        ],
        "label/",
        {PROBABILITY: PROBABILITY, LABEL: LABEL},
    )


def _more_outputs(network: onnx.ModelProto, facts: ModelFacts) -> Iterator[onnx.GraphProto]:
    """Count the known tokens and, with a scale, tell the stars."""
    yield listed_graph(
        f"known (int32[batch, tokens] {TOKEN_IDS}) => (int32[batch] {KNOWN_TOKENS})",
        ["known"],
        ["weights_of_known"],
        "known/",
        {TOKEN_IDS: TOKEN_IDS, KNOWN_TOKENS: KNOWN_TOKENS},
    )
    if (scale := facts.stars) is None:
        return
    logit = logit_name(network)
    if logit is None:
        raise ParityError(
            f"the network {network.graph.name} does not end in a sigmoid, so it has no stars. "
            "Train it without star ratings."
        )
    yield listed_graph(
        f"stars (float[batch] logit_of_network, int32[batch] {KNOWN_TOKENS})"
        f" => (float[batch] {STARS})",
        ["stars"],
        [
            "int64[2] column = {-1, 1}",
            weight("float", "low", [-LARGEST_LOGIT]),
            weight("float", "high", [LARGEST_LOGIT]),
            weight("float[1, 4]", "slopes", scale.slopes),
            weight("float[1, 4]", "biases", scale.biases),
            weight("float[1, 4]", "lengths", scale.lengths),
            "float one = {1}, float half = {0.5}, int64[1] axis = {1}",
            weight("float", "fewest", [FEWEST]),
        ],
        "stars/",
        {"logit_of_network": logit, KNOWN_TOKENS: KNOWN_TOKENS, STARS: STARS},
    )


def _model(
    name: str,
    what: str,
    inputs: Sequence[onnx.ValueInfoProto],
    network: Sequence[onnx.GraphProto],
    outputs: Sequence[onnx.GraphProto],
    facts: ModelFacts,
    value_info: Sequence[onnx.ValueInfoProto] = (),
) -> onnx.ModelProto:
    """Make a model of the parts up to `probability` and of those with more outputs; check it."""
    parts = (*network, *outputs)
    graph = helper.make_graph(
        [node for part in parts for node in part.node],
        name,
        inputs,
        [
            helper.make_tensor_value_info(PROBABILITY, TensorProto.FLOAT, ["batch"]),
            *(output for part in outputs for output in part.output),
        ],
        [weights for part in parts for weights in part.initializer],
        doc_string=what,
        value_info=value_info,
    )
    domains = {node.domain for node in graph.node} | {""}
    model = helper.make_model(
        graph,
        producer_name="review-sentiment-toolkit",
        producer_version=facts.toolkit_version,
        ir_version=IR_VERSION,
        opset_imports=[
            helper.make_opsetid(domain, version)
            for domain, version in OPERATOR_SETS.items()
            if domain in domains
        ],
    )
    facts.write_to(model)
    onnx.checker.check_model(model, full_check=True)
    return model
