"""DuckDB: python with_duckdb.py IN.parquet OUT.parquet CORES."""

import sys

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

from toolkit import Scorer

source, target, cores = sys.argv[1:]
scorer = Scorer()
SCORES = {"predicted_sentiment": "VARCHAR", "positive_probability": "FLOAT"}


def score(texts: pa.ChunkedArray) -> pa.StructArray:
    return pa.StructArray.from_arrays(scorer.score_array(texts), [*SCORES])


database = duckdb.connect(config={"threads": int(cores)})
# An Arrow function gets 2,048 rows at once; with SPECIAL, also those that are null.
database.create_function(
    "score", score, ["VARCHAR"], database.struct_type(SCORES), type=ARROW, null_handling=SPECIAL
)
scored = database.sql(
    "SELECT *, unnest(score(text)) FROM read_parquet($path)", params={"path": source}
)
scored.write_parquet(target)
