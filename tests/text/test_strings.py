"""Which texts are blank."""

from __future__ import annotations

import sys

import pyarrow as pa

from toolkit.text.strings import is_blank


def test_blank_is_what_python_calls_space() -> None:
    characters = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    assert is_blank(pa.array(characters)).to_pylist() == [c.isspace() for c in characters]
    assert is_blank(pa.array(["", None, " \u3000\t", " \u3000a"])).to_pylist() == [True] * 3 + [
        False
    ]
