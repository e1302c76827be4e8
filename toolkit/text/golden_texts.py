"""Texts for the golden vectors: reviews, and what runtimes and tokenizers have stumbled on.

All were written or are generated for this project. ``golden_texts.jsonl`` has the short ones, ASCII
with JSON escapes. No text has both a NUL and a line feed, so that each can be given to a program as
an argument or as a line of standard input.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

_LONG = {
    "word of 5,000 letters": "x" * 5000,
    "word of 5,000 letters before known ones": "x" * 5000 + " a good film",
    "word of 5,000 letters after known ones": "a good film " + "x" * 5000,
    "word of 5,000 bytes, two a letter": "\u00e9" * 2500 + " good",
    "10,000 tokens": "the " * 10_000,
    "10,000 tokens, the last one tells": "bad " * 9_999 + "good",
    "10,000 separators": "," * 10_000,
    "10,000 separators after a word": "good" + "," * 10_000,
    "10,000 spaces before a word": " " * 10_000 + "good",
}


def golden_texts(lengths: Iterable[int]) -> dict[str, str]:
    """Give texts by case, also of about each of `lengths` in tokens; always in the same order."""
    lines = Path(__file__).with_suffix(".jsonl").read_text(encoding="ascii").splitlines()
    texts = {entry["name"]: entry["text"] for entry in map(json.loads, lines)} | _LONG
    for most in sorted(set(lengths)):
        # Of the ids that are kept, the start of the review is one.
        for count in range(max(1, most - 2), most + 2):
            texts[f"{count} tokens"] = "bad" + " good" * (count - 1)
        texts[f"{most} tokens after a long word"] = "bad " + "y" * 3000 + " good" * most
        texts[f"{most} tokens before many separators"] = "the," * most + "," * 3000
    return texts
