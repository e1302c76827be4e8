"""Which spellings are one word: capitals beyond ASCII, apostrophes, accents, contractions; people.

Words for who people are, and where from, say nothing about a review, but a model would learn what
was written around them. So the words of a line of ``people.txt`` are one word, the first of it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import compress, product
from pathlib import Path
from string import ascii_lowercase, ascii_uppercase

APOSTROPHE, TYPOGRAPHIC_APOSTROPHE = "'", "\u2019"

# Those that people type without the apostrophe; not those that are another word then, as "its".
_CONTRACTIONS = """
    ain't aren't can't couldn't daren't didn't doesn't don't hadn't hasn't haven't isn't mightn't
    mustn't needn't shan't shouldn't wasn't weren't won't wouldn't could've might've must've
    should've would've they've we've you've i've i'm they're you're that's there's what's where's
    here's he's she's who's they'll you'll that'll it'll they'd you'd y'all
"""
_WITH_APOSTROPHE = {word.replace(APOSTROPHE, ""): word for word in _CONTRACTIONS.split()}

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


def normal(token: str) -> str:
    """Give a token with small letters and plain apostrophes."""
    if token.isascii():
        return token
    token = token.replace(TYPOGRAPHIC_APOSTROPHE, APOSTROPHE)
    return "".join(map(_small, token))


def mixed(word: str) -> Iterator[str]:
    """Give the other spellings of a word with capitals beyond ASCII and U+2019.

    Each of up to three letters beyond ASCII may be a capital, each of up to three apostrophes
    U+2019. If a word has more of both together, all letters are capitals, or only the first
    character is; and all apostrophes are U+2019, or none is.
    """
    if word.isascii() and APOSTROPHE not in word:
        return
    other = [_other(letter) for letter in word]
    places = [place for place, letter in enumerate(other) if letter]
    if len(places) <= _MOST_PLACES:
        choices = product((False, True), repeat=len(places))
        chosen = [set(compress(places, choice)) for choice in choices]
    else:
        apostrophes = {place for place in places if word[place] == APOSTROPHE}
        letters = set(places) - apostrophes
        chosen = [a | b for a in (set(), apostrophes) for b in (set(), letters & {0}, letters)]
    for spelled in dict.fromkeys(map(frozenset, chosen)):
        if spelled:
            yield "".join(other[i] if i in spelled else word[i] for i in range(len(word)))


def normal_of_any(token: str, apostrophes: tuple[str, ...]) -> str:
    """Give a token composed, with small letters and apostrophes; for all people of a kind, one."""
    if not token.isascii() and _decomposed(composed := _composed(token)) == token:
        token = composed
    if "&" in token or not token.isascii():
        for apostrophe in apostrophes:
            token = token.replace(apostrophe, APOSTROPHE)
        token = normal(token)
    token = _WITH_APOSTROPHE.get(token, token)
    person = token.removesuffix(_OF)
    return _FIRST_OF.get(person, person) + token[len(person) :]


def any_of(word: str, apostrophes: tuple[str, ...]) -> Iterator[str]:
    """Give the other strings that have the id of a word in rule 3.

    They are the words that count as it, and the spellings of all: those of `mixed`, also with each
    of the apostrophes at all places, and each of them with combining accents; and the contraction
    without its apostrophe. A word that a vocabulary would have in another spelling has none.
    """
    if normal_of_any(word, apostrophes) != word:
        return
    person = word.removesuffix(_OF)
    for one in (person, *_OTHERS_OF.get(person, ())):
        spelled = _spelled(one + word[len(person) :], apostrophes)
        yield from (each for each in spelled if each != word)


def _spelled(word: str, apostrophes: tuple[str, ...]) -> Iterator[str]:
    """Give the spellings of one word, with itself."""
    if word.isascii() and APOSTROPHE not in word:
        yield word
        return
    spelled = [word, *mixed(word)]
    for one in spelled[:]:
        if APOSTROPHE in one and TYPOGRAPHIC_APOSTROPHE not in one:
            spelled += [one.replace(APOSTROPHE, apostrophe) for apostrophe in apostrophes]
    decomposed = [_decomposed(one) for one in spelled if _composed(_decomposed(one)) == one]
    contraction = word.replace(APOSTROPHE, "")
    if _WITH_APOSTROPHE.get(contraction) == word:
        decomposed.append(contraction)
    yield from dict.fromkeys([*spelled, *decomposed])


def _composed(token: str) -> str:
    return unicodedata.normalize("NFC", token)


def _decomposed(token: str) -> str:
    """Give a token with combining accents; those on a capital of ASCII are then on a small one."""
    return unicodedata.normalize("NFD", token).translate(LOWERCASE)


def _small(letter: str) -> str:
    """Give the small letter of a capital beyond ASCII, if it has one that is beyond ASCII, too."""
    small = letter.lower()
    return small if letter != small and _capital(small) == letter else letter


def _other(letter: str) -> str:
    return TYPOGRAPHIC_APOSTROPHE if letter == APOSTROPHE else _capital(letter)


def _capital(letter: str) -> str:
    """Give the capital of a small letter beyond ASCII; "" if none has just this small letter."""
    capital = letter.upper()
    is_pair = letter > "\x7f" and letter != capital and capital.lower() == letter
    return capital if is_pair and len(letter) == len(capital) == 1 else ""
