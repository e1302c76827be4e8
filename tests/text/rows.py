"""Rows of token ids, for tests of what is made of them."""

from __future__ import annotations

import numpy as np

from toolkit.text import TokenIds


def rows_of_ids(rows: list[list[int]]) -> TokenIds:
    """Rows that begin with the start id, or are cut."""
    stops = np.cumsum([len(row) for row in rows])
    starts = stops - [len(row) for row in rows]
    values = np.concatenate([np.array(row, np.int32) for row in rows])
    return TokenIds(values, starts, stops, has_start=True)
