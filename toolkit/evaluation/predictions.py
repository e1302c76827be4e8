"""Probabilities from a file, so that any other model can be compared on the same reviews."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.evaluation.labelled_reviews import LabelledReviews
from toolkit.evaluation.metrics import Probabilities
from toolkit.records.formats import beside
from toolkit.records.read_options import ReadOptions
from toolkit.records.table import read_table


def load_predictions(path: Path, reviews: LabelledReviews, reading: ReadOptions) -> Probabilities:
    """Read the (reviews,) probabilities of a file, such as an output of `toolkit score`.

    They are NaN where the file has none. Raises `InputError` unless it has one row per row of the
    data, with the same text if it has texts, and a probability for at least one review.
    """
    texts = replace(reading.columns.of("text"), is_needed=False)
    if not texts.joined_with:
        texts = replace(texts, names=(reviews.columns["text"],))
    table = read_table(path, beside(path, reading), reading.columns.of("probability"), texts)
    if table.rows != reviews.rows_in_all:
        raise InputError(
            f"{table.name}: {table.rows:,} rows, but {reviews.path} has {reviews.rows_in_all:,}. "
            "Give a prediction for each row, in the same order."
        )
    if "text" in table.chosen:
        _check_texts(table.name, table["text"].take(pa.array(reviews.rows)), reviews)
    is_filled = np.isin(reviews.rows, table.filled("probability"))
    if not is_filled.any():
        raise InputError(
            f"{table.place('probability')}: has no probability for any review with a label. Choose "
            "the column with --probability-column."
        )
    found = np.full(len(reviews), np.nan, np.float32)
    found[is_filled] = table.probabilities(reviews.rows[is_filled])
    return found


def _check_texts(name: str, texts: pa.ChunkedArray, reviews: LabelledReviews) -> None:
    """Refuse predictions that were made for other reviews, or in another order."""
    same = pc.fill_null(pc.equal(texts, reviews.texts), False).to_numpy()
    if not same.all():
        row = reviews.rows[np.argmin(same)] + 1
        raise InputError(
            f"{name}: row {row:,} has another text than row {row:,} of {reviews.path}. Give a "
            "prediction for each row, in the same order."
        )
