"""The words and phrases of reviews: counted, and compared between two kinds of reviews.

A phrase is two words that follow each other, with at most one common word between them: "waste of
money". What is counted are reviews that have it, not how often they say it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.metrics import Numbers
from toolkit.evaluation.summary import TermFound
from toolkit.evaluation.summary_rows import quotes_of
from toolkit.model.scorer import Scorer
from toolkit.records.labels import Rows
from toolkit.text.token_ids import FIRST_WORD_ID, TokenIds
from toolkit.text.vocabulary import Vocabulary

# Words that may be within a phrase, but neither begin nor end one.
_COMMON = """
    a about after all also am an and any are as at be because been before being but by can could
    did do does each for from get go got had has have he her here him his how i if in into is it
    it's its i'm i've just like me more most much my of off on one only or other our out over own
    s she should so some such t than that the their them then there these they this those to too
    up us very was we were what when where which while who will with would you your really even
    again both same still since though although however
""".split()  # noqa: SIM905
# Words that mean something only in a phrase, as in "not clean".
_IN_PHRASES = """
    not no never nothing don't didn't doesn't isn't wasn't won't can't couldn't wouldn't aren't
    weren't hasn't haven't cannot don didn doesn isn wasn lot bit few little many way thing
    things every two first next back made make good great bad nice best
""".split()  # noqa: SIM905
_MIDDLE_BITS = 8  # of the number of a word of `_COMMON`; 0 is none
_PRIOR = 100  # reviews that each kind is given beforehand, with words as in all reviews
_MOST_KEPT = 2_000_000  # words and phrases; beyond, those that were found once are forgotten
_MERGED_AT = 4_000_000  # keys that wait for being merged
_SUBJECT = (0.15, 0.85)  # the probability of a word alone: outside, it is an opinion

Keys = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]  # (keys, 2): reviews of the first and of the second kind


class Terms:
    """Gives each word and phrase of a vocabulary a number, its key."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self._bits = vocabulary.size.bit_length()
        place = {word: at for at, word in enumerate(vocabulary.words.to_pylist(), FIRST_WORD_ID)}
        self._middle = np.zeros(vocabulary.size, np.int64)  # the number of a common word
        for number, word in enumerate(_COMMON, 1):
            if word in place:
                self._middle[place[word]] = number
        self._is_common = self._middle > 0
        self._is_common[:FIRST_WORD_ID] = True
        self._is_common[[*_kinds(vocabulary)]] = True
        self._is_single = ~self._is_common
        self._is_single[[place[word] for word in _IN_PHRASES if word in place]] = False
        short = [at for word, at in place.items() if len(word) < 2 or word.isdigit()]
        self._is_single[short] = False

    def of(self, ids: TokenIds) -> tuple[Rows, Keys]:
        """Give the rows, ascending, and the keys of all that is in them, each once per row."""
        values, rows = ids.values.astype(np.int64), ids.rows
        is_single, ends = self._is_single[values], ~self._is_common[values]
        found = [(rows[is_single], values[is_single])]
        two = np.flatnonzero(ends[:-1] & ends[1:] & (rows[:-1] == rows[1:]))
        found.append((rows[two], self._phrase(values[two], 0, values[two + 1])))
        middle = self._middle[values]
        three = np.flatnonzero(ends[:-2] & (middle[1:-1] > 0) & ends[2:] & (rows[:-2] == rows[2:]))
        last = values[three + 2]
        found.append((rows[three], self._phrase(values[three], middle[three + 1], last)))
        shift = 2 * self._bits + _MIDDLE_BITS
        both = np.sort(np.concatenate([(row << shift) | key for row, key in found]))
        both = both[np.diff(both, prepend=both[:1] - 1) > 0]  # `np.unique` takes far longer
        return both >> shift, both & ((1 << shift) - 1)

    def _phrase(self, first: Keys, middle: Keys | int, last: Keys) -> Keys:
        found: Keys = (
            (first << (self._bits + _MIDDLE_BITS)) | (np.int64(middle) << self._bits) | last
        )
        return found

    def parts(self, key: int) -> tuple[int, int, int]:
        """Give the id of the first word, 0 of a single word, the common word, and the last id."""
        rest, last = divmod(key, 1 << self._bits)
        first, middle = divmod(rest, 1 << _MIDDLE_BITS)
        return first, middle, last

    def name(self, key: int) -> str:
        """Write a word or a phrase."""
        first, middle, last = self.parts(key)
        words = self.vocabulary.decode([each for each in (first, last) if each]).split()
        return " ".join([*words[:-1], *([_COMMON[middle - 1]] if middle else []), words[-1]])


