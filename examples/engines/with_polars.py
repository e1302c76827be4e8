"""Polars: python with_polars.py IN.parquet OUT.parquet CORES."""

import os
import sys

source, target, cores = sys.argv[1:]
os.environ["POLARS_MAX_THREADS"] = cores  # is read when Polars is imported

import polars as pl  # noqa: E402

from toolkit import Scorer  # noqa: E402

scorer = Scorer()


def score(reviews: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(scorer.score_batch(reviews.to_arrow()))


reviews = pl.scan_parquet(source)
schema = reviews.collect_schema()
schema.update({"predicted_sentiment": pl.String(), "positive_probability": pl.Float32()})
reviews.map_batches(score, schema=schema, streamable=True).sink_parquet(target)
