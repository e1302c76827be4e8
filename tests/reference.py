"""The text rule as a plain loop, to compare the fast executions with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container
from html.entities import html5

from tests.data import PROJECT

ASCII_SEPARATORS = set('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r')
SEPARATORS = ASCII_SEPARATORS | set(
    "\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b"
    "\u2028\u2029\u202f\u205f\u3000\ufeff\u00ab\u00bb\u2018\u201a"
    "\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u2010\u2011\u2012\u2013\u2014\u2015\u2022\u2026"
)
MOST_PLACES = 3  # in a word, for which each may be spelled in both ways

SEPARATORS_OF = {
    1: ASCII_SEPARATORS,
    2: SEPARATORS,
    3: SEPARATORS | set("\u200d\ufe0e\ufe0f\U0001f3fb\U0001f3fc\U0001f3fd\U0001f3fe\U0001f3ff"),
}
APOSTROPHES = "'\u2019\u00b4"
SAME_IN_HTML_5 = """quot amp lt gt excl num dollar percnt lpar rpar ast plus comma period sol colon
    semi equals quest commat lsqb bsol rsqb lowbar grave lcub verbar rcub nbsp ensp emsp thinsp zwj
    laquo raquo lsaquo rsaquo lsquo sbquo ldquo rdquo bdquo hyphen ndash mdash horbar bull hellip"""
NAMES: dict[str, str] = (
    {"apos": "'", "rsquo": "\u2019", "acute": "\u00b4"}
    | {name: html5[f"{name};"] for name in SAME_IN_HTML_5.split()}
    | {"tab": "\t", "newline": "\n"}
)
TAG = re.compile(r"<(?:/?[a-z][a-z0-9]{0,15}(?:[\t-\r /][\x01-\x7f]{0,200})?|![\x01-\x7f]{0,200})>")


def is_emoji(character: str) -> bool:
    """Whether a character is a token of its own from rule 3 on."""
    if character in SEPARATORS_OF[3]:
        return False
    pictures = "\u2600" <= character <= "\u27bf" or "\U0001f300" <= character <= "\U0001faff"
    return pictures or character == "\u2b50" or "\U0001f1e6" <= character <= "\U0001f1ff"


def meaning(entity: str) -> str | None:
    """Give the separator or apostrophe that something like ``&quot;`` is."""
    name = entity[1:-1]
    known: set[str] = {*SEPARATORS_OF[3], *APOSTROPHES}
    if name == "#039":
        return "'"
    for code in known:
        if name in (f"#{ord(code)}", f"#x{ord(code):x}"):
            return code
    return NAMES.get(name)


def units_of(text: str) -> list[tuple[str, str]]:
    """Split a text into characters, tags and entities, each with the character that it is."""
    units, place = [], 0
    while place < len(text):
        found, closed = text[place], text.find(">" if text[place] == "<" else ";", place) + 1
        whole = text[place:closed]
        if found == "<" and "<" not in whole[1:] and TAG.fullmatch(whole):
            units.append((whole, "\n" if re.match(r"<br[^a-z0-9]", whole) else " "))
        elif found == "&" and (character := meaning(whole)):
            units.append((whole, character))
        else:
            units.append((found, found))
        place += len(units[-1][0])
    return units


def plain(text: str, rule: int) -> list[tuple[str, str]]:
    """Lowercase a text up to its end, and give what the rule sees in it, and what that is."""
    text = text.partition("\0")[0] if rule > 1 else text
    text = "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)
    return units_of(text) if rule == 3 else [(character, character) for character in text]


def tokens_of(text: str, rule: int = 3) -> list[str]:
    """Split a text as the docstring of `toolkit.text.vocabulary` says."""
    parts = parts_of(plain(text, rule), rule)
    return ["".join(parts[start:stop]) for start, stop in spans_of(parts, rule)]


def spans_of(parts: list[str], rule: int) -> list[tuple[int, int]]:
    """Say where tokens start and stop: runs of what is not "", but each emoji is one."""
    spans, start = [], 0
    for place, part in enumerate([*parts, ""]):
        is_alone = rule == 3 and part != "" and is_emoji(part)
        if part and not is_alone:
            continue
        spans += [(start, place)] if start < place else []
        spans += [(place, place + 1)] if is_alone else []
        start = place + 1
    return spans


def parts_of(units: list[tuple[str, str]], rule: int) -> list[str]:
    """Give each unit as it is in a token; "" for what separates them."""
    kinds = ["word"] * len(units)
    for place, (_, character) in enumerate(units):
        if character in SEPARATORS_OF[rule]:
            kinds[place] = "separator"
        elif rule == 3 and character in APOSTROPHES:
            kinds[place] = "apostrophe"
        elif rule == 3 and is_emoji(character):
            kinds[place] = "emoji"
    parts = []
    for place, (written, _) in enumerate(units):
        around = kinds[place - 1 : place] + kinds[place + 1 : place + 2]
        is_inside = kinds[place] == "apostrophe" and around == ["word", "word"]
        parts.append(written if is_inside or kinds[place] in ("word", "emoji") else "")
    return parts


def small(letter: str) -> str:
    """Give the small letter of a capital beyond ASCII, and the apostrophe of a typographic one."""
    if letter == "\u2019":
        return "'"
    is_capital = letter.lower() != letter and letter.lower().upper() == letter
    is_simple = len(letter.lower()) == 1 and not letter.lower().isascii()
    return letter.lower() if is_capital and is_simple else letter


CONTRACTIONS = """ain't aren't can't couldn't daren't didn't doesn't don't hadn't hasn't haven't
    isn't mightn't mustn't needn't shan't shouldn't wasn't weren't won't wouldn't could've might've
    must've should've would've they've we've you've i've i'm they're you're that's there's what's
    where's here's he's she's who's they'll you'll that'll it'll they'd you'd y'all"""
ENTITY = re.compile(r"&[a-z0-9#]+;")


def decomposed(token: str) -> str:
    """Give a token with combining accents, in lower case as far as that is ASCII."""
    letters = unicodedata.normalize("NFD", token)
    return "".join(letter.lower() if letter.isascii() else letter for letter in letters)


def composed(token: str) -> str:
    """Give the token of which this one is the form with combining accents only; else itself."""
    one = unicodedata.normalize("NFC", token)
    return one if decomposed(one) == token else token


def with_apostrophe(token: str) -> str:
    """Give a contraction its apostrophe."""
    return next((word for word in CONTRACTIONS.split() if word.replace("'", "") == token), token)


PEOPLE = (PROJECT / "toolkit" / "text" / "people.txt").read_text(encoding="utf-8")
FIRST_OF = {word: line.split()[0] for line in PEOPLE.splitlines() for word in line.split()}


def as_people(word: str) -> str:
    """Give the word that all people of a kind count as, also in what is theirs."""
    person = word.removesuffix("'s")
    return FIRST_OF.get(person, person) + word[len(person) :]


def normal(token: str, rule: int = 3) -> str:
    """Give a token as a vocabulary has it."""
    if rule == 1:
        return token
    if rule == 3:
        token = ENTITY.sub("'", composed(token)).replace("\u00b4", "'")
    token = "".join(map(small, token))
    return as_people(with_apostrophe(token)) if rule == 3 else token


def known_as(token: str, words: Container[str], rule: int = 3) -> str | None:
    """Give the word that a token is a spelling of."""
    if token in words or rule == 1:
        return token if token in words else None
    spelled = spelled_as(token, rule)
    if spelled is not None and rule == 3:
        spelled = as_people(spelled)
    return spelled if spelled in words else None


def spelled_as(token: str, rule: int) -> str | None:
    """Give the normal word that a token is a spelling of."""
    if rule == 3:
        if with_apostrophe(token) != token:
            return with_apostrophe(token)
        token = composed(token)
        forms = {*ENTITY.findall(token), *(set(token) & set(APOSTROPHES))}
        if forms - {"'", "\u2019"}:
            form, *others = forms
            if others:
                return None
            token = token.replace(form, "'")
    word = normal(token, 2)
    changed = {place for place, letter in enumerate(token) if word[place] != letter}
    both_ways = [place for place, letter in enumerate(word) if has_two_spellings(letter)]
    letters = {place for place in both_ways if word[place] != "'"}
    is_even = changed & letters in (set(), letters & {0}, letters) and changed - letters in (
        set(),
        set(both_ways) - letters,
    )
    is_spelling = len(both_ways) <= MOST_PLACES or is_even
    return word if is_spelling else None


def has_two_spellings(letter: str) -> bool:
    """Whether a letter of a normal word may be typed as another one."""
    other = letter.upper()
    return letter == "'" or (len(other) == 1 and small(other) == letter != other)


def row_of(text: str, words: list[str], max_tokens: int, rule: int = 3) -> list[int]:
    """Give the network's input for a text: the last of start id and word ids, padded in front."""
    found = [known_as(token, words, rule) for token in tokens_of(text, rule)]
    ids = [1] + [2 if word is None else words.index(word) + 4 for word in found]
    ids = ids[-max_tokens:]
    return [0] * (max_tokens - len(ids)) + ids


