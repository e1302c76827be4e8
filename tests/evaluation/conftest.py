"""Labelled reviews to evaluate the shipped model on."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.models import many_texts

WriteRows = Callable[..., Path]


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteRows:
    """Write rows of fields as a CSV file."""

    def write(name: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> Path:
        path = tmp_path / name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
        return path

    return write


@pytest.fixture
def reviews_csv(write_rows: WriteRows) -> Path:
    """Eighty reviews of four films, with stars; the labels have little to do with the texts."""
    rows = [
        (text, number % 2, f"film {number % 4}", 1 + 4 * (number % 2))
        for number, text in enumerate(many_texts(80))
        if text.strip()
    ]
    return write_rows("reviews.csv", ("text", "label", "film", "stars"), rows)
