"""The plugins of `examples/plugins`, in the real programs: the numbers of the scorer."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data import PROJECT
from tests.examples.programs import ENVIRONMENT, EXAMPLES
from tests.models import shipped_scorer

pytestmark = pytest.mark.tools

FOLDER = EXAMPLES / "plugins"
TEXTS = ["Lovely and quiet.", "The room was dirty.", None, "", "   ", "qqqx", "12345", "Größe: gut"]
QUERY = "SELECT sentiment(text), sentiment_probability(text) FROM reviews ORDER BY number"

Answers = list[tuple[str | None, float | None]]


def expected() -> Answers:
    """The scorer's labels and probabilities, None where a text has no answer."""
    import pyarrow as pa

    labels, probabilities = shipped_scorer().score_array(pa.array(TEXTS, pa.string()))
    found = [*zip(labels.to_pylist(), probabilities.to_pylist(), strict=True)]
    assert {label for label, _ in found} == {"positive", "negative", None}
    return found


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Import a plugin as its user does, from its folder."""
    monkeypatch.syspath_prepend(FOLDER)
    return import_module


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """An SQLite file with the texts, and one that is no text."""
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE reviews (number INTEGER PRIMARY KEY, text TEXT)")
        connection.executemany("INSERT INTO reviews VALUES (?, ?)", enumerate(TEXTS))
    return path


def printed_by(*command: object) -> str:
    """Run a program of this environment to its end."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=FOLDER,
        env=ENVIRONMENT | {"PYTHONPATH": str(PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sqlite(plugin: Callable[[str], Any], database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        plugin("sentiment_sql").prepare_connection(connection)
        assert connection.execute(QUERY).fetchall() == expected()
        of_numbers = "SELECT sentiment(5), sentiment(x'00ff')"
        assert connection.execute(of_numbers).fetchone()[0] is None


def test_datasette(database: Path) -> None:
    pytest.importorskip("datasette")
    asked = f"/shop.json?_shape=arrays&sql={QUERY.replace(' ', '+')}"
    options = ("--plugins-dir", FOLDER, "--setting", "sql_time_limit_ms", 60_000)
    found = json.loads(printed_by("-m", "datasette", database, *options, "--get", asked))
    assert [tuple(row) for row in found["rows"]] == expected()


def test_sqlite_utils(database: Path) -> None:
    pytest.importorskip("sqlite_utils")
    functions = ("--functions", FOLDER / "sentiment_sql.py", "--arrays")
    found = json.loads(printed_by("-m", "sqlite_utils", "query", database, QUERY, *functions))
    assert [tuple(row) for row in found] == expected()


def test_duckdb(plugin: Callable[[str], Any]) -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as connection:
        plugin("sentiment_duckdb").register(connection)
        connection.execute("CREATE TABLE reviews (number INTEGER, text VARCHAR)")
        connection.executemany("INSERT INTO reviews VALUES (?, ?)", [*enumerate(TEXTS)])
        found = connection.execute(QUERY).fetchall()
        assert found == expected()
        many = "SELECT count(*) FROM (SELECT text || i AS t FROM reviews, range(1000) r(i)) \
            WHERE sentiment(t) = 'positive'"
        assert connection.execute(many).fetchone()[0] >= 1000


def test_polars(plugin: Callable[[str], Any]) -> None:
    pl = pytest.importorskip("polars")
    plugin("sentiment_polars")
    frame = pl.DataFrame({"text": TEXTS}, schema={"text": pl.String})
    text = pl.col("text").sentiment
    found = frame.select(text.label().alias("label"), text.probability().alias("probability"))
    assert found.schema == {"label": pl.String, "probability": pl.Float32}
    assert found.rows() == expected()
    lazily = frame.lazy().select(text.answer().struct.unnest()).collect()
    assert lazily.columns == ["predicted_sentiment", "positive_probability"]
    assert lazily.rows() == expected()
    assert frame.clear().select(text.label()).height == 0


def test_pandas(plugin: Callable[[str], Any]) -> None:
    pd = pytest.importorskip("pandas")
    plugin("sentiment_pandas")
    index = [f"row {number}" for number in range(len(TEXTS))]
    found = pd.Series(TEXTS, index=index).sentiment.answer()
    assert [*found.index] == index
    labels, probabilities = zip(*expected(), strict=True)
    assert found["predicted_sentiment"].tolist() == [*labels]
    assert found["positive_probability"].dtype == np.float32
    numbers = [None if np.isnan(each) else each for each in found["positive_probability"].tolist()]
    assert numbers == [*probabilities]


def test_each_is_short() -> None:
    plugins = sorted(FOLDER.glob("*.py"))
    assert {path.stem for path in plugins} == {
        f"sentiment_{name}" for name in ("duckdb", "pandas", "polars", "sql")
    }
    for path in plugins:
        assert len(path.read_text(encoding="utf-8").splitlines()) < 100, path
