"""The text front end as ONNX operators that every stock ONNX Runtime ships.

The rule is the one of `toolkit.text.vocabulary`; the tests compare the two on any text.
"""

from __future__ import annotations

from typing import Any, cast

import onnx
from onnx import TensorProto, helper

from toolkit.model.file import TEXT, TOKEN_IDS
from toolkit.text.rule import TokenRule
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID, START_ID, UNKNOWN_ID
from toolkit.text.vocabulary import Vocabulary

# In the syntax of RE2, which ONNX Runtime builds in.
_FROM_NUL_ON = r"\x00[\s\S]*"


def front_end(vocabulary: Vocabulary, max_tokens: int, *, is_fixed: bool = True) -> onnx.GraphProto:
    """Build the graph from `text`, string[batch], to `token_ids`, int32[batch, tokens].

    Rows are padded to `max_tokens` if `is_fixed`, else to the longest of the batch.
    """
    columns = [] if is_fixed else _columns_of_the_longest()
    nodes = [*_split(vocabulary.rule), *_look_up(vocabulary), *columns, *_last_tokens()]
    return helper.make_graph(
        nodes,
        "text_front_end",
        [helper.make_tensor_value_info(TEXT, TensorProto.STRING, ["batch"])],
        [token_ids_info(max_tokens if is_fixed else None)],
        _constants(max_tokens, is_fixed=is_fixed),
        # ONNX does not know the Tokenizer, and its shape inference reads through a null pointer
        # when the type of a LabelEncoder's input is unknown (compare onnx issue 7298).
        value_info=[
            helper.make_tensor_value_info(_name("tokens"), TensorProto.STRING, ["texts", "longest"])
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
    return [
        # StringNormalizer fails on a batch of no texts.
        _node("Concat", [TEXT, "one_more_text"], "texts", axis=0),
        # Without locale="C", ONNX Runtime asks for en_US.UTF-8 and fails on slim systems.
        _node("StringNormalizer", ["texts"], "lowercase", case_change_action="LOWER",
              is_case_sensitive=1, locale="C"),
        _node("Tokenizer", ["lowercase"], "tokens", domain="com.microsoft", mark=0, mincharnum=1,
              pad_value="", separators=separator_patterns(rule)),
    ]  # fmt: skip


def _look_up(vocabulary: Vocabulary) -> list[onnx.NodeProto]:
    """Tokens → ids after a start id (batch, 1 + longest), filled at the end with 0."""
    words, other = vocabulary.words.to_pylist(), vocabulary.spellings
    return [
        _node("LabelEncoder", ["tokens"], "word_ids", domain="ai.onnx.ml",
              keys_strings=["", *words, *other.strings.to_pylist()],
              values_int64s=[PADDING_ID, *range(FIRST_WORD_ID, vocabulary.size),
                             *other.ids.tolist()],
              default_int64=UNKNOWN_ID),
        # The start id also gives a batch of only empty texts the column that it would lack.
        _node("Pad", ["word_ids", "one_in_front", "start_id"], "ids_and_one_more", mode="constant"),
        _node("Slice", ["ids_and_one_more", "first_row", "one_more_row", "rows_axis"], "ids"),
    ]  # fmt: skip


def _columns_of_the_longest() -> list[onnx.NodeProto]:
    """Ids → the columns of the last max_tokens, or of all if they are fewer: -3, -2, -1."""
    return [
        _node("Shape", ["ids"], "columns_of_ids", start=1),
        _node("Min", ["columns_of_ids", "most_columns"], "width"),
        _node("Neg", ["width"], "first_column"),
        _node("Squeeze", ["first_column"], "first_column_number"),
        _node("Range", ["first_column_number", "zero", "step"], "columns_from_the_end"),
    ]


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


def _constants(max_tokens: int, *, is_fixed: bool) -> list[onnx.TensorProto]:
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
    ]


def _node(operator: str, inputs: list[str], output: str, **attributes: Any) -> onnx.NodeProto:
    names = [name if name == TEXT else _name(name) for name in inputs]
    return helper.make_node(operator, names, [_name(output)], _name(output), **attributes)


def _name(name: str) -> str:
    return f"front_end/{name}"
