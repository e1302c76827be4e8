"""What a model says of texts, in numbers, of which labels are made without the texts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.model.facts.model_facts import ModelFacts
from toolkit.model.inference.mixed import SENTENCE_COUNTS, Limits
from toolkit.model.inference.readable import ReadableRule
from toolkit.model.inference.session import Network
from toolkit.model.inference.texts import as_strings
from toolkit.text.strings import arrow_of, is_blank
from toolkit.text.token_ids import Ids
from toolkit.text.vocabulary import Vocabulary

if TYPE_CHECKING:
    from toolkit.model.inference.by_sentence import ScoredSentences, SentenceScorer

# Token ids are made for this many reviews at once, so that millions of short ones stay small.
_ROWS_AT_ONCE = 4096
STAR_DECIMALS = 2
# Columns that say how texts were read.
FEW_KNOWN_WORDS, CUT_TO_LENGTH = "few_known_words", "cut_to_length"


class Numbers:
    """Tokenizes texts and runs a network; safe to share between threads."""

    def __init__(
        self, network: Network, vocabulary: Vocabulary, facts: ModelFacts, *, by_sentence: bool
    ) -> None:
        self._network, self._vocabulary, self._facts = network, vocabulary, facts
        self._by_sentence = by_sentence

    def of(self, texts: pa.Array | pa.ChunkedArray, *, with_reading: bool) -> pa.RecordBatch:
        """Give what `Scorer.numbers` gives."""
        texts = as_strings(texts)
        starts = range(0, max(1, len(texts)), _ROWS_AT_ONCE)
        blocks = [self._block(texts.slice(i, _ROWS_AT_ONCE), with_reading) for i in starts]
        found = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
        has_score = pc.and_not(arrow_of(found.pop("is_known")), is_blank(texts))
        columns = {name: arrow_of(values) for name, values in found.items()}
        if has_score.true_count < len(has_score):
            columns = {name: _where(has_score, values) for name, values in columns.items()}
        return pa.RecordBatch.from_pydict(columns)

    def token_ids(self, texts: pa.Array) -> Ids:
        """Give what `Scorer.token_ids` gives."""
        return self._network.rows(self._vocabulary.encode(texts, self._facts.max_tokens))

    def sentences(self, texts: pa.Array) -> ScoredSentences:
        """Score the sentences of texts, which start and stop among all their tokens."""
        ids = self._vocabulary.encode(texts, with_cuts=True)
        return self._sentences.score(ids, self._network.run_all(ids)[0])

    @cached_property
    def _sentences(self) -> SentenceScorer:
        from toolkit.model.inference.by_sentence import (
            SentenceScorer,  # late: few runs score sentences
        )
        from toolkit.text.sentences import SentenceRule

        rule, most = SentenceRule(self._vocabulary), self._facts.max_tokens
        return SentenceScorer(self._network, rule, most, Limits.of(self._facts))

    @cached_property
    def _readable(self) -> ReadableRule:
        return ReadableRule(self._vocabulary, self._facts.max_tokens)

    def _block(
        self, texts: pa.Array | pa.ChunkedArray, with_reading: bool
    ) -> dict[str, npt.NDArray[np.generic]]:
        """Give the numbers by name, (texts,) each, and `is_known`: whether a word is known."""
        # One more than the model reads, to see whether there is more.
        most = self._facts.max_tokens + 1
        ids = self._vocabulary.encode(texts, most, with_cuts=self._by_sentence)
        probability, *stars = self._network.run_all(ids)
        found: dict[str, npt.NDArray[np.generic]] = {"probability": probability}
        if stars:
            found["stars"] = np.round(stars[0], STAR_DECIMALS)
        if self._by_sentence:
            counts = self._sentences.score(ids, probability).counts(len(ids))
            found |= zip(SENTENCE_COUNTS, counts, strict=True)
        if with_reading:
            found[FEW_KNOWN_WORDS] = self._readable.has_few_known_words(ids)
            found[CUT_TO_LENGTH] = self._readable.is_cut(ids)
        found["is_known"] = (
            ids.has_known_token(self._facts.max_tokens)
            if self._facts.counts_known_tokens
            else np.ones(len(ids), np.bool_)
        )
        return found


def _where(has_score: pa.BooleanArray, values: pa.Array) -> pa.Array:
    """Give values, null where there is no score."""
    return pc.if_else(has_score, values, pa.scalar(None, values.type))
