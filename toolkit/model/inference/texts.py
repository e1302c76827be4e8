"""Texts as they come from callers, as Arrow arrays that can be scored."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from toolkit.errors import UsageError
from toolkit.text.strings import without_half_pairs


def list_of(texts: Iterable[str | None]) -> list[str | None]:
    """Give texts as a list, whatever they are; raises `UsageError` for one string."""
    if isinstance(texts, str | bytes):
        raise UsageError("score: expected several texts, received one string; put it in a list")
    return list(texts)


def array_of(texts: Iterable[str | None]) -> pa.StringArray:
    """Make an array of Python strings; raises `UsageError` for anything else.

    None and NaN, which pandas uses for a missing text, become null. Half a surrogate pair, which
    Python's JSON reader accepts and UTF-8 cannot store, becomes U+FFFD.
    """
    values = list_of(texts)
    try:
        return pa.array(values, pa.string(), from_pandas=True)
    except UnicodeEncodeError:
        return array_of([without_half_pairs(t) if isinstance(t, str) else t for t in values])
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise UsageError(f"score: expected strings or None: {error}") from None


def as_strings(texts: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Give texts of any string type as strings or large strings; `UsageError` for other types."""
    kind = texts.type.value_type if pa.types.is_dictionary(texts.type) else texts.type
    if kind not in (pa.string(), pa.large_string(), pa.string_view(), pa.null()):
        raise UsageError(f"expected an array of strings to score, received {texts.type}")
    plain = texts.type in (pa.string(), pa.large_string())
    if kind == pa.string_view() and kind != texts.type:
        # Arrow decodes no dictionary of views (pyarrow 26).
        texts = texts.cast(pa.dictionary(texts.type.index_type, pa.string()))
    return texts if plain else texts.cast(pa.string())
