"""Probabilities that others give to the same reviews, so that any model can be compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.evaluation.metrics import Probabilities
from toolkit.evaluation.reviews import LabelledReviews, as_strings, read_columns
from toolkit.records.columns import choose_column

_OPTION = "--probability-column"


def load_predictions(path: Path, reviews: LabelledReviews, column: str) -> Probabilities:
    """Read the probabilities of a file.

    Parameters
    ----------
    path : Path
        CSV, TSV, JSONL or Parquet, with a row for each row of the data, in the same order. Where it
        has the column of the texts, too, they must be the same.
    reviews : LabelledReviews
        The data.
    column : str
        With the probability of the positive class, 0 to 1. Rows that are left out of the data may
        have none.

    Returns
    -------
    Probabilities
        (reviews,) float32.

    Raises
    ------
    InputError
        If it has another number of rows, other texts, or a value that is no probability.
    UsageError
        If no format belongs to its name, or it has no such column.
    """
    table = read_columns(path)
    name = choose_column(str(path), table, (column,), _OPTION)
    values = table[name]
    if len(values) != reviews.rows_in_all:
        raise InputError(
            f"{path}: {len(values):,} rows, but {reviews.path} has {reviews.rows_in_all:,}. Give a "
            "prediction for each row, in the same order."
        )
    rows = pa.array(reviews.rows)
    _check_texts(path, table.get(reviews.columns["text"]), rows, reviews)
    return _numbers(as_strings(values.take(rows), path, name, _OPTION), path, name, reviews)


def _check_texts(
    path: Path, texts: pa.ChunkedArray | None, rows: pa.Array, reviews: LabelledReviews
) -> None:
    """Refuse predictions that were made for other reviews, or in another order."""
    if texts is None:
        return
    texts = as_strings(texts.take(rows), path, reviews.columns["text"], "--text-column")
    same = pc.fill_null(pc.equal(texts, reviews.texts), False).to_numpy()
    if not same.all():
        row = reviews.rows[np.argmin(same)] + 1
        raise InputError(
            f"{path}: row {row:,} has another text than row {row:,} of {reviews.path}. Give a "
            "prediction for each row, in the same order."
        )


def _numbers(
    written: pa.ChunkedArray, path: Path, name: str, reviews: LabelledReviews
) -> Probabilities:
    values = np.array([_number(value) for value in written.to_pylist()], np.float64)
    with np.errstate(invalid="ignore"):
        good = (values >= 0) & (values <= 1)
    if not good.all():
        at = int(np.argmin(good))
        found = written[at].as_py()
        raise InputError(
            f"{path}: column {name!r}, row {reviews.rows[at] + 1:,}: expected a probability from 0 "
            f"to 1, found {repr(found) if found else 'nothing'}. Choose another with {_OPTION}."
        )
    return values.astype(np.float32)


def _number(value: str | None) -> float:
    try:
        return float(value or "nan")
    except ValueError:
        return float("nan")
