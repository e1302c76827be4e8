"""Batches of rows of about equal lengths."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("tensorflow", reason="needs the extra 'train'")

from toolkit.training.ragged_fit import batches


@given(st.lists(st.integers(1, 600), min_size=1, max_size=200), st.integers(1, 20))
def test_batches_have_each_row_once(lengths: list[int], size: int) -> None:
    found = list(batches(np.array(lengths), size, np.random.default_rng(1)))
    assert sorted(np.concatenate(found)) == list(range(len(lengths)))
    assert all(len(batch) <= size for batch in found)
    assert sum(len(batch) < size for batch in found) <= 1


def test_batches_are_of_about_equal_lengths() -> None:
    lengths = np.random.default_rng(1).integers(1, 500, 4000)
    spread = [
        np.ptp(np.log(lengths[batch])) for batch in batches(lengths, 50, np.random.default_rng(2))
    ]
    assert np.median(spread) < 0.5 < np.ptp(np.log(lengths))
