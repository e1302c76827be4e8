"""The text rule as a plain loop, to compare the fast executions with."""

from __future__ import annotations

import re
from collections.abc import Container

ASCII_SEPARATORS = set('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r')
SEPARATORS = ASCII_SEPARATORS | set(
    "\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b"
    "\u2028\u2029\u202f\u205f\u3000\ufeff\u00ab\u00bb\u2018\u201a"
    "\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u2010\u2011\u2012\u2013\u2014\u2015\u2022\u2026"
)
MOST_PLACES = 3  # in a word, for which each may be spelled in both ways


def tokens_of(text: str, rule: int = 2) -> list[str]:
    """Split a text as the docstring of `toolkit.text.vocabulary` says."""
    tokens, token = [], ""
    for character in text:
        if character == "\0" and rule == 2:
            break
        if character in (SEPARATORS if rule == 2 else ASCII_SEPARATORS):
            if token:
                tokens.append(token)
            token = ""
        else:
            token += chr(ord(character) + 32) if "A" <= character <= "Z" else character
    return [*tokens, token] if token else tokens


def small(letter: str) -> str:
    """Give the small letter of a capital beyond ASCII, and the apostrophe of a typographic one."""
    if letter == "\u2019":
        return "'"
    is_capital = letter.lower() != letter and letter.lower().upper() == letter
    is_simple = len(letter.lower()) == 1 and not letter.lower().isascii()
    return letter.lower() if is_capital and is_simple else letter


def normal(token: str) -> str:
    """Give a token as a vocabulary has it."""
    return "".join(map(small, token))


def known_as(token: str, words: Container[str], rule: int = 2) -> str | None:
    """Give the word that a token is a spelling of."""
    if token in words or rule == 1:
        return token if token in words else None
    word = normal(token)
    changed = {place for place, letter in enumerate(token) if word[place] != letter}
    both_ways = [place for place, letter in enumerate(word) if has_two_spellings(letter)]
    letters = {place for place in both_ways if word[place] != "'"}
    is_even = changed & letters in (set(), letters & {0}, letters) and changed - letters in (
        set(),
        set(both_ways) - letters,
    )
    is_spelling = len(both_ways) <= MOST_PLACES or is_even
    return word if word in words and is_spelling else None


def has_two_spellings(letter: str) -> bool:
    """Whether a letter of a normal word may be typed as another one."""
    other = letter.upper()
    return letter == "'" or (len(other) == 1 and small(other) == letter != other)


def row_of(text: str, words: list[str], max_tokens: int, rule: int = 2) -> list[int]:
    """Give the network's input for a text: the last of start id and word ids, padded in front."""
    found = [known_as(token, words, rule) for token in tokens_of(text, rule)]
    ids = [1] + [2 if word is None else words.index(word) + 4 for word in found]
    ids = ids[-max_tokens:]
    return [0] * (max_tokens - len(ids)) + ids


CONTRASTS = {"but", "however", "although", "though", "whereas", "except"}
OTHERS_BEFORE = {"nothing", "anything", "everything", "all", "none", "as", "help"}


def sentences_of(text: str, last: int, rule: int = 2) -> list[list[str]]:
    """Split the last tokens of a text as the docstring of `toolkit.text.sentences` says."""
    separators = SEPARATORS if rule == 2 else ASCII_SEPARATORS
    text = text.partition("\0")[0] if rule == 2 else text
    tokens, begins, token = [], [True], ""
    for place, character in enumerate(text):
        if character not in separators:
            token += character
            continue
        if token:
            tokens.extend(tokens_of(token, rule))
            begins.append(False)
        token = ""
        if _ends_sentence(text, place, separators):
            begins[-1] = True
    tokens.extend(tokens_of(token, rule))
    sentences: list[list[str]] = []
    for number, token in enumerate(tokens):
        if number < len(tokens) - last:
            continue
        if begins[number] or not sentences:
            sentences.append([])
        sentences[-1].append(token)
    return [part for sentence in sentences for part in _at_contrasts(sentence)]


def _ends_sentence(text: str, place: int, separators: Container[str]) -> bool:
    """Whether the separator at a place ends a sentence."""
    character, following = text[place], text[place + 1 : place + 2]
    if character == ".":
        return not following or following in separators
    if character == "<":
        is_break = text[place + 1 : place + 3] in ("br", "bR", "Br", "BR")
        after = text[place + 3 : place + 4]
        is_second = re.search(r"<br(?: ?/)?> ?$", text[max(0, place - 7) : place], re.IGNORECASE)
        return is_break and not is_second and (not after or after in separators)
    if character == ";":
        return re.search(r"&[A-Za-z0-9#]{1,8}$", text[:place]) is None
    return character in "!?\n\r\v\u2026\u2028\u2029\u0085"


def _at_contrasts(sentence: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for number, token in enumerate(sentence):
        before, after = sentence[:number], sentence[number + 1 :]
        is_contrast = token in CONTRASTS and before and after and after[0] != "also"
        if not is_contrast or before[-1] in OTHERS_BEFORE or before == ["even"]:
            parts[-1].append(token)
            continue
        if before[-1] == "even":
            parts[-1].pop()
        parts.append([])
    return [part for part in parts if part]
