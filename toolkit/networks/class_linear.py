"""The network of `ngram-linear` for any number of classes: a weight for each feature and class.

Features are the words of the vocabulary and the most common pairs of neighbouring words. With
code(a) = a · |a|, the logit of a class is

    scales[class] · Σ code(cells[feature, class]) / √(Σ squares[feature]) + biases[class]

over all features of a text, counted as often as they occur. The probabilities are the softmax of
the logits. Both sums are of int32, exact in any order.

This is multinomial logistic regression over tf-idf: a cell is a weight times the idf of its
feature, and a square is the square of that idf. The true length of a tf-idf vector has the squared
count of each feature. The sum here needs no counts, and is as accurate on 39 kinds of reviews
(84.8 % against 84.9 %, macro F1 68.8 % against 68.1 %).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from toolkit.networks import tables
from toolkit.networks.bigrams import bigram_keys, bigram_rows, check_keys, check_slots
from toolkit.networks.graphs import integers
from toolkit.networks.tables import Codes, Floats, keras, tf
from toolkit.text.pairs import QUOTIENTS
from toolkit.text.token_ids import Ids

_STEPS = ("bigrams", "class_linear", "class_softmax")
WEIGHTS = ("cells", "squares", "slots", "scales", "biases")

SQUARE_STEPS = 64  # squares of idf are rounded to multiples of 1 / 64


@dataclass(frozen=True)
class ClassTables:
    """The weights of the network, as they are stored."""

    vocabulary_size: int  # number of rows of words, which come before the rows of pairs
    cells: Codes  # (rows, classes) int8; the rows of reserved ids are 0
    squares: Ids  # (rows,) int32, in steps of 1 / `SQUARE_STEPS`
    slots: Ids  # (slots,) int32: the look-up table of the pairs, from `bigrams.slots_of`
    scales: Floats  # (classes,) float32
    biases: Floats  # (classes,) float32

    @classmethod
    def of(
        cls, weights: Floats, squares: Ids, slots: Ids, biases: Floats, vocabulary_size: int
    ) -> ClassTables:
        """Round weights, (rows, classes), that include the idf."""
        coded = [tables.coded(column) for column in weights.T]
        cells = np.stack([codes for codes, _ in coded], axis=1)
        # Squares are in steps, so the root of their sum is too large by the root of the steps.
        scales = np.array([scale for _, scale in coded]) * np.sqrt(SQUARE_STEPS)
        return cls(
            vocabulary_size=vocabulary_size,
            cells=cells,
            squares=squares,
            slots=slots,
            scales=scales.astype(np.float32),
            biases=biases.astype(np.float32),
        )

    def check(self) -> None:
        """Raise `ValueError` if they do not fit together."""
        rows = len(self.cells)
        classes = self.cells.shape[-1]
        tables.check_table("cells", self.cells, np.int8, None, None)
        tables.check_table("squares", self.squares, np.int32, rows)
        tables.check_table("slots", self.slots, np.int32, None)
        tables.check_table("scales", self.scales, np.float32, classes)
        tables.check_table("biases", self.biases, np.float32, classes)
        check_keys(self.vocabulary_size)
        check_slots(self.slots, self.vocabulary_size, rows - self.vocabulary_size)


@tables.registered
class ClassLinear(keras.layers.Layer):  # type: ignore[misc] # Keras ships no types
    """Ids (batch, tokens) int32 → probabilities (batch, classes) float32."""

    SIZES: tuple[str, ...] = ("vocabulary", "rows", "slots", "classes")

    def __init__(self, **options: Any) -> None:
        self._sizes = {name: options.pop(name) for name in self.SIZES}
        super().__init__(**options)

    def build(self, _: Any) -> None:
        """Make the tables, all zero."""
        rows = self._sizes["rows"]
        classes = self._sizes["classes"]
        shapes: dict[str, tuple[tuple[int, ...], str]] = {
            "cells": ((rows, classes), "int8"),
            "squares": ((rows,), "int32"),
            "slots": ((self._sizes["slots"],), "int32"),
            "scales": ((classes,), "float32"),
            "biases": ((classes,), "float32"),
        }
        for name, (shape, dtype) in shapes.items():
            weight = self.add_weight(
                name=name, shape=shape, dtype=dtype, initializer="zeros", trainable=False
            )
            setattr(self, name, weight)

    def call(self, ids: Any) -> Any:
        """Return the probabilities, (batch, classes) float32, of ids (batch, tokens) int32."""
        return tf.nn.softmax(self.logits(ids), axis=1)

    def logits(self, ids: Any) -> Any:
        """Return the logits, (batch, classes) float32, of ids (batch, tokens) int32."""
        size = self._sizes["vocabulary"]
        found = bigram_rows(bigram_keys(ids, size), self.slots, tables.counts(ids))
        pairs = tf.where(found > 0, found + size, 0)
        features = tf.concat([ids, pairs], axis=1)
        totals = tf.reduce_sum(tables.decoded(tf.gather(self.cells, features)), axis=1)
        squared = tf.reduce_sum(tf.gather(self.squares, features), axis=1, keepdims=True)
        length = tf.sqrt(tf.maximum(tf.cast(squared, tf.float32), 1.0))
        return tf.cast(totals, tf.float32) / length * self.scales + self.biases

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Return a column for each class."""
        return input_shape[0], self._sizes["classes"]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments to make the layer again."""
        return {**super().get_config(), **self._sizes}


def frozen(found: ClassTables) -> Any:
    """Make the network from its tables; raise `ValueError` if they do not fit together.

    The Keras model takes (batch, any length) int32 and returns (batch, classes) float32.
    """
    found.check()
    sizes = (found.vocabulary_size, len(found.cells), len(found.slots), found.cells.shape[1])
    # With a fixed name: Keras would number the layers of a process.
    named = dict(zip(ClassLinear.SIZES, sizes, strict=True))
    layer = ClassLinear(name="class_linear", **named)
    ids = keras.Input((None,), dtype="int32", name="token_ids")
    network = keras.Model(ids, layer(ids), name="class-linear")
    layer.set_weights([found.cells, found.squares, found.slots, found.scales, found.biases])
    return network


def sharpened(network: Any, scale: float) -> Any:
    """Make a copy of a network with all logits multiplied; 1 / scale is called the temperature."""
    layer = network.layers[-1]
    found = dict(zip(WEIGHTS, map(np.asarray, layer.get_weights()), strict=True))
    found |= {name: found[name] * np.float32(scale) for name in ("scales", "biases")}
    return frozen(ClassTables(layer.get_config()["vocabulary"], **found))


def to_onnx(network: Any) -> onnx.ModelProto | None:
    """Write the graph, `token_ids` → `probabilities`, with an int8 table; None for others."""
    layer = network.layers[-1]
    if type(layer) is not ClassLinear:
        return None
    sizes = layer.get_config()
    weights = graph_weights(layer)
    return tables.table_graph(_STEPS, weights, sizes["vocabulary"], classes=sizes["classes"])


def graph_weights(layer: ClassLinear) -> dict[str, npt.NDArray[Any]]:
    """Return the weights of the graph by name."""
    found = {name: np.asarray(getattr(layer, name)) for name in WEIGHTS}
    sizes = layer.get_config()
    return {
        **found,
        # No pair owns a slot whose quotient is below zero: row 0 is never found.
        "slots": np.where(found["slots"] == 0, -1, found["slots"]).astype(np.int32),
        "slots_size": np.array(len(found["slots"]), np.int32),
        "quotients_size": np.array(QUOTIENTS, np.int32),
        "pairs_start": np.array(sizes["vocabulary"], np.int32),
        "nothing": np.array(0, np.int32),
        "classes": integers(sizes["classes"]),
    }


def from_onnx(_: onnx.ModelProto) -> None:
    """Return None: a network of classes is read from its run folder alone."""
