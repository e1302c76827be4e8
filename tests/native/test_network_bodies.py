"""Tables of a network that would have the core read what is not there are not taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.native.both_ways import needs_core
from toolkit.native.networks import ConvBody, LinearBody, RecurrentBody

pytestmark = needs_core

MOST = 10


def _linear(words: int, pairs: int) -> LinearBody | None:
    found = {"words": np.zeros(words, np.int8), "pairs": np.zeros(pairs, np.int8)}
    return LinearBody.of(_with(found, vocabulary=words, pairs_size=pairs), MOST)


def _recurrent(
    size: int, slots: int, rows: int, pair: int = -1, columns: int = 8, most: int = MOST
) -> RecurrentBody | None:
    found = {
        "rows": np.zeros((rows, 4 * columns), np.int8),
        "slots": np.full(slots, pair, np.int32),
        "scale": np.ones(columns, np.float32),
        "group_sizes": np.array([columns, columns // 2, columns // 2, columns, columns]),
        "units": np.array([columns // 2]),
    }
    sizes = {"vocabulary": size, "slots_size": slots, "quotients": 4096}
    return RecurrentBody.of(_with(found, **sizes), most)


def _conv(size: int, filters: int = 4) -> ConvBody | None:
    first, second = (np.zeros((rows, filters), np.float32) for rows in (size, size + 1))
    return ConvBody.of(_with({"first": first, "second": second}, no_token=size, width=MOST), MOST)


def _with(arrays: dict[str, Any], **numbers: int) -> dict[str, Any]:
    return arrays | {name: np.array(number) for name, number in numbers.items()}


def test_tables_that_fit() -> None:
    places = np.array([0]), np.array([3])
    recurrent = _recurrent(8, 1, 9), _recurrent(8, 1, 20, pair=11 << 12, columns=32)
    for body in (_linear(8, 1), *recurrent, _conv(8)):
        assert body is not None
        assert body.run(np.array([4, 5, 7], np.int32), *places, MOST) is not None
        for unknown in (8, -1, np.iinfo(np.int32).max):
            assert body.run(np.array([4, unknown, 7], np.int32), *places, MOST) is None


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: _linear(8, 0), id="no pairs, by whose number the core divides"),
        pytest.param(lambda: _recurrent(8, 0, 20), id="no slots of rows"),
        pytest.param(lambda: _recurrent(1, 4, 20), id="no row of the start id, and what it reads"),
        pytest.param(lambda: _recurrent(8, 4, 8), id="no row of no pair"),
        pytest.param(lambda: _recurrent(8, 4, 19, pair=11 << 12), id="too few rows for the pairs"),
        pytest.param(lambda: _recurrent(8, 4, 20, columns=0), id="no columns"),
        pytest.param(lambda: _recurrent(8, 4, 20, columns=12), id="columns that fill no register"),
        pytest.param(lambda: _recurrent(8, 4, 20, columns=40), id="too many columns"),
        pytest.param(lambda: _recurrent(8, 4, 20, most=4096), id="too many tokens"),
        pytest.param(lambda: _linear(1, 8), id="no weight of the start id"),
        pytest.param(lambda: _conv(1), id="no row of the start id"),
        pytest.param(lambda: _conv(8, 13_108), id="256 MiB of activations for 1,000 reviews"),
    ],
)
def test_tables_that_do_not_fit(make: Callable[[], object]) -> None:
    assert make() is None
