"""The labelled reviews that models are judged on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError, UsageError
from toolkit.evaluation.options import EvaluationColumns
from toolkit.files import is_there
from toolkit.records.columns import LABEL_COLUMNS, TEXT_COLUMNS, choose_column
from toolkit.records.readers import Columns, find_reader
from toolkit.records.values import EXPECTED, read_labels
from toolkit.text.strings import is_blank

# Tried for the star ratings, where no column is named.
_STARS = ("stars", "rating")
_MOST_STARS = 20  # more different values are no ratings

_SHOWN = 60

Labels = npt.NDArray[np.int8]


@dataclass(frozen=True)
class LabelledReviews:
    """Reviews with a text and a label, and how many rows had none.

    Attributes
    ----------
    path : Path
        The file.
    columns : dict[str, str]
        The names of those that were read, by what they are: text, label, group, stars.
    rows : npt.NDArray[np.int64]
        (reviews,) their positions in the file, from 0.
    rows_in_all : int
        Rows of the file.
    texts : pa.ChunkedArray
        (reviews,) large_string, none blank.
    labels : Labels
        (reviews,) int8, 1 positive and 0 negative.
    groups : pa.ChunkedArray | None
        (reviews,) large_string, such as the film.
    stars : pa.ChunkedArray | None
        (reviews,) large_string, the rating as it is written.
    without_text : int
        Rows left out because they have no text.
    without_label : int
        Rows left out because they have a text and no label.
    """

    path: Path
    columns: dict[str, str]
    rows: npt.NDArray[np.int64]
    rows_in_all: int
    texts: pa.ChunkedArray
    labels: Labels
    groups: pa.ChunkedArray | None
    stars: pa.ChunkedArray | None
    without_text: int
    without_label: int

    def __len__(self) -> int:
        return len(self.rows)


def load(path: Path, columns: EvaluationColumns) -> LabelledReviews:
    """Read labelled reviews.

    Parameters
    ----------
    path : Path
        CSV, TSV, JSONL or Parquet, by its name.
    columns : EvaluationColumns
        Where to find texts, labels, groups and stars.

    Returns
    -------
    LabelledReviews
        In the order of the file; rows without text or without label are left out and counted.

    Raises
    ------
    InputError
        If the file cannot be read, a label is there and is none, or nothing is left.
    UsageError
        If no format belongs to its name, or it has no such column.
    """
    table = read_columns(path)
    names = _choose(columns, table, path)
    texts = as_strings(table[names["text"]], path, names["text"], "--text-column")
    _check_texts(table[names["text"]], path, names["text"])
    labels = as_strings(table[names["label"]], path, names["label"], "--label-column")
    has_text = ~is_blank(texts).to_numpy(zero_copy_only=False)
    has_label = ~is_blank(labels).to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(has_text & has_label).astype(np.int64)
    if not len(rows):
        raise InputError(
            f"{path}: none of its {len(texts):,} rows has both a text and a label (columns "
            f"{names['text']!r} and {names['label']!r}). Choose others with --text-column and "
            "--label-column."
        )
    taken = pa.array(rows)

    def optional(what: str) -> pa.ChunkedArray | None:
        if what not in names:
            return None
        return as_strings(table[names[what]], path, names[what], f"--{what}-column").take(taken)

    stars = optional("stars")
    if stars is not None and not _are_ratings(stars, path, columns.stars):
        stars = None
        del names["stars"]
    return LabelledReviews(
        path,
        names,
        rows,
        len(texts),
        texts.take(taken),
        _read_labels(labels.take(taken), rows, f"{path}: column {names['label']!r}"),
        optional("group"),
        stars,
        int(np.count_nonzero(~has_text)),
        int(np.count_nonzero(has_text & ~has_label)),
    )


def read_columns(path: Path) -> Columns:
    """Read a file as a whole; raises `ToolkitError` if it is none, or of no known format."""
    reader = find_reader(path)
    if not is_there(path):
        raise InputError(f"{path}: no such file. Give a CSV, TSV, JSONL or Parquet file.")
    if path.is_dir():
        raise InputError(f"{path}: a folder. Give a CSV, TSV, JSONL or Parquet file.")
    return reader(path)


def as_strings(column: pa.ChunkedArray, path: Path, name: str, option: str) -> pa.ChunkedArray:
    """Give a column of a file as large_string; raises `InputError` if it holds lists or the like.

    Parameters
    ----------
    column : pa.ChunkedArray
        Of any type.
    path : Path
        The file, for the message.
    name : str
        Of the column, for the message.
    option : str
        What another is chosen with, for the message.

    Returns
    -------
    pa.ChunkedArray
        As many strings.

    Raises
    ------
    InputError
        If it cannot be one of strings.
    """
    try:
        return column.cast(pa.large_string())
    except pa.ArrowException:
        raise InputError(
            f"{path}: column {name!r}: expected text or numbers, found {column.type}. Choose "
            f"another with {option}."
        ) from None


def _choose(columns: EvaluationColumns, found: Collection[str], path: Path) -> dict[str, str]:
    """Name the columns by what they are; those that need not be there only if they are."""

    def choose(asked: str | None, usual: tuple[str, ...], option: str) -> str:
        return choose_column(str(path), found, usual if asked is None else (asked,), option)

    names = {
        "text": choose(columns.text, TEXT_COLUMNS, "--text-column"),
        "label": choose(columns.label, LABEL_COLUMNS, "--label-column"),
    }
    if names["text"] == names["label"]:
        raise UsageError(
            f"{path}: the column {names['text']!r} has the texts, and cannot have the labels, too. "
            "Choose another with --label-column."
        )
    if columns.group is not None:
        names["group"] = choose(columns.group, (), "--group-column")
    taken = (*names.values(),)
    usual = [name for name in _STARS if name in found and name not in taken]
    if columns.stars is not None or usual:
        names["stars"] = choose(columns.stars, (*usual,), "--stars-column")
    return names


def _are_ratings(stars: pa.ChunkedArray, path: Path, asked: str | None) -> bool:
    """Whether there are few different values; `InputError` if not, and the column was named."""
    values = pc.count_distinct(stars).as_py()
    if asked is not None and not 0 < values <= _MOST_STARS:
        raise InputError(
            f"{path}: column {asked!r}: {values:,} different values, expected 1 to {_MOST_STARS} "
            "ratings. Choose another with --stars-column, or see it by --group-column."
        )
    return 0 < int(values) <= _MOST_STARS


def _check_texts(column: pa.ChunkedArray, path: Path, name: str) -> None:
    if pa.types.is_primitive(column.type) and column.null_count < len(column):
        raise InputError(
            f"{path}: column {name!r}: expected text, found {column.type}. Choose another with "
            "--text-column."
        )


def _read_labels(names: pa.ChunkedArray, rows: npt.NDArray[np.int64], place: str) -> Labels:
    labels = read_labels(names)
    wrong = np.flatnonzero(labels.is_null().to_numpy())
    if len(wrong):
        _refuse(names[int(wrong[0])].as_py(), rows[wrong], place)
    return np.asarray(pc.cast(labels, pa.int8()).to_numpy())


def _refuse(first: str, rows: npt.NDArray[np.int64], place: str) -> NoReturn:
    others = f" ({len(rows):,} such rows)" if len(rows) > 1 else ""
    raise InputError(
        f"{place}, row {rows[0] + 1:,}: found the label {first[:_SHOWN]!r}{others}, expected "
        f"{EXPECTED}. Choose the column with --label-column."
    )
