"""Delta Lake: python with_delta.py REVIEWS SCORED: scores the rows of new versions of a table.

The table REVIEWS only grows, and has its change data feed from the start: its property
delta.enableChangeDataFeed is true.
"""

import sys
from collections.abc import Iterator

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from toolkit import Scorer

source, target = sys.argv[1:]
scorer, reviews = Scorer(), DeltaTable(source)
name, now, done = reviews.metadata().id, reviews.version(), None
if DeltaTable.is_deltatable(target):
    done = DeltaTable(target).transaction_version(name)
first = 0 if done is None else done + 1
if first > now:
    sys.exit()
added = pa.RecordBatchReader.from_stream(reviews.load_cdf(first, now))
columns = [column for column in added.schema.names if not column.startswith("_")]


def scored() -> Iterator[pa.RecordBatch]:
    for batch in added:
        if batch.num_rows:
            if {*batch["_change_type"].to_pylist()} != {"insert"}:
                sys.exit(f"{source}: rows were changed or deleted: score it again")
            yield scorer.score_batch(batch.select(columns))


schema = scorer.score_batch(added.schema.empty_table().select(columns)).schema
write_deltalake(
    target,
    pa.RecordBatchReader.from_batches(schema, scored()),
    mode="append",
    # The scores and the version that they are of appear together.
    commit_properties=CommitProperties(app_transactions=[Transaction(name, now)]),
)
