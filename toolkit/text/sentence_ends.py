"""Where sentences end by their punctuation, on all bytes at once.

`toolkit.text.sentences` has the whole rule.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from toolkit.text.split import END, SplitTexts

_ALWAYS = b"!?;\n\r"
_ELLIPSIS = "\u2026".encode()
_MAY_END = np.zeros(256, np.bool_)
_MAY_END[list(_ALWAYS + b".<" + _ELLIPSIS[-1:])] = True


def sentence_ends(split: SplitTexts) -> npt.NDArray[np.int64]:
    """Find the strings of split texts after which a sentence ends: their places, ascending."""
    content = np.frombuffer(split.written, np.uint8)
    blanked = np.frombuffer(split.strings.buffers()[2], np.uint8)
    # The separator after each string but the last, which is not written.
    separators = np.frombuffer(split.strings.buffers()[1], np.int32)[1:-1] - 1
    found = np.flatnonzero(_MAY_END[content[separators]])
    at = separators[found]
    mark = content[at]
    is_end = np.isin(mark, np.frombuffer(_ALWAYS, np.uint8))
    is_end |= (mark == ord(".")) & (blanked[at + 1] == ord(END))
    is_end |= _is_at(at - 2, _ELLIPSIS, content)
    is_break = (mark == ord("<")) & _is_at(at, b" br ", blanked)
    is_end |= is_break & ~_is_at(at - 1, b">", content)  # the first of several in a row
    return found[is_end]


def _is_at(
    places: npt.NDArray[np.int32], word: bytes, content: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """Whether a word of bytes is at places of a content, (places,)."""
    found = np.ones(len(places), np.bool_)
    for shift, byte in enumerate(word):
        found &= content[np.clip(places + shift, 0, len(content) - 1)] == byte
    return found
