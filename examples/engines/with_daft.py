"""Daft: python with_daft.py IN.parquet OUT.parquet CORES."""

import sys

import daft
import pyarrow as pa
import pyarrow.parquet as pq
from daft import DataType

from toolkit import Scorer

source, target, cores = sys.argv[1:]
scorer = Scorer()
SCORES = {
    "predicted_sentiment": DataType.string(),
    "positive_probability": DataType.float32(),
}


@daft.func.batch(
    return_dtype=DataType.struct(SCORES), unnest=True, use_process=False, batch_size=10_000
)
def score(texts: daft.Series) -> pa.StructArray:
    return pa.StructArray.from_arrays(scorer.score_array(texts.to_arrow()), [*SCORES])


daft.set_runner_native(num_threads=int(cores))
reviews = daft.read_parquet(source)
scored = reviews.select("*", score(reviews["text"]))
# Unlike `write_parquet`, this keeps the order.
with pq.ParquetWriter(target, scored.schema().to_pyarrow_schema()) as writer:
    for batch in scored.to_arrow_iter():
        writer.write_batch(batch)
