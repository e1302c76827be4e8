"""The Keras network as an ONNX graph, and the model file around it, with its ids-in twin.

A network has its own ONNX form, or tf2onnx converts it. tf2onnx orders nodes by the hashes of their
names and numbers them across conversions, so exporting twice would give different files. With nodes
in a fixed order and with short names, the files are equal, byte for byte.

The model file is the text front end (`toolkit.export.front_end`), the network, label and stars in
one graph. All operators are in stock builds of ONNX Runtime. `compare` proves that all executions
give the numbers of Keras.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pyarrow as pa
import pyarrow.compute as pc
from onnx import TensorProto, helper, numpy_helper

from toolkit.errors import MissingExtraError, ModelError, ParityError
from toolkit.export.front_end import front_end, listed_graph, rows_of_ids, weight
from toolkit.model.facts import ModelFacts
from toolkit.model.file import (
    KNOWN_TOKENS,
    LABEL,
    NEUTRAL_RANGE,
    PROBABILITIES,
    PROBABILITY,
    STARS,
    TEXT,
    TOKEN_IDS,
    logit_name,
    token_ids_width,
)
from toolkit.model.native_network import session_options
from toolkit.model.scorer import Scorer
from toolkit.model.stars import FEWEST, LARGEST_LOGIT, StarScale, logits_of
from toolkit.model.training_facts import Parity
from toolkit.networks import import_tensorflow
from toolkit.networks.chunks import has_loop, without_loop
from toolkit.networks.network_files import graph_of_network
from toolkit.text.strings import golden_texts
from toolkit.text.token_ids import FIRST_WORD_ID, Ids
from toolkit.text.vocabulary import Vocabulary

Outputs = dict[str, npt.NDArray[Any]]  # by name, (texts,) or (texts, classes)

_AT_ONCE = 256  # texts
_ROWS = "token_rows"  # of a twin: its `token_ids` as the network wants them
OPSET = 18  # the newest that tf2onnx 1.17 writes; ONNX Runtime 1.14 and newer read it


def canonical(network: onnx.ModelProto) -> onnx.ModelProto:
    """Order and number the nodes depth first from the outputs, and drop unused ones."""
    graph = network.graph
    producers = {name: node for node in graph.node for name in node.output}
    weights = {entry.name: entry for entry in graph.initializer}
    outputs = [output.name for output in graph.output]
    names = {name: name for name in (TOKEN_IDS, *outputs, "")}
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

    for name in outputs:
        visit(name)
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
    """A network as a graph, `token_ids` → its answers, and what a user should know of it."""

    model: onnx.ModelProto
    notes: list[str]


def run_keras(network: Any, ids: Ids) -> npt.NDArray[np.float32]:
    """Return the probabilities, (rows,) or (rows, classes), of (rows, tokens) ids; no dropout."""
    found = np.asarray(network(ids, training=False))
    return found[:, 0] if found.shape[1] == 1 else found


def convert(network: Any, max_tokens: int) -> Converted:
    """Make a graph, int32[batch, tokens] → float32[batch], of a Keras network.

    A network of classes gives float32[batch, classes]. Raise `ModelError` if the network has a
    fixed number of tokens other than `max_tokens`.
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
        f"the network {network.name} is exported as tf2onnx converts it. This toolkit has no "
        "faster ONNX graph for it"
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
    has_classes = network.output_shape[-1] != 1

    def forward(token_ids: Any) -> Any:
        found = network(token_ids, training=False)
        return {PROBABILITIES: found} if has_classes else {PROBABILITY: tf.reshape(found, [-1])}

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
        """Make both models from a network, `token_ids` → `probability`."""
        facts = replace(facts, token_rule=vocabulary.rule.version)
        text_in = text_in_model(network, vocabulary, facts)
        return cls(text_in, ids_in_model(network, facts), facts)

    def with_facts(self, facts: ModelFacts) -> ModelPair:
        """Replace the metadata of both models, in place."""
        for model in (self.text_in, self.ids_in):
            facts.write_to(model)
        return ModelPair(self.text_in, self.ids_in, facts)

    def save(self, text_in: Path, ids_in: Path) -> tuple[Path, Path]:
        """Write both models, and return their paths."""
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
        _described(facts, TEXT),
        inputs=front.input,
        network=[front, network.graph],
        outputs=[_label(facts), *_more_outputs(network, facts)],
        facts=replace(facts, token_rule=vocabulary.rule.version),
        value_info=[*front.value_info, *front.output],
    )


