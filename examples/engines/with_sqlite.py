"""SQLite: python with_sqlite.py REVIEWS.db: from the table reviews to a new table, scores."""

import sqlite3
import sys

import pyarrow as pa

from toolkit import Scorer

scorer = Scorer()
database = sqlite3.connect(sys.argv[1])
with database:  # one transaction
    database.execute("BEGIN IMMEDIATE")
    database.execute(
        "CREATE TABLE scores (review INTEGER PRIMARY KEY, "
        "predicted_sentiment TEXT, positive_probability REAL)"
    )
    rows = database.execute("SELECT rowid, text FROM reviews ORDER BY rowid")
    while batch := rows.fetchmany(10_000):
        ids, texts = zip(*batch, strict=True)
        scores = scorer.score_array(pa.array(texts, pa.string()))
        database.executemany(
            "INSERT INTO scores VALUES (?, ?, ?)",
            zip(ids, *(column.to_pylist() for column in scores), strict=True),
        )
database.close()
