"""Spark: python with_spark.py IN.parquet OUT.parquet CORES."""

import sys
from collections.abc import Iterator

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from toolkit import Scorer

source, target, cores = sys.argv[1:]
scorer = Scorer()  # pickled small; a Python worker opens the model once, for all its tasks


def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield scorer.score_batch(batch)


# On a cluster, spark-submit says --master, --executor-cores and the like.
spark = SparkSession.builder.master(f"local[{cores}]").config("spark.task.cpus", 1).getOrCreate()
reviews = spark.read.parquet(source)
schema = StructType([*reviews.schema])
schema.add("predicted_sentiment", "string").add("positive_probability", "float")
reviews.mapInArrow(score, schema).write.parquet(target)  # a folder
