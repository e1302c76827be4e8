"""The bodies of networks in the core: from token ids to the sums of a review.

The sums have the same bits as in ONNX Runtime, in any order: they are whole numbers that float32
holds exactly, or the results of single operations.

To run a network in the core, add a class to `BODIES` and C code to `networks.h`. The class names
the nodes of the ONNX graph that it replaces, checks that the weights fit together, and makes the
call. If the graph of a network changes, the hash of its nodes changes, too:
tests/networks/test_network_body.py fails, and prints the new hash.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from toolkit import native as library
from toolkit.native.texts import address_of

Array = npt.NDArray[Any]
Parameters = Mapping[str, Array]

_MOST_TOKENS = 1 << 15  # sums of that many numbers of 8 bits are exact in float32
_LARGEST = np.iinfo(np.int32).max
# These three are as in `networks.h`.
_COLUMNS_TOGETHER = 8
_GROUPS = 4
_MOST_RECURRENT_COLUMNS = 32
_MOST_RECURRENT_TOKENS = 4096  # sums of fewer numbers up to 4,095 are exact in float32
_MOST_ACTIVATIONS = 1 << 16  # of a review, to limit memory; above it, ONNX Runtime is used
_START_ID = 1  # as in `toolkit.text.token_ids`, and the next
_UNKNOWN_ID = 2
_QUOTIENTS = 4096  # as in `toolkit.text.pairs`


@dataclass(frozen=True)
class KnownNodes:
    """Consecutive nodes of an ONNX graph; places count from the first node."""

    count: int
    digest: str  # of what `toolkit.model.native_network.Graph` lists of them
    # Weights with any values and sizes: the position of each in the order of use.
    weights: Mapping[str, int] = field(default_factory=dict)
    constants: Mapping[str, int] = field(default_factory=dict)  # nodes that read only weights
    results: Mapping[int, type] = field(default_factory=dict)  # nodes whose outputs are read later


class Body(Protocol):
    """A part of a network, from token ids to arrays (rows, …); safe to share between threads."""

    def run(self, ids: Array, starts: Array, stops: Array, most: int) -> list[Array] | None:
        """Return the sums of each review; None if an id is beyond the tables.

        Review i is ``ids[starts[i]:stops[i]]``, int32 and int64, without the start id, which is
        added in front; the last ``most`` ids are read.
        """
        ...


class _Reviews(ctypes.Structure):
    _fields_ = (
        ("ids", ctypes.c_void_p),
        ("starts", ctypes.c_void_p),
        ("stops", ctypes.c_void_p),
        ("rows", ctypes.c_int64),
        ("most", ctypes.c_int64),
    )


@cache
def _struct_of(*kinds: type) -> type[ctypes.Structure]:
    types = {np.ndarray: ctypes.c_void_p, int: ctypes.c_int32, float: ctypes.c_float}
    names = [(f"field_{at}", types[kind]) for at, kind in enumerate(kinds)]
    return type("Struct", (ctypes.Structure,), {"_fields_": names})


class TableBody:
    """A body that one function of the core computes from arrays and numbers."""

    def __init__(
        self,
        function: str,
        fields: Sequence[Array | int | float],
        results: Sequence[tuple[type, tuple[int, ...]]],
    ) -> None:
        """``fields`` are the fields of a C struct, in order; each result has a type and a shape."""
        self._kept = [
            np.ascontiguousarray(field) if isinstance(field, np.ndarray) else field
            for field in fields
        ]
        self._struct = _struct_of(*map(type, self._kept))(
            *(address_of(each) if isinstance(each, np.ndarray) else each for each in self._kept)
        )
        self._where = ctypes.addressof(self._struct)
        core = library.core()
        self._function = None if core is None else core[function]
        self._results = results

    def run(self, ids: Array, starts: Array, stops: Array, most: int) -> list[Array] | None:
        """Return the results, (rows, ...) each, as `Body.run`; None also without a core."""
        rows = len(starts)
        found: list[Array] = [np.empty((rows, *shape), kind) for kind, shape in self._results]
        is_done = self.call(ids=ids, starts=starts, stops=stops, most=most, arrays=found)
        return found if is_done else None

    def call(
        self, ids: Array, starts: Array, stops: Array, most: int, arrays: Sequence[Array]
    ) -> bool:
        """Call the function with reviews and arrays; False if it refuses, or without a core."""
        if self._function is None:
            return False
        reviews = _Reviews(
            address_of(ids), address_of(starts), address_of(stops), len(starts), most
        )
        places = [ctypes.c_void_p(address_of(each)) for each in arrays]
        return not self._function(ctypes.c_void_p(self._where), ctypes.byref(reviews), *places)


def count_flagged(ids: Array, starts: Array, stops: Array, flags: Array) -> Array | None:
    """Count the flagged ids of reviews, (rows,) int32; arrays as in `Body.run`.

    The flags are 0 or 1, (vocabulary,) uint8. Return None without a core, or if an id has no flag.
    """
    body = TableBody("count_flagged", [flags, len(flags)], [(np.int32, ())])
    counted = body.run(ids, starts, stops, most=_LARGEST)
    return None if counted is None else counted[0]


class LinearBody(TableBody):
    """Body of `ngram-linear`: sum of codes, tokens and known tokens, (rows,) each."""

    nodes: ClassVar = KnownNodes(
        28,
        "e4a341b791c0f74c3a05174515018e22",
        weights={"words": 1, "vocabulary": 6, "pairs_size": 7, "pairs": 8},
        results={24: np.float32, 27: np.float32},
    )
    counts_known: ClassVar = True  # whether the last result is the number of known tokens

    def __init__(self, words: Array, pairs: Array) -> None:
        results = [(np.float32, ()), (np.float32, ()), (np.int32, ())]
        super().__init__("sum_linear", [words, pairs, len(words), len(pairs)], results)

    @classmethod
    def of(cls, found: Parameters, most: int) -> LinearBody | None:
        """Make a body from the weights of a graph; None if they do not fit together."""
        words = found["words"]
        pairs = found["pairs"]
        if not _have_dimensions(found, words=1, pairs=1):
            return None
        fits = (
            words.dtype == pairs.dtype == np.int8
            and int(found["vocabulary"]) == len(words)
            and int(found["pairs_size"]) == len(pairs) > 0
        )
        return cls(words, pairs) if fits and _are_keys(len(words)) and most < _MOST_TOKENS else None

    @classmethod
    def of_words(cls, words: Array, most: int) -> LinearBody | None:
        """Make a body from the weights of words; None unless padding and start have weight 0."""
        if words.ndim != 1:
            return None
        fits = words.dtype == np.int8 and not words[: _START_ID + 1].any()
        is_small = _are_keys(len(words)) and most < _MOST_TOKENS
        return cls(words, np.zeros(1, np.int8)) if fits and is_small else None


class RecurrentBody(TableBody):
    """Body of `ngram-recurrent`: maxima and sums of the outputs, (rows, columns) each.

    Tokens and known tokens follow, (rows,) each.
    """

    nodes: ClassVar = KnownNodes(
        46,
        "0e33315c4cb37b0e15a0a918070b03c1",
        weights={
            "vocabulary": 5,
            "slots_size": 6,
            "slots": 7,
            "quotients": 8,
            "rows": 10,
            "group_sizes": 11,
            "units": 12,
            "scale": 15,
        },
        results={41: np.float32, 42: np.float32, 45: np.float32},
    )
    counts_known: ClassVar = True

    def __init__(self, found: Parameters) -> None:
        rows, slots, scale = (found[name] for name in ("rows", "slots", "scale"))
        columns = (len(scale),)
        sizes = int(found["vocabulary"]), *columns, len(slots)
        results = [(np.float32, columns), (np.float32, columns), (np.float32, ()), (np.int32, ())]
        super().__init__("remember_vectors", [rows, slots, scale, *sizes], results)

    @classmethod
    def of(cls, found: Parameters, most: int) -> RecurrentBody | None:
        """Make a body from the weights of a graph; None if they do not fit together."""
        if not _have_dimensions(found, rows=2, slots=1, scale=1, group_sizes=1, units=1):
            return None
        rows, slots, scale = (found[name] for name in ("rows", "slots", "scale"))
        columns = len(scale)
        size = int(found["vocabulary"])
        fits = (
            rows.dtype == np.int8
            and slots.dtype == np.int32
            and scale.dtype == np.float32
            and 0 < columns <= _MOST_RECURRENT_COLUMNS
            and columns % _COLUMNS_TOGETHER == 0
            and rows.shape[1] == _GROUPS * columns
            and found["units"].tolist() == [columns // 2]
            and found["group_sizes"].tolist()
            == [columns, columns // 2, columns // 2, columns, columns]
            and int(found["slots_size"]) == len(slots) > 0
            and int(found["quotients"]) == _QUOTIENTS
            and _are_keys(size)
            and most < _MOST_RECURRENT_TOKENS
            and bool(np.isfinite(scale).all())
        )
        if not fits:
            return None
        is_inside = int(slots.min()) >= -1 and size + int(slots.max()) // _QUOTIENTS < len(rows)
        # The core does not pad, so padding must not write, read or add to the output.
        is_free = size < len(rows) and not rows[0, columns:].any()
        return cls(found) if is_inside and is_free else None


class HiddenWords:
    """The fall of the logit of `ngram-recurrent` if a known word is hidden, to about 1e-5."""

    # The nodes after the body: from the square root of the number of tokens to the logit.
    head: ClassVar = KnownNodes(
        15,
        "9e02b16b65b58ed3f664f8e38e7a838b",
        weights={"kernel": 4, "hidden_bias": 6, "last": 7, "bias": 8},
    )
    _HIDDEN: ClassVar = (32, 64)  # units that the core adds up together
    _EIGHTS_OF_TOKEN: ClassVar = 2 * (_GROUPS + 5) * 2  # as in `networks.h`

    def __init__(self, body: Parameters, head: Parameters) -> None:
        rows, slots, scale = (body[name] for name in ("rows", "slots", "scale"))
        sizes = int(body["vocabulary"]), len(scale), len(slots)
        kernel, hidden_bias, last = (head[name] for name in ("kernel", "hidden_bias", "last"))
        fields: list[Array | int | float] = [
            rows,
            slots,
            scale,
            *sizes,
            kernel.T,
            hidden_bias,
            last,
            len(kernel),
        ]
        self._table = TableBody("hide_each", fields, ())

    @classmethod
    def of(cls, body: Parameters, head: Parameters, most: int) -> HiddenWords | None:
        """Make a body from the weights of a graph; None if they do not fit together."""
        if RecurrentBody.of(body, most) is None or not _have_dimensions(
            head, kernel=2, hidden_bias=1, last=1
        ):
            return None
        hidden, pooled = head["kernel"].shape
        fits = (
            all(each.dtype == np.float32 for each in head.values())
            and hidden in cls._HIDDEN
            and pooled == 2 * len(body["scale"])
            and head["hidden_bias"].shape == (hidden,)
            and head["last"].shape == (pooled + hidden,)
        )
        return cls(body, head) if fits else None

    def run(self, ids: Array, starts: Array, stops: Array, most: int) -> Array | None:
        """Return the fall for each id, (ids,) float32, 0 if unknown; None as in `Body.run`."""
        before = np.cumsum(np.append(np.int32(0), ids > _START_ID), dtype=np.int32)
        tokens = before[stops] - before[np.maximum(starts, stops - most)]
        units = (1 / (4 * np.sqrt(tokens + 1))).astype(np.float32)
        space = np.empty((self._EIGHTS_OF_TOKEN * (most + 2), 8), np.float32)
        found = np.zeros(len(ids), np.float32)
        is_done = self._table.call(
            ids=ids, starts=starts, stops=stops, most=most, arrays=[units, space, found]
        )
        return found if is_done else None


class ConvBody(TableBody):
    """Body of `conv1d`: the activations after pooling, (rows, width / 2, filters)."""

    nodes: ClassVar = KnownNodes(
        15,
        "835d7d1afd84aab1db904847277c5804",
        weights={
            "embedding": 0,
            "first_kernel": 1,
            "bias": 2,
            "width": 4,
            "second_kernel": 7,
            "no_token": 11,
        },
        constants={"first": 1, "second": 5},
        results={14: np.float32},
    )
    counts_known: ClassVar = False

    def __init__(self, first: Array, second: Array, width: int) -> None:
        filters = first.shape[1]
        fields = [first, second, len(first), filters, width]
        super().__init__("convolve", fields, [(np.float32, (width // 2, filters))])

    @classmethod
    def of(cls, found: Parameters, most: int) -> ConvBody | None:
        """Make a body from the tables of a graph; None if they do not fit together."""
        first = found["first"]
        second = found["second"]
        if first.ndim != 2 or not first.size or found["no_token"].ndim:
            return None
        fits = (
            first.dtype == second.dtype == np.float32
            and second.shape[-1:] == first.shape[1:]
            and second.size == (len(first) + 1) * first.shape[1]
            and most % 2 == 0
            and most // 2 * first.shape[1] <= _MOST_ACTIVATIONS
            and int(found["no_token"]) == len(first) > 1
            and found["width"].reshape(-1).tolist() == [most]
            and bool(np.isfinite(first).all() and np.isfinite(second).all())
        )
        return cls(first, second, most) if fits else None


# To add a network, add an entry.
BODIES = (LinearBody, RecurrentBody, ConvBody)


class AdaptedBody:
    """Body of an adapted network: outputs of its base, its own sum, tokens and known tokens."""

    # Nodes before the body of the base, which words it knows, and after it, the sum of own weights.
    known_words: ClassVar = KnownNodes(2, "8b6d07905ec0abbe78df39152fdc443a", weights={"known": 0})
    sum_of_words: ClassVar = KnownNodes(
        12,
        "87f3bc43d88f76f463321317f1579fd3",
        weights={"words": 1},
        results={8: np.float32, 11: np.float32},
    )

    def __init__(self, base: Body, words: LinearBody, known: int, features: int) -> None:
        self._base = base
        self._words = words
        self._features = features
        self._known = known  # ids from here up are unknown words to the base

    @classmethod
    def of(cls, base: Body, features: int, found: Parameters, most: int) -> AdaptedBody | None:
        """Make a body from the body of the base, its number of features, and the own weights."""
        words = LinearBody.of_words(found["words"], most) if "words" in found else None
        if words is None or found["known"].ndim:
            return None
        return cls(base=base, words=words, known=found["known"].item(), features=features)

    def run(self, ids: Array, starts: Array, stops: Array, most: int) -> list[Array] | None:
        """Return features of the base, sum and tokens, float32, and known tokens, int32."""
        of_base = np.where(ids < self._known, ids, np.int32(_UNKNOWN_ID))
        base = self._base.run(of_base, starts, stops, most=most)
        own = self._words.run(ids, starts, stops, most=most)
        return None if base is None or own is None else [*base[: self._features], *own]


def _have_dimensions(found: Parameters, **tables: int) -> bool:
    """Check whether the named weights have these numbers of dimensions, and the others none."""
    return all(array.ndim == tables.get(name, 0) for name, array in found.items())


def _are_keys(vocabulary: int) -> bool:
    """Check whether keys of pairs fit into 32 bits, and the vocabulary has the start id."""
    return vocabulary > 1 and vocabulary**2 - 1 <= _LARGEST
