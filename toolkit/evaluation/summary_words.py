"""Terms of reviews, counted and compared between complaints and praise.

Each review counts once per term, however often it has it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from toolkit.evaluation.metrics import Numbers
from toolkit.records.labels import Rows
from toolkit.text.token_ids import FIRST_WORD_ID
from toolkit.text.vocabulary import Vocabulary

_PRIOR = 100  # reviews that each kind is given beforehand, with words as in all reviews
_MOST_KEPT = 2_000_000  # words and phrases; with more, those in only one review are dropped
_MERGED_AT = 4_000_000  # keys that wait for being merged

Keys = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]  # (keys, 2): reviews of the first and of the second kind


class TermCounts:
    """Counts the reviews of two kinds that have a term, in bounded memory.

    Beyond two million terms, terms of a single review are dropped (after Manku and Motwani 2002,
    "Approximate frequency counts over data streams").
    """

    def __init__(self) -> None:
        self._parts = [(np.zeros(0, np.int64), np.zeros((0, 2), np.int64))]
        self.reviews = np.zeros(2, np.int64)  # of either kind

    def add(self, keys: Keys, counts: Counts, reviews: Counts) -> None:
        """Add the keys of some reviews, each once."""
        self._parts.append((keys, counts))
        self.reviews += reviews
        if sum(len(own) for own, _ in self._parts[1:]) > _MERGED_AT:
            keys, counts = self.all()
            if len(keys) > _MOST_KEPT:
                is_kept = counts.sum(axis=1) > 1
                keys = keys[is_kept]
                counts = counts[is_kept]
            self._parts = [(keys, counts)]

    def all(self) -> tuple[Keys, Counts]:
        """Return all keys, ascending, and their counts."""
        keys, counts = (np.concatenate(each) for each in zip(*self._parts, strict=True))
        self._parts = [_summed(keys, counts)]
        return self._parts[0]

    def at(self, wanted: Keys) -> Counts:
        """Return the counts of ascending keys, which include all keys here; the others count 0."""
        keys, counts = self.all()
        found = np.zeros((len(wanted), 2), np.int64)
        found[np.searchsorted(wanted, keys)] = counts
        return found


def counted(rows: Rows, keys: Keys, kinds: npt.NDArray[np.int8]) -> tuple[Keys, Counts]:
    """Count the keys of `Terms.of` by the kind of their row: 0, 1, or below 0 for neither."""
    kind = kinds[rows]
    chosen = kind >= 0
    return _summed(keys[chosen], np.eye(2, dtype=np.int64)[kind[chosen]])


def _summed(keys: Keys, counts: Counts) -> tuple[Keys, Counts]:
    """Return the distinct keys, ascending, and the sums of their counts."""
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    return keys[starts], np.add.reduceat(counts[order], starts, axis=0)


def kinds_of_people(vocabulary: Vocabulary) -> Iterator[int]:
    """Yield the ids that several words share: names, and words for who people are."""
    spellings = vocabulary.spellings
    words = vocabulary.words.to_pylist()
    for string, number in zip(spellings.strings.to_pylist(), spellings.ids.tolist(), strict=True):
        letters = string.replace("'", "")
        own = words[number - FIRST_WORD_ID].replace("'", "")
        if letters.isascii() and letters.isalpha() and letters != own:
            yield number


def log_odds(counts: Counts, reviews: Counts) -> Numbers:
    """Return how far each term leans to the first kind, in standard deviations; (terms,).

    The log-odds ratio with an informative prior of Monroe, Colaresi and Quinn (2008), "Fightin'
    words", of the reviews that have a term.
    """
    prior = _PRIOR * counts.sum(axis=1) / max(reviews.sum(), 1)
    has = counts + prior[:, None]
    odds = np.log(has) - np.log(np.maximum(reviews + _PRIOR - has, 0.5))
    found: Numbers = (odds[:, 0] - odds[:, 1]) / np.sqrt((1 / has).sum(axis=1))
    return found
