"""The native core puts parts of records together as Arrow does."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.native import records as record_cuts
from toolkit.native import records as record_parts
from toolkit.records.lines import joined, parts, spans

pytestmark = pytest.mark.skipif(not record_cuts.is_used(), reason="there is no native core")

# Views hold up to 12 bytes themselves.
pieces = st.lists(st.binary(max_size=30), max_size=20)


@given(pieces, st.integers(0, 5))
def test_parts_are_the_spans(values: list[bytes], gap: int) -> None:
    stops = np.cumsum([0, *(len(value) + gap for value in values)])[1:]
    starts = stops - [len(value) for value in values]
    data = b"".join(b"x" * gap + value for value in values)
    found = parts(data, starts, stops)
    found.validate(full=True)
    assert found.to_pylist() == spans(data, starts, stops).to_pylist() == values


def test_views_that_arrow_cannot_make(monkeypatch: pytest.MonkeyPatch) -> None:
    places = np.array([0, 2]), np.array([1, 4])
    assert parts(b"abcd", *places).type == pa.binary_view()
    monkeypatch.setattr(record_parts, "_has_views", lambda: False)
    found = parts(b"abcd", *places)
    assert (found.type, found.to_pylist()) == (pa.binary(), [b"a", b"cd"])


@given(pieces)
def test_what_is_joined(values: list[bytes]) -> None:
    numbers = pa.array([str(number) for number in range(len(values))], pa.string())
    expected = b"".join(value + b"%d" % number for number, value in enumerate(values))
    for kind in (pa.binary(), pa.large_binary(), pa.binary_view()):
        column = pa.array(values, kind)
        assert joined(column, numbers).to_pybytes() == expected
        moved = pa.concat_arrays([column[1:], column[:1]])  # views in several buffers, slices
        both = pa.concat_arrays([moved[-1:], moved[:-1]]) if values else moved
        assert joined(both, numbers).to_pybytes() == expected
