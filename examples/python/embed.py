"""Sentiment in an application: the model file takes raw text, so onnxruntime is all it needs.

python embed.py MODEL [TEXT...]

Prints the label and the probability of each text, or of each line of standard input, and only
"unknown" where the model knows no word of the text, which then says nothing.
"""

import os
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby, islice

import numpy as np
import onnxruntime as ort

# ONNX Runtime makes a table of the words of a batch, as wide as its longest text.
TEXTS_AT_ONCE = 32
LONG = 8_000  # characters

# What separates words in every version of the token rule; and, from the end of a text on, what may
# be a tag, or a word with a letter or digit that is neither of an entity nor after one.
SEPARATORS = r"!-&(-/:-@\[-`{-~ \t\n\v\f\r"
WORD = rf"(?<![^{SEPARATORS}])[^{SEPARATORS}]*?[^\W_][^{SEPARATORS}]*(?=[{SEPARATORS}]|\Z)(?![&#;])"
TAG_OR_WORD = re.compile(rf">[^<>]{{0,220}}|({WORD})")


def load(path: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1  # the network is small
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def end_of(text: str, max_tokens: int) -> str:
    """Cut off what the model does not read of a long text: each word is one token or more."""
    if len(text) <= LONG:
        return text
    backwards = text.partition("\0")[0][::-1]
    words = (found for found in TAG_OR_WORD.finditer(backwards) if found[1])
    word = next(islice(words, max_tokens - 1, None), None)
    return text[len(backwards) - word.end() :] if word else text


def batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Divide texts: a long one goes alone, as one without separators is not cut."""
    for is_long, group in groupby(texts, lambda text: len(text) > LONG):
        while batch := list(islice(group, 1 if is_long else TEXTS_AT_ONCE)):
            yield batch


def score(session: ort.InferenceSession, texts: list[str]) -> Iterator[tuple[str, float] | None]:
    """Score texts; None for one of which the model knows no word."""
    names = [output.name for output in session.get_outputs()]
    max_tokens = int(session.get_modelmeta().custom_metadata_map["max_tokens"])
    ends = np.array([end_of(text, max_tokens) for text in texts], dtype=object)
    found = dict(zip(names, session.run(names, {"text": ends}), strict=True))
    known = found.get("known_tokens", [1] * len(texts))  # files before format 3 do not count them
    for label, probability, count in zip(found["label"], found["probability"], known, strict=True):
        yield (label, probability) if count else None


def texts_of(arguments: list[str]) -> Iterator[str]:
    if arguments:  # invalid UTF-8 becomes U+FFFD, as in the lines
        yield from (os.fsencode(text).decode(errors="replace") for text in arguments)
        return
    # A lone carriage return in a review does not end the line.
    with open(0, encoding="utf-8", errors="replace", newline="\n") as lines:
        yield from (line.removesuffix("\n") for line in lines)


def main(arguments: list[str]) -> None:
    if not arguments:
        sys.exit("usage: embed.py MODEL [TEXT...]")
    session, texts = load(arguments[0]), texts_of(arguments[1:])
    for batch in batches(texts):
        for found in score(session, batch):
            print("unknown" if found is None else f"{found[0]} {found[1]:.7f}")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Exception as error:  # noqa: BLE001 (ONNX Runtime's errors have no common base)
        # Output that is left cannot be printed; without this, Python would try again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(f"embed.py: {error}")
