"""The network of `ngram-recurrent`: words and common bigrams that read a memory, in small integers.

A token has one row of numbers: the row of its pair with the token before it, or else its
own. Half of the columns are read forward, from the first token to the last one, and half backward.
Each column has a memory, which starts at zero. A token says how much of it is kept, and what is
written to it; and it reads what the memory was before: of the tokens before it, or of those
after it. So, "not" can turn words around that come much later. (Recurrent units whose gates do
not depend on the memory are of Lei, Zhang, Wang, Dai and Artzi, Simple Recurrent Units for Highly
Parallelizable Recurrence, EMNLP 2018.)

In each column, of which the row has four codes, from -128 to 127,

    memory = (keep + 128) / 256 · memory before + write
    output = round(clip(2 · own + scale · (read · memory before), 0, 4095))

where each operation is one of float32, and halves are rounded to the even number. Over a review,
the outputs are pooled by the maximum and by the sum, which is divided by 4 · √(n + 1). The logit is
a weighted sum of both, and of a hidden layer over them.

The outputs are whole numbers, and sums of fewer than 4,096 of them stay below 2²⁴: they are exact
in float32 in any order. The hidden layer is a product and a sum over the last axis, so that its
bits do not depend on the size of a batch. Padding and the start of a review have rows of zeros, and
so write nothing, and say nothing: in front of a review, they change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from toolkit.networks import tables
from toolkit.networks.bigrams import (
    Bigrams,
    bigram_keys,
    bigram_rows,
    check_keys,
    check_slots,
)
from toolkit.networks.graphs import CLASS_LOGITS, ONE_LOGIT, integers
from toolkit.networks.tables import TINY, Codes, Floats, TableLayer, keras, tf
from toolkit.text.pairs import QUOTIENTS
from toolkit.text.token_ids import START_ID, Ids

layers = keras.layers
ops = keras.ops

UNITS = 16  # of each direction
HIDDEN = 32
# Deviation of the start vectors, as wide as the network's own start weights.
_START_DEVIATION = 0.1
_KEPT_AT_START = 1.0  # added to what a token keeps before the sigmoid: most of the memory

LARGEST_OUTPUT = 4095
MOST_TOKENS = 4096  # sums of fewer outputs are exact in float32
_LARGEST_CODE = 127  # of what has a scale
_KEEP_STEPS = 256
_LOWEST_KEEP = -128

# Units of a direction: rows of the weighted sum then begin at a multiple of 64 bytes, so that sums
# are made in the same order in every row, in any place of the batch.
_UNITS_TOGETHER = 4
_COLUMNS_TOGETHER = 8
_GROUPS = 4  # keep, write, read, own
_CHUNK = 16  # tokens that are read one after the other while the network is trained
_DOUBLINGS = 8  # of the number of chunks: enough for MOST_TOKENS

# The names of the layer's weights in the graph, in their order.
_WEIGHTS = ("rows", "slots", "scale", "hidden_kernel", "hidden_bias", "last_weights", "last_bias")
_RECURRENT = ("recurrent_places", "recurrent_memory", "recurrent_features")
_STEPS = ("bigrams", *_RECURRENT, ONE_LOGIT)
_CLASS_STEPS = ("bigrams", *_RECURRENT, CLASS_LOGITS)


@dataclass(frozen=True)
class Tables:
    """A rounded network of V token ids and P rows of pairs, with H units of each direction.

    - rows (V + P, 8H) int8: of the token ids, and of tokens with the one before them, as one of
      the pairs (row 0 is not a pair); what they keep, write, read and say by themselves, each in
      2H columns, of which the last H are read backward
    - slots (any,) int32: see `toolkit.networks.bigrams`
    - pairs: P, the number of their rows, with row 0
    - scale (2H,): how much of what is read is in a column's output
    - kernel (hidden, 4H) and hidden_bias (hidden,): the hidden layer over the maximum and the sum
      over 4 · √(n + 1)
    - last (4H + hidden,): the weights of the maximum, of the sum and of the hidden layer; of a
      network of classes (classes, 4H + hidden)
    - bias: the logit of a review without tokens; of a network of classes (classes,)
    """

    rows: Codes
    slots: Ids
    pairs: int
    scale: Floats
    kernel: Floats
    hidden_bias: Floats
    last: Floats
    bias: float | Floats

    @property
    def vocabulary_size(self) -> int:
        """How many token ids there are."""
        return len(self.rows) - self.pairs

    def check(self) -> None:
        """Raise `ValueError` unless all tables fit together."""
        tables.check_table("scale", self.scale, np.float32, None)
        columns = len(self.scale)
        hidden = len(self.hidden_bias)
        if columns % (2 * _UNITS_TOGETHER):
            raise ValueError(f"scale: expected a multiple of 8 columns, received {columns}")
        if not np.isfinite(self.scale).all():
            raise ValueError("scale: expected finite numbers")
        tables.check_table("rows", self.rows, np.int8, None, _GROUPS * columns)
        tables.check_table("slots", self.slots, np.int32, None)
        tables.check_table("kernel", self.kernel, np.float32, None, 2 * columns)
        tables.check_table("hidden_bias", self.hidden_bias, np.float32, len(self.kernel))
        of_classes = () if self.last.ndim == 1 else (None,)
        tables.check_table("last", self.last, np.float32, *of_classes, 2 * columns + hidden)
        if np.shape(self.bias) != self.last.shape[:-1]:
            raise ValueError(f"bias: expected the shape {self.last.shape[:-1]}")
        size = self.vocabulary_size
        if self.pairs < 1 or size <= START_ID:
            raise ValueError(
                f"rows: {len(self.rows):,} are too few for {self.pairs:,} pairs and the token ids"
            )
        check_keys(size)
        check_slots(self.slots, size, self.pairs)

    def filled(self) -> Tables:
        """Fill the hidden units up, and empty the rows that stand for nothing."""
        rows = self.rows.copy()
        rows[: START_ID + 1] = 0
        rows[self.vocabulary_size] = 0
        return replace(
            self,
            rows=rows,
            kernel=_filled(self.kernel),
            hidden_bias=_filled(self.hidden_bias),
            last=_filled(self.last.T).T,
        )


class RecurrentNetwork(keras.Model):  # type: ignore[misc]
    """As it is trained: gates of each token from the vectors of its word and of its pair."""

    def __init__(
        self, words: Floats, bigrams: Floats, units: int = UNITS, classes: int | None = None
    ) -> None:
        super().__init__()
        if units % _UNITS_TOGETHER:
            raise ValueError(f"units: expected a multiple of {_UNITS_TOGETHER}, received {units}")
        self.units = units
        self.word_table = embedding(words)
        self.bigram_table = embedding(bigrams)
        gates = _GROUPS * units
        columns = 2 * units
        self.word_kernels = [layers.Dense(gates) for _ in range(2)]  # forward, backward
        self.bigram_kernels = [layers.Dense(gates, use_bias=False) for _ in range(2)]
        self.hidden = layers.Dense(HIDDEN, activation="relu")
        self._has_classes = classes is not None
        self.last = layers.Dense(classes or 1)
        self.vector_dropout = layers.SpatialDropout1D(0.1)
        self.feature_dropout = layers.Dropout(0.2)
        size = words.shape[1]
        for kernel in (*self.word_kernels, *self.bigram_kernels):
            kernel.build((None, size))
        self.hidden.build((None, 2 * columns))
        self.last.build((None, 2 * columns + HIDDEN))
        self([np.zeros((1, 1), np.int32)] * 2)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return logits of token ids and rows of pairs, (rows, tokens) int32 each.

        They are (rows, 1), or (rows, classes).
        """
        ids, rows = (_in_chunks(each) for each in inputs)
        is_token = mask(ids > START_ID)
        words = self.vector_dropout(self.word_table(ids) * is_token, training=training)
        pairs = self.bigram_table(rows) * mask(rows > 0) * is_token
        pairs = self.vector_dropout(pairs, training=training)
        outputs = []
        kernels = zip(self.word_kernels, self.bigram_kernels, (False, True), strict=True)
        for of_words, of_pairs, is_backward in kernels:
            keep, write, read, own = tf.split(of_words(words) + of_pairs(pairs), _GROUPS, axis=-1)
            kept = tf.sigmoid(keep + _KEPT_AT_START)
            written = tf.tanh(write) * (1.0 - kept) * is_token
            memory = _memories(kept * is_token + (1.0 - is_token), written, is_backward)
            outputs.append(tf.nn.relu(own + read * memory) * is_token)
        features = ops.concatenate(pooled(tf.concat(outputs, -1), is_token), -1)
        features = self.feature_dropout(features, training=training)
        return self.last(ops.concatenate([features, self.hidden(features)], -1))

    def freeze(self, bigrams: Bigrams) -> Any:
        """Fold the kernels into one table of small integers; see `NgramRecurrent`."""
        words, pairs = (np.array(t.embeddings) for t in (self.word_table, self.bigram_table))
        last_words = bigrams.keys % bigrams.vocabulary_size  # of each pair
        groups = []
        for of_words, of_pairs in zip(self.word_kernels, self.bigram_kernels, strict=True):
            plain = words @ np.array(of_words.kernel) + np.array(of_words.bias)
            together = plain[last_words] + pairs @ np.array(of_pairs.kernel)
            rows = np.concatenate([plain, together])
            rows[: START_ID + 1] = rows[len(words)] = 0
            groups.append(np.split(rows, _GROUPS, axis=1))
        keep, write, read, own = (
            np.concatenate(both, axis=1) for both in zip(*groups, strict=True)
        )
        steps = np.round(_sigmoid(keep + _KEPT_AT_START) * _KEEP_STEPS) + _LOWEST_KEEP
        keep_codes = np.clip(steps, _LOWEST_KEEP, _LARGEST_CODE).astype(np.int8)
        kept = (keep_codes.astype(np.float32) - _LOWEST_KEEP) / _KEEP_STEPS
        write_codes, write_scale = _coded(np.tanh(write) * (1 - kept))
        read_codes, read_scale = _coded(read)
        # Memories are between -1 and 1, so a value that is read never exceeds its weight.
        largest = np.abs(own).max(axis=0) + np.abs(read).max(axis=0)
        own_codes, own_scale = _coded(own, 2 * largest / LARGEST_OUTPUT)
        unit = own_scale / 2  # of the outputs
        factors = np.tile(unit, 2)
        columns = 2 * self.units
        last = np.array(self.last.kernel).T
        last = np.concatenate([last[:, : 2 * columns] * factors, last[:, 2 * columns :]], axis=1)
        bias = np.array(self.last.bias)
        return frozen(
            Tables(
                rows=np.concatenate([keep_codes, write_codes, read_codes, own_codes], axis=1),
                slots=bigrams.slots,
                pairs=len(bigrams),
                scale=(write_scale * read_scale / unit).astype(np.float32),
                kernel=(np.array(self.hidden.kernel).T * factors).astype(np.float32),
                hidden_bias=np.array(self.hidden.bias),
                last=(last if self._has_classes else last[0]).astype(np.float32),
                bias=bias if self._has_classes else float(bias[0]),
            )
        )


