"""A labelled file: one review a row, with its text and its label in columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.records.readers import read_file
from toolkit.training.columns import ColumnNames
from toolkit.training.sources.reviews import Reviews, group_codes, rows_with_text
from toolkit.training.sources.values import as_strings, read_ids, read_targets, read_texts


def load(path: Path, columns: ColumnNames) -> Reviews:
    """Read a labelled file.

    Rows without text (null or blank) are left out and counted. A row with text and without a
    label that can be read is an error: silently leaving it out would hide a wrong column.

    Parameters
    ----------
    path : Path
        CSV, TSV, JSONL or Parquet, by its name.
    columns : ColumnNames
        Where to find texts, labels, groups and ids.

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
    table = read_file(path)
    text, label, group = columns.among(table, path)
    texts = read_texts(table[text], f"{path}: column '{text}'")
    ids = read_ids(table, columns, path)
    kept = rows_with_text(texts)
    rows = pa.array(kept)
    groups = None
    if group is not None:
        names = as_strings(table[group], f"{path}: column '{group}'", "--group-column")
        groups = group_codes(names.take(rows))
    place = f"{path}: column '{label}'"
    targets = read_targets(table[label].take(rows), kept, place, "--label-column")
    return Reviews(
        path.name,
        texts.take(rows),
        (targets >= 0.5).astype(np.int8),
        groups,
        len(texts) - len(kept),
        targets if np.any((targets > 0) & (targets < 1)) else None,
        None if ids is None else ids.take(rows),
    )
