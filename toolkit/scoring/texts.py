"""Texts as they come from callers, as Arrow arrays that can be scored."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.text import without_half_pairs

# The first bytes of white space in UTF-8, so that few texts have to be looked at as a whole.
_FIRST_OF_BLANK = sorted({b""} | {chr(c).encode()[:1] for c in range(0x10000) if chr(c).isspace()})


def array_of(texts: Iterable[str | None]) -> pa.StringArray:
    """Make an array of Python strings.

    None and NaN, which pandas puts where a text is missing, become null. Half a surrogate pair,
    which Python's JSON reader lets through and UTF-8 cannot hold, becomes U+FFFD.

    Parameters
    ----------
    texts : Iterable[str | None]
        Reviews.

    Returns
    -------
    pa.StringArray
        As many, in order.

    Raises
    ------
    UsageError
        If a text is no string.
    """
    values = list(texts)
    try:
        return pa.array(values, pa.string(), from_pandas=True)
    except UnicodeEncodeError:
        return array_of([without_half_pairs(t) if isinstance(t, str) else t for t in values])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UsageError(f"score: expected strings or None: {error}") from None


def as_strings(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Give the texts of any string type as strings or large strings.

    Parameters
    ----------
    texts : pa.Array | pa.ChunkedArray
        Strings, large strings, string views, a dictionary of them, or nulls.

    Returns
    -------
    pa.Array
        As many, in order.

    Raises
    ------
    UsageError
        If they are of another type.
    """
    kind = texts.type.value_type if pa.types.is_dictionary(texts.type) else texts.type
    if kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise UsageError(f"expected an array of strings to score, received {texts.type}")
    plain = texts.type in (pa.string(), pa.large_string())
    return texts if plain else texts.cast(pa.string())


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