def ids_in_model(network: onnx.ModelProto, facts: ModelFacts) -> onnx.ModelProto:
    """Return the twin: the network, `token_ids` → `probability`, with the same facts, without text.

    It takes rows of any width, with padding on either side, and keeps the last `max_tokens` ids.
    Other runtimes than ONNX Runtime convert it, so it has no loop.
    """
    is_fixed = token_ids_width(network) is not None
    if has_loop(network):
        network = canonical(without_loop(network, facts.max_tokens))
    graph = deepcopy(network.graph)
    for node in graph.node:
        node.input[:] = [_ROWS if name == TOKEN_IDS else name for name in node.input]
    return _model(
        f"{facts.preset}_ids",
        _described(facts, "token ids"),
        inputs=[token_ids_info(None)],
        network=[rows_of_ids(facts.max_tokens, _ROWS, is_fixed=is_fixed), graph],
        outputs=[_label(facts), *_more_outputs(network, facts, _ROWS), *_neutral(facts)],
        facts=facts,
    )


def token_ids_info(width: int | None) -> onnx.ValueInfoProto:
    """Name, type and shape of the tensor between front end and network; None is any width."""
    shape = ["batch", "tokens" if width is None else width]
    return helper.make_tensor_value_info(TOKEN_IDS, TensorProto.INT32, shape)


def _described(facts: ModelFacts, given: str) -> str:
    """Return a line on what a model is for."""
    what = "Classes of texts" if facts.has_classes else "Sentiment of reviews"
    return f"{what}: {given} in, {PROBABILITY} and {LABEL} out."


def _label(facts: ModelFacts) -> onnx.GraphProto:
    if facts.has_classes:
        return _label_of_classes(facts)
    return listed_graph(
        f"label (float[batch] {PROBABILITY}) => (string[batch] {LABEL})",
        ["label"],
        weights=[
            weight("float", "threshold", [facts.threshold]),
            weight("string[2]", "names", facts.labels),
        ],
        prefix="label/",
        outside={PROBABILITY: PROBABILITY, LABEL: LABEL},
    )


def _label_of_classes(facts: ModelFacts) -> onnx.GraphProto:
    count = len(facts.labels)
    graph = listed_graph(
        f"label (float[batch, {count}] {PROBABILITIES})"
        f" => (string[batch] {LABEL}, float[batch] {PROBABILITY})",
        ["label_of_classes"],
        weights=["int64[1] axis = {1}"],
        prefix="label/",
        outside={name: name for name in (PROBABILITIES, PROBABILITY, LABEL)},
    )
    # As a tensor: in a listing, names would need quotes and escapes.
    names = numpy_helper.from_array(np.array(facts.labels, object), "label/names")
    graph.initializer.append(names)
    return graph


def _neutral(facts: ModelFacts) -> Iterator[onnx.GraphProto]:
    """Return the ends of the neutral range as outputs, for runtimes that show no metadata."""
    if facts.neutral is not None:
        yield listed_graph(
            f"neutral () => (float[2] {NEUTRAL_RANGE})",
            ["neutral"],
            weights=[weight("float[2]", "ends", facts.neutral.ends)],
            prefix="neutral/",
            outside={NEUTRAL_RANGE: NEUTRAL_RANGE},
        )


