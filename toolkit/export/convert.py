"""The Keras network as an ONNX graph, and the model file around it, with its ids-in twin.

A network has a form of its own, or tf2onnx converts it. tf2onnx orders nodes by the hashes of their
names and numbers them across conversions, so that exporting twice gives two files. With nodes in
one fixed order and with short names, they are one, byte for byte.

The model file is the text front end, the network, label and stars in one graph. All operators are
in every stock ONNX Runtime. The rule from text to token ids is the one of
`toolkit.text.vocabulary`; the tests compare the two on any text.
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
from toolkit.text.rule import TokenRule
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID, START_ID, UNKNOWN_ID, Ids
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


# In the syntax of RE2, which ONNX Runtime builds in.
_FROM_NUL_ON = r"\x00[\s\S]*"

# The oldest versions that have all the operators, so that old builds load the file, too.
IR_VERSION = 9
OPERATOR_SETS = {"": OPSET, "ai.onnx.ml": 3, "com.microsoft": 1}


def front_end(vocabulary: Vocabulary, max_tokens: int, *, is_fixed: bool = True) -> onnx.GraphProto:
    """Build the graph from `text`, string[batch], to `token_ids`, int32[batch, tokens].

    Rows are padded to `max_tokens` if `is_fixed`, else to the longest of the batch.
    """
    rule = vocabulary.rule
    columns = [] if is_fixed else _columns_of_the_longest(rule)
    nodes = [*_split(rule), *_look_up(vocabulary), *_rows(rule), *columns, *_last_tokens()]
    return helper.make_graph(
        nodes,
        "text_front_end",
        [helper.make_tensor_value_info(TEXT, TensorProto.STRING, ["batch"])],
        [token_ids_info(max_tokens if is_fixed else None)],
        _constants(max_tokens, rule, is_fixed=is_fixed),
        # ONNX does not know the Tokenizer, and its shape inference reads through a null pointer
        # when the type of a LabelEncoder's input is unknown (compare onnx issue 7298).
        value_info=[
            helper.make_tensor_value_info(_name(name), TensorProto.STRING, shape)
            for name, shape in (
                ("tokens", ["texts", "longest"]),
                *([("unknown_or_nothing", ["unknown", "one"])] if rule.has_markup else []),
            )
        ],
    )


def token_ids_info(width: int | None) -> onnx.ValueInfoProto:
    """Name, type and shape of the tensor between front end and network; None is any width."""
    shape = ["batch", "tokens" if width is None else width]
    return helper.make_tensor_value_info(TOKEN_IDS, TensorProto.INT32, shape)


def separator_patterns(rule: TokenRule) -> list[str]:
    """Give what separates tokens, as regular expressions that are applied one after the other."""
    separators = "".join(f"\\x{{{ord(character):x}}}" for character in rule.separators)
    return [*([_FROM_NUL_ON] if rule.ends_at_nul else []), f"[{separators}]+"]


def _split(rule: TokenRule) -> list[onnx.NodeProto]:
    """Text → tokens (batch + 1, longest), filled at the end with empty strings."""
    found: dict[str, Any] = {"separators": separator_patterns(rule)}
    if rule.has_markup:
        found = {"tokenexp": f"{rule.markup_pattern}|{rule.token_pattern}"}
    return [
        # StringNormalizer fails on a batch of no texts.
        _node("Concat", [TEXT, "one_more_text"], "texts", axis=0),
        # Without locale="C", ONNX Runtime asks for en_US.UTF-8 and fails on slim systems.
        _node("StringNormalizer", ["texts"], "lowercase", case_change_action="LOWER",
              is_case_sensitive=1, locale="C"),
        _node("Tokenizer", ["lowercase"], "tokens", domain="com.microsoft", mark=0, mincharnum=1,
              pad_value="", **found),
    ]  # fmt: skip


def _look_up(vocabulary: Vocabulary) -> list[onnx.NodeProto]:
    """Tokens → ids, with 0 for what is none."""
    words, other = vocabulary.words.to_pylist(), vocabulary.spellings
    # Of equal keys the first counts: what is no token is no word, either.
    no_tokens = ["", *filter(vocabulary.rule.is_markup, words)]
    has_markup = vocabulary.rule.has_markup
    return [
        _node("LabelEncoder", ["tokens"], "found_ids" if has_markup else "word_ids",
              domain="ai.onnx.ml",
              keys_strings=[*no_tokens, *words, *other.strings.to_pylist()],
              values_int64s=[*[PADDING_ID] * len(no_tokens),
                             *range(FIRST_WORD_ID, vocabulary.size), *other.ids.tolist()],
              default_int64=UNKNOWN_ID),
        *(_without_markup(vocabulary.rule) if has_markup else []),
    ]  # fmt: skip


def _without_markup(rule: TokenRule) -> list[onnx.NodeProto]:
    """Ids with mark-up among the unknown words → with 0 for it. Only those are read again."""
    return [
        _node("Equal", ["found_ids", "unknown_id"], "is_unknown"),
        _node("NonZero", ["is_unknown"], "unknown_by_dimension"),
        _node("Transpose", ["unknown_by_dimension"], "unknown_places"),
        _node("GatherND", ["tokens", "unknown_places"], "unknown_tokens"),
        _node("Concat", ["unknown_tokens", "one_more_token"], "unknown_and_one_more", axis=0),
        _node("Tokenizer", ["unknown_and_one_more"], "unknown_or_nothing", domain="com.microsoft",
              mark=0, mincharnum=1, pad_value="", separators=[rf"\A(?:{rule.markup_pattern})\z"]),
        _node("LabelEncoder", ["unknown_or_nothing"], "unknown_ids_by_one", domain="ai.onnx.ml",
              keys_strings=[""], values_int64s=[PADDING_ID], default_int64=UNKNOWN_ID),
        _node("Squeeze", ["unknown_ids_by_one", "tokens_axis"], "unknown_ids_and_one_more"),
        _node("Slice", ["unknown_ids_and_one_more", "first_row", "one_more_row", "rows_axis"],
              "unknown_ids"),
        _node("ScatterND", ["found_ids", "unknown_places", "unknown_ids"], "word_ids"),
    ]  # fmt: skip


def _rows(rule: TokenRule) -> list[onnx.NodeProto]:
    """Ids of all texts → after a start id (batch, 1 + longest), filled at the end with 0."""
    rows = "rows" if rule.has_markup else "ids_and_one_more"
    return [
        # The start id also gives a batch of only empty texts the column that it would lack.
        _node("Pad", ["word_ids", "one_in_front", "start_id"], "ids_and_one_more", mode="constant"),
        *(_without_gaps() if rule.has_markup else []),
        _node("Slice", [rows, "first_row", "one_more_row", "rows_axis"], "ids"),
    ]  # fmt: skip


def _without_gaps() -> list[onnx.NodeProto]:
    """Rows with 0 anywhere → at the end only: what is 0 goes to the place of the start id."""
    return [
        _node("Sign", ["ids_and_one_more"], "is_id"),
        _node("CumSum", ["is_id", "one"], "ids_before", exclusive=1),
        _node("Mul", ["ids_before", "is_id"], "places"),
        _node("Max", ["ids_and_one_more", "start_id"], "ids_or_start"),
        _node("Shape", ["ids_and_one_more"], "shape_of_rows"),
        _node("ConstantOfShape", ["shape_of_rows"], "no_ids",
              value=helper.make_tensor("zero", TensorProto.INT64, [1], [PADDING_ID])),
        _node("ScatterElements", ["no_ids", "places", "ids_or_start"], "rows", axis=1),
    ]  # fmt: skip


def _columns_of_the_longest(rule: TokenRule) -> list[onnx.NodeProto]:
    """Ids → the columns of the last max_tokens, or of all if they are fewer: -3, -2, -1."""
    return [
        *([
            _node("ReduceMax", ["places"], "last_place", keepdims=0),
            _node("Add", ["last_place", "one"], "columns_of_ids"),
        ] if rule.has_markup else [_node("Shape", ["ids"], "columns_of_ids", start=1)]),
        _node("Min", ["columns_of_ids", "most_columns"], "width"),
        _node("Neg", ["width"], "first_column"),
        _node("Squeeze", ["first_column"], "first_column_number"),
        _node("Range", ["first_column_number", "zero", "step"], "columns_from_the_end"),
    ]  # fmt: skip


def _last_tokens() -> list[onnx.NodeProto]:
    """Ids → the last columns of each row, right-aligned, padded in front with 0."""
    return [
        _node("Cast", ["ids"], "filled", to=TensorProto.BOOL),
        _node("Cast", ["filled"], "filled_count", to=TensorProto.INT64),
        _node("ReduceSum", ["filled_count", "tokens_axis"], "lengths", keepdims=1),
        _node("Add", ["lengths", "columns_from_the_end"], "positions"),
        _node("Max", ["positions", "zero"], "positions_inside"),
        _node("GatherElements", ["ids", "positions_inside"], "last_ids", axis=1),
        _node("Less", ["positions", "zero"], "in_front"),
        _node("Where", ["in_front", "padding_id", "last_ids"], "window"),
        helper.make_node("Cast", [_name("window")], [TOKEN_IDS], _name(TOKEN_IDS),
                         to=TensorProto.INT32),
    ]  # fmt: skip


def _constants(max_tokens: int, rule: TokenRule, *, is_fixed: bool) -> list[onnx.TensorProto]:
    def constant(name: str, shape: list[int], values: list[int]) -> onnx.TensorProto:
        return helper.make_tensor(_name(name), TensorProto.INT64, shape, values)

    return [
        constant("one_in_front", [4], [0, 1, 0, 0]),
        constant("start_id", [], [START_ID]),
        constant("padding_id", [], [PADDING_ID]),
        constant("zero", [], [0]),
        constant("tokens_axis", [1], [1]),
        helper.make_tensor(_name("one_more_text"), TensorProto.STRING, [1], cast("Any", [""])),
        constant("first_row", [1], [0]),
        constant("one_more_row", [1], [-1]),
        constant("rows_axis", [1], [0]),
        *(
            [constant("columns_from_the_end", [1, max_tokens], list(range(-max_tokens, 0)))]
            if is_fixed
            else [constant("most_columns", [1], [max_tokens]), constant("step", [], [1])]
        ),
        *(
            [
                constant("unknown_id", [], [UNKNOWN_ID]),
                constant("one", [], [1]),
                helper.make_tensor(
                    _name("one_more_token"), TensorProto.STRING, [1], cast("Any", ["a"])
                ),
            ]
            if rule.has_markup
            else []
        ),
    ]


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    names = [name if name == TEXT else _name(name) for name in inputs]
    return helper.make_node(operator, names, [_name(output)], _name(output), **attributes)


def _name(name: str) -> str:
    return f"front_end/{name}"


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
