"""Where sentences end by their punctuation, on all bytes at once.

`toolkit.text.sentences` has the whole rule.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from toolkit.text.split import END, SplitTexts

_ELLIPSIS = "\u2026".encode()


def _flags(marks: bytes) -> npt.NDArray[np.bool_]:
    """Give a flag for each byte, (256,): whether it is one of the marks."""
    flags = np.zeros(256, np.bool_)
    flags[list(marks)] = True
    return flags


_ALWAYS_ENDS, _RARELY_ENDS = _flags(b"!?;\n\r"), _flags(b"<" + _ELLIPSIS[-1:])
_MAY_END = _ALWAYS_ENDS | _RARELY_ENDS | _flags(b".")


def sentence_ends(split: SplitTexts) -> npt.NDArray[np.int64]:
    """Find the strings of split texts after which a sentence ends: their places, ascending."""
    content = np.frombuffer(split.written, np.uint8)
    blanked = np.frombuffer(split.strings.buffers()[2], np.uint8)
    # The separator after each string but the last, which is not written.
    separators = np.frombuffer(split.strings.buffers()[1], np.int32)[1:-1] - 1
    found = np.flatnonzero(_MAY_END[content[separators]])
    at = separators[found]
    mark = content[at]
    is_end = _ALWAYS_ENDS[mark] | (blanked[at + 1] == ord(END)) & (mark == ord("."))
    rare = np.flatnonzero(_RARELY_ENDS[mark])
    at, is_first = at[rare], content[at[rare] - 1] != ord(">")  # of several <br /> in a row
    is_break = (content[at] == ord("<")) & is_first & _is_at(at, b" br ", blanked)
    is_end[rare] = is_break | _is_at(at - 2, _ELLIPSIS, content)
    ends: npt.NDArray[np.int64] = found[is_end]
    return ends


def _is_at(
    places: npt.NDArray[np.int32], word: bytes, content: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_]:
    """Whether a word of bytes is at places of a content, (places,)."""
    found = np.ones(len(places), np.bool_)
    for shift, byte in enumerate(word):
        found &= content[np.clip(places + shift, 0, len(content) - 1)] == byte
    return found