CONTRASTS = {"but", "however", "although", "though", "whereas", "except"}
OTHERS_BEFORE = {"nothing", "anything", "everything", "all", "none", "as", "help"}


def sentences_of(text: str, last: int, rule: int = 3) -> list[list[str]]:
    """Split the last tokens of a text as the docstring of `toolkit.model.sentences` says."""
    units = plain(text, rule)
    parts = parts_of(units, rule)
    # Where marks of sentences are looked for: an entity is its mark, but none of mark-up itself.
    shown = "".join(
        character if len(written) == 1 or character not in "&<>#;" else " "
        for written, character in units
    )
    sentences: list[list[str]] = []
    spans, before = spans_of(parts, rule), 0
    for number, (start, stop) in enumerate(spans):
        between, before = range(before, start), stop
        if number < len(spans) - last:
            continue
        if not sentences or any(_ends_sentence(shown, each, parts, rule) for each in between):
            sentences.append([])
        sentences[-1].append("".join(parts[start:stop]))
    return [part for sentence in sentences for part in _at_contrasts(sentence)]


def _ends_sentence(text: str, place: int, parts: list[str], rule: int) -> bool:
    """Whether the separator at a place ends a sentence."""
    character = text[place : place + 1]
    if character == ".":
        following = parts[place + 1] if place + 1 < len(parts) else ""
        return not following or (rule == 3 and is_emoji(following))
    if character == "<":
        is_break = text[place + 1 : place + 3] == "br"
        after = parts[place + 3] if place + 3 < len(parts) else ""
        is_second = re.search(r"<br(?: ?/)?> ?$", text[max(0, place - 7) : place])
        return is_break and not is_second and (not after or (rule == 3 and is_emoji(after)))
    if character == ";":
        return re.search(r"&[a-z0-9#]{1,8}$", text[:place]) is None
    return character != "" and character in "!?\n\r\v\u2026\u2028\u2029\u0085"


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
