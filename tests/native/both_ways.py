"""Token ids by the native core on each instruction path, by Arrow, and by the plain loop."""

from __future__ import annotations

import ctypes
import mmap
from functools import cache, lru_cache

import numpy as np
import pyarrow as pa
import pytest

from tests.reference import known_as, tokens_of
from toolkit.native import core
from toolkit.native.texts import WordTable
from toolkit.text import FIRST_WORD_ID, RULES, UNKNOWN_ID, TokenIds, Vocabulary

needs_core = pytest.mark.skipif(core() is None, reason="needs the native core, compiled")

WORDS = ["the", "movie", "don't", "été", "a", "b", "", "the", "\x00", "x" * 16, "x" * 17, "a\x00"]
TYPES = (pa.string(), pa.large_string(), pa.string_view())
_PATHS = ("avx2", "sse2", "neon", "plain")

Rows = list[list[int]]


@cache
def vocabulary_of(rule: int) -> Vocabulary:
    """Give `WORDS` with a rule."""
    return Vocabulary(pa.array(WORDS), RULES[rule])


def by_arrow(vocabulary: Vocabulary) -> Vocabulary:
    """Give the same vocabulary, which does not use the core."""
    copied = Vocabulary(vocabulary.words, vocabulary.rule, vocabulary.spellings)
    copied.__dict__["_table"] = None  # where the cached property keeps it
    return copied


def tables_of(vocabulary: Vocabulary) -> dict[str, WordTable]:
    """Give the table of a vocabulary on each path that this processor has."""
    found = {path: _table_of(vocabulary, path) for path in _PATHS}
    return {path: table for path, table in found.items() if table is not None}


def _table_of(vocabulary: Vocabulary, path: str) -> WordTable | None:
    spellings = vocabulary.spellings
    strings = pa.concat_arrays([vocabulary.words, spellings.strings])
    ids = np.concatenate([np.arange(FIRST_WORD_ID, vocabulary.size), spellings.ids])
    return WordTable.of(strings, ids.astype(np.int32), vocabulary.rule, path)


def native_rows(table: WordTable, texts: pa.Array | pa.ChunkedArray, last: int | None) -> Rows:
    """Give the ids of each text, as the core gives them: no more than the last ones."""
    rows = []
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        values, bounds = table.encode(chunk, last)
        assert values.dtype == np.int32
        assert bounds.dtype == np.int64
        assert len(bounds) == len(chunk) + 1
        assert (bounds[0], bounds[-1]) == (0, len(values))
        rows += [row.tolist() for row in np.split(values, bounds[1:])[: len(chunk)]]
    return rows


def arrow_rows(vocabulary: Vocabulary, texts: pa.Array | pa.ChunkedArray, last: int | None) -> Rows:
    """Give the last ids of each text by Arrow."""
    return last_rows(by_arrow(vocabulary).encode(texts, last), last)


def last_rows(ids: TokenIds, last: int | None) -> Rows:
    """Give the last ids of each text, where there may be more."""
    rows = zip(ids.starts.tolist(), ids.stops.tolist(), strict=True)
    return [ids.values[start:stop].tolist()[-(last or 0) :] for start, stop in rows]


@lru_cache(maxsize=1 << 14)
def _plain_id(token: str, rule: int) -> int:
    word = known_as(token, WORDS, rule)
    return UNKNOWN_ID if word is None else WORDS.index(word) + FIRST_WORD_ID


@lru_cache(maxsize=1 << 12)
def _plain_ids(text: bytes, rule: int) -> list[int]:
    characters = text.decode("utf-8", "surrogateescape")
    return [_plain_id(token, rule) for token in tokens_of(characters, rule)]


def plain_row(text: bytes | None, rule: int, last: int | None = None) -> list[int]:
    """Give the last ids of a text by the plain loop; bytes that are not UTF-8 are characters."""
    return _plain_ids(text or b"", rule)[-(last or 0) :]


def array_of(texts: list[bytes | None], kind: pa.DataType) -> pa.Array:
    """Give strings of a type, of which the bytes may be no UTF-8."""
    binary = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary()}
    if kind == pa.string_view():
        return pa.array(texts, pa.binary_view()).view(kind)
    return pa.array(texts, binary[kind]).view(kind)


def check_all(texts: list[bytes | None], rule: int, last: int | None) -> None:
    """Compare all ways, on texts of each type."""
    expected = [plain_row(text, rule, last) for text in texts]
    for path, table in tables_of(vocabulary_of(rule)).items():
        for kind in TYPES:
            assert native_rows(table, array_of(texts, kind), last) == expected, (kind, path)
        values, bounds = table.encode_few([text or b"" for text in texts], last)
        assert [row.tolist() for row in np.split(values, bounds[1:])[: len(texts)]] == expected
    strings = array_of(texts, pa.string())
    assert arrow_rows(vocabulary_of(rule), strings, last) == expected


def guarded(content: bytes, before: bool) -> pa.Buffer:
    """Put bytes next to memory that cannot be read: before its start, or after its end."""
    page = mmap.PAGESIZE
    pages = -(-len(content) // page) or 1
    memory = mmap.mmap(-1, (pages + 2) * page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    protect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    start = page if before else (pages + 1) * page - len(content)
    memory[start : start + len(content)] = content
    for closed in (address, address + (pages + 1) * page):
        assert protect(closed, page, 0) == 0
    return pa.foreign_buffer(address + start, len(content), memory)
