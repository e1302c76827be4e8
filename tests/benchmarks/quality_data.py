"""A part of the training reviews held out, for trying things out without the test reviews.

Run as ``python -m tests.benchmarks.quality_data TRAIN FOLDER``: writes ``train.parquet`` and
``held-out.parquet``, which have no film in common.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as pq
from sklearn.model_selection import GroupShuffleSplit

SHARE = 0.2  # of the films


def main(source: Path, folder: Path) -> None:
    """Cut the reviews in two, always in the same way."""
    table = pq.read_table(source)
    films = table["movie"].to_numpy()
    draw = GroupShuffleSplit(1, test_size=SHARE, random_state=1)
    ((kept, held_out),) = draw.split(films, groups=films)
    pq.write_table(table.take(kept), folder / "train.parquet")
    pq.write_table(table.take(held_out), folder / "held-out.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
