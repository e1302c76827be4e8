"""Compute what each word of a review contributes to its score.

The contribution of a word is how far the logit falls when the unknown word replaces it (occlusion:
Zeiler and Fergus 2014; for words: Li, Monroe and Jurafsky 2016, "Understanding neural networks
through representation erasure"). Removing the word instead would shift the words before it, create
a pair of neighbours that nobody wrote, and start a long review one word earlier. Contributions need
not add up to the logit: if two words say the same, both contribute little.

Some networks, such as `ngram-linear`, are additive: the logit is a sum over words and pairs of
neighbours. There, hiding either word of a pair removes the pair, so occlusion counts it twice.
Instead, the contribution is the mean of what the word adds to all other words and of what it adds
to a review of hidden words: its own term and half of each of its pairs. This is its Shapley value
(Deng and Papadimitriou 1994). Contributions and baseline then add up to the logit. Whether a
network is additive is found by trying it, so nothing here depends on how its tables are stored.

A model of classes has a logit for each class. The logit that is explained there is the log-odds of
one class against all others: by default of the most likely class. No network is additive then.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from toolkit.model.decimals import shortest
from toolkit.model.file import (
    PROBABILITIES,
    PROBABILITY,
    ModelFile,
    class_logits_name,
    logit_name,
    token_ids_width,
)
from toolkit.model.network import MOST_IDS, MOST_ROWS, Network
from toolkit.model.onnx import FLOAT, ModelProto
from toolkit.model.sentences import ScoredSentences, Sentence, explained_sentences
from toolkit.model.stars import logits_of
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID, START_ID, UNKNOWN_ID, Ids, TokenIds
from toolkit.text.vocabulary import token_spans

# To test whether a network is additive: then the shares miss the logit by the rounding of float32,
# 1e-7 of each logit. In the other presets, they miss it by 1e-2 and more.
_TRIED_ROWS = 4
_TRIED_WORDS = 8
_ROUNDING = 1e-5
_IDS_AT_ONCE = 1 << 20  # ids in one batch of rows with a hidden word

_Floats = npt.NDArray[np.float64]
_Places = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Word:
    """A word of a review, ``text[start:end]`` in Unicode characters."""

    text: str  # as written
    start: int
    end: int  # after its last character
    # To the logit; above 0, the word is evidence for the positive class, or the explained class.
    contribution: float
    # Words before the last `max_tokens` are unread. Unread and unknown words contribute 0.
    state: Literal["read", "unknown", "unread"]


def pieces(text: str, words: Sequence[Word]) -> Iterator[tuple[str, Word | None]]:
    """Split the part of a text that the model reads into words and the text between them."""
    read = [word for word in words if word.state != "unread"]
    at = read[0].start if len(read) < len(words) else 0
    for word in read:
        yield text[at : word.start], None
        yield text[word.start : word.end], word
        at = word.end
    yield text[at:], None


@dataclass(frozen=True)
class Explanation:
    """A score, as `Scorer.score` returns it, and what each word contributes to it."""

    text: str  # halves of surrogate pairs are replaced: UTF-8 cannot hold them
    sentiment: str
    probability: float  # of the positive class: the sigmoid of the logit
    logit: float  # the log-odds (nats) of the positive class
    baseline: float  # the logit of the same review with every word hidden
    method: Literal["exact", "occlusion"]  # exact: contributions and baseline add up to the logit
    words: tuple[Word, ...]  # all words, in order
    sentences: tuple[Sentence, ...] | None = None  # with a known word; None: not asked for

    @property
    def rest(self) -> float:
        """Interactions of words: the logit minus the baseline and all contributions."""
        return _rest(self)

    def with_sentences(
        self, scored: ScoredSentences, labels: tuple[str, str], aspects: Sequence[str] = ()
    ) -> Self:
        """Return the explanation with the scored sentences; ``labels``: of the model."""
        spans = [(word.start, word.end) for word in self.words]
        found = explained_sentences(self.text, spans, scored=scored, labels=labels, aspects=aspects)
        return replace(self, sentences=found)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values; positions index ``[...text]`` in JavaScript."""
        entries = asdict(self)
        words = entries.pop("words")
        sentences = entries.pop("sentences")
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


