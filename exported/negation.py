"""Short texts with a negation, balanced: a "not" alone is to say nothing about the opinion.

In what people write, short reviews with a negation are mostly negative (64 % of the labelled ones, three in four of the
shortest). A network learns that, and calls "We didn't hear a sound all night" negative for its "didn't" alone. So such
reviews are domains of their own for the balance of the labels, and the texts that a teacher has scored are drawn, and
their probabilities shifted, as if both opinions were equally frequent among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from toolkit.training import fingerprint

_LENGTHS = (0, 15, 40)  # words: texts of up to 15, and of up to 40, are balanced apart
_SEED = 1

# Words that end in "n't" are negators, too. Some are written here without the apostrophe, as many people type them.
_NEGATORS = frozenset(
    {
        *("not", "no", "never", "none", "nothing", "nobody", "nor", "neither", "cannot", "without"),
        *("hardly", "barely", "scarcely", "lack", "lacks", "lacked", "zero"),
        *("cant", "dont", "didnt", "doesnt", "wasnt", "isnt", "wont", "wouldnt", "couldnt"),
        *("shouldnt", "havent", "hasnt", "hadnt", "arent", "werent", "aint"),
    }
)


def is_short_negation(text: str) -> bool:
    """Whether a text has at most 40 words and one of them negates."""
    return _length(text) <= _LENGTHS[-1] and any(map(_negates, _words(text)))


@dataclass(frozen=True)
class Balanced:
    """What changes for the short texts with a negation that a teacher has scored."""

    probabilities: dict[str, float]  # by text: if half of them were positive (Bayes' rule)
    left_out: set[str]  # those that are not drawn


def balance(texts: Iterable[str], probabilities: Mapping[str, float]) -> Balanced:
    """Balance the short texts with a negation among some different texts.

    `probabilities` has by fingerprint what the teacher says, from 0 to 1. As many are drawn as can be; the mean of their
    new probabilities is about 0.5.
    """
    random = np.random.default_rng(_SEED)
    found = Balanced({}, set())
    short = [
        text for text in texts if fingerprint(text) in probabilities and is_short_negation(text)
    ]
    lengths = np.array([_length(text) for text in short])
    for least, most in pairwise(_LENGTHS):
        part = [short[at] for at in np.flatnonzero((lengths > least) & (lengths <= most))]
        given = np.array([probabilities[fingerprint(text)] for text in part])
        if not 0 < given.sum() < len(given):
            continue  # none, or all of one opinion
        weights, shifted = _rebalanced(given)
        is_left_out = random.random(len(part)) >= weights / weights.max()
        found.probabilities.update(zip(part, shifted.tolist(), strict=True))
        found.left_out.update(text for text, left in zip(part, is_left_out, strict=True) if left)
    return found


def _rebalanced(
    given: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Weights that make both opinions equally frequent, and the probabilities under them."""
    mean = given.mean()
    positive, negative = given / mean, (1 - given) / (1 - mean)
    return positive + negative, positive / (positive + negative)


def _negates(word: str) -> bool:
    return word in _NEGATORS or word.endswith("n't")


def _length(text: str) -> int:
    return len(text.split())


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
