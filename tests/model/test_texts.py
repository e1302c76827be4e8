"""Texts of any type of string as the types that are scored."""

from __future__ import annotations

import pyarrow as pa
import pytest

from toolkit.model.predict import as_strings


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_dictionary_of_string_views(is_chunked: bool) -> None:
    words = pa.array(["good", "bad"], pa.string_view())
    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1, None, 0]), words)
    given = pa.chunked_array([texts, texts[1:]]) if is_chunked else texts[1:]
    expected = ["good", "bad", None, "good"] if is_chunked else []
    assert as_strings(given).to_pylist() == [*expected, "bad", None, "good"]
