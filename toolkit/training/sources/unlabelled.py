"""Reviews without labels, from which some presets learn words and their neighbours."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import TrainingError
from toolkit.records.formats import beside
from toolkit.records.read_options import ReadOptions
from toolkit.records.table import read_table
from toolkit.training.sources import acl_imdb
from toolkit.training.sources.reviews import Rows, Targets, add_text, rows_with_text


@dataclass(frozen=True)
class UnlabelledReviews:
    """Reviews without labels.

    Attributes
    ----------
    name : str
        Where they came from, as the user would say it.
    texts : pa.ChunkedArray
        (reviews,) string, without nulls and blanks.
    ids : pa.ChunkedArray | None
        (reviews,) string, null where a review has none; None if the source has no ids.
    teacher : Targets | None
        (reviews,) float32, what a teacher thinks of each, NaN where it says nothing; None without
        a teacher.
    without_text : int
        How many rows were left out because they had no text.
    """

    name: str
    texts: pa.ChunkedArray
    ids: pa.ChunkedArray | None = None
    teacher: Targets | None = None
    without_text: int = 0

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of the texts and their order.

        Each adds its length (8 bytes, little-endian) and its UTF-8.
        """
        digest = hashlib.sha256()
        for text in self.texts:
            add_text(digest, text)
        return digest.hexdigest()

    def take(self, rows: Rows) -> UnlabelledReviews:
        """The reviews at some positions, in that order."""
        places = pa.array(rows)
        return UnlabelledReviews(
            self.name,
            self.texts.take(places),
            None if self.ids is None else self.ids.take(places),
            None if self.teacher is None else self.teacher[rows],
        )

    def with_text(self) -> UnlabelledReviews:
        """Those that have a text; the others are counted."""
        rows = rows_with_text(self.texts)
        return replace(self.take(rows), without_text=len(self) - len(rows))

    def without(self, texts: Iterable[pa.ChunkedArray]) -> UnlabelledReviews:
        """Those whose text is, letter for letter, none of others."""
        others = pa.chunked_array(
            [chunk.cast(pa.large_string()) for array in texts for chunk in array.chunks],
            pa.large_string(),
        )
        known = pc.is_in(self.texts.cast(pa.large_string()), value_set=others)
        return self.take(np.flatnonzero(~known.to_numpy().astype(np.bool_)))


def load(path: Path, reading: ReadOptions) -> UnlabelledReviews:
    """Read reviews without labels.

    Parameters
    ----------
    path : Path
        A file of any format; or an `aclImdb` folder, for its `train/unsup`.
    reading : ReadOptions
        How files are read, and where they have texts and ids; labels are not looked at.

    Returns
    -------
    UnlabelledReviews
        At least one, in the order of the file.

    Raises
    ------
    TrainingError
        If no row has a text.
    """
    if os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises if the name is too long)
        name, texts = acl_imdb.load_unlabelled(path)
        reviews = UnlabelledReviews(name, texts)
    else:
        columns = reading.columns
        table = read_table(
            path,
            beside(path, reading, encoding=reading.encoding),
            columns.of("text"),
            columns.of("id"),
        )
        reviews = UnlabelledReviews(path.name, table["text"], table.at("id"))
    found = reviews.with_text()
    if not len(found):
        raise TrainingError(
            f"{path}: none of its {len(reviews)} rows has a text. Give unlabelled reviews, or "
            "leave --unlabelled out."
        )
    return found


def concatenate(parts: Sequence[UnlabelledReviews]) -> UnlabelledReviews:
    """Put the reviews of several sources, at least one, behind each other."""
    is_taught = any(part.teacher is not None for part in parts)
    has_ids = any(part.ids is not None for part in parts)
    return UnlabelledReviews(
        ", ".join(part.name for part in parts),
        _joined([part.texts for part in parts]),
        _joined([_ids_of(part) for part in parts]) if has_ids else None,
        np.concatenate([_teacher_of(part) for part in parts]) if is_taught else None,
        sum(part.without_text for part in parts),
    )


def _joined(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    chunks = [chunk for column in columns for chunk in column.cast(pa.large_string()).chunks]
    return pa.chunked_array(chunks, pa.large_string())


def _ids_of(part: UnlabelledReviews) -> pa.ChunkedArray:
    if part.ids is not None:
        return part.ids
    return pa.chunked_array([pa.nulls(len(part), pa.large_string())])


def _teacher_of(part: UnlabelledReviews) -> Targets:
    return np.full(len(part), np.nan, np.float32) if part.teacher is None else part.teacher
