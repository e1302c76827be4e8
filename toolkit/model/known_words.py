"""Which reviews a model can hardly read, such as those in other languages, numbers, or names.

A share of known words alone does not tell: half of the words of a Spanish review are in a
vocabulary of 30,000, as films and products are called so. But few of them are among the commonest
ones, which are two of three words in reviews of the model's own language.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from toolkit.native.networks import count_flagged
from toolkit.text.strings import bounds_of
from toolkit.text.token_ids import FIRST_WORD_ID, TokenIds
from toolkit.text.vocabulary import Vocabulary

# A review has few known words if less than these shares of its tokens are known words, and are
# among the commonest. Measured with the default model on English reviews of 75 sources: 0.1% are
# so, of a source 2.7% at most; with a vocabulary of 10,000 words from films alone 1% and 6.7%.
# Of short reviews in Spanish, German, French, Italian, Portuguese and Dutch, 85 to 100% are so,
# and all in other letters.
FEW_KNOWN, FEW_COMMON = 0.7, 0.3
COMMONEST = 1000

_Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ReadableRule:
    """Tells how much of reviews a model knows and reads, by their token ids."""

    vocabulary: Vocabulary
    most_tokens: int  # that the model reads, the last ones of each review

    def has_few_known_words(self, ids: TokenIds) -> _Flags:
        """Whether a review has few known words, (reviews,); those without a token have not."""
        starts = np.maximum(ids.starts, ids.stops - self.most_tokens)
        read = TokenIds(ids.values, starts, ids.stops)
        few = _count(read, self._is_word) < FEW_KNOWN * read.lengths
        unsure = np.flatnonzero(few)
        read = read.take(unsure)
        few[unsure] = _count(read, self._is_common) < FEW_COMMON * read.lengths
        return few

    def is_cut(self, ids: TokenIds) -> _Flags:
        """Whether a review is longer than what the model reads, (reviews,).

        The ids must be the last ``most_tokens + 1`` at least.
        """
        return ids.lengths > self.most_tokens

    @cached_property
    def _is_word(self) -> npt.NDArray[np.uint8]:
        """A 1 for each id of a word, (vocabulary,): no digit or second apostrophe begins it."""
        bounds = bounds_of(self.vocabulary.words)
        content = np.frombuffer(self.vocabulary.words.buffers()[2] or b"", np.uint8)
        content = np.append(content, np.zeros(2, np.uint8))
        first, second = content[bounds[:-1]], content[bounds[:-1] + 1]
        has_second = (first == ord("'")) & (np.diff(bounds) > 1)
        flags = np.zeros(self.vocabulary.size, np.uint8)
        flags[FIRST_WORD_ID:] = np.where(has_second, second, first) >= ord("a")
        return flags

    @cached_property
    def _is_common(self) -> npt.NDArray[np.uint8]:
        flags = self._is_word.copy()
        flags[FIRST_WORD_ID + COMMONEST :] = 0
        return flags


def _count(ids: TokenIds, flags: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Count the flagged ids of each row, (rows,)."""
    counted = count_flagged(ids.values, ids.starts, ids.stops, flags)
    if counted is not None:
        return counted
    before = np.zeros(len(ids.values) + 1, np.int32)
    np.cumsum(flags.take(ids.values), out=before[1:])
    found: npt.NDArray[np.int32] = before[ids.stops] - before[ids.starts]
    return found
