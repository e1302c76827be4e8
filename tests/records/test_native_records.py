"""The native core puts bytes together as Arrow does, and reads usual JSON objects."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.native import records as core
from toolkit.records.lines import joined

pytestmark = pytest.mark.skipif(not core.is_used(), reason="there is no native core")

# Views hold up to 12 bytes themselves.
pieces = st.lists(st.binary(max_size=30), max_size=20)


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


def read(lines: list[str]) -> list[str | None] | None:
    rows = [line.encode() for line in lines]
    stops = np.cumsum([len(row) + 1 for row in rows]) - 1
    starts = stops - [len(row) for row in rows]
    found = core.read_members(b"\n".join([*rows, b""]), starts, stops, "text", ["taken"])
    if found is None:
        return None
    found.validate(full=True)
    texts: list[str | None] = found.to_pylist()
    return texts


strings = st.text(st.sampled_from('aé😀"\\/\n\t\x1f\x7f\u2028'), max_size=40)


@given(st.lists(st.dictionaries(st.sampled_from(["text", "a", "é", ""]), strings), min_size=1))
def test_usual_objects_are_read(contents: list[dict[str, str]]) -> None:
    """By the core itself; `test_both_cores.py` compares what is read of any others."""
    lines = [json.dumps(content, ensure_ascii=False) for content in contents]
    assert read(lines) == [content.get("text") for content in contents]
    assert read([*lines, '{"text": "a", "taken": 1}']) is None
