"""Front end, network and label in one graph: the text-in model file; and its ids-in twin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

import onnx
from onnx import TensorProto, helper

from toolkit.errors import ParityError
from toolkit.export.front_end import front_end, token_ids_info
from toolkit.export.keras_to_onnx import OPSET
from toolkit.model.facts.model_facts import ModelFacts
from toolkit.model.facts.stars import FEWEST, LARGEST_LOGIT, StarScale
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
from toolkit.text.token_ids import FIRST_WORD_ID
from toolkit.text.vocabulary import Vocabulary

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
