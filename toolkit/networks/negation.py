"""Which words negate, and how far: the tokens after "not" mean something else than elsewhere.

To mark the words in the scope of a negation is an old way to tell "not good" from "good" (Das and
Chen, Yahoo! for Amazon, 2001; Pang, Lee and Vaithyanathan, Thumbs up?, EMNLP 2002).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from toolkit.text.token_ids import FIRST_WORD_ID, Ids

SCOPE = 3  # tokens after a negator that it negates

# Words that end in "n't" are negators, too. Some are written here without the apostrophe, as many
# people type them.
_NEGATORS = frozenset(
    {
        *("not", "no", "never", "none", "nothing", "nobody", "nor", "neither", "cannot", "without"),
        *("hardly", "barely", "scarcely", "lack", "lacks", "lacked", "zero"),
        *("cant", "dont", "didnt", "doesnt", "wasnt", "isnt", "wont", "wouldnt", "couldnt"),
        *("shouldnt", "havent", "hasnt", "hadnt", "arent", "werent", "aint"),
    }
)


def is_negator(word: str) -> bool:
    """Whether the words after this one, in lower case, are negated."""
    return word in _NEGATORS or word.endswith("n't")


def negator_flags(words: Iterable[str]) -> Ids:
    """Whether each token id is a negator: (ids,) int32, 1 or 0, the reserved ids included."""
    flags = [is_negator(word) for word in words]
    return np.array([0] * FIRST_WORD_ID + flags, np.int32)
