"""Texts for the golden vectors: reviews, and whatever runtimes and tokenizers have stumbled on.

All were written or are generated for this project. No text holds both a NUL and a line feed, so
that each can be given to a program: as an argument, or as a line of standard input.
"""

from __future__ import annotations

import string
from collections.abc import Iterable

from toolkit.export.golden_reviews import REVIEWS
from toolkit.text.split import SEPARATORS

_EMPTY = {
    "empty": "",
    "blank": " ",
    "blank, all white space": "\t\n\v\f\r ",
    "punctuation only": "!!! ... ???",
    "every separator": SEPARATORS,
    "line break of the web": "<br />",
    "unknown words only": "zzyzx qwxyz",
    "apostrophes only": "' '' '''",
    "NUL only": "\x00",
    "no-break space only": "\u00a0",
}

_CASE = {
    "ASCII capitals": string.ascii_uppercase + " A GOOD FILM",
    "ASCII mixed case": "A gOoD fIlM, ThE bEsT",
    "what borders on ASCII letters": "@GOOD[ `good{ good@ good`",
    "accented capitals stay": "CAFÉ Café café ÉTÉ Été été",
    "A with ring": "Åge and åge",
    "Turkish I with dot": "\u0130stanbul is good, \u0131ss\u0131z is bad",
    "I with dot inside a word": "F\u0130LM film f\u0131lm",
    "sharp s": "Stra\u00dfe STRASSE \u1e9e",
    "Greek sigmas": "ΣΊΣΥΦΟΣ σίσυφος",
    "Cyrillic": "ХОРОШИЙ фильм",
    "Kelvin sign": "\u212aing king",
    "titlecase digraph": "\u01c5ungla \u01c4 \u01c6",
    "full-width letters": "\uff27\uff4f\uff4f\uff44 good",
    "ligature": "\ufb01lm film",
}

_UNICODE = {
    "Japanese": "日本語 映画 好き",
    "Chinese without spaces": "这部电影非常好看",
    "Korean": "정말 좋은 영화",
    "Thai": "หนังดีมาก",
    "Hindi": "बहुत अच्छी फ़िल्म",
    "Hebrew": "שלום good סרט טוב",
    "Arabic": "فيلم رائع good",
    "marks of direction": "\u200fgood\u200e \u202ebad\u202c \u2067good\u2069",
    "emoji": "😀 great 👍 good",
    "emoji stuck to a word": "good😀 😀good go😀od",
    "emoji with joiners": "👩‍👩‍👧 good 🏳️‍🌈",
    "emoji with skin tone": "👍🏽 good",
    "flags": "🇩🇪 good 🇫🇷",
    "composed accent": "caf\u00e9 na\u00efve",
    "combining accent": "cafe\u0301 nai\u0308ve",
    "many combining marks": "go\u0300\u0301\u0302\u0303\u0304\u0305od bad",
    "combining mark alone": "\u0301 good",
    "curly quotes": "\u201cgood\u201d \u2018bad\u2019 don\u2019t",
    "dashes": "good\u2014bad good\u2013bad good\u2212bad",
    "ellipsis": "good\u2026 bad\u2026",
    "full-width punctuation": "good\uff0cbad\u3002 good",
    "replacement character": "good \ufffd bad\ufffd",
    "private use": "\ue000 good",
    "beyond the basic plane": "\U00010400 \U0001d4f0\U0001d4f8\U0001d4f8\U0001d4ed good",
    "noncharacters": "\ufdd0 \uffff \U0010ffff good",
    "lowest and highest of each length in UTF-8": "\x01\x7f\x80\u07ff\u0800\ud7ff\ue000\U00010000",
    "angstrom sign": "\u212b \u00c5 \u00e5",
}

_SPACES = "\u0085\u00a0\u1680\u2000\u2003\u2009\u2028\u2029\u202f\u205f\u3000\u200b\u2060\ufeff"

_CONTROLS = [chr(code) for code in (*range(0x20), 0x7F) if chr(code) not in SEPARATORS]

_NUL = {
    "NUL between words": "good \x00 bad",
    "NUL at the front": "\x00good bad",
    "NUL at the end": "good bad\x00",
    "several NUL": "good\x00\x00bad \x00\x00 good",
}

_LONG = {
    "word of 5,000 letters": "x" * 5000,
    "word of 5,000 letters before known ones": "x" * 5000 + " a good film",
    "word of 5,000 letters behind known ones": "a good film " + "x" * 5000,
    "word of 5,000 bytes, two a letter": "\u00e9" * 2500 + " good",
    "10,000 tokens": "the " * 10_000,
    "10,000 tokens, the last one tells": "bad " * 9_999 + "good",
    "10,000 separators": "," * 10_000,
    "10,000 separators behind a word": "good" + "," * 10_000,
    "10,000 spaces before a word": " " * 10_000 + "good",
}


def golden_texts(lengths: Iterable[int]) -> dict[str, str]:
    """Build the texts.

    Parameters
    ----------
    lengths : Iterable[int]
        The `max_tokens` of the models: there are texts just as long, and shorter and longer by one.

    Returns
    -------
    dict[str, str]
        Texts by the name of the case, always the same ones in the same order.
    """
    return {
        **{f"review {n}": text for n, text in enumerate(REVIEWS, 1)},
        **_EMPTY,
        **_CASE,
        **_UNICODE,
        **{f"separator {_code(c)}": f"good{c}bad {c}a {c}{c}film{c}" for c in SEPARATORS},
        **{f"space {_code(c)}": f"good{c}bad a {c} film" for c in _SPACES},
        **{f"control {_code(c)}": f"good{c}bad a {c} film" for c in _CONTROLS},
        **_NUL,
        **_LONG,
        **{
            name: text
            for length in sorted(set(lengths))
            for name, text in _of_length(length).items()
        },
    }


def _of_length(most: int) -> dict[str, str]:
    """Texts around the number of ids that is kept, of which the start of the review is one."""
    counted = {
        f"{count} tokens": "bad" + " good" * (count - 1)
        for count in range(max(1, most - 2), most + 2)
    }
    return {
        **counted,
        f"{most} tokens behind a long word": "bad " + "y" * 3000 + " good" * most,
        f"{most} tokens before many separators": "the," * most + "," * 3000,
    }


def _code(character: str) -> str:
    return f"U+{ord(character):04X}"