class TermCounts:
    """Counts the reviews of two kinds that have a term, in bounded memory.

    Beyond two million terms, those of a single review are forgotten (after Manku and Motwani 2002,
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
                keys, counts = keys[is_kept], counts[is_kept]
            self._parts = [(keys, counts)]

    def all(self) -> tuple[Keys, Counts]:
        """Give all keys, ascending, and their counts."""
        keys, counts = (np.concatenate(each) for each in zip(*self._parts, strict=True))
        self._parts = [_summed(keys, counts)]
        return self._parts[0]

    def at(self, wanted: Keys) -> Counts:
        """Give the counts of keys, ascending, with all that are here among them; 0 of others."""
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
    """Give different keys, ascending, and the sums of their counts."""
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    return keys[starts], np.add.reduceat(counts[order], starts, axis=0)


def _kinds(vocabulary: Vocabulary) -> Iterator[int]:
    """The ids that other words have, too: names, and words for who people are."""
    spellings = vocabulary.spellings
    words = vocabulary.words.to_pylist()
    for string, number in zip(spellings.strings.to_pylist(), spellings.ids.tolist(), strict=True):
        letters = string.replace("'", "")
        own = words[number - FIRST_WORD_ID].replace("'", "")
        if letters.isascii() and letters.isalpha() and letters != own:
            yield number


def log_odds(counts: Counts, reviews: Counts) -> Numbers:
    """How far each term leans to the first kind, in standard deviations; (terms,).

    The log-odds ratio with an informative prior of Monroe, Colaresi and Quinn (2008), "Fightin'
    words", of the reviews that have a term.
    """
    prior = _PRIOR * counts.sum(axis=1) / max(reviews.sum(), 1)
    has = counts + prior[:, None]
    odds = np.log(has) - np.log(np.maximum(reviews + _PRIOR - has, 0.5))
    found: Numbers = (odds[:, 0] - odds[:, 1]) / np.sqrt((1 / has).sum(axis=1))
    return found


def leaning(
    terms: Terms, keys: Keys, counts: Counts, reviews: Counts, most: int
) -> dict[int, TermFound]:
    """The terms that lean most to the first kind by their keys, each word in one of them.

    A word that half of the time is in one phrase is left out for the phrase.
    """
    lean = log_odds(counts, reviews)
    own, other = counts.T
    order = np.argsort(-lean, kind="stable")
    fewest = max(3, int(reviews[0]) // 2_000)
    order = order[(lean[order] > 2) & (own[order] >= fewest)][: 40 * most]
    phrases: dict[int, list[int]] = {}  # where those with a word are, the commonest first
    for at in order[np.argsort(-own[order], kind="stable")].tolist():
        first, _, last = terms.parts(int(keys[at]))
        for word in {first, last} if first else ():
            phrases.setdefault(word, []).append(at)
    chosen: dict[int, TermFound] = {}
    taken: set[int] = set()
    for at in order.tolist():
        first, _, last = terms.parts(int(keys[at]))
        longer = [] if first else phrases.get(last, [])
        words = {first, last} - {0}
        if (longer and 2 * own[longer[0]] >= own[at]) or taken & words:
            continue
        taken |= words
        chosen[int(keys[at])] = TermFound(
            name=terms.name(int(keys[at])),
            reviews=int(own[at]),
            share=int(own[at]) / max(int(reviews[0]), 1),
            other_reviews=int(other[at]),
            other_share=int(other[at]) / max(int(reviews[1]), 1),
            lean=float(lean[at]),
            phrases=tuple(terms.name(int(keys[each])) for each in longer[:3]),
        )
        if len(chosen) == most:
            break
    return chosen


def find_terms(
    scorer: Scorer, terms: Terms, words: TermCounts, kept: pa.Table, show: int
) -> Iterator[list[TermFound]]:
    """Give the words and phrases of complaints, then those of praise, with reviews among `kept`."""
    rows, in_rows = terms.of(scorer.vocabulary.encode(kept["text"]))
    order = np.argsort(in_rows, kind="stable")
    rows, in_rows = rows[order], in_rows[order]
    keys, counts = words.all()
    shown: set[str] = set()  # texts, each once if there are enough
    for side, label in enumerate(scorer.facts.labels):
        turn = slice(None, None, -1 if side else 1)  # the own kind first
        best = leaning(terms, keys, counts[:, turn], words.reviews[turn], 5 * show)
        alone = scorer.score([each.name for each in best.values()])
        is_side = pc.equal(kept["sentiment"], label).to_numpy()
        found: list[TermFound] = []
        for (key, term), (_, probability) in zip(best.items(), alone, strict=True):
            is_opinion = probability is not None and not _SUBJECT[0] < probability < _SUBJECT[1]
            if sum(each.is_opinion is is_opinion for each in found) == show:
                continue
            having = rows[slice(*np.searchsorted(in_rows, [key, key + 1]))]
            of_side = kept.take(pa.array(having[is_side[having]]))
            quotes = quotes_of(of_side, term.name, shown, highest_first=bool(side))
            found.append(replace(term, is_opinion=is_opinion, quotes=quotes))
        yield found
