"""Find the reasons of a score: the words that contribute most to the predicted class.

They are the known words with the largest contributions (`toolkit.model.explain`), each once, the
strongest first. There are three ways to compute contributions:

- `ngram-linear`: from its tables, also of classes (`class_reasons.py`);
- `ngram-recurrent`: the native core reads the review again from each hidden word on;
- all other networks, and these two without the core: the network runs once per hidden word.

The core is less exact. Where contributions are too close for it, the third way decides, so that the
words are always the same.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.model.aspects import plain_words
from toolkit.model.class_reasons import ReasonTables
from toolkit.model.file import ModelFile
from toolkit.model.native_network import Graph
from toolkit.native.networks import HiddenWords, LinearBody, Parameters, RecurrentBody
from toolkit.records.columns import REASONS_JOINED_WITH
from toolkit.text.token_ids import PADDING_ID, START_ID, UNKNOWN_ID, Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from toolkit.model.explain import Explainer

_MOST_AGAIN = 30  # repeated words among the strongest that are looked through
_CLOSE = 1e-4  # contributions that differ by less are computed exactly; ten times the core's error

_Rows = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


def _rank(rows: _Rows) -> _Rows:
    """Number the entries of each row from 0; `rows`: the row of each entry, ascending."""
    found: _Rows = np.arange(len(rows)) - np.searchsorted(rows, rows)
    return found


class Reasons:
    """Finds the reasons of a model's scores; safe to share between threads."""

    def __init__(
        self,
        model: ModelFile,
        vocabulary: Vocabulary,
        most_words: int,
        explainer: Callable[[], Explainer],  # returns the scorer's, which is created on first use
    ) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self._count = most_words
        self._explainer = explainer
        self._most = model.facts.max_tokens

    def of(self, ids: TokenIds, is_positive: npt.NDArray[np.bool_]) -> pa.StringArray:
        """Return the reasons of each review, joined; the ids must be made ``with_cuts``."""
        return self._words_of(ids, np.where(is_positive, 1, -1), None)

    def of_classes(self, ids: TokenIds, classes: npt.NDArray[np.int64]) -> pa.StringArray:
        """Return the reasons of each text for its class, (texts,); ids and result as in `of`."""
        return self._words_of(ids, np.ones(len(ids), np.int64), classes)

    def _words_of(
        self, ids: TokenIds, signs: npt.NDArray[np.int64], classes: npt.NDArray[np.int64] | None
    ) -> pa.StringArray:
        """Return the words that contribute most, joined.

        Parameters
        ----------
        ids : TokenIds
            Ids of the reviews, made ``with_cuts``.
        signs : npt.NDArray[np.int64]
            1, or -1 for reviews whose words count as reasons where they contribute less than 0,
            (reviews,).
        classes : npt.NDArray[np.int64] | None
            Number of the class of each review, (reviews,). None: a model of sentiment.

        Returns
        -------
        pa.StringArray
            The words of each review, (reviews,).
        """
        read = ids.last(self._most)
        places = np.flatnonzero(ids.values > UNKNOWN_ID)
        rows = np.searchsorted(ids.stops, places, "right")
        is_read = places >= read.starts[rows]
        places = places[is_read]
        rows = rows[is_read]
        found, is_exact = self._contributions(read, rows, places, classes=classes)
        found *= signs[rows]
        if not is_exact:
            unsure = self._unsure(ids.values, rows=rows, places=places, found=found)
            exact = self._explainer().contributions(
                read, rows[unsure], places[unsure], classes=classes
            )
            found[unsure] = exact * signs[rows[unsure]]
        chosen = self._strongest(
            ids.values, rows=rows, places=places, found=found, count=self._count
        )
        assert ids.spelled is not None
        words = plain_words(ids.spelled(places[chosen]), self._vocabulary)
        bounds = np.searchsorted(rows[chosen], np.arange(len(ids) + 1)).astype(np.int32)
        return pc.binary_join(
            pa.ListArray.from_arrays(pa.array(bounds), words), REASONS_JOINED_WITH
        )

    def _strongest(
        self, values: Ids, *, rows: _Rows, places: _Rows, found: _Floats, count: int
    ) -> _Rows:
        """Return the `count` words of each review with the largest `found` above 0, in order."""
        order = np.flatnonzero(found > 0)
        order = order[np.argsort(-found[order], kind="stable")]
        order = order[np.argsort(rows[order], kind="stable")]
        order = order[_rank(rows[order]) < count + _MOST_AGAIN]
        # Keep the first, which is the strongest, occurrence of each word.
        words = rows[order] << 32 | values[places[order]]
        is_first = np.zeros(len(order), np.bool_)
        is_first[np.unique(words, return_index=True)[1]] = True
        order = order[is_first]
        return order[_rank(rows[order]) < count]

    def _unsure(self, values: Ids, *, rows: _Rows, places: _Rows, found: _Floats) -> _Rows:
        """Return the strongest words whose contributions are too close to order them."""
        chosen = self._strongest(
            values, rows=rows, places=places, found=found + 2 * _CLOSE, count=self._count + 1
        )
        gaps = -np.diff(found[chosen], append=-np.inf)
        is_last = np.diff(rows[chosen], append=-1) != 0
        close = np.zeros(int(rows.max(initial=-1)) + 1, np.bool_)
        close[rows[chosen][(gaps < 2 * _CLOSE) & ~is_last]] = True
        close[rows[chosen][np.abs(found[chosen]) < _CLOSE]] = True
        least = np.full(len(close), np.inf)
        np.minimum.at(least, rows[chosen], found[chosen] - 2 * _CLOSE)
        return np.flatnonzero(close[rows] & (found >= least[rows]))

    def _contributions(
        self, read: TokenIds, rows: _Rows, places: _Rows, classes: _Rows | None
    ) -> tuple[_Floats, bool]:
        """Return the contributions of the words at some places, (places,), and if they are exact.

        For `ngram-linear`, all contributions are multiplied by one factor.
        """
        if classes is not None:
            tables = self._class_tables
            if tables is None:
                return self._explainer().contributions(read, rows, places, classes=classes), True
            return tables.contributions(read, rows, places, classes=classes, most=self._most), True
        if self._linear is not None:
            return self._shares(self._linear, read, rows=rows, places=places), True
        if self._hidden is not None:
            of_all = self._hidden.run(read.values, read.starts, read.stops, most=self._most)
            if of_all is not None:
                return of_all[places].astype(np.float64), False
        return self._explainer().contributions(read, rows, places), True

    def _shares(self, found: Parameters, read: TokenIds, *, rows: _Rows, places: _Rows) -> _Floats:
        """Return twice the Shapley value of each word, in units of the quantized tables."""
        words, pairs = (
            each.astype(np.int64) * np.abs(each.astype(np.int64))
            for each in (found["words"], found["pairs"])
        )

        def pair(
            before: npt.NDArray[np.int64] | int, after: npt.NDArray[np.int64]
        ) -> npt.NDArray[np.int64]:
            codes: npt.NDArray[np.int64] = pairs[(before * len(words) + after) % len(pairs)]
            return np.where(after > START_ID, codes, 0)

        values = read.values.astype(np.int64)
        here = values[places]
        unknown = np.full(len(here), UNKNOWN_ID)
        first = np.where(read.lengths < self._most, START_ID, PADDING_ID)[rows]
        before = np.where(places > read.starts[rows], values[places - 1], first)
        is_last = places + 1 == read.stops[rows]
        after = np.where(is_last, PADDING_ID, np.append(values, PADDING_ID)[places + 1])
        total = 2 * (words[here] - words[UNKNOWN_ID])
        # Once with the neighbours as they are, and once with hidden neighbours.
        for neighbour in (before, np.minimum(before, UNKNOWN_ID)):
            total += pair(neighbour, here) - pair(neighbour, unknown)
        for neighbour in (after, np.minimum(after, UNKNOWN_ID)):
            total += pair(here, neighbour) - pair(unknown, neighbour)
        shares: _Floats = total.astype(np.float64)
        return shares

    @cached_property
    def _linear(self) -> Parameters | None:
        graph = Graph(self._model.network_nodes, self._model.weights)
        found = graph.find(LinearBody.nodes, 0)
        return found if found and LinearBody.of(found, self._most) else None

    @cached_property
    def _class_tables(self) -> ReasonTables | None:
        return ReasonTables.of(Graph(self._model.network_nodes, self._model.weights))

    @cached_property
    def _hidden(self) -> HiddenWords | None:
        graph = Graph(self._model.network_nodes, self._model.weights)
        body = graph.find(RecurrentBody.nodes, 0)
        head = graph.find(HiddenWords.head, RecurrentBody.nodes.count)
        return None if body is None or head is None else HiddenWords.of(body, head, self._most)
