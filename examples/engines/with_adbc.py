"""PostgreSQL or SQLite, by ADBC: python with_adbc.py postgresql://HOST/DATABASE (or REVIEWS.db).

Scores the rows of the table reviews that the table scores has not, by their id.
"""

import sys

from toolkit import Scorer

uri = sys.argv[1]
if uri.startswith("postgresql:"):
    from adbc_driver_postgresql import dbapi
else:
    from adbc_driver_sqlite import dbapi

CREATE = (
    "CREATE TABLE IF NOT EXISTS scores "
    "(id BIGINT PRIMARY KEY, predicted_sentiment TEXT, positive_probability REAL)"
)
NEXT = (
    "SELECT id, text FROM reviews WHERE id > $1 AND NOT EXISTS "
    "(SELECT 1 FROM scores WHERE scores.id = reviews.id) ORDER BY id LIMIT 10000"
)
scorer, last = Scorer(), -(1 << 63)
with dbapi.connect(uri) as database, database.cursor() as cursor:
    cursor.execute(CREATE)
    database.commit()
    while (rows := cursor.execute(NEXT, (last,)).fetch_arrow_table()).num_rows:
        scored = scorer.score_batch(rows, text_column="text").drop_columns("text")
        cursor.adbc_ingest("scores", scored, mode="append")
        database.commit()  # these rows are scored, whatever happens now
        last = rows["id"][-1].as_py()
