"""Reviews without labels, from which some presets learn words and their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.errors import TrainingError
from toolkit.files import is_a_folder
from toolkit.records.formats import beside
from toolkit.records.read_options import ReadOptions
from toolkit.records.table import read_table
from toolkit.records.values import Targets
from toolkit.training.sources import acl_imdb
from toolkit.training.sources.reviews import UnlabelledReviews


def load(path: Path, reading: ReadOptions) -> UnlabelledReviews:
    """Read a file, or `train/unsup` of a folder; `TrainingError` if no row has a text."""
    if is_a_folder(path):
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
    """Put the reviews of several sources, at least one, after each other."""

    def joined(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
        chunks = [chunk for column in columns for chunk in column.cast(pa.large_string()).chunks]
        return pa.chunked_array(chunks, pa.large_string())

    ids = teacher = None
    if any(part.ids is not None for part in parts):
        ids = joined([_nulls(len(part)) if part.ids is None else part.ids for part in parts])
    if any(part.teacher is not None for part in parts):
        teacher = np.concatenate([known_or_nan(part.teacher, len(part)) for part in parts])
    return UnlabelledReviews(
        ", ".join(part.name for part in parts),
        joined([part.texts for part in parts]),
        ids,
        teacher,
        sum(part.without_text for part in parts),
    )


def known_or_nan(probabilities: Targets | None, count: int) -> Targets:
    """The probabilities of a teacher, or NaN for as many reviews if there are none."""
    return np.full(count, np.nan, np.float32) if probabilities is None else probabilities


def _nulls(count: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.nulls(count, pa.large_string())])
