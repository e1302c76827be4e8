"""A labelled file: one review per row, with its text and its label in columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from toolkit.records.read_options import ReadOptions
from toolkit.records.table import read_table
from toolkit.training.sources.reviews import Reviews, domain_codes, group_codes, topic_codes


def load(path: Path, reading: ReadOptions) -> Reviews:
    """Read a labelled file, or standard input.

    Rows without text and those with a neutral label are left out and counted. A text without a
    label is an error: silently leaving it out would hide a wrong column.
    """
    of = reading.columns.of
    roles = ("group", "id", "balance", "topic")
    table = read_table(path, reading, of("text"), of("label"), *map(of, roles))
    with_text = table.filled("text")
    labels = table.opinions(with_text, reading.labels)
    rows, targets = labels.rows, labels.targets
    groups, ids, domains, topics = (table.at(role, rows) for role in roles)
    return Reviews(
        path.name,
        table["text"].take(pa.array(rows)),
        (targets >= 0.5).astype(np.int8),
        None if groups is None else group_codes(groups),
        table.rows - len(with_text),
        targets if np.any((targets > 0) & (targets < 1)) else None,
        ids,
        domains=None if domains is None else domain_codes(domains),
        topics=None if topics is None else topic_codes(path.name, topics),
        label_kind=labels.kind,
        label_meaning=labels.meaning,
    )
