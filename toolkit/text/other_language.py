"""Texts in another language than the model's: it knows little of them but function words.

A vocabulary of English reviews has words such as el, la, der and les, from names of films and
places. They have weights, so a complaint in Spanish would be called positive because of "la".
The function words are Spanish, French, German, Italian, Portuguese and Dutch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.text.function_words import (
    DOUBTFUL_WORDS,
    FOREIGN_WORDS,
    FUNCTION_WORDS,
    SHARED_WORDS,
)
from toolkit.text.token_ids import FIRST_WORD_ID, TokenIds
from toolkit.text.vocabulary import Vocabulary

_COMMONEST = 100  # words
_LEAST_ENGLISH = 30  # function words among them, in a vocabulary of English reviews; usually 50
_MOST_FOREIGN = 4
_MANY_UNKNOWN = 3  # tokens; then a doubtful word is enough
_KINDS = _FOREIGN, _DOUBTFUL, _SHARED = 1, 2, 3

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class OtherLanguage:
    """Find texts in another language than English, for a model that was trained on English.

    A text is in another language if it has a foreign word, two doubtful words, or one among more
    than three unknown ones, if these words are more than its other known words, and if more of its
    tokens are unknown than known as other words. Numbers and shared words do not count. Other
    alphabets need no rule: nothing is known of them.
    """

    vocabulary: Vocabulary
    most_tokens: int  # number of tokens that the model reads at the end of each text

    def is_likely(self, ids: TokenIds) -> _Flags:
        """Check for each text, (texts,), whether it is likely to be in another language."""
        found = np.zeros(len(ids), np.bool_)
        if not self._is_english:
            return found
        read = ids.last(self.most_tokens)
        foreign = read.count(self._is_evidence)
        unsure = np.flatnonzero(foreign)
        if len(unsure):
            found[unsure] = self._is_likely(read.take(unsure), foreign[unsure])
        return found

    def _is_likely(self, read: TokenIds, foreign: npt.NDArray[np.int32]) -> _Flags:
        doubtful = read.count(self._flags[_DOUBTFUL])
        shared = read.count(self._flags[_SHARED])
        known = read.known_tokens(self.most_tokens)
        others = known - foreign - shared
        unknown = read.lengths - known
        has_evidence = (foreign > doubtful) | (doubtful > 1) | (unknown > _MANY_UNKNOWN)
        found: _Flags = has_evidence & (foreign > others) & (unknown > others)
        return found

    @cached_property
    def _is_english(self) -> bool:
        """Whether the commonest words are English; a model of other reviews has other words."""
        common = self.vocabulary.words.slice(0, _COMMONEST)
        english = _find(common, FUNCTION_WORDS).sum()
        return bool(
            english >= _LEAST_ENGLISH and _find(common, FOREIGN_WORDS).sum() <= _MOST_FOREIGN
        )

    @cached_property
    def _kinds(self) -> npt.NDArray[np.uint8]:
        """The kind of each id, (vocabulary,); 0 for other words and for reserved ids."""
        words = self.vocabulary.words
        kinds = np.zeros(self.vocabulary.size, np.uint8)
        of_words = kinds[FIRST_WORD_ID:]
        of_words[_find(words, FOREIGN_WORDS)] = _FOREIGN
        of_words[_find(words, DOUBTFUL_WORDS)] = _DOUBTFUL
        is_number = pc.match_substring_regex(words, "^[0-9]+$").to_numpy(zero_copy_only=False)
        of_words[_find(words, SHARED_WORDS) | is_number] = _SHARED
        return kinds

    @cached_property
    def _flags(self) -> dict[int, npt.NDArray[np.uint8]]:
        """By kind: 1 for each id of it and 0 for all others, (vocabulary,)."""
        return {kind: (self._kinds == kind).astype(np.uint8) for kind in _KINDS}

    @cached_property
    def _is_evidence(self) -> npt.NDArray[np.uint8]:
        """1 for each id of a foreign or doubtful word and 0 for all others, (vocabulary,)."""
        return self._flags[_FOREIGN] | self._flags[_DOUBTFUL]


def _find(words: pa.StringArray, wanted: Sequence[str]) -> _Flags:
    """Check for each word, (words,), whether it is wanted."""
    found: _Flags = pc.is_in(words, pa.array(wanted)).to_numpy(zero_copy_only=False)
    return found
