"""A teacher file: the probabilities that another model gives to reviews."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.errors import InputError
from toolkit.records.readers import Columns, read_file
from toolkit.text.strings import is_blank
from toolkit.training.columns import ColumnNames, TeacherColumns
from toolkit.training.sources.reviews import Rows, Targets
from toolkit.training.sources.values import as_strings, read_targets

Names = list[str | None]


@dataclass(frozen=True)
class Teacher:
    """The rows of a teacher file that have a probability.

    Attributes
    ----------
    path : Path
        The file.
    probabilities : Targets
        (rows,) float32 from 0 to 1, of a positive review.
    rows : Rows
        (rows,) their positions in the file.
    ids : Names | None
        (rows,) the ids of the reviews; None if the file has no ids.
    texts : Names | None
        (rows,) `fingerprint` of the texts; None if the file has neither texts nor these.
    without_probability : int
        How many rows were left out because they had none.
    """

    path: Path
    probabilities: Targets
    rows: Rows
    ids: Names | None
    texts: Names | None
    without_probability: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

    def place(self, row: int) -> str:
        """The file and the row in it, as the user counts."""
        return f"{self.path}, row {self.rows[row] + 1}"


def load(path: Path, columns: ColumnNames) -> Teacher:
    """Read a teacher file.

    Parameters
    ----------
    path : Path
        CSV, TSV, JSONL or Parquet, by its name.
    columns : ColumnNames
        Where to find probabilities, ids and texts.

    Returns
    -------
    Teacher
        In the order of the file; rows without a probability (null or blank) are left out.

    Raises
    ------
    InputError
        If the file cannot be read, or a probability is not from 0 to 1, or none is there.
    UsageError
        If it has not the columns.
    """
    table = read_file(path)
    names = columns.teacher_among(table, path)
    place = f"{path}: column '{names.probability}'"
    words = as_strings(table[names.probability], place, "--teacher-column")
    rows = np.flatnonzero(~is_blank(words).to_numpy(zero_copy_only=False)).astype(np.int64)
    if not len(rows):
        raise InputError(f"{place}: has no probabilities. Choose the column with --teacher-column.")
    kept = {name: column.take(pa.array(rows)) for name, column in table.items()}
    ids = None
    if names.id is not None:
        ids = named(as_strings(kept[names.id], f"{path}: column '{names.id}'", "--id-column"))
    return Teacher(
        path,
        read_targets(kept[names.probability], rows, place, "--teacher-column"),
        rows,
        ids,
        _texts(kept, names, path),
        len(words) - len(rows),
    )


def named(ids: pa.ChunkedArray) -> Names:
    """The ids as Python's strings; None for null and blank ones, which name nothing."""
    return [name if name and name.strip() else None for name in ids.to_pylist()]


def fingerprint(text: str) -> str:
    """Hex SHA-256 of a text in UTF-8: stands for it in a file that is published without it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _texts(table: Columns, names: TeacherColumns, path: Path) -> Names | None:
    name = names.text or names.text_sha256
    if name is None:
        return None
    values = as_strings(table[name], f"{path}: column '{name}'", "--text-column").to_pylist()
    if names.text is not None:
        return [text and fingerprint(text) for text in values]
    return [text and text.strip().lower() for text in values]
