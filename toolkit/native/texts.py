"""The table of the core that gives the token ids of texts in Arrow's layouts."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Iterator, Mapping
from itertools import accumulate, pairwise
from threading import Lock
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit import native as library

_MOST_RANGES = 8
_CHARACTERS = 0x20000
_SEPARATOR = 1  # kinds of characters, as in separators.h
_EMOJI = 2
_APOSTROPHE = 3
_ENDS = 4
_MAY_END = 8
_ALL = 2**63 - 1  # ids of a text
_DECLARING = Lock()
_KINDS = {pa.string(): 0, pa.large_string(): 1, pa.string_view(): 2}
_KINDS |= {pa.binary(): 0, pa.large_binary(): 1, pa.binary_view(): 2}

# Characters after which a sentence ends; after "." only if no word follows at once.
ENDS_OF_SENTENCES = "!?.\n\r\v\u2026\u2028\u2029\u0085"

# The ids of some texts, one after the other, and their bounds.
Ragged = tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]
WithCuts = tuple[
    npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.bool_]
]


class _Rule(ctypes.Structure):
    _fields_ = (
        ("first", ctypes.c_uint8 * _MOST_RANGES),
        ("last", ctypes.c_uint8 * _MOST_RANGES),
        ("ranges", ctypes.c_int32),
        ("ends_at_nul", ctypes.c_int32),
        ("has_markup", ctypes.c_int32),
        ("kinds", ctypes.c_uint8 * (_CHARACTERS // 4)),
    )


class Rule(Protocol):
    """A token rule, as the core needs it."""

    @property
    def separators(self) -> str:
        """Characters between tokens."""

    @property
    def apostrophes(self) -> str:
        """Characters that belong to a token only between two other characters of it."""

    @property
    def emoji(self) -> str:
        """Characters that are tokens of their own."""

    @property
    def entities(self) -> Mapping[str, str]:
        """HTML names of separators and apostrophes, with their characters."""

    @property
    def ends_at_nul(self) -> bool:
        """Whether a text ends at its first NUL."""

    @property
    def has_markup(self) -> bool:
        """Whether tags are separators, and the entities are read."""


class Texts(ctypes.Structure):
    """An Arrow array of strings or bytes, as the core sees it."""

    _fields_ = (
        ("validity", ctypes.c_void_p),
        ("places", ctypes.c_void_p),
        ("contents", ctypes.c_void_p),
        ("offset", ctypes.c_int64),
        ("length", ctypes.c_int64),
        ("kind", ctypes.c_int32),
    )


def address_of(array: npt.NDArray[Any]) -> int:
    """Return the address of the values of a contiguous array."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array.data))  # a third of the time
    except (TypeError, ValueError):  # it must not be written, or is empty
        address: int = array.__array_interface__["data"][0]
        return address


class WordTable:
    """Strings and their ids, ready to be looked up; safe to share between threads."""

    def __init__(self, core: ctypes.CDLL, table: int) -> None:
        self._core = core
        self._table = ctypes.c_void_p(table)
        # Not at exit: a thread that nobody waits for may still use it.
        weakref.finalize(self, core.words_free, self._table).atexit = False

    @classmethod
    def of(
        cls,
        strings: pa.StringArray,
        ids: npt.NDArray[np.int32],
        rule: Rule,
        path: str | None = None,
    ) -> WordTable | None:
        """Make a table of strings and their ids; of equal strings, the first one counts.

        Return None without a core, or if the strings are too many or too long for it. ``path`` is
        an instruction path of the core, by default the best for this processor.
        """
        core = _core()
        described = None if core is None else _described(rule)
        if core is None or described is None:
            return None
        name = None if path is None else path.encode()
        table = _table(core=core, rule=described, strings=strings, ids=ids, path=name)
        made = cls(core, table) if table else None
        if table and rule.entities:
            kinds = [_kind(rule, char) for char in rule.entities.values()]
            names = pa.array(rule.entities, pa.string())
            entities = _table(
                core=core,
                rule=described,
                strings=names,
                ids=np.array(kinds, np.int32),
                path=name,
            )
            core.words_know_entities(table, entities)
            return made if entities else None
        return made

    @staticmethod
    def takes(kind: pa.DataType) -> bool:
        """Whether `encode` takes arrays of a type."""
        return kind in _KINDS

    def encode(self, texts: pa.Array, last: int | None = None) -> Ragged:
        """Return the last ids of each text, (ids,), one text after the other, and their bounds.

        The texts are strings, large strings or views, (texts,); a null counts as an empty one.
        By default, all ids are returned. The bounds, (texts + 1,), are 0 and the end of each text.
        """
        described, _kept = describe(texts)
        return self._encode(described, last)[:2]

    def encode_with_cuts(self, texts: pa.Array, last: int | None = None) -> WithCuts:
        """Return the ids and bounds of `encode`, the place of each token, and where sentences end.

        A place is the first byte of a token in its text and the byte after its last, (ids, 2). A
        cut, (ids,) truth values, says whether a sentence ends before the token, for rules with
        mark-up.
        """
        described, _kept = describe(texts)
        return self._encode(described, last, with_cuts=True)

    def encode_few(self, texts: list[bytes], last: int | None = None) -> Ragged:
        """Return the ids and bounds of a few Python strings, as `encode` does."""
        bounds = np.array([*accumulate(map(len, texts), initial=0)], np.int64)
        content = (ctypes.c_char_p * 1)(b"".join(texts))
        described = Texts(
            places=address_of(bounds),
            contents=ctypes.addressof(content),
            length=len(texts),
            kind=_KINDS[pa.large_string()],
        )
        return self._encode(described, last)[:2]

    def _encode(self, texts: Texts, last: int | None, with_cuts: bool = False) -> WithCuts:
        where = ctypes.byref(texts)
        last = _ALL if last is None else last
        most = self._core.most_ids(where, last)
        values = np.empty(most, np.int32)
        places = np.empty((most if with_cuts else 0, 2), np.int64)
        cuts = np.empty(len(places), np.bool_)
        others = (address_of(places), address_of(cuts)) if with_cuts else (None, None)
        bounds = np.zeros(texts.length + 1, np.int64)
        stops = address_of(bounds) + bounds.itemsize
        count = self._core.encode(self._table, where, last, address_of(values), stops, *others)
        return values[:count], bounds, places[:count], cuts[:count]


