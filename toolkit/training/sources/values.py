"""What the columns of a file hold, as texts, as ids, and as labels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa

from toolkit.errors import InputError
from toolkit.records.readers import Columns
from toolkit.training.columns import ColumnNames
from toolkit.training.sources.reviews import Rows, Targets

# What counts as a label beside a probability, lowercased.
_LABELS = {"neg": 0.0, "negative": 0.0, "pos": 1.0, "positive": 1.0}
# Python's `float` takes "1_0", "nan" and the digits of any script, too.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII)
_SHOWN = 60


def read_texts(column: pa.ChunkedArray, place: str) -> pa.ChunkedArray:
    """The texts of a column as large_string; raises `InputError` if it holds something else."""
    texts = as_strings(column, place, "--text-column")
    numbers = pa.types.is_primitive(column.type)
    if numbers and texts.null_count < len(texts):
        raise InputError(
            f"{place}: expected text, found {column.type}. Choose another with --text-column."
        )
    return texts


def as_strings(column: pa.ChunkedArray, place: str, option: str) -> pa.ChunkedArray:
    """The column as large_string, whose offsets do not end at 2 GiB."""
    try:
        return column.cast(pa.large_string())
    except pa.ArrowException:
        raise InputError(
            f"{place}: expected text or numbers, found {column.type}. Choose another with {option}."
        ) from None


def read_ids(table: Columns, columns: ColumnNames, path: Path) -> pa.ChunkedArray | None:
    """The ids of a file as large_string; None if it has none, or a usual name is no id's."""
    name = columns.id_among(table, path)
    if name is None:
        return None
    try:
        return as_strings(table[name], f"{path}: column '{name}'", "--id-column")
    except InputError:
        if columns.id is None:  # nobody said that these are ids
            return None
        raise


def read_targets(column: pa.ChunkedArray, rows: Rows, place: str, option: str) -> Targets:
    """Read labels and probabilities of a positive review.

    Parameters
    ----------
    column : pa.ChunkedArray
        (rows,) numbers from 0 to 1, or the words of `_LABELS` in any case.
    rows : Rows
        Their positions in the file, for the error.
    place : str
        File and column, for the error.
    option : str
        What the user can choose another column with, for the error.

    Returns
    -------
    Targets
        (rows,) float32 from 0 to 1.

    Raises
    ------
    InputError
        If one of them is something else, or nothing.
    """
    codes = as_strings(column, place, option).combine_chunks().dictionary_encode()
    # The last one stands where there is nothing.
    values = np.array([*map(_target, codes.dictionary.to_pylist()), np.nan], np.float32)
    targets: Targets = values[codes.indices.fill_null(len(values) - 1).to_numpy()]
    wrong = np.flatnonzero(np.isnan(targets))
    if len(wrong):
        _refuse(codes[int(wrong[0])].as_py(), rows[wrong], place, option)
    return targets


def _target(word: str) -> float:
    """Give the probability that a word stands for; NaN if it is none."""
    word = word.strip().lower()
    if word in _LABELS:
        return _LABELS[word]
    value = _number(word)
    return value if 0 <= value <= 1 else float("nan")


def _number(word: str) -> float:
    return float(word) if _NUMBER.fullmatch(word) else float("nan")


def _refuse(first: str | None, rows: Rows, place: str, option: str) -> NoReturn:
    word = (first or "").strip().lower()
    found = f"the label {first[:_SHOWN]!r}" if first and word else "no label"
    others = f" ({len(rows):,} such rows)" if len(rows) > 1 else ""
    stars = ""
    if _number(word) > 1:
        stars = (
            " Stars become labels first: of five, write 0 for one and two, 1 for four and five, "
            "and leave out the rows with three. Percentages are divided by 100."
        )
    raise InputError(
        f"{place}, row {rows[0] + 1}: found {found}{others}, expected 0 or 1, neg or pos, "
        "negative or positive, or the probability of positive from 0 to 1. "
        f"Choose the column with {option}.{stars}"
    )
