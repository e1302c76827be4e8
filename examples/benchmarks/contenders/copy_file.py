"""The bound: read a file with Arrow and write it again. Arguments: SOURCE OUTPUT."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq

from examples.benchmarks.contenders.table import CONVERT, PARSE


def copy_csv(source: Path, output: Path) -> None:
    """Copy a CSV file block by block."""
    blocks = pyarrow.csv.ReadOptions(block_size=4 << 20)
    reader = pyarrow.csv.open_csv(source, blocks, PARSE, CONVERT)
    with pyarrow.csv.CSVWriter(output, reader.schema) as writer:
        for batch in reader:
            writer.write(batch)


def copy_parquet(source: Path, output: Path) -> None:
    """Copy a Parquet file batch by batch."""
    file = pq.ParquetFile(source)
    with pq.ParquetWriter(output, file.schema_arrow) as writer:
        for batch in file.iter_batches():
            writer.write_batch(batch)


if __name__ == "__main__":
    source, output = map(Path, sys.argv[1:])
    (copy_parquet if source.suffix == ".parquet" else copy_csv)(source, output)