def _more_outputs(
    network: onnx.ModelProto, facts: ModelFacts, rows: str = TOKEN_IDS
) -> Iterator[onnx.GraphProto]:
    """Count the known tokens of rows and, with a scale of stars, predict stars."""
    yield listed_graph(
        f"known (int32[batch, tokens] {TOKEN_IDS}) => (int32[batch] {KNOWN_TOKENS})",
        ["known"],
        weights=["weights_of_known"],
        prefix="known/",
        outside={TOKEN_IDS: rows, KNOWN_TOKENS: KNOWN_TOKENS},
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
        weights=[
            "int64[2] column = {-1, 1}",
            weight("float", "low", [-LARGEST_LOGIT]),
            weight("float", "high", [LARGEST_LOGIT]),
            weight("float[1, 4]", "slopes", scale.slopes),
            weight("float[1, 4]", "biases", scale.biases),
            weight("float[1, 4]", "lengths", scale.lengths),
            "float one = {1}, float half = {0.5}, int64[1] axis = {1}",
            weight("float", "fewest", [FEWEST]),
        ],
        prefix="stars/",
        outside={"logit_of_network": logit, KNOWN_TOKENS: KNOWN_TOKENS, STARS: STARS},
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
    """Make a model of the parts up to `probability` and the parts with more outputs; check it."""
    parts = (*network, *outputs)
    graph = helper.make_graph(
        [node for part in parts for node in part.node],
        name,
        inputs,
        [
            *_answers(facts),
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


def _answers(facts: ModelFacts) -> Iterator[onnx.ValueInfoProto]:
    """Name, type and shape of what the network itself gives."""
    if facts.has_classes:
        shape: list[str | int | None] = ["batch", len(facts.labels)]
        yield helper.make_tensor_value_info(PROBABILITIES, TensorProto.FLOAT, shape)
    else:
        yield helper.make_tensor_value_info(PROBABILITY, TensorProto.FLOAT, ["batch"])


# float32 carries 7 digits, and summing 1,600 products in another order moves the sixth; what was
# seen on the IMDB reviews is 1e-7 to 1e-6.
TOLERANCE = 1e-5
# The scorer gives hundredths; and the logit that stars come from is known less well where the
# float32 of a probability is near 1.
STARS_TOLERANCE = 0.01
# A twin without a loop adds in another order, so that an output may be rounded to the next whole
# number: in 12 of the 25,000 IMDB test reviews, by at most 9.1e-5.
ROUNDED_TOLERANCE = 1e-3
_ROWS_FOR_ONE_ROUNDED = 500


def check_parity(parity: Parity) -> None:
    """Raise `ParityError` unless probabilities are within the tolerance, and all else is equal."""
    # NaN is within no tolerance.
    is_near = parity.largest_difference <= TOLERANCE
    counts = (parity.label_flips, parity.token_id_differences, parity.known_token_differences)
    in_stars = parity.largest_stars_difference
    if in_stars is not None and not in_stars <= STARS_TOLERANCE:
        raise ParityError(
            f"Keras and ONNX disagree on the stars: largest difference {in_stars:.2g} (allowed "
            f"{STARS_TOLERANCE:g}). Nothing was exported."
        )
    if is_near and not any(counts):
        return
    raise ParityError(
        f"Keras and ONNX disagree on {parity.reviews + parity.edge_texts:,} texts: largest "
        f"difference {parity.largest_difference:.2g} (allowed {TOLERANCE:.0e}), "
        f"{parity.label_flips} label flips, {parity.token_id_differences} rows with different "
        f"token ids, {parity.known_token_differences} with a different number of known tokens. "
        "Nothing was exported."
    )


def rounded_otherwise(
    text_in: Path, ids_in: Path, differences: npt.NDArray[np.float32]
) -> npt.NDArray[np.bool_] | None:
    """Return which rows of a twin differ only because an output is rounded to another number.

    `differences` (rows,) is how far each probability is from the expected one. No row counts as
    rounded if more than 1 in 500 would. None is returned if the twin makes the same sums as the
    text-in file.
    """
    if not has_loop(onnx.load(text_in)) or has_loop(onnx.load(ids_in)):
        return None
    rounded = (differences > TOLERANCE) & (differences <= ROUNDED_TOLERANCE)
    most = max(1, len(differences) // _ROWS_FOR_ONE_ROUNDED)
    return rounded if rounded.sum() <= most else np.zeros_like(rounded)


def compare(network: Any, text_in: Path, ids_in: Path, reviews: list[str]) -> Parity:
    """Run reviews and the golden texts through a Keras network and the three ONNX executions."""
    scorer = Scorer(text_in)
    facts = scorer.facts
    edge_texts = list(golden_texts([facts.max_tokens]).values())
    texts = [*reviews, *edge_texts]
    parts = [texts[start : start + _AT_ONCE] for start in range(0, len(texts), _AT_ONCE)]
    ids = [scorer.token_ids(pa.array(part, pa.string())) for part in parts]
    expected = np.concatenate([run_keras(network, part) for part in ids])
    known = np.concatenate([(part >= FIRST_WORD_ID).sum(axis=1) for part in ids])
    more = [KNOWN_TOKENS] if facts.counts_known_tokens else []
    more += [STARS] if facts.stars else []
    in_text = run_text_in(text_in, [PROBABILITY, LABEL, *more], parts)
    in_ids = run_ids_in(ids_in, [PROBABILITY, *more], ids)
    of_ids = in_ids[PROBABILITY]
    rounded = rounded_otherwise(text_in, ids_in, np.abs(of_ids - expected))
    scored = scorer.predict(pa.array(texts, pa.string()))
    is_scored = scored["probability"].is_valid().to_numpy(zero_copy_only=False)
    found = {
        "ids_in_graph": of_ids,
        "text_in_graph": in_text.outputs[PROBABILITY],
        # Texts without a known word are not scored; here they count as equal.
        "vectorised_scorer": np.where(is_scored, scored["probability"].fill_null(0), expected),
    }
    apart = {name: np.abs(other - expected) for name, other in found.items()}
    if rounded is not None:
        apart["ids_in_graph"] = apart["ids_in_graph"][~rounded]
    differences = {name: float(each.max()) for name, each in apart.items()}
    positive = expected >= scorer.threshold
    flips = sum(int(((other >= scorer.threshold) != positive).sum()) for other in found.values())
    flips += int((in_text.outputs[LABEL] != np.where(positive, *facts.labels[::-1])).sum())
    other_known = []
    if facts.counts_known_tokens:
        other_known = [each[KNOWN_TOKENS] != known for each in (in_text.outputs, in_ids)]
        other_known.append(is_scored & (known == 0))
    return Parity(
        reviews=len(reviews),
        edge_texts=len(edge_texts),
        # np.max, unlike max, gives NaN if any is NaN, and NaN is within no tolerance.
        largest_difference=float(np.max(list(differences.values()))),
        label_flips=flips,
        token_id_differences=sum(map(rows_that_differ, in_text.token_ids, ids)),
        known_token_differences=int(np.any(other_known, axis=0).sum()),
        differences=differences,
        tolerance=TOLERANCE,
        largest_stars_difference=_stars_difference(
            facts.stars, expected, known=known, executions=[in_text.outputs, in_ids], scored=scored
        ),
        rounded_otherwise=None if rounded is None else int(rounded.sum()),
    )


def _stars_difference(
    scale: StarScale | None,
    expected: npt.NDArray[np.float32],
    known: npt.NDArray[Any],
    executions: Sequence[Outputs],
    scored: Mapping[str, pa.Array],
) -> float | None:
    """Return the largest difference of stars from the expected ones; None without stars."""
    if scale is None:
        return None
    wanted = scale.stars(logits_of(expected), known)
    of_scorer = pc.if_else(scored["stars"].is_valid(), scored["stars"], pa.array(wanted))
    found = [*(each[STARS] for each in executions), of_scorer.to_numpy()]
    return max(float(np.abs(stars - wanted).max()) for stars in found)


@dataclass(frozen=True)
class TextInRun:
    """What a text-in model gives for texts: its outputs, and the token ids inside it."""

    outputs: Outputs
    token_ids: list[Ids]  # by part, as parts may have other widths


def run_text_in(path: Path, names: Sequence[str], parts: Sequence[list[str]]) -> TextInRun:
    """Run a text-in model on texts; parts bound the memory."""
    model = onnx.load(path)  # made to return its token ids, too
    model.graph.output.append(token_ids_info(token_ids_width(model)))
    session = ort.InferenceSession(model.SerializeToString(), session_options())
    found = _run(
        session, [TOKEN_IDS, *names], given=TEXT, parts=[np.array(part, object) for part in parts]
    )
    token_ids = found.pop(TOKEN_IDS)
    return TextInRun({name: np.concatenate(each) for name, each in found.items()}, token_ids)


def run_ids_in(path: Path, names: Sequence[str], parts: Sequence[Ids]) -> Outputs:
    """Run a twin on token ids; parts bound the memory."""
    session = ort.InferenceSession(str(path), session_options())
    found = _run(session, names, given=TOKEN_IDS, parts=parts)
    return {name: np.concatenate(each) for name, each in found.items()}


def _run(
    session: ort.InferenceSession,
    names: Sequence[str],
    given: str,
    parts: Sequence[npt.NDArray[Any]],
) -> dict[str, list[npt.NDArray[Any]]]:
    """Return the outputs by name, each with an array by part."""
    found = [session.run([*names], {given: part}) for part in parts]
    return {name: [part[place] for part in found] for place, name in enumerate(names)}


def rows_that_differ(found: Ids, expected: Ids) -> int:
    """Count the rows of ids that are not the same; all of them if the shapes differ."""
    if found.shape != expected.shape:
        return len(expected)
    return int((found != expected).any(axis=1).sum())
