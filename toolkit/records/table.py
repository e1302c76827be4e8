"""Read whole files of reviews as Arrow columns, by the same rules as scoring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.records.columns import Column
from toolkit.records.formats import open_reviews
from toolkit.records.labels import (
    SCALES,
    ReadLabels,
    Rows,
    StarRatings,
    Targets,
    are_given,
    opinions_of,
    read_probabilities,
    read_ratings,
)
from toolkit.records.options import NULL_WORDS, LabelNames, ReadOptions
from toolkit.records.review_file import Parsed, ReviewFile
from toolkit.text.strings import is_blank, without_words


@dataclass(frozen=True)
class ReviewTable:
    """The wanted columns of a file, by role; columns that the file lacks are left out."""

    name: str  # of the file, for messages
    chosen: dict[str, str]  # role → name of the column
    columns: dict[str, pa.ChunkedArray]  # role → (rows,) large_string, null without a value
    rows: int

    def __getitem__(self, role: str) -> pa.ChunkedArray:
        return self.columns[role]

    def filled(self, role: str) -> Rows:
        """Return the rows where a column has more than white space."""
        is_filled = ~is_blank(self[role]).to_numpy(zero_copy_only=False)
        return np.flatnonzero(is_filled).astype(np.int64)

    def labelled(self, names: LabelNames) -> Rows:
        """Return the rows with a label, whether it is known or not."""
        return np.flatnonzero(are_given(self["label"], names)).astype(np.int64)

    def at(self, role: str, rows: Rows | None = None) -> pa.ChunkedArray | None:
        """Return the values of all rows, or of some; None if the column is missing or all null."""
        column = self.columns.get(role)
        if column is None or column.null_count == len(column):
            return None
        return column if rows is None else column.take(pa.array(rows))

    def place(self, role: str) -> str:
        """Return the file and the column, for messages."""
        return f"{self.name}: column {self.chosen[role]!r}"

    def probabilities(self, rows: Rows) -> Targets:
        """Read the probabilities of some rows, as `read_probabilities` does."""
        words = self["probability"].take(pa.array(rows))
        return read_probabilities(words, rows, self.place("probability"))

    def ratings(self, rows: Rows, kind: str) -> StarRatings | None:
        """Read the stars of some rows, from their column, or else from labels of a `kind`."""
        column = self.at("stars", rows)
        found = None if column is None else read_ratings(column, self.chosen["stars"])
        if found is None and kind in SCALES:
            labels = self["label"].take(pa.array(rows))
            return read_ratings(labels, self.chosen["label"], SCALES[kind])
        return found

    def opinions(self, rows: Rows, names: LabelNames) -> ReadLabels:
        """Read the labels of some rows, as `opinions_of` does."""
        words = self["label"].take(pa.array(rows))
        return opinions_of(words, rows, place=self.place("label"), names=names)


def read_table(path: Path, options: ReadOptions, *columns: Column) -> ReviewTable:
    """Read columns of a whole file of any format; raise `InputError` at the first bad record."""
    with open_reviews(path, options, columns) as reviews:
        chunks: dict[str, list[pa.Array]] = {role: [] for role in reviews.chosen}
        rows = 0
        for parsed in _good_blocks(reviews):
            rows += len(parsed.texts)
            for role, found in chunks.items():
                values = parsed.texts if role == "text" else parsed.fields[role]
                if role == "probability":
                    values = without_words(values, NULL_WORDS)  # words such as NaN are missing
                # Not `string`, whose offsets end at 2 GiB.
                found.append(values.cast(pa.large_string()))
        table = {role: pa.chunked_array(found, pa.large_string()) for role, found in chunks.items()}
        return ReviewTable(name=reviews.name, chosen=reviews.chosen, columns=table, rows=rows)


def read_texts(path: Path, options: ReadOptions) -> Iterator[str | None]:
    """Read the texts of a file, one after the other; raise errors as `read_table` does."""
    with open_reviews(path, options, (options.columns.of("text"),)) as reviews:
        for parsed in _good_blocks(reviews):
            yield from parsed.texts.to_pylist()


def _good_blocks(reviews: ReviewFile) -> Iterator[Parsed]:
    """Read the records of a file in blocks; raise `InputError` at the first bad record."""
    for block in reviews.blocks():
        parsed = reviews.parse(block)
        for reject in parsed.rejects:
            reviews.fail(reject.number, f"{reject.reason}. Fix this record, or leave it out")
        yield parsed
