"""A CSV file that grows: python with_growing_file.py REVIEWS.csv SCORED/: scores the new rows.

It grows by whole rows, each with an id. Each run that finds new ones adds a file
to the folder: 00000.parquet, 00001.parquet …
"""

import os
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from toolkit import Scorer

source, folder = sys.argv[1], Path(sys.argv[2])
folder.mkdir(exist_ok=True)
parts = sorted(folder.glob("*.parquet"))
scorer = Scorer()
database = duckdb.connect()
new = database.sql("SELECT * FROM read_csv($path, all_varchar = true)", params={"path": source})
if parts:
    done = database.read_parquet([*map(str, parts)])
    new = database.sql("SELECT * FROM new ANTI JOIN done USING (id)")
unfinished = folder / f".{os.getpid()}.unfinished"
count = 0
reader = new.to_arrow_reader(10_000)
schema = scorer.score_batch(reader.schema.empty_table()).schema
with pq.ParquetWriter(unfinished, schema) as writer:
    for batch in reader:
        writer.write_batch(scorer.score_batch(batch))
        count += batch.num_rows
if count:
    # Fails if another run has made it meanwhile, which has scored the same rows.
    os.link(unfinished, folder / f"{len(parts):05}.parquet")
unfinished.unlink()
