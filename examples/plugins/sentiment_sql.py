"""SQL functions of SQLite: sentiment(text) and sentiment_probability(text).

Datasette: put this file into the folder that --plugins-dir names. sqlite-utils: give it with
--functions. Python's sqlite3: call `prepare_connection`.
"""

import functools
import sqlite3

import pluggy as _pluggy
import pyarrow as pa

import toolkit

_of_datasette = _pluggy.HookimplMarker("datasette")


def sentiment(text: object) -> str | None:
    """Return positive, negative, or NULL where the model knows no word."""
    return _answer(text)[0]


def sentiment_probability(text: object) -> float | None:
    """Return the probability of positive, 0 to 1, or NULL."""
    return _answer(text)[1]


@_of_datasette
def prepare_connection(conn: sqlite3.Connection) -> None:
    """Add both functions to a connection of sqlite3."""
    for function in (sentiment, sentiment_probability):
        conn.create_function(function.__name__, 1, function, deterministic=True)


@functools.cache
def _scorer() -> toolkit.Scorer:
    return toolkit.Scorer()  # opened by the first call, not by the import


@functools.lru_cache(maxsize=1000)  # a query often asks for both numbers of a text
def _answer(text: object) -> tuple[str | None, float | None]:
    texts = pa.array([None if text is None else str(text)], pa.string())
    labels, probabilities = _scorer().score_array(texts)
    return labels[0].as_py(), probabilities[0].as_py()


if __name__ == "__main__":
    database = sqlite3.connect(":memory:")
    prepare_connection(database)
    print(database.execute("SELECT sentiment('Lovely and quiet.')").fetchone()[0])
