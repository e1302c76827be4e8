"""Iceberg: python with_iceberg.py REVIEWS SCORED: scores the rows of new snapshots of a table.

The catalogue is the one that is called `default` in .pyiceberg.yaml, or in the environment. The
table REVIEWS only grows.
"""

import sys

import pyarrow as pa
from pyiceberg.catalog import load_catalog

from toolkit import Scorer

source, target = sys.argv[1:]
UNTIL = "scored-until"  # a property of SCORED: the last snapshot whose rows it has
scorer, catalogue = Scorer(), load_catalog("default")
reviews = catalogue.load_table(source)
schema = scorer.score_batch(reviews.schema().as_arrow().empty_table()).schema
scored = catalogue.create_table_if_not_exists(target, schema)
done, now = scored.properties.get(UNTIL), reviews.current_snapshot()
if now is None or done == str(now.snapshot_id):
    sys.exit()
added = reviews.incremental_append_scan(
    from_snapshot_id_exclusive=None if done is None else int(done),
    to_snapshot_id_inclusive=now.snapshot_id,
).to_arrow_batch_reader()
rows = (scorer.score_batch(batch) for batch in added)
with scored.transaction() as both:  # they appear together
    both.append(pa.RecordBatchReader.from_batches(schema, rows))
    both.set_properties({UNTIL: str(now.snapshot_id)})
