"""Labelled reviews of a file, for all commands that read one as a whole: texts, labels and stars.

Training and evaluation make their own shapes of this; `labels.py` and `class_labels.py` say what a
label means.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.errors import InputError
from toolkit.records.labels import ReadLabels, Rows, StarRatings
from toolkit.records.options import LabelNames, ReadOptions
from toolkit.records.table import ReviewTable, read_table


@dataclass(frozen=True)
class Opinions:
    """What the labels of a file mean: positive, negative, or neutral, and its stars."""

    labels: ReadLabels  # of the opinions; the neutral rows are apart
    rows: Rows  # (rows,) positions in the file of opinions and neutral reviews, ascending
    stars: StarRatings | None  # (rows,)


@dataclass(frozen=True)
class LabelledTexts:
    """The rows of a file that have a text, with the column of their labels."""

    table: ReviewTable
    reading: ReadOptions

    @cached_property
    def rows(self) -> Rows:
        """Positions in the file of the rows with a text, (texts,), ascending."""
        return self.table.filled("text")

    @property
    def without_text(self) -> int:
        """Number of rows that were left out, as they have no text."""
        return self.table.rows - len(self.rows)

    @property
    def words(self) -> pa.ChunkedArray:
        """The labels as they are written, (texts,); null where a row has none."""
        return self.table["label"].take(pa.array(self.rows))

    def texts(self, rows: Rows) -> pa.ChunkedArray:
        """Return the texts at some positions in the file."""
        return self.table["text"].take(pa.array(rows))

    def opinions(self, *, skips_missing: bool) -> Opinions:
        """Read the labels of all rows with a text.

        Rows without a label are left out with `skips_missing`, else they are an error. Raises
        `InputError` for a label that means nothing, unless such labels are skipped, if no row is
        left, and for a named column of stars that has others.
        """
        names = self.reading.labels
        rows = self._labelled(names) if skips_missing else self.rows
        labels = self.table.opinions(rows, names)
        kept = np.sort(np.concatenate([labels.rows, labels.neutral]))
        return Opinions(labels, kept, self._stars(kept, labels.kind))

    def _labelled(self, names: LabelNames) -> Rows:
        rows = np.intersect1d(self.rows, self.table.labelled(names))
        if not len(rows):
            chosen = self.table.chosen
            raise InputError(
                f"{self.table.name}: none of its {self.table.rows:,} rows has both a text and a "
                f"label (columns {chosen['text']!r} and {chosen['label']!r}). Choose others with "
                "--text-column and --label-column."
            )
        return rows

    def _stars(self, rows: Rows, kind: str) -> StarRatings | None:
        found = self.table.ratings(rows, kind)
        is_named = self.reading.columns.stars is not None
        if is_named and (found is None or found.column != self.table.chosen["stars"]):
            raise InputError(
                f"{self.table.place('stars')}: expected stars, 1 to 5 or 1 to 10, in half of its "
                "values or more. Choose another with --stars-column, or leave it out."
            )
        return found


def read_labelled(path: Path, reading: ReadOptions, *roles: str) -> LabelledTexts:
    """Read the texts and labels of a file, in order; `STDIN` is standard input.

    `roles` are other columns to read, such as `stars` and `group`. Raises `InputError` if a record
    cannot be read, and `UsageError` if a column is missing.
    """
    columns = [reading.columns.of(role) for role in ("text", "label", *roles)]
    return LabelledTexts(read_table(path, reading, *columns), reading)
