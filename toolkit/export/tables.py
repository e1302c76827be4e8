"""The networks made of tables as ONNX graphs, written by hand in the syntax of `onnx.parser`.

They take a third to a half of the time of what tf2onnx would make of the same layers:

- ids are never below zero, and need no operators for counting from the end of a table;
- `GatherElements` reads single numbers faster than `Gather`, which copies each as a row of bytes;
- `relu(word + bigram)` of int8 vectors is one addition of uint8 that stays within 0 and 255. It is
  written as `QuantizeLinear(DequantizeLinear + DequantizeLinear)`, in which ONNX Runtime sees its
  `QLinearAdd`; a runtime that does not gives the same numbers, as all of them are whole;
- a window of tokens is one row of the product `QLinearMatMul`, the slices of which are put side by
  side. It multiplies by the factors, rounds to even and cuts to 0 … 255 by itself.

The root is a power: in ONNX Runtime 1.20, the last bit of a `Sqrt` depends on the place of the row
in the batch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.parser
from onnx import numpy_helper

from toolkit.model.file import PROBABILITY, TOKEN_IDS

_Tables = dict[str, npt.NDArray[Any]]

# The inputs and outputs; keys of bigrams, and which tokens count, both for all rows in one row. The
# names in angle brackets are weights.
_START = f"""
<ir_version: 9, opset_import: ["": 18]>
network (int32[batch, tokens] {TOKEN_IDS}) => (float[batch] {PROBABILITY})
<int64[1] flat = {{-1}}, int64[4] one_in_front = {{0, 1, 0, 0}}, int64[1] first = {{0}},
 int64[1] last = {{-1}}, int64[1] axis = {{1}}, int32 start_id = {{1}},
 float one = {{1}}, float half = {{0.5}}>
{{
    shape = Shape({TOKEN_IDS})
    ids = Reshape({TOKEN_IDS}, flat)
    one_more = Pad({TOKEN_IDS}, one_in_front)
    previous = Slice(one_more, first, last, axis)
    products = Mul(previous, vocabulary_size)
    key_rows = Add(products, {TOKEN_IDS})
    keys = Reshape(key_rows, flat)
    counted = Greater(ids, start_id)
    counted_rows = Greater({TOKEN_IDS}, start_id)
    ones = Cast <to = 1> (counted_rows)
    tokens = ReduceSum <keepdims = 0> (ones, axis)
    tokens_and_one = Add(tokens, one)
    root = Pow(tokens_and_one, half)
"""

_LINEAR = f"""
    quotients = Div(keys, bigrams_size)
    multiples = Mul(quotients, bigrams_size)
    hashes = Sub(keys, multiples)
    word_codes = GatherElements <axis = 0> (words, ids)
    bigram_codes = GatherElements <axis = 0> (bigrams, hashes)
    word = Cast <to = 6> (word_codes)
    word_size = Abs(word)
    word_weight = Mul(word, word_size)
    bigram = Cast <to = 6> (bigram_codes)
    bigram_size = Abs(bigram)
    bigram_weight = Mul(bigram, bigram_size)
    both = Add(word_weight, bigram_weight)
    counts = Cast <to = 6> (counted)
    weights = Mul(both, counts)
    weight_rows = Reshape(weights, shape)
    total = ReduceSum <keepdims = 0> (weight_rows, axis)
    whole = Cast <to = 1> (total)
    mean = Div(whole, root)
    scaled = Mul(mean, scale)
    logit = Add(scaled, bias)
    {PROBABILITY} = Sigmoid(logit)
}}
"""

_CNN = f"""
    quotients = Div(keys, slots_size)
    multiples = Mul(quotients, slots_size)
    places = Sub(keys, multiples)
    found = GatherElements <axis = 0> (slots, places)
    found_rows = Div(found, quotients_size)
    found_multiples = Mul(found_rows, quotients_size)
    owners = Sub(found, found_multiples)
    is_owner = Equal(owners, quotients)
    is_bigram = And(is_owner, counted)
    factors = Cast <to = 6> (is_bigram)
    flat_rows = Mul(found_rows, factors)
    rows = Reshape(flat_rows, shape)
    word_codes = Gather <axis = 0> (words, {TOKEN_IDS})
    bigram_codes = Gather <axis = 0> (bigrams, rows)
    word = DequantizeLinear(word_codes, one, zero_code)
    bigram = DequantizeLinear(bigram_codes, one, zero_code)
    both = Add(word, bigram)
    positive_codes = QuantizeLinear(both, one, no_code)
    padded = Pad(positive_codes, two_around, no_code)
    first_tokens = Slice(padded, start_0, end_0, axis)
    second_tokens = Slice(padded, start_1, end_1, axis)
    third_tokens = Slice(padded, start_2, end_2, axis)
    windows = Concat <axis = 2> (first_tokens, second_tokens, third_tokens)
    window_codes = QLinearMatMul(
        windows, one, no_code, kernel, window_factors, kernel_zero, one, no_code
    )
    token_values = Cast <to = 1> (positive_codes)
    window_values = Cast <to = 1> (window_codes)
    highest_token = ReduceMax <keepdims = 0> (token_values, axis)
    highest_window = ReduceMax <keepdims = 0> (window_values, axis)
    token_total = ReduceSum <keepdims = 0> (token_values, axis)
    window_total = ReduceSum <keepdims = 0> (window_values, axis)
    total = Concat <axis = 1> (token_total, window_total)
    root_column = Unsqueeze(root, axis)
    divisor = Mul(root_column, four)
    mean = Div(total, divisor)
    pooled = Concat <axis = 1> (highest_token, highest_window, mean)
    weighted = Mul(pooled, pooled_weights)
    sum = ReduceSum <keepdims = 0> (weighted, axis)
    logit = Add(sum, bias)
    {PROBABILITY} = Sigmoid(logit)
}}
"""


# Of the first, the second and the third tokens of all windows, in tokens with two around.
_ENDS = (-2, -1, np.iinfo(np.int32).max)


def network_of_tables(network: Any) -> onnx.ModelProto | None:
    """Write a network that ends in a table layer.

    Parameters
    ----------
    network : Any
        A Keras model.

    Returns
    -------
    onnx.ModelProto | None
        `token_ids` → `probability`, with the tables as int8 or uint8; None for other networks.
    """
    from toolkit.networks.ngram_cnn import NgramCnn
    from toolkit.networks.ngram_linear import NgramLinear

    layer = network.layers[-1]
    if isinstance(layer, NgramLinear):
        return _model(_LINEAR, _linear_tables(layer))
    if isinstance(layer, NgramCnn):
        return _model(_CNN, _cnn_tables(layer))
    return None


def _linear_tables(layer: Any) -> _Tables:
    words, bigrams, scale, bias = (np.asarray(weights) for weights in layer.get_weights())
    return {
        "words": words,
        "bigrams": bigrams,
        "scale": scale,
        "bias": bias,
        "vocabulary_size": np.array(len(words), np.int32),
        "bigrams_size": np.array(len(bigrams), np.int32),
    }


def _cnn_tables(layer: Any) -> _Tables:
    from toolkit.networks.ngram_cnn import QUOTIENTS, WIDTH

    words, bigrams, slots, kernel, factors, pooled, bias = (
        np.asarray(weights) for weights in layer.get_weights()
    )
    return {
        "words": _unsigned(words),
        "bigrams": _unsigned(bigrams),
        "slots": slots,
        "two_around": np.array([0, 2, 0, 0, 2, 0], np.int64),
        **{f"start_{place}": np.array([place], np.int64) for place in range(WIDTH)},
        **{f"end_{place}": np.array([end], np.int64) for place, end in enumerate(_ENDS)},
        "kernel": kernel,
        "kernel_zero": np.zeros(len(factors), np.int8),
        "window_factors": factors,
        "pooled_weights": pooled,
        "bias": bias,
        "vocabulary_size": np.array(len(words), np.int32),
        "slots_size": np.array(len(slots), np.int32),
        "quotients_size": np.array(QUOTIENTS, np.int32),
        "zero_code": np.array(128, np.uint8),
        "no_code": np.array(0, np.uint8),
        "four": np.array(4, np.float32),
    }


def _unsigned(table: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    return (table.astype(np.int16) + 128).astype(np.uint8)


def _model(listing: str, tables: _Tables) -> onnx.ModelProto:
    model: onnx.ModelProto = onnx.parser.parse_model(_START + listing)
    model.graph.initializer.extend(
        numpy_helper.from_array(table, name) for name, table in tables.items()
    )
    return model
