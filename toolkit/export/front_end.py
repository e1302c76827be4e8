"""The text front end of a model file, as a graph: `text` → `token_ids`.

All operators are in every stock ONNX Runtime. The rule from text to token ids is the one of
`toolkit.text.vocabulary`; the tests compare the two on any text.
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


def _split(rule: TokenRule) -> list[onnx.NodeProto]:
    """Text → tokens (batch + 1, longest), filled at the end with empty strings."""
    found: dict[str, Any] = {"tokenexp": f"{rule.markup_pattern}|{rule.token_pattern}"}
    if not rule.has_markup:
        separators = "".join(f"\\x{{{ord(character):x}}}" for character in rule.separators)
        from_nul = [_FROM_NUL_ON] if rule.ends_at_nul else []
        found = {"separators": [*from_nul, f"[{separators}]+"]}  # one after the other
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
    """Tokens → ids, with 0 for empty strings and mark-up, which are not tokens."""
    words, other = vocabulary.words.to_pylist(), vocabulary.spellings
    # Of equal keys the first counts, so what is not a token is not a word, either.
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
