"""The token rule by version: which characters separate words, and which spellings are one word.

1. The rule of ``keras.datasets.imdb``. Separators are ASCII white space and the filter set of the
   Keras ``Tokenizer``. ASCII letters are lowercased; every other character stays as it is.
2. Rule 1, and: white space, quotes, dashes, the ellipsis and the bullet beyond ASCII are
   separators, too (`_TYPOGRAPHIC`). U+2019, the apostrophe that phones and word processors type, is
   an apostrophe. A word is known in capitals beyond ASCII, too. A text ends at its first NUL, as it
   does in a runtime that takes C strings.
3. Rule 2, and: an HTML tag is a separator. HTML entities of separators and apostrophes, such as
   ``&quot;``, mean their characters, as reviews are copied from web pages; other entities, such as
   ``&eacute;``, do not. An apostrophe (now also U+00B4) is part of a word only between two other
   characters of the word: 'tis is tis. An emoji is a token of its own if it is from U+2600 to
   U+27BF, U+2B50, or from U+1F1E6 to U+1F1FF, U+1F300 to U+1F3FA or U+1F400 to U+1FAFF; characters
   that join or vary emoji are separators. A word is also known with combining accents and with each
   form of its apostrophe; some contractions are known without it. Words for who people are share
   one id by kind.

To change the rule, add a version: files say which one they follow, and keep it for ever.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import compress, product
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase

from toolkit.text.strings import NUL

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


def _between(first: int, last: int) -> str:
    return "".join(map(chr, range(first, last + 1)))


_SKIN_TONES = _between(0x1F3FB, 0x1F3FF)
# The zero width joiner, the variation selectors for text and for emoji, skin tones.
_JOIN_EMOJI = "\u200d\ufe0e\ufe0f" + _SKIN_TONES
# Miscellaneous symbols and dingbats, the star, letters of flags, pictographs.
_EMOJI = (
    _between(0x2600, 0x27BF)
    + "\u2b50"
    + _between(0x1F1E6, 0x1F1FF)
    + _between(0x1F300, 0x1F3FA)
    + _between(0x1F400, 0x1FAFF)
)

# A tag of HTML, with lower case only. It has no < inside and a largest length, so that it can be
# found from any place within it. What "a < b" and "i <3 it" have is not a tag.
_INSIDE = r"[\x01-;=?-\x7f]{0,200}"
TAG = rf"<(?:/?[a-z][a-z0-9]{{0,15}}(?:[\t-\r /]{_INSIDE})?|!{_INSIDE})>"
LONGEST_TAG = 221  # "<", "/", a name, white space, what is inside, and ">"

_NAMED = {
    "quot": '"', "amp": "&", "lt": "<", "gt": ">", "excl": "!", "num": "#", "dollar": "$",
    "percnt": "%", "lpar": "(", "rpar": ")", "ast": "*", "plus": "+", "comma": ",", "period": ".",
    "sol": "/", "colon": ":", "semi": ";", "equals": "=", "quest": "?", "commat": "@", "lsqb": "[",
    "bsol": "\\", "rsqb": "]", "lowbar": "_", "grave": "`", "lcub": "{", "verbar": "|",
    "rcub": "}", "tab": "\t", "newline": "\n", "nbsp": "\u00a0", "ensp": "\u2002",
    "emsp": "\u2003", "thinsp": "\u2009", "zwj": "\u200d", "laquo": "\u00ab", "raquo": "\u00bb",
    "lsaquo": "\u2039", "rsaquo": "\u203a", "lsquo": "\u2018", "sbquo": "\u201a",
    "ldquo": "\u201c", "rdquo": "\u201d", "bdquo": "\u201e", "hyphen": "\u2010",
    "ndash": "\u2013", "mdash": "\u2014", "horbar": "\u2015", "bull": "\u2022",
    "hellip": "\u2026", "apos": "'", "rsquo": "\u2019", "acute": "\u00b4",
}  # fmt: skip


def _entities_of(characters: str) -> dict[str, str]:
    """Return the HTML entities of some characters, such as ``&quot;``, each with its character."""
    found = {f"&{name};": char for name, char in _NAMED.items() if char in characters}
    for character in characters:
        code = ord(character)
        found |= {f"&#{code};": character, f"&#x{code:x};": character}
    if "'" in characters:
        found["&#039;"] = "'"  # as PHP writes it
    return dict(sorted(found.items()))


@dataclass(frozen=True)
class TokenRule:
    """One version of the rule."""

    version: int
    separators: str
    ends_at_nul: bool
    has_spellings: bool  # whether other spellings of a word have its id
    apostrophes: str = ""  # those that are part of a word only within it
    emoji: str = ""  # characters that are a token of their own
    has_markup: bool = False  # whether tags are separators, and entities what they stand for

    def normal(self, token: str) -> str:
        """Return the spelling in the vocabulary of a token with ASCII letters in lower case."""
        if not self.has_spellings:
            return token
        if self.has_markup:
            return _normal_of_any(token, self.written_apostrophes)
        return _normal(token)

    def spellings(self, word: str) -> Iterator[str]:
        """Return the other spellings of a word that have its id."""
        if not self.has_spellings:
            return iter(())
        if self.has_markup:
            return _any_of(word, self.written_apostrophes)
        return _mixed(word)

    @cached_property
    def entities(self) -> dict[str, str]:
        """The entities that are read, each with its character: a separator or an apostrophe."""
        return _entities_of(self.separators + self.apostrophes) if self.has_markup else {}

    @cached_property
    def written_apostrophes(self) -> tuple[str, ...]:
        """All forms of an apostrophe: the characters and their entities."""
        entities = (name for name, char in self.entities.items() if char in self.apostrophes)
        return (*self.apostrophes, *entities)

    @cached_property
    def markup_pattern(self) -> str:
        """Pattern of mark-up that looks like tokens: tags, entities, and everything after a NUL.

        RE2 and Python read this and `token_pattern` alike, in a text with ASCII in lower case.
        """
        return rf"\x00[\s\S]*|{TAG}|(?:{'|'.join(self.entities)})"

    def is_markup(self, token: str) -> bool:
        """Whether a string, with ASCII in lower case, is mark-up as a whole."""
        return self.has_markup and bool(re.fullmatch(self.markup_pattern, token))

    @cached_property
    def token_pattern(self) -> str:
        """Pattern of a token, where no mark-up begins."""
        if not self.has_markup:
            return f"[^{class_of(self.separators)}]+"
        word = f"[^{class_of(NUL + self.separators + self.apostrophes + self.emoji)}]+"
        entity = "|".join(form for form in self.written_apostrophes if len(form) > 1)
        apostrophe = f"(?:[{class_of(self.apostrophes)}]|(?:{entity}))"
        return f"{word}(?:{apostrophe}{word})*|[{class_of(self.emoji)}]"


def class_of(characters: str) -> str:
    """Write characters as the inside of a character class."""
    codes = sorted(map(ord, characters))
    starts = [code for code, before in zip(codes, [-2, *codes], strict=False) if code != before + 1]
    stops = [code for code, after in zip(codes, [*codes[1:], -2], strict=True) if after != code + 1]
    return "".join(f"{_escaped(a)}-{_escaped(b)}" for a, b in zip(starts, stops, strict=True))


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x80 else chr(code)


_APOSTROPHE = "'"
_TYPOGRAPHIC_APOSTROPHE = "\u2019"

# Those that people type without the apostrophe; not those that are another word then, as "its".
_CONTRACTIONS = """
    ain't aren't can't couldn't daren't didn't doesn't don't hadn't hasn't haven't isn't mightn't
    mustn't needn't shan't shouldn't wasn't weren't won't wouldn't could've might've must've
    should've would've they've we've you've i've i'm they're you're that's there's what's where's
    here's he's she's who's they'll you'll that'll it'll they'd you'd y'all
