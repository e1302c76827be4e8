"""Small labelled reviews that a network can learn in a moment."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from toolkit.training import Reviews, TrainingOptions, UnlabelledReviews

if TYPE_CHECKING:
    from toolkit.training.fit_padded import Encoded

_GOOD = ("superb", "delightful", "moving", "brilliant")
_BAD = ("dull", "awful", "clumsy", "boring")
_PLAIN = ("the", "film", "was", "and", "a", "story", "with", "its", "actors", "music")


def make_rows(count: int, seed: int = 7) -> list[tuple[str, str]]:
    """Text and label (0 or 1) of ``count`` reviews, half of them positive."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        opinions = _GOOD if number % 2 else _BAD
        words = draw.choices(_PLAIN, k=8) + draw.choices(opinions, k=2)
        draw.shuffle(words)
        rows.append((" ".join(words), str(number % 2)))
    return rows


@pytest.fixture(autouse=True, scope="package")
def _fewer_slots() -> Iterator[None]:
    """A step over a million hashed pairs takes as long as all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.networks.ngram_linear.SLOTS", 4093)
        yield


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[..., Path]:
    """Write rows of fields as a CSV file with a header."""

    def write(
        *rows: tuple[str, ...], header: tuple[str, ...] = ("text", "label"), name: str = "r.csv"
    ) -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return write


@pytest.fixture
def reviews_csv(write_csv: Callable[..., Path]) -> Path:
    """Sixty labelled reviews."""
    return write_csv(*make_rows(60), name="reviews.csv")


def remember_encodings(patch: pytest.MonkeyPatch) -> list[Encoded]:
    """Keep what each fit on padded rows is given, in the order of the fits."""
    from toolkit.training import fit_padded as padded

    found: list[Encoded] = []
    encode = padded.encode

    def remembered(*arguments: Any) -> Encoded:
        found.append(encode(*arguments))
        return found[-1]

    patch.setattr(padded, "encode", remembered)
    return found


@pytest.fixture
def encodings(monkeypatch: pytest.MonkeyPatch) -> list[Encoded]:
    return remember_encodings(monkeypatch)


@pytest.fixture
def options(reviews_csv: Path, tmp_path: Path) -> TrainingOptions:
    """A short training of small data."""
    return TrainingOptions(
        data=str(reviews_csv),
        preset="conv1d",
        output=tmp_path / "run",
        epochs=3,
        batch_size=8,
        seed=3,
    )


def make_reviews(count: int, seed: int = 7) -> Reviews:
    texts, labels = zip(*make_rows(count, seed), strict=True)
    return Reviews("made up", pa.chunked_array([texts]), np.array(labels).astype(np.int8))


def make_unlabelled(count: int, known: float = 0) -> UnlabelledReviews:
    """Reviews of other words' order; a teacher knows a share of them, by their labels."""
    reviews = make_reviews(count, seed=11)
    teacher = np.where(reviews.labels == 1, 0.97, 0.03).astype(np.float32)
    teacher[round(count * known) :] = np.nan
    return UnlabelledReviews("more", reviews.texts, teacher=teacher if known else None)
