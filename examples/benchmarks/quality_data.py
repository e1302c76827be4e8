"""The reviews that the peers are trained on, and those held out: ``quality_data FOLDER [REVIEWS]``.

REVIEWS is a table of all reviews with the columns text, label, domain and fold, by default as
`exported.data` joins it. Writes ``train.parquet`` and, of fold V, ``held-out.parquet``; groups such
as films or products are in one fold, so none is on both sides. Reviews without a label are left
out. The two parts of the everyday reviews are written there, too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from examples.benchmarks.sources import data_folder
from exported.data import HELD_OUT, join
from exported.everyday import write_parts

COLUMNS = ["text", "label", "domain", "fold"]


def main(folder: Path, source: Path | None) -> None:
    """Cut the labelled reviews in two, always in the same way."""
    table = join(data_folder()) if source is None else pq.read_table(source, columns=COLUMNS)
    table = table.select(COLUMNS).filter(pc.is_valid(table["label"]))
    held_out = pc.equal(table["fold"], HELD_OUT)
    pq.write_table(table.filter(pc.invert(held_out)), folder / "train.parquet")
    pq.write_table(table.filter(held_out), folder / "held-out.parquet")
    write_parts(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
