"""Ratings are of five stars or of ten, whatever else a column holds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from toolkit.records.labels import Ratings, read_ratings


def read(*words: str | None, scale: int | None = None) -> Ratings | None:
    return read_ratings(pa.chunked_array([pa.array(words, pa.large_string())]), "c", scale)


@pytest.mark.parametrize(
    ("words", "stars", "scale"),
    [
        (("1", "5", "4.5", None), [1, 5, 4.5, np.nan], 5),
        (("1 star", "5 Stars", "x", "4"), [1, 5, np.nan, 4], 5),
        (("0.5", "4"), [1, 4], 5),
        (("1", "10", "7", "0"), [1, 5, 3.5, np.nan], 10),
        (("5",) * 30 + ("10",), [5] * 30 + [np.nan], 5),  # one mistake makes no scale of ten
        (("5",) * 30 + ("10", "9"), [2.5] * 30 + [5, 4.5], 10),
    ],
)
def test_ratings_become_one_to_five_stars(
    words: tuple[str | None, ...], stars: list[float], scale: int
) -> None:
    found = read(*words)
    assert found is not None
    assert found.scale == scale
    assert found.stars.dtype == np.float32
    assert found.stars.tolist() == pytest.approx(stars, nan_ok=True)
    count = np.count_nonzero(~np.isnan(stars))
    assert found.meaning == f"column 'c', of {scale} ({count} reviews)"


@pytest.mark.parametrize(
    "words", [("PG-13", "R", "5"), ("0", "1", "1"), ("1", "2"), ("150", "80"), (None, ""), ("-1",)]
)
def test_other_columns_have_no_stars(words: tuple[str | None, ...]) -> None:
    assert read(*words) is None


def test_a_scale_that_is_known_is_kept() -> None:
    found = read("3", "4", "5", scale=10)
    assert found is not None
    assert found.stars.tolist() == [1.5, 2, 2.5]
