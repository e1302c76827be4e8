"""Strings and arrays in Python, NumPy and Arrow, before they are split into tokens."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

NUL = "\x00"

Texts = pa.Array | pa.ChunkedArray  # of any string type

# First bytes of white space in UTF-8: only texts with such a byte have to be checked in full. The
# bytes are listed, as computing them would take 3 ms at every start.
_BEGINS_SPACE = np.zeros(256, np.bool_)
_BEGINS_SPACE[list(b"\t\n\v\f\r\x1c\x1d\x1e\x1f \xc2\xe1\xe2\xe3")] = True


def is_unicode(text: str) -> bool:
    """Check whether a text can be encoded in UTF-8: it has no half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def without_half_pairs(text: str) -> str:
    """Replace by U+FFFD each half of a surrogate pair, which JSON allows and UTF-8 does not."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def arrow_of(values: npt.NDArray[Any]) -> pa.Array:
    """Return numbers or truth values, (n,), as an Arrow array, which shares memory if it can.

    `pa.array` would import `numpy.ma`, to check for a masked array: 5 ms of every start.
    """
    is_bool = values.dtype == np.bool_
    data = np.packbits(values, bitorder="little") if is_bool else np.ascontiguousarray(values)
    kind = pa.from_numpy_dtype(values.dtype)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(data)], null_count=0)


def only_rows(column: pa.Array, rows: npt.NDArray[np.bool_]) -> pa.Array:
    """Keep some rows of a column; `pa.Array.filter` does not take string views."""
    edges = np.flatnonzero(np.diff(rows, prepend=False, append=False)).tolist()
    runs = [column.slice(a, b - a) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return pa.concat_arrays(runs) if runs else column.slice(0, 0)


def bounds_of(strings: pa.Array) -> npt.NDArray[np.signedinteger]:
    """Return the starts of strings in the buffer of bytes, and the end of the last string.

    The result is (strings + 1,) int32, or int64 for large strings and binaries.
    """
    is_large = strings.type in (pa.large_string(), pa.large_binary())
    kind: type[np.signedinteger] = np.int64 if is_large else np.int32
    if not len(strings):
        return np.zeros(1, kind)
    start = strings.offset * kind(0).itemsize
    return np.frombuffer(strings.buffers()[1], kind, len(strings) + 1, start)


def has_nul(texts: pa.Array) -> bool:
    """Check whether any of the strings or large strings, without nulls, has a NUL."""
    bounds = bounds_of(texts)
    if bounds[0] == bounds[-1]:
        return False
    content = np.frombuffer(texts.buffers()[2], np.uint8)[bounds[0] : bounds[-1]]
    return bool(content.min() == 0)  # faster than to compare each byte


def join_texts(parts: Sequence[pa.Array]) -> pa.LargeStringArray:
    """Join strings of several arrays of any string type, (n,) each, by line breaks.

    Null and blank strings are left out; a row with no other string is null.
    """
    large = [part.cast(pa.large_string()) for part in parts]
    blank = [is_blank(part) for part in large]
    all_blank = reduce(pc.and_, blank)
    filled = [pc.if_else(empty, None, part) for empty, part in zip(blank, large, strict=True)]
    nothing, line_break = (pa.scalar(text, pa.large_string()) for text in ("", "\n"))
    # A row of nulls alone would be lost (pyarrow 26).
    filled[0] = pc.if_else(all_blank, nothing, filled[0])
    joined = pc.binary_join_element_wise(*filled, line_break, null_handling="skip")
    return pc.if_else(all_blank, None, joined)


def is_blank(texts: pa.Array | pa.ChunkedArray) -> pa.BooleanArray:
    """Check for each string whether it is only white space (`str.isspace`); true for null.

    A text without tokens is something else: "!!!" has no token, and a no-break space is a token.
    """
    if isinstance(texts, pa.ChunkedArray):
        return pa.concat_arrays([arrow_of(np.zeros(0, np.bool_)), *map(is_blank, texts.chunks)])
    bounds = bounds_of(texts)
    filled = np.flatnonzero(bounds[1:] > bounds[:-1])
    blank = np.ones(len(texts), np.bool_)
    if len(filled):
        blank[filled] = _BEGINS_SPACE[np.frombuffer(texts.buffers()[2], np.uint8)[bounds[filled]]]
    if texts.null_count:
        blank |= texts.is_null().to_numpy(zero_copy_only=False)
    unsure = np.flatnonzero(blank)
    if not len(unsure):
        return arrow_of(blank)  # without calls of Arrow, which take longest for a few texts
    lengths = pc.binary_length(pc.utf8_trim_whitespace(texts.take(arrow_of(unsure))))
    blank[unsure] = pc.fill_null(pc.equal(lengths, 0), True)
    return arrow_of(blank)


def without_endings(texts: pa.Array, endings: Sequence[str]) -> pa.Array:
    """Cut given words, and white space around them, from the end of each text."""
    words = "|".join(re.escape(ending.strip()) for ending in endings)
    pattern = rf"(?:[\s\pZ]*(?:{words}))+[\s\pZ]*\z"
    return pc.replace_substring_regex(texts.cast(pa.large_string()), pattern, "")


# In 42 sets of reviews of all kinds, words of reviewers begin or end fewer texts than this: "I
# bought" begins 6 %.
_FEWEST_TEXTS = 20
_SHARE_OF_MANY = 0.1
_SHORTEST = 8  # characters of an edge; shorter edges are common phrases of the language
_LONGEST = 60  # characters of an edge


def repeated_edge(texts: pa.ChunkedArray, *, at_end: bool) -> tuple[str, int]:
    """Return the longest words that begin or end a tenth of the texts, or "", and their count.

    Equal texts count once; texts without other words do not count.
    """
    found = ""
    count = 0
    texts = pc.utf8_trim_whitespace(texts.unique())
    for length in range(_SHORTEST, _LONGEST + 1):
        texts = texts.filter(pc.greater(pc.utf8_length(texts), length))
        ends = (-length, None) if at_end else (0, length)
        edges = pc.utf8_slice_codeunits(texts, *ends).value_counts()
        counts = edges.field("counts").to_numpy()
        # Extend the words while nearly all of the same texts have them.
        least = 0.9 * count if found else max(_FEWEST_TEXTS, _SHARE_OF_MANY * len(texts))
        if not len(counts) or counts.max() < least:
            break
        best = int(counts.argmax())
        found = edges.field("values")[best].as_py()
        count = int(counts[best])
    return found.strip(), count


def without_words(texts: pa.Array, words: Sequence[str]) -> pa.Array:
    """Replace texts that consist of one of the words by null, ignoring white space around it."""
    if not len(texts) or not words:
        return texts
    if texts.type not in (pa.string(), pa.large_string()):
        texts = texts.cast(pa.string())
    bounds = bounds_of(texts)
    longest = max(len(word.encode()) for word in words)
    rows = np.flatnonzero(bounds[1:] > bounds[:-1])
    content = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    first = content[bounds[rows]]
    last = content[bounds[rows + 1] - 1]
    # Only short texts, and texts that may begin or end with white space, are checked in full.
    is_short = np.diff(bounds)[rows] <= longest
    rows = rows[is_short | _BEGINS_SPACE[first] | (last <= ord(" ")) | (last > ord("~"))]
    few = pc.utf8_trim_whitespace(texts.take(arrow_of(rows)))
    found = pc.is_in(few, pa.array([word.strip() for word in words], texts.type))
    if not found.true_count:
        return texts
    is_word = np.zeros(len(texts), np.bool_)
    is_word[rows] = found.to_numpy(zero_copy_only=False)
    return pc.if_else(arrow_of(is_word), pa.scalar(None, texts.type), texts)


_LONG = {
    "word of 5,000 letters": "x" * 5000,
    "word of 5,000 letters before known ones": "x" * 5000 + " a good film",
    "word of 5,000 letters after known ones": "a good film " + "x" * 5000,
    "word of 5,000 bytes, two a letter": "\u00e9" * 2500 + " good",
    "tag of 5,000 characters": f"good <b {'x' * 5000}> bad",
    "1,000 tags": "good<br />" * 1_000,
    "1,000 emoji": "good" + "\U0001f44d" * 1_000,
    "10,000 apostrophes": "'" * 10_000 + "good",
    "10,000 tokens": "the " * 10_000,
    "10,000 tokens, the last one tells": "bad " * 9_999 + "good",
    "10,000 separators": "," * 10_000,
    "10,000 separators after a word": "good" + "," * 10_000,
    "10,000 spaces before a word": " " * 10_000 + "good",
}


def golden_texts(lengths: Iterable[int]) -> dict[str, str]:
    """Return the texts of golden vectors by their names, also texts of about `lengths` tokens.

    The texts have caused faults in runtimes and tokenizers. Their order is fixed. All were written
    or generated for this project. No text has both a NUL and a line feed, so each can be passed to
    a program as an argument or as a line of standard input.
    """
    lines = Path(__file__).with_name("golden_texts.jsonl").read_text(encoding="ascii").splitlines()
    texts = {entry["name"]: entry["text"] for entry in map(json.loads, lines)} | _LONG
    for most in sorted(set(lengths)):
        # The start id counts as one of the kept ids.
        for count in range(max(1, most - 2), most + 2):
            texts[f"{count} tokens"] = "bad" + " good" * (count - 1)
        texts[f"{most} tokens after a long word"] = "bad " + "y" * 3000 + " good" * most
        texts[f"{most} tokens before many separators"] = "the," * most + "," * 3000
    return texts
