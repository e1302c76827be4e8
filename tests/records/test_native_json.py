"""The native core reads the strings of JSON objects as Python does, or leaves them to others."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from toolkit.native import records as record_cuts
from toolkit.native.records import read_members
from toolkit.records.json_values import object_on, text_at

pytestmark = pytest.mark.skipif(not record_cuts.is_used(), reason="there is no native core")

NAMES = ["text", "a", "é", "", "taken"]
strings = st.text(st.sampled_from('aé😀"\\/\n\t\x1f\x7f\u2028'), max_size=40)
values = st.recursive(
    st.one_of(strings, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False)),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=8,
)
objects = st.builds(
    lambda content, text, *form: json.dumps(
        {**content, **text}, ensure_ascii=form[0], separators=form[1]
    ),
    st.dictionaries(st.sampled_from(NAMES[1:]), values, max_size=3),
    st.dictionaries(st.just("text"), st.one_of(strings, strings, st.none(), values), max_size=1),
    st.booleans(),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :\r")]),
)
# What makes a good line a bad one, or another good one.
PIECES = ["", '"', "\\", "\\u00e9", "\\ud83d", "\\u0000", "\x01", "{", "]", ",", ":", "01", "nul"]
PIECES += ['"text":"z",', '"te\\u0078t"', "-", "1e5", "NaN", " ", "x" * 16]
broken = st.builds(
    lambda line, at, piece, cut: line[: at % len(line)] + piece + line[at % len(line) + cut :],
    objects,
    st.integers(0, 200),
    st.sampled_from(PIECES),
    st.integers(0, 2),
)


def read(lines: list[str]) -> list[str | None] | None:
    rows = [line.encode() for line in lines]
    stops = np.cumsum([len(row) + 1 for row in rows]) - 1
    starts = stops - [len(row) for row in rows]
    found = read_members(b"\n".join([*rows, b""]), starts, stops, "text", ["taken"])
    if found is None:
        return None
    found.validate(full=True)
    texts: list[str | None] = found.to_pylist()
    return texts


def text_of(line: str) -> str | None:
    content: dict[str, Any] = object_on(line.encode())
    assert "taken" not in content
    return text_at(content, ("text",))


@given(st.lists(st.one_of(objects, objects, broken), min_size=1, max_size=3))
@example(['{"text": "\\u00e9\\ud83d\\ude00\\uABCD\\b\\f\\r\\/"}'])
@example(['{"text": "' + "x" * 15 + '\\n"}', "{}"])
@example(['{"a": -0.5e-3, "text": null}'])
def test_what_is_read_is_what_python_reads(lines: list[str]) -> None:
    texts = read(lines)
    if texts is not None:
        assert texts == [text_of(line) for line in lines]


@given(st.lists(st.dictionaries(st.sampled_from(NAMES[:4]), strings), min_size=1))
def test_usual_objects_are_read(contents: list[dict[str, str]]) -> None:
    lines = [json.dumps(content, ensure_ascii=False) for content in contents]
    assert read(lines) == [content.get("text") for content in contents]


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "a", "text": "b"}',
        '{"text": 1}',
        '{"text": "a", "taken": 1}',
        '{"te\\u0078t": "a"}',
        '{"text": "\\ud800"}',
        '{"text": "\\u0000"}',
        '{"text": "a"} ',
        '{"text": "a"}{}',
        '{"text": "a", "b": NaN}',
        '{"text": "a", "b": 01}',
        '{"text": "a", "b": ' + "[" * 33 + "]" * 33 + "}",
        '{"text": "\t"}',
        '{"text": "a"',
        '{"text": "a',
    ],
)
def test_others_are_left_to_another_reader(line: str) -> None:
    assert read(["{}", line]) is None
