"""Check that a model file gives the same answers in an application as in the toolkit.

The toolkit computes token ids and labels itself, from the vocabulary and the facts of a model file.
An application runs the whole graph. If the two disagree, a review can be "positive" here and
"negative" there, and no evaluation would show it. Two things are compared:

1. The constants of the graph and the facts: labels, threshold, number of tokens, stars, neutral
   range (of the twin), the settings of the tokenizer, and how words and other strings get an id.
2. The outputs of the whole graph and of the toolkit: the ids of all words of the vocabulary, and
   ids, probability, label, known tokens and stars of a few texts.

Weights that are NaN or infinite are refused, too: only some words would show them.

Calibration needs no check: it is part of the weights, which the toolkit also runs.

Files with a known SHA-256 are not checked: the shipped models, and files checked before by this
process or by the one that sent a pickled scorer. The check takes 140 ms of processor time for a
file such as `reviews` (16 MB), 45 ms for `reviews-small`, and 18 ms for `conv1d`; two thirds of it
load the whole graph.

This does not stop an attacker, who can build a graph that behaves differently for combinations of
words that are not tried here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.classes import is_positive
from toolkit.errors import ModelError
from toolkit.model.checked_files import is_known, remember
from toolkit.model.file import (
    KNOWN_TOKENS,
    LABEL,
    NEUTRAL_RANGE,
    PROBABILITIES,
    PROBABILITY,
    STARS,
    TEXT,
    TOKEN_IDS,
)
from toolkit.model.onnx import array_of, check_finite
from toolkit.model.stars import logits_of
from toolkit.model.tokenizer_node import Settings, older_settings, tokenizer_settings
from toolkit.text.token_ids import UNKNOWN_ID

if TYPE_CHECKING:
    from toolkit.model.file import ModelFile
    from toolkit.model.network import Network
    from toolkit.model.onnx import NodeProto, TensorProto
    from toolkit.text.vocabulary import Vocabulary

_FIXED_TEXTS = (
    "A fine film, superbly acted.",
    "A DULL waste of time!",
    "It wasn't good; I'd not recommend this to anyone - avoid...",
    "Great<br /><br />value &amp; friendly staff, \u201cbest\u201d hotel \U0001f600",
    "4 stars/5, (really) good\tand\ncheap",
    "",
    "...",
)
_WORDS_IN_A_TEXT = 8
_TEXTS_OF_WORDS = 8
_WORDS_IN_A_ROW = 256  # when the ids of all words are compared
_LONGEST_TEXT = 4096  # tokens; for models that read more, only the constant is compared

# The two sum in different orders: differences of 1e-7 to 1e-4 were seen.
_TOLERANCE = 1e-3
_STARS_TOLERANCE = 0.05


def check_agreement(model: ModelFile, network: Network | None = None) -> None:
    """Check that the graph of a text-in model file and its facts give the same answers.

    Parameters
    ----------
    model : ModelFile
        The model file.
    network : Network | None
        The network of the file, if it is open already.

    Raises
    ------
    ModelError
        If an answer differs; the message says which.
    """
    if is_known(model.sha256):
        return
    vocabulary = model.vocabulary  # raises `ModelError` for a damaged table
    check_finite(model.weights.values(), model.path)
    _check_constants(model)
    if network is None:
        from toolkit.model.network import open_network  # late: it loads ONNX Runtime

        network = open_network(model)
    _WholeGraph(model, network, vocabulary).check()
    remember(model.sha256)


def check_twin(model: ModelFile) -> None:
    """Check the constants of an ids-in twin; raise `ModelError` as `check_agreement` does."""
    _check_label(model)
    _check_stars(model)
    neutral = model.facts.neutral
    has_range = any(value.name == NEUTRAL_RANGE for value in model.graph.graph.output)
    if has_range and neutral is not None:
        ends = _numbers(model, f"{NEUTRAL_RANGE}/ends")
        _expect_numbers(model, "the neutral range", found=ends, expected=neutral.ends)


def _disagree(model: ModelFile, what: str) -> ModelError:
    return ModelError(
        f"{model.path}: its graph and this toolkit would give different answers: {what}. Export "
        "the model again, or use another"
    )


# The constants.


def _check_constants(model: ModelFile) -> None:
    _check_label(model)
    _check_stars(model)
    _check_max_tokens(model)
    _check_tokenizers(model)
    _check_encoders(model)


def _check_label(model: ModelFile) -> None:
    """Compare labels and threshold; the graph has ``names[probability >= threshold]``."""
    facts = model.facts
    gather = _maker(model, LABEL, "Gather")
    names, position = gather.input[:2] if len(gather.input) == 2 else ("", "")
    if facts.has_classes:
        _check_label_of_classes(model, names, position)
        return
    cast = _maker(model, position, "Cast")
    reached = _maker(model, cast.input[0] if cast.input else "", "GreaterOrEqual")
    if len(reached.input) != 2 or reached.input[0] != PROBABILITY:
        raise _disagree(
            model, "its graph does not compute labels from the probability and a threshold"
        )
    (threshold,) = _numbers(model, reached.input[1], count=1)
    if np.float32(threshold) != np.float32(facts.threshold):
        raise _disagree(
            model,
            f"its graph has the threshold {threshold:.7g}, its metadata {facts.threshold:.7g}",
        )
    _check_names(model, names)


def _check_label_of_classes(model: ModelFile, names: str, position: str) -> None:
    """Compare the labels of a model of classes; the graph has ``names[argmax(probabilities)]``."""
    place = _maker(model, position, "ArgMax")
    largest = _maker(model, PROBABILITY, "ReduceMax")
    if {*place.input[:1], *largest.input[:1]} != {PROBABILITIES}:
        raise _disagree(model, "its graph does not choose the most likely class as the label")
    _check_names(model, names)


def _check_names(model: ModelFile, names: str) -> None:
    found = _strings(model, names)
    expected = model.facts.labels
    if found != expected:
        raise _disagree(
            model, f"its graph has the labels {found!s:.200}, its metadata {expected!s:.200}"
        )


def _check_stars(model: ModelFile) -> None:
    scale = model.facts.stars
    if scale is None or not model.has_stars:
        return
    for name, expected in (
        ("slopes", scale.slopes),
        ("biases", scale.biases),
        ("lengths", scale.lengths),
    ):
        found = _numbers(model, f"{STARS}/{name}")
        _expect_numbers(model, f"the {name} of the stars", found=found, expected=expected)


def _check_max_tokens(model: ModelFile) -> None:
    expected = model.facts.max_tokens
    weights = {entry.name for entry in model.graph.graph.initializer}
    if "front_end/most_columns" in weights:
        (found,) = _numbers(model, "front_end/most_columns", count=1)
    else:
        found = len(_numbers(model, "front_end/columns_from_the_end"))
    if found != expected:
        raise _disagree(model, f"its graph reads {found:.0f} tokens, its metadata say {expected}")


def _check_tokenizers(model: ModelFile) -> None:
    rule = model.facts.rule
    names = ("case_change_action", "stopwords")
    cases = [_settings(node, names) for node in _nodes(model, "StringNormalizer")]
    if cases != [{"case_change_action": "LOWER"}]:
        raise _disagree(model, "its graph does not convert to lower case, or drops words")
    found = [_settings(node, ("tokenexp", "separators")) for node in _nodes(model, "Tokenizer")]
    allowed = [tokenizer_settings(rule)]
    if rule.version == 1:
        allowed.append(older_settings(rule))
    if found not in allowed:
        raise _disagree(model, f"its graph does not split texts by token rule {rule.version}")


def _check_encoders(model: ModelFile) -> None:
    """Check the id of unknown strings, and that no further table is in use."""
    nodes = _nodes(model, "LabelEncoder")
    others = [_settings(node, ("keys_strings",)) for node in nodes[1:]]
    is_right = others == [{"keys_strings": [""]}] * model.facts.rule.has_markup
    entries = [entry for node in nodes for entry in node.attribute]
    unknown = {entry.i for entry in entries if entry.name == "default_int64"}
    if not is_right or unknown != {UNKNOWN_ID}:
        raise _disagree(
            model,
            "the vocabulary in its graph, or the id of unknown words, differs from its metadata",
        )


def _nodes(model: ModelFile, kind: str) -> list[NodeProto]:
    return [node for node in model.graph.graph.node if node.op_type == kind]


def _maker(model: ModelFile, name: str, kind: str) -> NodeProto:
    """Return the node of a kind that computes a tensor; raise `ModelError` without one."""
    nodes = _nodes(model, kind)
    found = next((node for node in nodes if name and name in node.output), None)
    if found is not None:
        return found
    raise _disagree(model, "its graph does not compute labels from the probability and a threshold")


def _settings(node: NodeProto, names: tuple[str, ...]) -> Settings:
    """Return the text attributes of these names that a node has."""
    found: Settings = {}
    for entry in node.attribute:
        if entry.name in names:
            texts = [text.decode("utf-8", "replace") for text in entry.strings]
            found[entry.name] = texts if not entry.HasField("s") else _text(entry.s)
    return found


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _weight(model: ModelFile, name: str) -> TensorProto:
    weights: Iterable[TensorProto] = model.graph.graph.initializer
    found = next((entry for entry in weights if entry.name == name), None)
    if found is not None:
        return found
    raise _disagree(model, f"its graph has no constant '{name}'")


def _numbers(model: ModelFile, name: str, count: int | None = None) -> npt.NDArray[Any]:
    try:
        found = array_of(_weight(model, name)).ravel()
    except ValueError as error:
        raise ModelError(f"{model.path}: damaged: {error}") from None
    if count is not None and len(found) != count:
        raise ModelError(f"{model.path}: damaged, the constant '{name}' has {len(found)} numbers")
    return found


def _strings(model: ModelFile, name: str) -> tuple[str, ...]:
    return tuple(map(_text, _weight(model, name).string_data))


def _expect_numbers(
    model: ModelFile, what: str, found: npt.NDArray[Any], expected: tuple[float, ...]
) -> None:
    wanted = np.array(expected, np.float32)
    if found.shape != wanted.shape or not (found.astype(np.float32) == wanted).all():
        raise _disagree(
            model,
            f"{what} in its graph are {found.tolist()!s:.60}, in its metadata {expected!s:.60}",
        )


# The whole graph.


class _WholeGraph:
    """Compares the outputs of the whole graph of a model file with the toolkit's outputs."""

    def __init__(self, model: ModelFile, network: Network, vocabulary: Vocabulary) -> None:
        from toolkit.model.native_network import open_whole_graph  # late: it loads ONNX Runtime

        self._model = model
        self._network = network
        self._vocabulary = vocabulary
        self._session = open_whole_graph(model)

    def check(self) -> None:
        """Compare all outputs; raise `ModelError` if one differs."""
        self._check_words()
        self._check_texts()

    def _check_words(self) -> None:
        """Compare the ids of all words of the vocabulary."""
        most = min(self._model.facts.max_tokens, _WORDS_IN_A_ROW)
        words = self._vocabulary.words.to_pylist()
        texts = [" ".join(words[at : at + most]) for at in range(0, len(words), most)]
        if texts:
            self._compare_ids(texts, self._run([TOKEN_IDS], texts)[TOKEN_IDS])

    def _check_texts(self) -> None:
        """Compare all outputs for some texts."""
        facts = self._model.facts
        texts = self._texts()
        names = [TOKEN_IDS, PROBABILITY, LABEL]
        names += [PROBABILITIES] if facts.has_classes else []
        names += [KNOWN_TOKENS] if facts.counts_known_tokens else []
        names += [STARS] if facts.stars else []
        found = self._run(names, texts)
        self._compare_ids(texts, found[TOKEN_IDS])
        ids = self._vocabulary.encode(pa.array(texts, pa.string()), last=facts.max_tokens)
        expected = self._network.run_all(ids)
        if facts.has_classes:
            shares = found[PROBABILITIES]
            self._compare(
                texts,
                PROBABILITIES,
                found=shares,
                expected=expected[PROBABILITIES],
                tolerance=_TOLERANCE,
            )
            probability = expected[PROBABILITIES].max(axis=1)
            labels = np.array(facts.labels, dtype=object)[shares.argmax(axis=1)]
        else:
            probability = expected[PROBABILITY]
            labels = np.where(is_positive(found[PROBABILITY], facts.threshold), *facts.labels[::-1])
        self._compare(
            texts,
            PROBABILITY,
            found=found[PROBABILITY],
            expected=probability,
            tolerance=_TOLERANCE,
        )
        self._compare(texts, LABEL, found=found[LABEL], expected=labels)
        known = ids.known_tokens(facts.max_tokens)
        if KNOWN_TOKENS in found:
            self._compare(texts, KNOWN_TOKENS, found=found[KNOWN_TOKENS], expected=known)
        if facts.stars is not None:
            stars = facts.stars.stars(logits_of(found[PROBABILITY]), known)
            self._compare(
                texts, STARS, found=found[STARS], expected=stars, tolerance=_STARS_TOLERANCE
            )

    def _texts(self) -> list[str]:
        """Return fixed texts, texts of known words, and a text longer than the model reads."""
        words = self._vocabulary.words
        step = max(1, len(words) // (_WORDS_IN_A_TEXT * _TEXTS_OF_WORDS))
        chosen = words[::step].to_pylist()
        texts = [
            " ".join(chosen[at::_TEXTS_OF_WORDS][:_WORDS_IN_A_TEXT])
            for at in range(_TEXTS_OF_WORDS)
        ]
        most = self._model.facts.max_tokens
        if most <= _LONGEST_TEXT and chosen:
            repeated = chosen * (1 + (most + 1) // len(chosen))
            texts.append(" ".join(repeated[: most + 1]))
        return [*_FIXED_TEXTS, *texts]

    def _run(self, names: list[str], texts: list[str]) -> dict[str, npt.NDArray[Any]]:
        from onnxruntime import RunOptions

        options = RunOptions()
        options.only_execute_path_to_fetches = True
        try:
            outputs = self._session.run(names, {TEXT: np.array(texts, dtype=object)}, options)
        except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
            raise ModelError(f"{self._model.path}: its graph fails: {error}") from None
        return dict(zip(names, outputs, strict=True))

    def _compare_ids(self, texts: list[str], found: npt.NDArray[Any]) -> None:
        """Raise `ModelError` for the first token with another id."""
        ids = self._vocabulary.encode(
            pa.array(texts, pa.string()), last=self._model.facts.max_tokens
        )
        expected = self._network.rows(ids)
        self._check_shape(TOKEN_IDS, found, expected)
        for other, own in zip(found[found != expected], expected[found != expected], strict=True):
            word = self._vocabulary.decode([own])
            raise _disagree(
                self._model, f"its graph gives {word!r} the token id {other}, this toolkit {own}"
            )

    def _compare(
        self,
        texts: list[str],
        what: str,
        *,
        found: npt.NDArray[Any],
        expected: npt.NDArray[Any],
        tolerance: float = 0,
    ) -> None:
        """Raise `ModelError` at the first text whose answer differs."""
        self._check_shape(what, found, expected)
        # NaN is within no tolerance.
        is_same = np.abs(found - expected) <= tolerance if tolerance else found == expected
        is_same = is_same.reshape(len(texts), -1).all(axis=1)
        if not is_same.all():
            at = int(np.argmin(is_same))
            both = f"{found[at]}, in this toolkit {expected[at]}"
            raise _disagree(self._model, f"'{what}' of the text {texts[at]!r:.40} is {both}")

    def _check_shape(self, what: str, found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> None:
        if found.shape != expected.shape:
            raise _disagree(
                self._model,
                f"'{what}' has the shape {found.shape}, in this toolkit {expected.shape}",
            )
