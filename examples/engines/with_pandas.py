"""pandas: python with_pandas.py IN.parquet OUT.parquet CORES."""

import sys
from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pyarrow as pa

from toolkit import Scorer

source, target, cores = sys.argv[1:]
scorer = Scorer()
pa.set_cpu_count(int(cores))  # for reading

reviews = pd.read_parquet(source)
texts = pa.array(reviews["text"], pa.large_string(), from_pandas=True)
parts = [texts[start : start + 10_000] for start in range(0, len(texts) or 1, 10_000)]
with ThreadPoolExecutor(int(cores)) as pool:  # the scorer releases Python's lock
    sentiments, probabilities = zip(*pool.map(scorer.score_array, parts), strict=True)
# Arrow's columns keep nulls and float32 as they are.
reviews["predicted_sentiment"] = pd.arrays.ArrowExtensionArray(pa.chunked_array(sentiments))
reviews["positive_probability"] = pd.arrays.ArrowExtensionArray(pa.chunked_array(probabilities))
reviews.to_parquet(target)