"""
_WITH_APOSTROPHE = {word.replace(_APOSTROPHE, ""): word for word in _CONTRACTIONS.split()}

# Words for who people are, and where from, say nothing about a review, but a model would learn what
# was written around them. So the words of a line of this file are one word, the first of it.
_PEOPLE = [
    line.split()
    for line in Path(__file__).with_name("people.txt").read_text(encoding="utf-8").splitlines()
]
_OF = "'s"  # after one of them: "John's" counts as "James's", "she's" as "he's"
_FIRST_OF = {word: first for first, *others in _PEOPLE for word in others}
_OTHERS_OF = {first: others for first, *others in _PEOPLE}

# Words with at most this many letters beyond ASCII and apostrophes have every mix of them.
_MOST_PLACES = 3

LOWERCASE = str.maketrans(ascii_uppercase, ascii_lowercase)


def _normal(token: str) -> str:
    """Return a token with small letters and plain apostrophes."""
    if token.isascii():
        return token
    token = token.replace(_TYPOGRAPHIC_APOSTROPHE, _APOSTROPHE)
    return "".join(map(_small, token))


def _mixed(word: str) -> Iterator[str]:
    """Return the other spellings of a word with capitals beyond ASCII and U+2019.

    Each of up to three letters beyond ASCII may be a capital, each of up to three apostrophes
    U+2019. If a word has more of both together, all letters are capitals, or only the first
    character is; and all apostrophes are U+2019, or none is.
    """
    if word.isascii() and _APOSTROPHE not in word:
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


def _normal_of_any(token: str, apostrophes: tuple[str, ...]) -> str:
    """Return a composed token, in lower case, with plain apostrophes; one for people of a kind."""
    if not token.isascii() and _decomposed(composed := _composed(token)) == token:
        token = composed
    if "&" in token or not token.isascii():
        for apostrophe in apostrophes:
            token = token.replace(apostrophe, _APOSTROPHE)
        token = _normal(token)
    token = _WITH_APOSTROPHE.get(token, token)
    person = token.removesuffix(_OF)
    return _FIRST_OF.get(person, person) + token[len(person) :]


def _any_of(word: str, apostrophes: tuple[str, ...]) -> Iterator[str]:
    """Return the other strings that have the id of a word in rule 3.

    They are the words that share its id and all their spellings: the spellings of `_mixed`, also
    with every form of the apostrophe, each also with combining accents; and the contraction without
    its apostrophe. A word that a vocabulary holds in another spelling has no other strings.
    """
    if _normal_of_any(word, apostrophes) != word:
        return
    person = word.removesuffix(_OF)
    for one in (person, *_OTHERS_OF.get(person, ())):
        spelled = _spelled(one + word[len(person) :], apostrophes)
        yield from (each for each in spelled if each != word)


def _spelled(word: str, apostrophes: tuple[str, ...]) -> Iterator[str]:
    """Return the spellings of one word, the word included."""
    if word.isascii() and _APOSTROPHE not in word:
        yield word
        return
    spelled = [word, *_mixed(word)]
    for one in spelled[:]:
        if _APOSTROPHE in one and _TYPOGRAPHIC_APOSTROPHE not in one:
            spelled += [one.replace(_APOSTROPHE, apostrophe) for apostrophe in apostrophes]
    decomposed = [_decomposed(one) for one in spelled if _composed(_decomposed(one)) == one]
    contraction = word.replace(_APOSTROPHE, "")
    if _WITH_APOSTROPHE.get(contraction) == word:
        decomposed.append(contraction)
    yield from dict.fromkeys([*spelled, *decomposed])


def _composed(token: str) -> str:
    return unicodedata.normalize("NFC", token)


def _decomposed(token: str) -> str:
    """Return a token with combining accents; an accented ASCII capital becomes a small letter."""
    return unicodedata.normalize("NFD", token).translate(LOWERCASE)


def _small(letter: str) -> str:
    """Return the small letter of a capital beyond ASCII, if both are beyond ASCII."""
    small = letter.lower()
    return small if letter != small and _capital(small) == letter else letter


def _other(letter: str) -> str:
    return _TYPOGRAPHIC_APOSTROPHE if letter == _APOSTROPHE else _capital(letter)


def _capital(letter: str) -> str:
    """Return the capital of a small letter beyond ASCII, or "" if it has no capital."""
    capital = letter.upper()
    is_pair = letter > "\x7f" and letter != capital and capital.lower() == letter
    return capital if is_pair and len(letter) == len(capital) == 1 else ""


RULES = {
    1: TokenRule(1, _KERAS, ends_at_nul=False, has_spellings=False),
    2: TokenRule(2, _KERAS + _TYPOGRAPHIC, ends_at_nul=True, has_spellings=True),
    3: TokenRule(
        3,
        _KERAS + _TYPOGRAPHIC + _JOIN_EMOJI,
        ends_at_nul=True,
        has_spellings=True,
        apostrophes="'\u2019\u00b4",
        emoji=_EMOJI,
        has_markup=True,
    ),
}
OLDEST_RULE = RULES[1]
NEWEST_RULE = RULES[3]
