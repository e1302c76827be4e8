"""Texts that say nothing: a model knows only numbers, or a few function words, in them.

A model has a weight for each known word, so a telephone number, or "it was what it was", would be
called positive. Such texts have no label, like texts without a known word.

A rating says something: "5/5", "9 of 10" and "10/10" are two numbers of which the second is 5, 10
or 100, and not less than the first. A letter that is not a word says something, too: B may be a
grade.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.text.function_words import FOREIGN_WORDS, FUNCTION_WORDS
from toolkit.text.token_ids import FIRST_WORD_ID, Ids, TokenIds
from toolkit.text.vocabulary import Vocabulary

FEW = 6  # function words
_TOPS = (5, 10, 100)  # the best marks of ratings
_LAST_WORDS = 4  # of a text, looked at first: they decide nearly all texts
_SPEAKS, _FUNCTION, _NUMBER = range(3)

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class SilentWords:
    """Find texts in which a model knows only words that say nothing."""

    vocabulary: Vocabulary
    most_tokens: int  # number of tokens that the model reads at the end of each text

    def has_speaking_word(self, ids: TokenIds) -> _Flags:
        """Check for each text, (texts,), whether the model knows a word that says something."""
        found = ids.has_known_token(self.most_tokens)
        starts = ids.last(self.most_tokens).starts
        unsure = np.flatnonzero(found)
        for back in range(1, _LAST_WORDS + 1):
            at = ids.stops[unsure] - back
            is_inside = at >= starts[unsure]
            last = ids.values[np.where(is_inside, at, 0)]
            speaks = is_inside & (last >= FIRST_WORD_ID) & (self._kinds[last] == _SPEAKS)
            unsure = unsure[~speaks]
        for row in unsure.tolist():
            found[row] = self._says_something(ids.values[starts[row] : ids.stops[row]])
        return found

    def _says_something(self, values: Ids) -> bool:
        known = values[values >= FIRST_WORD_ID]
        kinds = self._kinds[known]
        if np.any(kinds == _SPEAKS):
            return True
        if np.count_nonzero(kinds != _NUMBER) > FEW:
            return True
        numbers = [self._numbers[number] for number in known[kinds == _NUMBER].tolist()]
        return any(number <= top and top in _TOPS for number, top in pairwise(numbers))

    @cached_property
    def _kinds(self) -> npt.NDArray[np.uint8]:
        """The kind of each id, (vocabulary,); reserved ids are not looked up, and are `_SPEAKS`."""
        words = self.vocabulary.words
        is_function = pc.is_in(words, pa.array([*FUNCTION_WORDS, *FOREIGN_WORDS]))
        is_number = pc.match_substring_regex(words, "^[0-9]+$")
        kinds = np.full(self.vocabulary.size, _SPEAKS, np.uint8)
        of_words = kinds[FIRST_WORD_ID:]
        of_words[is_function.to_numpy(zero_copy_only=False)] = _FUNCTION
        of_words[is_number.to_numpy(zero_copy_only=False)] = _NUMBER
        return kinds

    @cached_property
    def _numbers(self) -> dict[int, int]:
        """The value of each id of a number; long numbers are cut."""
        at = np.flatnonzero(self._kinds == _NUMBER)
        words = self.vocabulary.words.take(pa.array(at - FIRST_WORD_ID)).to_pylist()
        return {number: int(word[:9]) for number, word in zip(at.tolist(), words, strict=True)}
