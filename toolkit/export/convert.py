"""The Keras network as an ONNX graph, and the model file around it, with its ids-in twin.

A network has a form of its own, or tf2onnx converts it. tf2onnx orders nodes by the hashes of their
names and numbers them across conversions, so that exporting twice gives two files. With nodes in
one fixed order and with short names, they are one, byte for byte.

The model file is the text front end (`toolkit.export.front_end`), the network, label and stars in
one graph. All operators are in every stock ONNX Runtime.
"""

from __future__ import annotations

import logging
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from toolkit.errors import MissingExtraError, ModelError, ParityError
from toolkit.export.front_end import front_end, token_ids_info
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
from toolkit.model.stars import FEWEST, LARGEST_LOGIT, StarScale
from toolkit.networks import import_tensorflow
from toolkit.networks.network_files import graph_of_network
from toolkit.text.token_ids import FIRST_WORD_ID, Ids
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
    width = token_ids_width(network)
    front = front_end(vocabulary, facts.max_tokens, is_fixed=width is not None)
    core = network.graph
    label, known, stars = _label(facts), _known_tokens(), _stars(network, facts.stars)
    graph = helper.make_graph(
        [*front.node, *core.node, *label.nodes, *known.nodes, *stars.nodes],
        facts.preset,
        front.input,
        [
            helper.make_tensor_value_info(PROBABILITY, TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info(LABEL, TensorProto.STRING, ["batch"]),
            helper.make_tensor_value_info(KNOWN_TOKENS, TensorProto.INT32, ["batch"]),
            *stars.outputs,
        ],
        [
            *(*front.initializer, *core.initializer),
            *(*label.constants, *known.constants, *stars.constants),
        ],
        doc_string=f"Sentiment of reviews: {TEXT} in, {PROBABILITY} and {LABEL} out.",
        value_info=[*front.value_info, *front.output],
    )
    return _finished(graph, replace(facts, token_rule=vocabulary.rule.version))


def ids_in_model(network: onnx.ModelProto, facts: ModelFacts) -> onnx.ModelProto:
    """Give the network, `token_ids` → `probability`, the same facts, without text: the twin."""
    known, stars = _known_tokens(), _stars(network, facts.stars)
    graph = helper.make_graph(
        [*network.graph.node, *known.nodes, *stars.nodes],
        f"{facts.preset}_ids",
        [token_ids_info(token_ids_width(network))],
        [
            helper.make_tensor_value_info(PROBABILITY, TensorProto.FLOAT, ["batch"]),
            helper.make_tensor_value_info(KNOWN_TOKENS, TensorProto.INT32, ["batch"]),
            *stars.outputs,
        ],
        [*network.graph.initializer, *known.constants, *stars.constants],
        doc_string=f"Sentiment of reviews: token ids in, {PROBABILITY} out.",
    )
    return _finished(graph, facts)


class _Part(NamedTuple):
    nodes: list[onnx.NodeProto]
    constants: list[onnx.TensorProto]
    outputs: tuple[onnx.ValueInfoProto, ...] = ()


def _known_tokens() -> _Part:
    """`token_ids` → how many of a row are those of words."""
    nodes = [
        helper.make_node("GreaterOrEqual", [TOKEN_IDS, "known/first_id"], ["known/is_word"]),
        helper.make_node("Cast", ["known/is_word"], ["known/ones"], to=TensorProto.INT32),
        helper.make_node("ReduceSum", ["known/ones", "known/axis"], [KNOWN_TOKENS], keepdims=0),
    ]
    constants = [
        helper.make_tensor("known/first_id", TensorProto.INT32, [], [FIRST_WORD_ID]),
        helper.make_tensor("known/axis", TensorProto.INT64, [1], [1]),
    ]
    return _Part(nodes, constants)


def _stars(network: onnx.ModelProto, scale: StarScale | None) -> _Part:
    """The logit and the number of known tokens → the mean of the stars; nothing without a scale."""
    if scale is None:
        return _Part([], [])
    logit = logit_name(network)
    if logit is None:
        raise ParityError(
            f"the network {network.graph.name} does not end in a sigmoid, so it has no stars. "
            "Train it without star ratings."
        )
    nodes = [
        helper.make_node("Reshape", [logit, "stars/column"], ["stars/logit"]),
        helper.make_node("Clip", ["stars/logit", "stars/low", "stars/high"], ["stars/inside"]),
        helper.make_node("Mul", ["stars/inside", "stars/slopes"], ["stars/scaled"]),
        helper.make_node("Add", ["stars/scaled", "stars/biases"], ["stars/by_logit"]),
        helper.make_node("Cast", [KNOWN_TOKENS], ["stars/known"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["stars/known", "stars/column"], ["stars/known_column"]),
        helper.make_node("Add", ["stars/known_column", "stars/one"], ["stars/known_and_one"]),
        helper.make_node("Pow", ["stars/known_and_one", "stars/half"], ["stars/length"]),
        helper.make_node("Mul", ["stars/length", "stars/lengths"], ["stars/by_length"]),
        helper.make_node("Add", ["stars/by_logit", "stars/by_length"], ["stars/logits"]),
        helper.make_node("Sigmoid", ["stars/logits"], ["stars/more_than"]),
        helper.make_node("ReduceSum", ["stars/more_than", "stars/axis"], ["stars/sum"], keepdims=0),
        helper.make_node("Add", ["stars/sum", "stars/fewest"], [STARS]),
    ]
    count = len(scale.slopes)
    constants = [
        helper.make_tensor("stars/column", TensorProto.INT64, [2], [-1, 1]),
        helper.make_tensor("stars/low", TensorProto.FLOAT, [], [-LARGEST_LOGIT]),
        helper.make_tensor("stars/high", TensorProto.FLOAT, [], [LARGEST_LOGIT]),
        helper.make_tensor("stars/slopes", TensorProto.FLOAT, [1, count], scale.slopes),
        helper.make_tensor("stars/biases", TensorProto.FLOAT, [1, count], scale.biases),
        helper.make_tensor("stars/lengths", TensorProto.FLOAT, [1, count], scale.lengths),
        helper.make_tensor("stars/one", TensorProto.FLOAT, [], [1]),
        helper.make_tensor("stars/half", TensorProto.FLOAT, [], [0.5]),
        helper.make_tensor("stars/axis", TensorProto.INT64, [1], [1]),
        helper.make_tensor("stars/fewest", TensorProto.FLOAT, [], [FEWEST]),
    ]
    output = helper.make_tensor_value_info(STARS, TensorProto.FLOAT, ["batch"])
    return _Part(nodes, constants, (output,))


def _label(facts: ModelFacts) -> _Part:
    nodes = [
        helper.make_node("GreaterOrEqual", [PROBABILITY, "label/threshold"], ["label/reached"]),
        helper.make_node("Cast", ["label/reached"], ["label/position"], to=TensorProto.INT64),
        helper.make_node("Gather", ["label/names", "label/position"], [LABEL]),
    ]
    constants = [
        helper.make_tensor("label/threshold", TensorProto.FLOAT, [], [facts.threshold]),
        helper.make_tensor("label/names", TensorProto.STRING, [2], cast("Any", facts.labels)),
    ]
    return _Part(nodes, constants)


def _finished(graph: onnx.GraphProto, facts: ModelFacts) -> onnx.ModelProto:
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
