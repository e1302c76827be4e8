"""The text front end of a model file, as a graph: `text` → `token_ids`.

All operators are in stock builds of ONNX Runtime, from 1.18 on. The rule from text to token ids is
the one of `toolkit.text.vocabulary`; the tests compare the two on any text. ``graphs.onnxtxt``
lists the nodes of this graph, and of those after the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import onnx
import onnx.parser
from onnx import helper

from toolkit.model.file import TEXT, TOKEN_IDS
from toolkit.model.tokenizer_node import tokenizer_settings
from toolkit.networks.graphs import rename_tensors
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID
from toolkit.text.vocabulary import Vocabulary

_PREFIX = "front_end/"


def front_end(vocabulary: Vocabulary, max_tokens: int, *, is_fixed: bool = True) -> onnx.GraphProto:
    """Build the graph from `text`, string[batch], to `token_ids`, int32[batch, tokens].

    Rows are padded to `max_tokens` if `is_fixed`, else to the longest of the batch.
    """
    width = max_tokens if is_fixed else "tokens"
    columns, weights = _last_columns(max_tokens, is_fixed=is_fixed)
    steps = ["split", "look_up", "start", "ids", *columns]
    weights = ["weights", *weights]
    if vocabulary.rule.has_markup:
        other = {step: f"{step}_with_markup" for step in ("look_up", "ids", "columns")}
        steps = [other.get(step, step) for step in steps]
        weights.append("weights_with_markup")
    graph = listed_graph(
        f"text_front_end (string[batch] {TEXT}) => (int32[batch, {width}] {TOKEN_IDS})",
        [*steps, "lengths", "last_tokens"],
        weights=weights,
        prefix=_PREFIX,
        outside={TEXT: TEXT, TOKEN_IDS: TOKEN_IDS},
    )
    tokenizers = [node for node in graph.node if node.op_type == "Tokenizer"]
    for tokenizer, settings in zip(tokenizers, tokenizer_settings(vocabulary.rule), strict=True):
        _set(tokenizer, settings)
    _set(next(node for node in graph.node if node.op_type == "LabelEncoder"), _ids(vocabulary))
    for node in graph.node:
        node.name = _PREFIX + node.output[0].removeprefix(_PREFIX)
    return graph


def rows_of_ids(max_tokens: int, rows: str, *, is_fixed: bool) -> onnx.GraphProto:
    """Build the graph from ids, with 0 before or after them, to rows as `front_end` makes them."""
    columns, weights = _last_columns(max_tokens, is_fixed=is_fixed)
    return listed_graph(
        f"rows_of_ids (int32[batch, given] given) => (int32[batch, tokens] {TOKEN_IDS})",
        ["given_ids", *columns, "last_tokens"],
        weights=["weights_of_rows", *weights],
        prefix="rows/",
        outside={"given": TOKEN_IDS, TOKEN_IDS: rows},
    )


def _last_columns(max_tokens: int, *, is_fixed: bool) -> tuple[list[str], list[str]]:
    """Return the nodes and weights that number the columns to keep from the end: -3, -2, -1."""
    if is_fixed:
        return [], [
            weight(f"int64[1, {max_tokens}]", "columns_from_the_end", range(-max_tokens, 0))
        ]
    most = f"{weight('int64[1]', 'most_columns', [max_tokens])}, int64 step = {{1}}"
    return ["columns", "columns_of_the_longest"], [most]


def listed_graph(
    signature: str,
    steps: Sequence[str],
    weights: Sequence[str],
    prefix: str,
    outside: Mapping[str, str],
) -> onnx.GraphProto:
    """Make a graph from lists of nodes and weights; a weight is a list or a result of `weight`.

    Its tensors get a prefix; tensors from outside have the given names.
    """
    lists = _lists()
    header = ", ".join(lists.get(each, each) for each in weights)
    nodes = "".join(lists[each] for each in steps)
    graph: onnx.GraphProto = onnx.parser.parse_graph(f"{signature} <{header}> {{{nodes}}}")
    rename_tensors(graph, prefix, outside)
    for node in graph.node:
        if not node.domain:
            node.ClearField("domain")  # as `onnx.helper` leaves it out
    return graph


def weight(kind: str, name: str, values: Iterable[float | str]) -> str:
    """Return the listing of a weight, such as ``int64[2] shape = {-1, 1}``."""
    listed = (f'"{value}"' if isinstance(value, str) else str(value) for value in values)
    return f"{kind} {name} = {{{', '.join(listed)}}}"


@cache
def _lists() -> dict[str, str]:
    """Read the lists by their names."""
    text = Path(__file__).with_name("graphs.onnxtxt").read_text(encoding="utf-8")
    _, *parts = re.split("^## (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def _ids(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return strings and their ids; empty strings and mark-up, which are not tokens, have id 0."""
    words = vocabulary.words.to_pylist()
    other = vocabulary.spellings
    # Of equal keys the first counts, so what is not a token is not a word, either.
    no_tokens = ["", *filter(vocabulary.rule.is_markup, words)]
    ids = range(FIRST_WORD_ID, vocabulary.size)
    return {
        "keys_strings": [*no_tokens, *words, *other.strings.to_pylist()],
        "values_int64s": [*[PADDING_ID] * len(no_tokens), *ids, *other.ids.tolist()],
    }


def _set(node: onnx.NodeProto, settings: Mapping[str, Any]) -> None:
    """Add attributes, in the order of their names."""
    more = [helper.make_attribute(name, value) for name, value in settings.items()]
    attributes = sorted([*node.attribute, *more], key=lambda entry: entry.name)
    del node.attribute[:]
    node.attribute.extend(attributes)
