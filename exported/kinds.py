"""The column by which the general models weigh reviews."""

from __future__ import annotations

import zlib

import pyarrow as pa

from exported.data import FILMS
from exported.negation import is_short_negation

KIND = "kind"
FILM_PARTS = 9  # films count three times as much as another domain of their size


def with_kinds(reviews: pa.Table) -> pa.Table:
    """Add what `toolkit train` balances, `KIND`.

    Of each domain, short reviews with a negation are a kind of their own; `exported.negation` has the reason. Long
    reviews of films are dealt into parts, and so count more. `reviews` have a `domain`, a `group` and a `text`.
    """
    columns = [reviews[name].to_pylist() for name in ("domain", "group", "text")]
    kinds = [_kind(*values) for values in zip(*columns, strict=True)]
    return reviews.append_column(KIND, pa.array(kinds))


def _kind(domain: str, group: str, text: str) -> str:
    if is_short_negation(text):
        return f"{domain}, negated"
    return f"{domain} {zlib.crc32(group.encode()) % FILM_PARTS}" if domain == FILMS else domain
