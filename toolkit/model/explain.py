"""What each word of a review adds to its score.

A word is hidden by replacing it with the unknown word: its contribution is how far the logit falls
(occlusion: Zeiler and Fergus 2014; for words Li, Monroe and Jurafsky 2016, "Understanding neural
networks through representation erasure"). Removing it would move the words before it, make a pair
of its neighbours that nobody wrote, and let a long review be read from a word earlier. Such
contributions need not add up: where two words say the same, both have a small one.

Some logits are a sum over words and pairs of neighbours, as that of `ngram-linear`. There, a pair
is lost with either of its words and would count twice. The mean of what a word adds to all others
and of what it adds to hidden ones is its own part and half of each of its pairs: its Shapley value
(Deng and Papadimitriou 1994). With the baseline, the contributions add up to the logit. Whether a
network is such a sum is found by trying it, so nothing here depends on how its tables are stored.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from toolkit.model.decimals import shortest
from toolkit.model.file import PROBABILITY, ModelFile, logit_name, token_ids_width
from toolkit.model.network import MOST_IDS, MOST_ROWS, Network
from toolkit.model.onnx import FLOAT, ModelProto
from toolkit.model.sentences import ScoredSentences, Sentence, explained_sentences
from toolkit.model.stars import logits_of
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID, START_ID, UNKNOWN_ID, Ids, TokenIds
from toolkit.text.vocabulary import token_spans

# A sum over words and pairs differs from these by the rounding of float32, 1e-7 of each logit; the
# other presets by a hundredth of them and more.
_TRIED_ROWS, _TRIED_WORDS = 4, 8
_ROUNDING = 1e-5
_IDS_AT_ONCE = 1 << 20  # of rows with a hidden word

_Floats = npt.NDArray[np.float64]
_Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Word:
    """A word of a review, ``text[start:end]`` in Unicode characters."""

    text: str  # as it is written
    start: int
    end: int  # after its last character
    contribution: float  # to the logit; above 0 it speaks for the positive class
    # Words before the last `max_tokens` are unread; those and unknown ones contribute 0.
    state: Literal["read", "unknown", "unread"]


def pieces(text: str, words: Sequence[Word]) -> Iterator[tuple[str, Word | None]]:
    """Split a text into its words and what is between them, as far as the model reads it."""
    read = [word for word in words if word.state != "unread"]
    at = read[0].start if len(read) < len(words) else 0
    for word in read:
        yield text[at : word.start], None
        yield text[word.start : word.end], word
        at = word.end
    yield text[at:], None


@dataclass(frozen=True)
class Explanation:
    """A score, as `Scorer.score` gives it, and what each word adds to it."""

    text: str  # halves of surrogate pairs, which UTF-8 cannot hold, are replaced
    sentiment: str
    probability: float  # of the positive class: the sigmoid of the logit
    logit: float  # the log-odds (nats) of the positive class
    baseline: float  # the logit of the same review with every word hidden
    method: Literal["exact", "occlusion"]  # exact: contributions and baseline add up to the logit
    words: tuple[Word, ...]  # all words, in order
    sentences: tuple[Sentence, ...] | None = None  # with a known word; None: not asked for

    @property
    def rest(self) -> float:
        """What words do together: the logit without the baseline and the contributions."""
        return self.logit - self.baseline - sum(word.contribution for word in self.words)

    def with_sentences(
        self, scored: ScoredSentences, labels: tuple[str, str], aspects: Sequence[str] = ()
    ) -> Self:
        """Add the scored sentences of the text; ``labels`` are those of the model."""
        spans = [(word.start, word.end) for word in self.words]
        found = explained_sentences(self.text, spans, scored, labels, aspects)
        return replace(self, sentences=found)

    def as_dict(self) -> dict[str, Any]:
        """Give all as JSON has it; characters are counted as JavaScript counts ``[...text]``."""
        entries = asdict(self)
        words, sentences = entries.pop("words"), entries.pop("sentences")
        for key in ("probability", "logit", "baseline"):
            entries[key] = shortest(entries[key])
        for word in words:
            word["contribution"] = shortest(word["contribution"])
        for sentence in sentences or ():
            sentence["probability"] = shortest(sentence["probability"])
        for sentence in sentences or ():
            if sentence["aspects"] is None:
                del sentence["aspects"]
        if sentences is not None:
            entries["sentences"] = list(sentences)
        return {**entries, "rest": shortest(self.rest), "words": list(words)}


class Explainer:
    """Explains the scores of a model, which it loads once more; safe to share between threads."""

    def __init__(self, model: ModelFile) -> None:
        self._facts = model.facts
        self._is_fixed = token_ids_width(model.graph) is not None
        network = _logit_network(model.network)
        self._gives_logits = network is not None
        self._answer = PROBABILITY if network is None else network.graph.output[0].name
        self._network = Network(network or model.network, model)

    @cached_property
    def is_additive(self) -> bool:
        """Whether the logit is a sum over words and pairs of neighbours: on random rows, it is."""
        most = self._facts.max_tokens
        shape = (_TRIED_ROWS, min(_TRIED_WORDS, most))
        ids = np.random.default_rng(1).integers(
            FIRST_WORD_ID, self._facts.vocabulary_size, shape, np.int32
        )
        in_front = most - shape[1] if self._is_fixed else 0
        rows = np.pad(ids, ((0, 0), (in_front, 0)), constant_values=PADDING_ID)
        return all(self._adds_up(row) for row in rows)

    def explain(self, text: str, row: Ids, sentiment: str, probability: float) -> Explanation:
        """Explain the score of a text that is not blank; `row`: (tokens,) of its ids."""
        logit, baseline = self._logits(np.stack([row, _nothing(row)])).tolist()
        contributions = self._contributions(row, logit, baseline)
        read = np.flatnonzero(row > START_ID)
        spans = token_spans(text, self._facts.rule)
        unread = len(spans) - len(read)
        words = [Word(text[start:end], start, end, 0.0, "unread") for start, end in spans[:unread]]
        for (start, end), place in zip(spans[unread:], read, strict=True):
            state: Literal["unknown", "read"] = "unknown" if row[place] == UNKNOWN_ID else "read"
            words.append(Word(text[start:end], start, end, float(contributions[place]), state))
        method: Literal["exact", "occlusion"] = "exact" if self.is_additive else "occlusion"
        return Explanation(text, sentiment, probability, logit, baseline, method, tuple(words))

    def contributions(self, ids: TokenIds, rows: _Places, places: _Places) -> _Floats:
        """Give what the known words at some places of reviews add, (places,), as `explain` does.

        ``rows`` are the reviews of the places; no row has more ids than the model reads.
        """
        whole = self._logits_of(ids)
        alone = nothing = np.zeros(0)
        if self.is_additive:
            hidden = TokenIds(_nothing(ids.values), ids.starts, ids.stops)
            nothing = self._logits_of(hidden)[rows]
            alone = self._logits_without(hidden, rows, places, ids.values[places]) - nothing
        unknown = np.full(len(places), UNKNOWN_ID, np.int32)
        found = whole[rows] - self._logits_without(ids, rows, places, unknown)
        return (found + alone) / 2 if self.is_additive else found

    def _logits_without(
        self, ids: TokenIds, rows: _Places, places: _Places, instead: Ids
    ) -> _Floats:
        """Give the logit of each review with another id at a place, (places,)."""
        found = np.zeros(len(places))
        sizes = np.cumsum(ids.lengths[rows])
        parts = np.searchsorted(
            sizes, np.arange(_IDS_AT_ONCE, int(sizes[-1]) if len(sizes) else 0, _IDS_AT_ONCE)
        )
        for part in np.split(np.arange(len(places)), np.unique(parts)):
            if len(part):
                copies = ids.take(rows[part])
                at = copies.starts + places[part] - ids.starts[rows[part]]
                copies.values[at] = instead[part]
                found[part] = self._logits_of(copies)
        return found

    def _logits_of(self, ids: TokenIds) -> _Floats:
        values = self._network.run_all(ids)[self._answer]
        return values.astype(np.float64) if self._gives_logits else logits_of(values)

    def _contributions(self, row: Ids, logit: float, baseline: float) -> _Floats:
        """Give what the word at each place of a row adds, (tokens,); 0 where none is known."""
        found = np.zeros(len(row))
        places = np.flatnonzero(row > UNKNOWN_ID)
        if self.is_additive:
            found[places] = self._shares(row, places, logit, baseline)
        else:
            found[places] = logit - self._changed(row, places, _hidden)
        return found

    def _shares(self, row: Ids, places: _Places, logit: float, baseline: float) -> _Floats:
        """Give the words at some places their own parts and half of each pair."""
        to_others = logit - self._changed(row, places, _hidden)
        alone = self._changed(row, places, _shown) - baseline
        return (to_others + alone) / 2

    def _adds_up(self, row: Ids) -> bool:
        logit, baseline = self._logits(np.stack([row, _nothing(row)])).tolist()
        shares = self._shares(row, np.flatnonzero(row > UNKNOWN_ID), logit, baseline)
        size = abs(logit) + abs(baseline) + float(np.abs(shares).sum())
        return math.isclose(
            baseline + float(shares.sum()), logit, rel_tol=0, abs_tol=_ROUNDING * size
        )

    def _changed(self, row: Ids, places: _Places, change: Callable[[Ids, _Places], Ids]) -> _Floats:
        """Give a logit for each place, of rows that are made a batch at a time."""
        at_once = min(MOST_ROWS, max(1, MOST_IDS // len(row)))
        parts = [
            self._logits(change(row, places[start : start + at_once]))
            for start in range(0, len(places), at_once)
        ]
        return np.concatenate([np.zeros(0), *parts])

    def _logits(self, rows: Ids) -> _Floats:
        values = self._network.run(rows)[self._answer].reshape(-1)
        return values.astype(np.float64) if self._gives_logits else logits_of(values)


def _nothing(row: Ids) -> Ids:
    """Hide every word."""
    return np.where(row > UNKNOWN_ID, np.int32(UNKNOWN_ID), row)


def _hidden(row: Ids, places: _Places) -> Ids:
    """Give a row for each place, in which the word there is hidden."""
    rows = np.tile(row, (len(places), 1))
    rows[np.arange(len(places)), places] = UNKNOWN_ID
    return rows


def _shown(row: Ids, places: _Places) -> Ids:
    """Give a row for each place, in which every other word is hidden."""
    rows = np.tile(_nothing(row), (len(places), 1))
    rows[np.arange(len(places)), places] = row[places]
    return rows


def _logit_network(network: ModelProto) -> ModelProto | None:
    """Give the graph from `token_ids` to the logit, if the network ends in a sigmoid.

    A float32 of the probability says little of a logit beyond ±10.
    """
    logit = logit_name(network)
    if logit is None:
        return None
    changed = deepcopy(network)
    del changed.graph.output[:]
    changed.graph.output.add(name=logit).type.tensor_type.elem_type = FLOAT
    return changed