@dataclass(frozen=True)
class ClassExplanation:
    """The label of a text, and what each word contributes to one class of a model of classes."""

    text: str  # halves of surrogate pairs are replaced: UTF-8 cannot hold them
    label: str  # the most likely class
    probability: float  # of the label, 0 to 1
    explained: str  # the class that words contribute to
    explained_probability: float  # of that class, 0 to 1
    logit: float  # the log-odds (nats) of that class against all others
    baseline: float  # the logit of the same text with every word hidden
    words: tuple[Word, ...]  # all words, in order
    method: Literal["occlusion"] = "occlusion"

    @property
    def rest(self) -> float:
        """Interactions of words: the logit minus the baseline and all contributions."""
        return _rest(self)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON values; positions index ``[...text]`` in JavaScript."""
        entries = asdict(self)
        words = entries.pop("words")
        for key in ("probability", "explained_probability", "logit", "baseline"):
            entries[key] = shortest(entries[key])
        for word in words:
            word["contribution"] = shortest(word["contribution"])
        return {**entries, "rest": shortest(self.rest), "words": words}


def _rest(found: Explanation | ClassExplanation) -> float:
    return found.logit - found.baseline - sum(word.contribution for word in found.words)


class Explainer:
    """Explains scores; loads the model a second time. Safe to share between threads.

    Where a method takes `classes`, they are numbers of the classes to explain, one per row of ids;
    None for a model of sentiment.
    """

    def __init__(self, model: ModelFile) -> None:
        self._facts = model.facts
        self._is_fixed = token_ids_width(model.graph) is not None
        network = _logit_network(model.network, has_classes=model.facts.has_classes)
        self._returns_logits = network is not None
        probability = PROBABILITIES if model.facts.has_classes else PROBABILITY
        self._answer = probability if network is None else network.graph.output[0].name
        self._network = Network(network or model.network, model)

    @cached_property
    def is_additive(self) -> bool:
        """Whether the logit is a sum over words and pairs of neighbours, tried on random rows."""
        if self._facts.has_classes:
            return False
        most = self._facts.max_tokens
        shape = (_TRIED_ROWS, min(_TRIED_WORDS, most))
        ids = np.random.default_rng(1).integers(
            FIRST_WORD_ID, self._facts.vocabulary_size, shape, np.int32
        )
        in_front = most - shape[1] if self._is_fixed else 0
        rows = np.pad(ids, ((0, 0), (in_front, 0)), constant_values=PADDING_ID)
        return all(self._adds_up(row) for row in rows)

    def explain(self, text: str, row: Ids, sentiment: str, probability: float) -> Explanation:
        """Explain the score of a text that is not blank; `row`: its ids, (tokens,)."""
        logit, baseline = self._logits(np.stack([row, _all_hidden(row)])).tolist()
        contributions = self._contributions(row, logit, baseline)
        return Explanation(
            text=text,
            sentiment=sentiment,
            probability=probability,
            logit=logit,
            baseline=baseline,
            method="exact" if self.is_additive else "occlusion",
            words=self._words(text, row, contributions),
        )

    def explain_class(
        self, text: str, row: Ids, probabilities: Mapping[str, float], explained: str
    ) -> ClassExplanation:
        """Explain one class of a text that is not blank.

        Parameters
        ----------
        text : str
            The text.
        row : Ids
            Its ids, (tokens,).
        probabilities : Mapping[str, float]
            Label → probability, the most likely label first.
        explained : str
            The class to explain.

        Returns
        -------
        ClassExplanation
            The explanation.
        """
        label = next(iter(probabilities))
        number = self._facts.labels.index(explained)
        logit, baseline = self._logits(np.stack([row, _all_hidden(row)]), number).tolist()
        contributions = self._contributions(row, logit, baseline, number=number)
        return ClassExplanation(
            text=text,
            label=label,
            probability=probabilities[label],
            explained=explained,
            explained_probability=probabilities[explained],
            logit=logit,
            baseline=baseline,
            words=self._words(text, row, contributions),
        )

    def _words(self, text: str, row: Ids, contributions: _Floats) -> tuple[Word, ...]:
        """Return the words of a text; ids and contributions: (tokens,)."""
        read = np.flatnonzero(row > START_ID)
        spans = token_spans(text, self._facts.rule)
        unread = len(spans) - len(read)
        words = [
            Word(text=text[start:end], start=start, end=end, contribution=0.0, state="unread")
            for start, end in spans[:unread]
        ]
        for (start, end), place in zip(spans[unread:], read, strict=True):
            word = Word(
                text=text[start:end],
                start=start,
                end=end,
                contribution=float(contributions[place]),
                state="unknown" if row[place] == UNKNOWN_ID else "read",
            )
            words.append(word)
        return tuple(words)

    def contributions(
        self, ids: TokenIds, rows: _Places, places: _Places, classes: _Places | None = None
    ) -> _Floats:
        """Return the contributions of known words, (words,), as `explain` computes them.

        ``rows``: the review of each word. ``places``: its position in ``ids.values``. No review
        may have more ids than the model reads.
        """
        unknown = np.full(len(places), UNKNOWN_ID, np.int32)
        to_others = self._logits_of(ids, classes)[rows] - self._logits_with(
            ids, rows=rows, places=places, instead=unknown, classes=classes
        )
        if not self.is_additive:
            return to_others
        hidden = TokenIds(_all_hidden(ids.values), ids.starts, ids.stops)
        alone = self._logits_with(hidden, rows=rows, places=places, instead=ids.values[places])
        alone -= self._logits_of(hidden)[rows]
        return (to_others + alone) / 2

    def _logits_with(
        self,
        ids: TokenIds,
        *,
        rows: _Places,
        places: _Places,
        instead: Ids,
        classes: _Places | None = None,
    ) -> _Floats:
        """Return logits, (places,): of the review of each place with another id there."""
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
                of_part = None if classes is None else classes[rows[part]]
                found[part] = self._logits_of(copies, of_part)
        return found

    def _logits_of(self, ids: TokenIds, classes: _Places | None = None) -> _Floats:
        return self._as_logits(self._network.run_all(ids)[self._answer], classes)

    def _as_logits(self, values: npt.NDArray[np.float32], classes: _Places | None) -> _Floats:
        """Return the logit of each row; of classes: the log-odds of one class per row."""
        if classes is not None:
            logits = values.astype(np.float64)
            if not self._returns_logits:
                logits = np.log(np.maximum(logits, np.finfo(np.float32).tiny))
            return log_odds(logits, classes)
        values = values.reshape(-1)
        return values.astype(np.float64) if self._returns_logits else logits_of(values)

    def _contributions(
        self, row: Ids, logit: float, baseline: float, number: int | None = None
    ) -> _Floats:
        """Return the contribution of each token of a row, (tokens,); 0 for unknown ones."""
        found = np.zeros(len(row))
        places = np.flatnonzero(row > UNKNOWN_ID)
        if self.is_additive:
            found[places] = self._shares(row, places, logit=logit, baseline=baseline)
        else:
            found[places] = logit - self._changed(row, places, _hidden, number=number)
        return found

    def _shares(self, row: Ids, places: _Places, *, logit: float, baseline: float) -> _Floats:
        """Return the Shapley value of the word at each place, for an additive network."""
        to_others = logit - self._changed(row, places, _hidden)
        alone = self._changed(row, places, _shown) - baseline
        return (to_others + alone) / 2

    def _adds_up(self, row: Ids) -> bool:
        """Whether the baseline and the shares of a row add up to its logit."""
        logit, baseline = self._logits(np.stack([row, _all_hidden(row)])).tolist()
        places = np.flatnonzero(row > UNKNOWN_ID)
        shares = self._shares(row, places, logit=logit, baseline=baseline)
        size = abs(logit) + abs(baseline) + float(np.abs(shares).sum())
        return math.isclose(
            baseline + float(shares.sum()), logit, rel_tol=0, abs_tol=_ROUNDING * size
        )

    def _changed(
        self,
        row: Ids,
        places: _Places,
        change: Callable[[Ids, _Places], Ids],
        number: int | None = None,
    ) -> _Floats:
        """Return the logit of each row that `change` makes, one per place, in batches."""
        at_once = min(MOST_ROWS, max(1, MOST_IDS // len(row)))
        parts = [
            self._logits(change(row, places[start : start + at_once]), number)
            for start in range(0, len(places), at_once)
        ]
        return np.concatenate([np.zeros(0), *parts])

    def _logits(self, rows: Ids, number: int | None = None) -> _Floats:
        """Return the logit of each row; ``number``: of the class to explain."""
        classes = None if number is None else np.full(len(rows), number)
        return self._as_logits(self._network.run(rows)[self._answer], classes)


def log_odds(logits: _Floats, classes: _Places) -> _Floats:
    """Return the log-odds of one class per row against all others, (rows,) in nats.

    Parameters
    ----------
    logits : _Floats
        Logits of all classes, (rows, classes) float64.
    classes : _Places
        The number of the class of each row, (rows,) int64.

    Returns
    -------
    _Floats
        log(p / (1 - p)) for the probability p that the softmax gives to the class.
    """
    each = np.arange(len(logits))
    others = logits.copy()
    others[each, classes] = -np.inf
    highest = others.max(axis=1)
    sums = np.exp(others - highest[:, None]).sum(axis=1)
    found: _Floats = logits[each, classes] - highest - np.log(sums)
    return found


def _all_hidden(row: Ids) -> Ids:
    """Hide every word."""
    return np.where(row > UNKNOWN_ID, np.int32(UNKNOWN_ID), row)


def _hidden(row: Ids, places: _Places) -> Ids:
    """Return one row per place, with the word there hidden."""
    rows = np.tile(row, (len(places), 1))
    rows[np.arange(len(places)), places] = UNKNOWN_ID
    return rows


def _shown(row: Ids, places: _Places) -> Ids:
    """Return one row per place, with every other word hidden."""
    rows = np.tile(_all_hidden(row), (len(places), 1))
    rows[np.arange(len(places)), places] = row[places]
    return rows


def _logit_network(network: ModelProto, *, has_classes: bool) -> ModelProto | None:
    """Return the graph from `token_ids` to the logits; None if no sigmoid or softmax ends it.

    A logit computed from a float32 probability is imprecise beyond ±10.
    """
    logit = class_logits_name(network) if has_classes else logit_name(network)
    if logit is None:
        return None
    changed = deepcopy(network)
    del changed.graph.output[:]
    changed.graph.output.add(name=logit).type.tensor_type.elem_type = FLOAT
    return changed
