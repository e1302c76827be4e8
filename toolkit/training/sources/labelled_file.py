"""A labelled file: one review a row, with its text and its label in columns."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.readers import find_reader
from toolkit.training.columns import ColumnNames
from toolkit.training.sources.reviews import Labels, Reviews, Rows, group_codes, rows_with_text

# What counts as a label, lowercased. Arrow writes the number 1.0 as "1".
_LABELS = {
    "0": 0, "0.0": 0, "neg": 0, "negative": 0,
    "1": 1, "1.0": 1, "pos": 1, "positive": 1,
}  # fmt: skip
_SHOWN = 60


def load(path: Path, columns: ColumnNames) -> Reviews:
    """Read a labelled file.

    Rows without text (null or blank) are left out and counted. A row with text and without a
    label that can be read is an error: silently leaving it out would hide a wrong column.

    Parameters
    ----------
    path : Path
        CSV, TSV, JSONL or Parquet, by its name.
    columns : ColumnNames
        Where to find texts, labels and groups.

    Returns
    -------
    Reviews
        In the order of the file.

    Raises
    ------
    InputError
        If the file cannot be read, or what a column holds is not what it should be.
    UsageError
        If no format belongs to its name, or it has no such column.
    """
    table = find_reader(path)(path)
    text, label, group = columns.among(table, path)
    texts = _text_column(table[text], f"{path}: column '{text}'")
    kept = rows_with_text(texts)
    rows = pa.array(kept)
    groups = None
    if group is not None:
        names = _as_strings(table[group], f"{path}: column '{group}'", "--group-column")
        groups = group_codes(names.take(rows))
    labels = _read_labels(table[label].take(rows), kept, f"{path}: column '{label}'")
    return Reviews(path.name, texts.take(rows), labels, groups, len(texts) - len(kept))


def _text_column(column: pa.ChunkedArray, place: str) -> pa.ChunkedArray:
    texts = _as_strings(column, place, "--text-column")
    numbers = pa.types.is_primitive(column.type)
    if numbers and texts.null_count < len(texts):
        raise InputError(
            f"{place}: expected text, found {column.type}. Choose another with --text-column."
        )
    return texts


def _as_strings(column: pa.ChunkedArray, place: str, option: str) -> pa.ChunkedArray:
    """The column as large_string, whose offsets do not end at 2 GiB."""
    try:
        return column.cast(pa.large_string())
    except pa.ArrowException:
        raise InputError(
            f"{place}: expected text or numbers, found {column.type}. Choose another with {option}."
        ) from None


def _read_labels(column: pa.ChunkedArray, rows: Rows, place: str) -> Labels:
    """Labels as 0 and 1; ``rows`` are their positions in the file, for the error."""
    names = _as_strings(column, place, "--label-column")
    known = pa.array(_LABELS, pa.large_string())
    places = pc.index_in(pc.utf8_lower(pc.utf8_trim_whitespace(names)), value_set=known)
    wrong = np.flatnonzero(places.is_null().to_numpy())
    if len(wrong):
        _refuse_label(names[int(wrong[0])].as_py(), rows[wrong], place)
    values = pa.array(_LABELS.values(), pa.int8())
    return np.asarray(values.take(places.combine_chunks()).to_numpy())


def _refuse_label(first: str | None, rows: Rows, place: str) -> NoReturn:
    found = f"the label {first[:_SHOWN]!r}" if first and first.strip() else "no label"
    others = f" ({len(rows):,} such rows)" if len(rows) > 1 else ""
    raise InputError(
        f"{place}, row {rows[0] + 1}: found {found}{others}, expected 0 or 1, neg or pos, "
        "negative or positive. Choose the column with --label-column."
    )
