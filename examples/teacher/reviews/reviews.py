"""The reviews of all domains as arrays."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from exported.data import join

PARTS = ("short", "spans", "long", "others")  # of what is labelled, the most useful first


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
    labels : npt.NDArray[np.float32]
        (reviews,) 1 positive, 0 negative, -1 neutral or not labelled.
    stars : npt.NDArray[np.float32]
        (reviews,) from 1 to 5, NaN where there are none.
    """

    texts: pa.ChunkedArray
    domains: npt.NDArray[np.str_]
    folds: npt.NDArray[np.str_]
    labels: npt.NDArray[np.float32]
    stars: npt.NDArray[np.float32]


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
