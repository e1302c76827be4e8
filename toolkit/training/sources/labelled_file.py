"""A labelled file: one review per row, with its text and its label in columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.errors import InputError
from toolkit.records.read_options import ReadOptions
from toolkit.records.table import ReviewTable, read_table
from toolkit.records.values import Targets
from toolkit.training.sources.reviews import (
    Groups,
    NeutralReviews,
    Reviews,
    domain_codes,
    group_codes,
    topic_codes,
)


def load(path: Path, reading: ReadOptions) -> Reviews:
    """Read a labelled file, or standard input.

    Rows without text are left out and counted; those with a neutral label are kept apart. A text
    without a label is an error: silently leaving it out would hide a wrong column.
    """
    of = reading.columns.of
    roles = ("group", "id", "balance", "topic")
    table = read_table(path, reading, of("text"), of("label"), of("stars"), *map(of, roles))
    with_text = table.filled("text")
    labels = table.opinions(with_text, reading.labels)
    rows, targets = labels.rows, labels.targets
    ids, topics = table.at("id", rows), table.at("topic", rows)
    # Numbered together: neutral reviews are of the same groups and domains.
    groups, domains = _codes(table)
    stars, stars_meaning = _stars(table, labels.kind, is_named=reading.columns.stars is not None)
    neutral = NeutralReviews(
        table["text"].take(pa.array(labels.neutral)),
        None if stars is None else stars[labels.neutral],
        None if groups is None else groups[labels.neutral],
        None if domains is None else domains[labels.neutral],
    )
    return Reviews(
        path.name,
        table["text"].take(pa.array(rows)),
        (targets >= 0.5).astype(np.int8),
        None if groups is None else groups[rows],
        table.rows - len(with_text),
        targets if np.any((targets > 0) & (targets < 1)) else None,
        ids,
        domains=None if domains is None else domains[rows],
        topics=None if topics is None else topic_codes(path.name, topics),
        stars=None if stars is None else stars[rows],
        neutral=neutral if len(neutral) else None,
        label_kind=labels.kind,
        label_meaning=labels.meaning,
        stars_meaning=stars_meaning,
    )


def _codes(table: ReviewTable) -> tuple[Groups | None, Groups | None]:
    """Number the groups and the domains of all rows."""
    groups, domains = table.at("group"), table.at("balance")
    return (
        None if groups is None else group_codes(groups),
        None if domains is None else domain_codes(domains),
    )


def _stars(table: ReviewTable, kind: str, *, is_named: bool) -> tuple[Targets | None, str]:
    """Give the stars of all rows, NaN without a text, and where they are from."""
    rows = table.filled("text")
    found = table.ratings(rows, kind)
    if is_named and (found is None or found.column != table.chosen["stars"]):
        raise InputError(
            f"{table.place('stars')}: less than half of its values are stars, 1 to 5 or 1 to "
            "10. Choose another with --stars-column, or leave it out."
        )
    if found is None:
        return None, ""
    stars = np.full(table.rows, np.nan, np.float32)
    stars[rows] = found.stars
    return stars, found.meaning