def _core() -> ctypes.CDLL | None:
    with _DECLARING:  # a function that two threads ask for first is made twice
        return _declared(library.core())


def _declared(core: ctypes.CDLL | None) -> ctypes.CDLL | None:
    if core is None:
        return core
    pointer = ctypes.c_void_p
    number = ctypes.c_int64
    core.words_new.restype = pointer
    core.words_new.argtypes = [pointer, pointer, pointer, pointer, ctypes.c_int32, ctypes.c_char_p]
    core.words_free.restype = core.words_know_entities.restype = None
    core.words_free.argtypes = [pointer]
    core.words_know_entities.argtypes = [pointer, pointer]
    core.most_ids.restype = core.encode.restype = number
    core.most_ids.argtypes = [pointer, number]
    core.encode.argtypes = [pointer, pointer, number, *[pointer] * 4]
    return core


def _table(
    core: ctypes.CDLL,
    rule: _Rule,
    strings: pa.StringArray,
    ids: npt.NDArray[np.int32],
    path: bytes | None,
) -> int | None:
    _, bounds, content = strings.buffers()
    bounds = np.frombuffer(bounds, np.int32, len(strings) + 1, 4 * strings.offset)
    ids = np.ascontiguousarray(ids, np.int32)
    where = 0 if content is None else content.address
    table: int | None = core.words_new(
        ctypes.byref(rule), where, address_of(bounds), address_of(ids), len(strings), path
    )
    return table


def _kind(rule: Rule, character: str) -> int:
    if character in rule.apostrophes:
        return _APOSTROPHE
    if character == ".":
        return _SEPARATOR | _MAY_END
    return _SEPARATOR | (_ENDS if character in ENDS_OF_SENTENCES else 0)


def _described(rule: Rule) -> _Rule | None:
    described = _Rule(ends_at_nul=rule.ends_at_nul, has_markup=rule.has_markup)
    marks = rule.separators + rule.apostrophes
    ranges = [*_ranges(sorted(ord(mark) for mark in marks if mark.isascii()))]
    if len(ranges) > _MOST_RANGES or ord(max(marks + rule.emoji)) >= _CHARACTERS:
        return None
    described.ranges = len(ranges)
    described.first[: len(ranges)] = [first for first, _ in ranges]
    described.last[: len(ranges)] = [last for _, last in ranges]
    kinds = np.zeros(_CHARACTERS, np.uint8)
    for characters, kind in (
        (rule.separators, _SEPARATOR),
        (rule.emoji, _EMOJI),
        (rule.apostrophes, _APOSTROPHE),
    ):
        kinds[[*map(ord, characters)]] = kind
    packed = kinds.reshape(-1, 4) << np.arange(0, 8, 2, dtype=np.uint8)
    described.kinds[:] = packed.sum(axis=1, dtype=np.uint8).tobytes()
    return described


def _ranges(codes: list[int]) -> Iterator[tuple[int, int]]:
    """Return the first and last number of each run of consecutive numbers, ascending."""
    gaps = [place for place, (one, two) in enumerate(pairwise(codes), 1) if two != one + 1]
    for start, stop in pairwise([0, *gaps, len(codes)]):
        if start < stop:
            yield codes[start], codes[stop - 1]


def describe(texts: pa.Array) -> tuple[Texts, object]:
    """Describe an array of strings or bytes; keep the other result as long as the description."""
    validity, places, *contents = texts.buffers()
    addresses = (ctypes.c_void_p * max(1, len(contents)))(
        *(content.address if content is not None else None for content in contents)
    )
    described = Texts(
        validity=None if validity is None else validity.address,
        places=None if places is None else places.address,
        contents=ctypes.addressof(addresses),
        offset=texts.offset,
        length=len(texts),
        kind=_KINDS[texts.type],
    )
    return described, (addresses, validity, places, contents)
