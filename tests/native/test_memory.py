"""Arrays of Arrow in memory of every kind: exact, at any address, with nulls, or none at all."""

from __future__ import annotations

import sys

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from tests.native.both_ways import (
    TYPES,
    array_of,
    check_all,
    guarded,
    native_rows,
    needs_core,
    plain_row,
    tables_of,
    vocabulary_of,
)
from toolkit.native.texts import WordTable
from toolkit.text.vocabulary import Vocabulary

pytestmark = needs_core

TEXTS = [b"a" * 63 + b" the", b"the", b"", b"the movie " * 500, b" " * 4096 + b"the",
         b"x" * 4097, b"a \xe2\x80", b"\xe2", b"a \xc2", b"don't 12", b"13 bytes, the"]  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="closes memory by mprotect")
@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("kind", TYPES)
def test_nothing_outside_the_buffers_is_read(kind: pa.DataType, before: bool) -> None:
    # A read of one byte too many ends the process: the memory after (or before) each is closed.
    for text in TEXTS:
        for extra in ([], [b"the", None]):
            texts = [*extra, text] if not before else [text, *extra]
            array = array_of(texts, kind)
            copied = [part and guarded(part.to_pybytes(), before) for part in array.buffers()]
            exact = pa.Array.from_buffers(kind, len(texts), copied)
            for table in tables_of(vocabulary_of(2)).values():
                for last in (None, 1):
                    expected = [plain_row(each, 2, last) for each in texts]
                    assert native_rows(table, exact, last) == expected


def _moved(part: pa.Buffer | None) -> pa.Buffer | None:
    """Copy a buffer to an address that is not a multiple of 2."""
    if part is None:
        return None
    place: npt.NDArray[np.uint8] = np.zeros(part.size + 2, np.uint8)
    start = 1 - place.ctypes.data % 2
    place[start : start + part.size] = np.frombuffer(part, np.uint8)
    return pa.py_buffer(place[start : start + part.size])


@pytest.mark.parametrize("kind", TYPES)
def test_buffers_of_any_address(kind: pa.DataType) -> None:
    array = array_of([*TEXTS, None], kind)
    moved = pa.Array.from_buffers(kind, len(array), [_moved(part) for part in array.buffers()])
    expected = [plain_row(text, 2, 2) for text in [*TEXTS[1:], None]]
    for table in tables_of(vocabulary_of(2)).values():
        assert native_rows(table, moved[1:], 2) == expected


@pytest.mark.parametrize("kind", TYPES)
def test_nulls_that_hold_text(kind: pa.DataType) -> None:
    texts: list[bytes | None] = [b"the movie that is not there", b"a", b"the"] * 8
    is_valid = [row % 3 == 1 or row > 20 for row in range(len(texts))]
    _, *buffers = array_of(texts, kind).buffers()
    validity = pa.array(is_valid).buffers()[1]
    array = pa.Array.from_buffers(kind, len(texts), [validity, *buffers])
    shown = [text if here else None for text, here in zip(texts, is_valid, strict=True)]
    for table in tables_of(vocabulary_of(2)).values():
        for start in (0, 5):
            expected = [plain_row(text, 2) for text in shown[start:]]
            assert native_rows(table, array[start:], None) == expected


@pytest.mark.parametrize("kind", TYPES)
def test_arrays_without_texts(kind: pa.DataType) -> None:
    no_memory = [None, pa.py_buffer(b""), pa.py_buffer(b"")][: 2 if kind == pa.string_view() else 3]
    empty = pa.Array.from_buffers(kind, 0, no_memory)
    arrays = [empty, pa.array([], kind), array_of([b"a"], kind)[1:], pa.chunked_array([], kind)]
    for array in arrays:
        assert len(vocabulary_of(2).encode(array)) == 0
        assert len(vocabulary_of(2).encode(array, 3)) == 0
    for array in (pa.nulls(3, kind), pa.nulls(3), array_of([b""] * 3, kind)):
        assert vocabulary_of(2).encode(array).lengths.tolist() == [0, 0, 0]
    check_all([b"", None, b" "], 2, None)


def test_a_dictionary_is_not_written_out_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    encode = WordTable.encode

    def spy(
        self: WordTable, texts: pa.Array, last: int | None = None
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        seen.append(len(texts))
        return encode(self, texts, last)

    monkeypatch.setattr(WordTable, "encode", spy)
    few = pa.DictionaryArray.from_arrays(pa.array([1, 0, None, 1] * 1000), ["the", "a movie"])
    ids = Vocabulary(pa.array(["the", "movie"])).encode(few)
    assert ids.lengths.tolist() == [2, 1, 0, 2] * 1000
    assert ids.values.tolist() == [2, 5, 4, 2, 5] * 1000
    assert max(seen) <= 1024
    assert sum(seen) == 4000
