"""The token rule by version: which characters separate words, and which spellings are one word.

1. The rule of ``keras.datasets.imdb``. Separators are ASCII white space and the filter set of the
   Keras ``Tokenizer``. ASCII letters are lowercased; every other character stays as it is.
2. The same, and: white space, quotes, dashes, the ellipsis and the bullet beyond ASCII are
   separators, too (`_TYPOGRAPHIC`). U+2019, the apostrophe that phones and word processors type, is
   an apostrophe. A word is known in capitals beyond ASCII, too (`spellings`). A text ends at its
   first NUL, as it does in a runtime that takes C strings.

To change the rule, add a version: files say which one they follow, and keep it for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import compress, product

_KERAS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r'

_TYPOGRAPHIC = (
    # White space: next line, no-break, Ogham, those from en quad to zero width, line and paragraph,
    # narrow no-break, mathematical, ideographic, zero width no-break (the byte order mark).
    "\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
    "\u00ab\u00bb\u2039\u203a"  # angle quotes
    "\u2018\u201a\u201b\u201c\u201d\u201e\u201f"  # all other quotes but U+2019
    "\u2010\u2011\u2012\u2013\u2014\u2015"  # hyphens, dashes and the horizontal bar
    "\u2022\u2026"  # bullet and ellipsis
)

_APOSTROPHE, _TYPOGRAPHIC_APOSTROPHE = "'", "\u2019"

# Words with at most this many letters beyond ASCII and apostrophes have every mix of them.
_MOST_PLACES = 3


@dataclass(frozen=True)
class TokenRule:
    """One version of the rule."""

    version: int
    separators: str
    ends_at_nul: bool
    has_spellings: bool  # whether other spellings of a word have its id

    def normal(self, token: str) -> str:
        """Give the spelling that a vocabulary has of a token, of which ASCII is in lower case."""
        if not self.has_spellings or token.isascii():
            return token
        return "".join(_NORMAL_APOSTROPHE.get(letter) or _small(letter) for letter in token)

    def spellings(self, word: str) -> Iterator[str]:
        """Give the other spellings of a word that have its id.

        Each of up to three letters beyond ASCII may be a capital, each of up to three apostrophes
        U+2019. If a word has more of both together, all letters are capitals, or only the first
        character is; and all apostrophes are U+2019, or none is.
        """
        if not self.has_spellings or (word.isascii() and _APOSTROPHE not in word):
            return
        other = [_other(letter) for letter in word]
        places = [place for place, letter in enumerate(other) if letter]
        if len(places) <= _MOST_PLACES:
            choices = product((False, True), repeat=len(places))
            chosen = [set(compress(places, choice)) for choice in choices]
        else:
            apostrophes = {place for place in places if word[place] == _APOSTROPHE}
            letters = set(places) - apostrophes
            chosen = [a | b for a in (set(), apostrophes) for b in (set(), letters & {0}, letters)]
        for spelled in dict.fromkeys(map(frozenset, chosen)):
            if spelled:
                yield "".join(other[i] if i in spelled else word[i] for i in range(len(word)))


RULES = {
    1: TokenRule(1, _KERAS, ends_at_nul=False, has_spellings=False),
    2: TokenRule(2, _KERAS + _TYPOGRAPHIC, ends_at_nul=True, has_spellings=True),
}
OLDEST_RULE, NEWEST_RULE = RULES[1], RULES[2]

_NORMAL_APOSTROPHE = {_TYPOGRAPHIC_APOSTROPHE: _APOSTROPHE}


def _small(letter: str) -> str:
    """Give the small letter of a capital beyond ASCII, if it has one that is beyond ASCII, too."""
    small = letter.lower()
    return small if letter != small and _capital(small) == letter else letter


def _other(letter: str) -> str:
    return _TYPOGRAPHIC_APOSTROPHE if letter == _APOSTROPHE else _capital(letter)


def _capital(letter: str) -> str:
    """Give the capital of a small letter beyond ASCII; "" if none has just this small letter."""
    capital = letter.upper()
    is_pair = letter > "\x7f" and letter != capital and capital.lower() == letter
    return capital if is_pair and len(letter) == len(capital) == 1 else ""
