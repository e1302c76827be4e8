"""The reviews of all domains as arrays."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from exported.data import join

Floats = npt.NDArray[np.float32]

PARTS = ("short", "spans", "long", "others")  # of what is labelled, the most useful first
MOST_UNEVEN = 4.0  # a rare label of a domain has at most so many times the root of its reviews
FEWEST_EACH = 4.0  # and a review counts at most as one over this


@dataclass(frozen=True)
class Reviews:
    """The table of `exported.data.join`.

    Attributes
    ----------
    texts : pa.ChunkedArray
        (reviews,) large_string.
    domains : npt.NDArray[np.str_]
        (reviews,) by name.
    folds : npt.NDArray[np.str_]
        (reviews,) `A`, `B`, or `V` for those that no model learns from.
    labels : Floats
        (reviews,) 1 positive, 0 negative, -1 neutral or not labelled.
    stars : Floats
        (reviews,) from 1 to 5, NaN where there are none.
    """

    texts: pa.ChunkedArray
    domains: npt.NDArray[np.str_]
    folds: npt.NDArray[np.str_]
    labels: Floats
    stars: Floats


def load(data: Path, *, only_open: bool = False) -> Reviews:
    """Read films and the other domains from a folder; see `exported.data.join`."""
    table = join(data, only_open=only_open)
    stars = table["stars"].to_numpy(zero_copy_only=False)
    labels = table["label"].fill_null(-1).to_numpy()
    return Reviews(
        table["text"],
        np.array(table["domain"].to_pylist()),
        np.array(table["fold"].to_pylist()),
        labels.astype(np.float32),
        stars.astype(np.float32),
    )


def weights(domains: npt.NDArray[np.str_], labels: Floats) -> npt.NDArray[np.float64]:
    """How likely each review is drawn, (reviews,): they add up to 1."""
    found = np.zeros(len(labels))
    for domain in np.unique(domains):
        is_of_domain = domains == domain
        of_domain = np.sqrt(np.count_nonzero(is_of_domain))
        for label in np.unique(labels[is_of_domain]):
            rows = np.flatnonzero(is_of_domain & (labels == label))
            count = len(rows)
            found[rows] = min(of_domain, MOST_UNEVEN * np.sqrt(count), count / FEWEST_EACH) / count
    return np.asarray(found / found.sum())
