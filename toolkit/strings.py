"""Questions about strings that have nothing to do with tokens."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# The first bytes of white space in UTF-8, so that few texts have to be looked at as a whole. They
# are listed, as finding them takes 3 ms of every start.
_FIRST_OF_BLANK = [b"", *(bytes([byte]) for byte in b"\t\n\v\f\r\x1c\x1d\x1e\x1f \xc2\xe1\xe2\xe3")]


def is_unicode(text: str) -> bool:
    """Whether UTF-8 can hold a text: it has no half of a surrogate pair."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def without_half_pairs(text: str) -> str:
    """Replace by U+FFFD each half of a surrogate pair, which JSON allows and UTF-8 does not."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def is_blank(texts: pa.Array | pa.ChunkedArray) -> pa.BooleanArray:
    """Whether there is nothing but white space, in the sense of `str.isspace`; true where null.

    That is something else than to have no token: "!!!" has none, and a no-break space is one.
    """
    data = texts.cast(pa.large_binary() if texts.type == pa.large_string() else pa.binary())
    first = pc.fill_null(pc.binary_slice(data, 0, 1), b"")
    blank = np.array(pc.is_in(first, value_set=pa.array(_FIRST_OF_BLANK, data.type)), np.bool_)
    unsure = np.flatnonzero(blank)
    lengths = pc.binary_length(pc.utf8_trim_whitespace(texts.take(pa.array(unsure))))
    blank[unsure] = pc.fill_null(pc.equal(lengths, 0), True)
    return pa.array(blank)