def embedding(vectors: Floats) -> Any:
    """A table that starts with these vectors, all scaled by one factor."""
    known = vectors[np.any(vectors != 0, axis=1)]
    deviation = float(known.std()) if len(known) else 0.0
    start = vectors / max(deviation, 1e-6) * _START_DEVIATION
    return keras.layers.Embedding(
        *vectors.shape, embeddings_initializer=keras.initializers.Constant(start)
    )


def mask(condition: Any) -> Any:
    """Turn truth values (rows, tokens) into factors (rows, tokens, 1) float32."""
    return ops.cast(ops.expand_dims(condition, -1), "float32")


def pooled(found: Any, is_token: Any) -> list[Any]:
    """Maximum and length-scaled sum over the tokens."""
    count = ops.sum(is_token, axis=1) + 1.0
    return [ops.max(found, axis=1), ops.sum(found, axis=1) / (4.0 * ops.sqrt(count))]


def _in_chunks(ids: Any) -> Any:
    """Pad rows in front, so that they are of whole chunks."""
    ids = tf.convert_to_tensor(ids)
    return tf.pad(ids, [[0, 0], [-tf.shape(ids)[1] % _CHUNK, 0]])


def _memories(keep: Any, write: Any, is_backward: bool) -> Any:
    """Return the memory before each token, (rows, tokens, units), or with `is_backward` after it.

    The tokens of a chunk are read one after the other, at the same time in all chunks. Then each
    chunk is told what the chunks before it have left, by a number of steps that doubles.
    """
    if is_backward:
        keep = keep[:, ::-1]
        write = write[:, ::-1]
    shape = tf.shape(write)
    units = write.shape[-1]
    split = (shape[0], shape[1] // _CHUNK, _CHUNK, units)
    keeps, writes = (tf.unstack(tf.reshape(each, split), axis=2) for each in (keep, write))
    memories = [writes[0]]  # from the start of the chunk to each of its tokens
    kept = [keeps[0]]

    for at in range(1, _CHUNK):
        memories.append(keeps[at] * memories[-1] + writes[at])
        kept.append(keeps[at] * kept[-1])
    left = memories[-1]
    share = kept[-1]
    for doubling in range(_DOUBLINGS):
        back = 1 << doubling
        left = left + share * _later(left, back)
        share = share * _later(share, back)
    before = _later(left, 1)  # each chunk
    found = [before]  # the memory before the first token of a chunk, the second one and so on
    for memory, share in zip(memories[:-1], kept[:-1], strict=True):
        found.append(memory + share * before)
    memory = tf.reshape(tf.stack(found, axis=2), shape)
    return memory[:, ::-1] if is_backward else memory


def _later(chunks: Any, count: int) -> Any:
    """Move what is of a chunk to a later one, (rows, chunks, units); the first ones get zeros."""
    return tf.pad(chunks, [[0, 0], [count, 0], [0, 0]])[:, : tf.shape(chunks)[1]]


def _sigmoid(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = 1 / (1 + np.exp(-values))
    return found


def _coded(values: npt.NDArray[Any], least: Any = TINY) -> tuple[Codes, npt.NDArray[Any]]:
    """Round each column to codes, and give its scale: what a code of 1 stands for, at least."""
    scale = np.maximum(np.abs(values).max(axis=0) / _LARGEST_CODE, np.maximum(least, TINY))
    return np.round(values / scale).astype(np.int8), scale


@tables.registered
class NgramRecurrent(TableLayer):
    """Words and bigrams that read the memory of those before and after; pooled; a hidden layer."""

    SIZES: tuple[str, ...] = ("vocabulary", "pairs", "slots", "units", "hidden")

    def build(self, _: Any) -> None:
        """Make the tables, all zero."""
        sizes = self._sizes
        columns = 2 * sizes["units"]
        hidden = sizes["hidden"]
        rows = sizes["vocabulary"] + sizes["pairs"]
        self.rows = self._weight("rows", (rows, _GROUPS * columns), "int8")
        self.slots = self._weight("slots", (sizes["slots"],), "int32")
        self.scale = self._weight("scale", (columns,), "float32")
        self.kernel = self._weight("kernel", (hidden, 2 * columns), "float32")
        self.hidden_bias = self._weight("hidden_bias", (hidden,), "float32")
        outputs = self._outputs
        self.last = self._weight("last", (*outputs, 2 * columns + hidden), "float32")
        self.bias = self._weight("bias", outputs, "float32")

    @property
    def _outputs(self) -> tuple[int, ...]:
        """The shape of the logits of a row."""
        return ()

    def logits(self, ids: Any) -> Any:
        """Return the logits, (batch, 1) float32, of ids (batch, tokens) int32."""
        features = self.features(ids)
        return (tf.reduce_sum(features * self.last, axis=-1) + self.bias)[:, None]

    def features(self, ids: Any) -> Any:
        """Return maxima, means and hidden units, (batch, 4H + hidden) float32."""
        size = self._sizes["vocabulary"]
        kept = tables.counts(ids)
        pairs = bigram_rows(bigram_keys(ids, size), self.slots, kept)
        codes = tf.gather(self.rows, tf.where(pairs > 0, size + pairs, ids))
        keep, write, read, own = tf.split(tf.cast(codes, tf.float32), _GROUPS, axis=-1)
        memory = _memories_in_turn((keep - _LOWEST_KEEP) / _KEEP_STEPS, write)
        outputs = 2.0 * own + self.scale * (read * memory)
        outputs = tf.round(tf.clip_by_value(outputs, 0, LARGEST_OUTPUT))  # halves to even
        tokens = tf.reduce_sum(tf.cast(kept, tf.float32), axis=1, keepdims=True)
        mean = tf.reduce_sum(outputs, axis=1) / (tf.sqrt(tokens + 1.0) * 4.0)
        found = tf.concat([tf.reduce_max(outputs, axis=1), mean], axis=-1)
        sums = tf.reduce_sum(found[:, None] * self.kernel, axis=-1)
        return tf.concat([found, tf.nn.relu(sums + self.hidden_bias)], axis=-1)

    def rescale(self, scale: float, bias: float) -> None:
        """Make the logit `scale` · logit + `bias`."""
        self.last.assign(self.last * scale)
        self.bias.assign(self.bias * scale + bias)


@tables.registered
class ClassRecurrent(NgramRecurrent):
    """The same network with a softmax of classes at the end."""

    SIZES = (*NgramRecurrent.SIZES, "classes")

    @property
    def _outputs(self) -> tuple[int, ...]:
        return (self._sizes["classes"],)

    def call(self, ids: Any) -> Any:
        """Return the probabilities, (batch, classes) float32, of ids (batch, tokens) int32."""
        return tf.nn.softmax(self.logits(ids), axis=1)

    def logits(self, ids: Any) -> Any:
        """Return the logits, (batch, classes) float32, of ids (batch, tokens) int32."""
        return tf.matmul(self.features(ids), self.last, transpose_b=True) + self.bias

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, int]:
        """Return a column for each class."""
        return input_shape[0], self._sizes["classes"]


@tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
def _memories_in_turn(keep: Any, write: Any) -> Any:
    """Return the memory that each token reads, (rows, tokens, columns), token after token."""
    keeps, writes = (
        tf.transpose(_with_second_half_backward(each), [1, 0, 2]) for each in (keep, write)
    )
    count = tf.shape(writes)[0]
    found = tf.TensorArray(tf.float32, size=count, element_shape=(None, write.shape[-1]))

    def step(at: Any, memory: Any, found: Any) -> Any:
        return at + 1, keeps[at] * memory + writes[at], found.write(at, memory)

    start = (0, tf.zeros_like(write[:, 0]), found)
    *_, found = tf.while_loop(lambda at, *_: at < count, step, start)
    return _with_second_half_backward(tf.transpose(found.stack(), [1, 0, 2]))


def _with_second_half_backward(values: Any) -> Any:
    forward, backward = tf.split(values, 2, axis=-1)
    return tf.concat([forward, backward[:, ::-1]], axis=-1)


def frozen(found: Tables) -> Any:
    """Make the network of its rounded tables; `ValueError` if they do not fit together.

    The rows of padding and of the start of a review are taken as zero, and so is the row of no
    pair. The Keras model takes (batch, any length) int32 and returns the probability, (batch, 1)
    float32, or the probabilities of classes, (batch, classes) float32.
    """
    found.check()
    found = found.filled()
    weights = [
        *(found.rows, found.slots, found.scale, found.kernel, found.hidden_bias, found.last),
        np.asarray(found.bias, np.float32),
    ]
    kind = NgramRecurrent if found.last.ndim == 1 else ClassRecurrent
    sizes = (
        *(found.vocabulary_size, found.pairs, len(found.slots)),
        *(len(found.scale) // 2, len(found.hidden_bias)),
        *found.last.shape[:-1],
    )
    return tables.model_of(
        kind=kind,
        sizes=sizes,
        weights=weights,
        name="ngram-recurrent",
    )


def to_onnx(network: Any) -> onnx.ModelProto | None:
    """Write the graph, `token_ids` → `probability`, with an int8 table; None for other layers.

    A network of classes has `probabilities` instead.
    """
    layer = network.layers[-1]
    if not isinstance(layer, NgramRecurrent):
        return None
    found = dict(zip(_WEIGHTS, map(np.asarray, layer.get_weights()), strict=True))
    sizes = layer.get_config()
    units = sizes["units"]
    weights = {
        **found,
        # No pair owns a slot whose quotient is below zero: row 0 is never found.
        "slots": np.where(found["slots"] == 0, -1, found["slots"]).astype(np.int32),
        "slots_size": np.array(len(found["slots"]), np.int32),
        "quotients_size": np.array(QUOTIENTS, np.int32),
        "group_sizes": integers(2 * units, units, units, 2 * units, 2 * units),
        "units": integers(units),
        "lowest_keep": np.array(-_LOWEST_KEEP, np.float32),
        "keep_unit": np.array(1 / _KEEP_STEPS, np.float32),
        "two": np.array(2, np.float32),
        "zero": np.array(0, np.float32),
        "largest": np.array(LARGEST_OUTPUT, np.float32),
        "four": np.array(4, np.float32),
        "tokens_axis": integers(0),
        "last_axis": integers(2),
    }
    if not isinstance(layer, ClassRecurrent):
        return tables.table_graph(_STEPS, weights, sizes["vocabulary"])
    weights["columns_axis"] = integers(2)
    return tables.table_graph(_CLASS_STEPS, weights, sizes["vocabulary"], classes=sizes["classes"])


def from_onnx(model: onnx.ModelProto) -> Any:
    """Make the network of its graph; None for others, also of classes."""
    found = tables.tables_of(model, _STEPS)
    if found is None:
        return None
    return frozen(
        Tables(
            rows=found["rows"],
            slots=np.maximum(found["slots"], 0),
            pairs=len(found["rows"]) - int(found["vocabulary_size"]),
            scale=found["scale"],
            kernel=found["hidden_kernel"],
            hidden_bias=found["hidden_bias"],
            last=found["last_weights"],
            bias=float(found["last_bias"]),
        )
    )


def _filled(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Fill up the first axis to a multiple of eight."""
    more = [(0, 0)] * table.ndim
    more[0] = (0, -table.shape[0] % _COLUMNS_TOGETHER)
    return np.pad(table, more)
