"""SQL functions of DuckDB: sentiment(text) and sentiment_probability(text).

>>> import duckdb, sentiment_duckdb
>>> database = duckdb.connect()
>>> sentiment_duckdb.register(database)
>>> database.sql("SELECT sentiment('Lovely and quiet.')").fetchone()
('positive',)
"""

import duckdb
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

from toolkit import Scorer


def register(database: duckdb.DuckDBPyConnection, scorer: Scorer | None = None) -> None:
    """Add both functions to a connection, for `reviews` or another model.

    DuckDB passes up to 2,048 texts at once, and nulls too, as `SPECIAL` says.
    """
    chosen = scorer or Scorer()

    def sentiment(texts: pa.ChunkedArray) -> pa.Array:
        return chosen.score_array(texts)[0]

    def sentiment_probability(texts: pa.ChunkedArray) -> pa.Array:
        return chosen.score_array(texts)[1]

    for function, kind in ((sentiment, "VARCHAR"), (sentiment_probability, "FLOAT")):
        database.create_function(
            function.__name__, function, ["VARCHAR"], kind, type=ARROW, null_handling=SPECIAL
        )
