"""The text rule as a plain loop, to compare the fast executions with."""

from __future__ import annotations

SEPARATORS = set('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r')


def tokens_of(text: str) -> list[str]:
    """Split a text as the docstring of `toolkit.text.vocabulary` says."""
    tokens, token = [], ""
    for character in text:
        if character in SEPARATORS:
            if token:
                tokens.append(token)
            token = ""
        else:
            token += chr(ord(character) + 32) if "A" <= character <= "Z" else character
    return [*tokens, token] if token else tokens


def row_of(text: str, words: list[str], max_tokens: int) -> list[int]:
    """Give the network's input for a text: the last of start id and word ids, padded in front."""
    ids = [1] + [words.index(t) + 4 if t in words else 2 for t in tokens_of(text)]
    ids = ids[-max_tokens:]
    return [0] * (max_tokens - len(ids)) + ids
