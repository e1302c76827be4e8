"""What each word contributes to the class of a text, from the tables of `ngram-linear`.

The logits of such a network are sums of rows of a table, one per word and per pair of neighbours,
divided by a length. Hiding a word changes three of these rows, so the new logits follow from the
sums of the text. Running the network again for each word would take as long as scoring that many
texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from toolkit.model.explain import log_odds
from toolkit.model.native_network import Graph
from toolkit.native.networks import KnownNodes
from toolkit.text.pairs import QUOTIENTS, keys_of, rows_of
from toolkit.text.token_ids import PADDING_ID, START_ID, UNKNOWN_ID, TokenIds

# All nodes of the network, as `networks/class_linear.py` writes them.
_NODES = KnownNodes(
    44,
    "84a06b80c61a1765f1aca484b8e7b36e",
    weights={
        "cells": 1,
        "vocabulary": 6,
        "slots_size": 7,
        "slots": 8,
        "pairs_start": 11,
        "classes": 13,
        "squares": 14,
        "scales": 17,
        "biases": 18,
    },
)
_NUMBERS_AT_ONCE = 1 << 17  # tokens times classes of the texts that are taken together

_Array = npt.NDArray[Any]
_Places = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Tokens:
    """The tokens of some texts, one text after the other; (tokens,) each."""

    at: _Places  # position among the ids
    ids: _Places
    before: _Places  # the id before it
    pairs: _Places  # row of the pair with the one before, or 0


@dataclass(frozen=True)
class ReasonTables:
    """The tables of a network of classes of the preset `ngram-linear`."""

    cells: _Array  # (rows, classes) int8 codes: first the words, then the pairs; row 0 is nothing
    squares: _Array  # (rows,) int32: what each row adds to the squared length
    slots: _Array  # (slots,) int32: from a pair to its row
    vocabulary: int  # number of ids, and of rows of words
    scales: _Array  # (classes,) float32
    biases: _Array  # (classes,) float32

    @classmethod
    def of(cls, graph: Graph) -> Self | None:
        """Take the tables out of a network; None if it is another one, or they do not fit."""
        found = graph.find(_NODES, 0)
        if found is None or len(graph.network.graph.node) != _NODES.count:
            return None
        cells, squares, slots = (found[name] for name in ("cells", "squares", "slots"))
        vocabulary = int(found["vocabulary"])
        highest = vocabulary + int(slots.max(initial=0)) // QUOTIENTS
        fits = (
            cells.ndim == 2
            and cells.dtype == np.int8
            and squares.shape == cells.shape[:1]
            and found["scales"].shape == found["biases"].shape == cells.shape[1:]
            and int(found["slots_size"]) == len(slots) > 0
            and int(found["pairs_start"]) == vocabulary
            and UNKNOWN_ID < highest < len(cells)
            # A slot has the row of a pair, from 1 on, or is empty.
            and bool(((slots < 0) | (slots >= QUOTIENTS)).all())
            # Padding, the start of a text and an unknown pair add nothing.
            and not cells[: START_ID + 1].any()
            and not squares[: START_ID + 1].any()
        )
        if not fits:
            return None
        return cls(
            cells=cells,
            squares=squares,
            slots=slots,
            vocabulary=vocabulary,
            scales=found["scales"],
            biases=found["biases"],
        )

    def contributions(
        self, read: TokenIds, rows: _Places, places: _Places, *, classes: _Places, most: int
    ) -> _Floats:
        """Return how far hiding each word lowers the log-odds of a class, (words,) in nats.

        Parameters
        ----------
        read : TokenIds
            Ids of the texts, (texts,), at most `most` of each, without the start id.
        rows : _Places
            The text of each word, (words,) int64, ascending.
        places : _Places
            The position of each word in ``read.values``, (words,) int64, ascending.
        classes : _Places
            The number of the class of each text, (texts,) int64.
        most : int
            Number of ids that the model reads.

        Returns
        -------
        _Floats
            The contributions, as `Explainer.contributions` computes them to about 1e-6.
        """
        found = np.zeros(len(places))
        sizes = np.cumsum(read.lengths * len(self.scales))
        total = int(sizes[-1]) if len(sizes) else 0
        cuts = np.unique(
            np.searchsorted(sizes, np.arange(_NUMBERS_AT_ONCE, total, _NUMBERS_AT_ONCE))
        )
        for texts in filter(len, np.split(np.arange(len(read)), cuts)):
            first, end = np.searchsorted(rows, [texts[0], texts[-1] + 1])
            part = slice(int(first), int(end))
            own = TokenIds(read.values, read.starts[texts], read.stops[texts])
            found[part] = self._of_texts(
                own,
                rows=rows[part] - int(texts[0]),
                places=places[part],
                classes=classes[texts],
                most=most,
            )
        return found

    def _of_texts(
        self, read: TokenIds, *, rows: _Places, places: _Places, classes: _Places, most: int
    ) -> _Floats:
        """Return the contributions of words of a few texts."""
        tokens = self._tokens(read, most)
        words = self._weights(tokens.ids)
        pairs = self._weights(tokens.pairs)
        squares_of_pairs = self.squares[tokens.pairs]
        squares = self.squares[tokens.ids] + squares_of_pairs
        is_filled = read.lengths > 0
        starts = (np.cumsum(read.lengths) - read.lengths)[is_filled]
        totals = np.zeros((len(read), len(self.scales)), np.int32)
        lengths = np.zeros(len(read), np.int32)
        totals[is_filled] = np.add.reduceat(words + pairs, starts)
        lengths[is_filled] = np.add.reduceat(squares, starts)

        # Without a word, its row and its two pairs are lost; the unknown word comes instead.
        at = np.searchsorted(tokens.at, places)
        has_next = places + 1 < read.stops[rows]
        following = np.where(has_next, at + 1, at)
        unknown = np.full(len(at), UNKNOWN_ID)
        next_ids = np.where(has_next, tokens.ids[following], PADDING_ID)
        hidden = self._rows_of(tokens.before[at], unknown), self._rows_of(unknown, next_ids)
        lost = words[at] + pairs[at] + np.where(has_next[:, None], pairs[following], 0)
        lost -= self._weights(unknown[:1])
        lost_squares = squares[at] + np.where(has_next, squares_of_pairs[following], 0)
        lost_squares -= self.squares[UNKNOWN_ID]
        for of_pairs in hidden:
            if of_pairs.any():
                lost -= self._weights(of_pairs)
                lost_squares -= self.squares[of_pairs]

        whole = log_odds(self._logits(totals, lengths), classes)
        changed = self._logits(totals[rows] - lost, lengths[rows] - lost_squares)
        found: _Floats = whole[rows] - log_odds(changed, classes[rows])
        return found

    def _tokens(self, read: TokenIds, most: int) -> _Tokens:
        """Return the tokens of some texts."""
        lengths = read.lengths
        texts = np.repeat(np.arange(len(read)), lengths)
        shifts = np.repeat(read.starts - np.cumsum(lengths) + lengths, lengths)
        at = np.arange(len(shifts)) + shifts
        ids = read.values[at].astype(np.int64)
        is_first = at == read.starts[texts]
        in_front = np.where(lengths < most, START_ID, PADDING_ID)[texts]
        before = np.where(is_first, in_front, read.values[at - 1]).astype(np.int64)
        return _Tokens(at=at, ids=ids, before=before, pairs=self._rows_of(before, ids))

    def _rows_of(self, before: _Places, ids: _Places) -> _Places:
        """Return the row of each pair of neighbours; 0 for an unknown pair."""
        found = rows_of(keys_of(before, ids, self.vocabulary), self.slots).astype(np.int64)
        return np.where((found > 0) & (ids > START_ID), found + self.vocabulary, 0)

    def _weights(self, rows: _Places) -> _Array:
        """Return the weights of some rows of the table, (rows, classes) int32."""
        codes = self.cells[rows].astype(np.int32)
        return codes * np.abs(codes)

    def _logits(self, totals: _Array, lengths: _Array) -> _Floats:
        """Return the logits, (texts, classes), rounded as in the graph; lengths are squared."""
        roots = np.sqrt(np.maximum(lengths.astype(np.float32), np.float32(1)))
        logits = totals.astype(np.float32) / roots[:, None] * self.scales + self.biases
        return logits.astype(np.float64)
