"""Ray Data: python with_ray_data.py IN.parquet OUT.parquet CORES."""

import sys

import pyarrow as pa
import ray

from toolkit import Scorer

source, target, cores = sys.argv[1:]
scorer = Scorer()  # pickled small; a worker opens the model once, for all its tasks


def score(batch: pa.Table) -> pa.Table:
    return scorer.score_batch(batch)


ray.init("local", num_cpus=int(cores), include_dashboard=False)  # on a cluster: ray.init("auto")
ray.data.DataContext.get_current().execution_options.preserve_order = True
reviews = ray.data.read_parquet(source)
scored = reviews.map_batches(score, batch_format="pyarrow", batch_size=10_000, num_cpus=1)
scored.write_parquet(target)  # a folder, whose files are in order by name
