"""The programs of `examples/engines`, run as their page says: the same rows, the same scores."""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.data import PROJECT
from tests.examples.golden import TOLERANCE, Answers, compare, golden_texts_of
from tests.examples.programs import ENVIRONMENT, EXAMPLES
from tests.examples.test_new_rows import PLACES
from tests.models import MODEL, shipped_scorer

pytestmark = pytest.mark.tools

FOLDER = EXAMPLES / "engines"
NAMES = ("predicted_sentiment", "positive_probability")
GOLDEN = list(golden_texts_of().values())
ROWS = 12_000  # more than one batch of each engine, which is 10,000 rows at most
ROW_GROUP = 1_000


@cache
def reviews() -> pa.Table:
    """The golden texts in their order, then all again in any order, with nulls and blanks."""
    draw = random.Random(4)
    more = draw.choices([*GOLDEN, None, "", " \t\n", "\u3000", "!!!"], k=ROWS - len(GOLDEN))
    return pa.table({"number": np.arange(ROWS), "text": pa.array([*GOLDEN, *more], pa.string())})


def as_file(folder: Path) -> Path:
    pq.write_table(reviews(), folder / "reviews.parquet", row_group_size=ROW_GROUP)
    return folder / "reviews.parquet"


def as_folder(folder: Path) -> Path:
    """Three files, in order by name."""
    (folder / "reviews").mkdir()
    for number, start in enumerate(range(0, ROWS, ROWS // 3)):
        part = reviews().slice(start, ROWS // 3)
        pq.write_table(part, folder / "reviews" / f"{number}.parquet", row_group_size=ROW_GROUP)
    return folder / "reviews"


@dataclass(frozen=True)
class Engine:
    """What a program needs, and the input that it takes."""

    package: str
    given: Callable[[Path], Path] = as_file
    why_missing: str = "needs the packages of examples/engines"
    files: int = 1  # at least, of the output


ENGINES = {
    "daft": Engine("daft", why_missing="Daft is not installed: it needs pyarrow before 26"),
    "duckdb": Engine("duckdb"),
    "pandas": Engine("pandas"),
    "polars": Engine("polars"),
    "ray_data": Engine("ray", as_folder, files=2),
    "spark": Engine("pyspark", files=2),
}


def run(folder: Path, *command: object) -> str:
    """Run a Python program to its end; give what it printed.

    Spark reads many parts of the file, as it would of a large one.
    """
    (folder / "spark-defaults.conf").write_text(
        "spark.sql.files.maxPartitionBytes 20000\n"
        "spark.ui.enabled false\n"
        f"spark.local.dir {folder}\n"
    )
    environment = ENVIRONMENT | {
        "PYTHONPATH": str(PROJECT),
        "PYSPARK_PYTHON": sys.executable,
        "RAY_DATA_USE_DATASOURCE_V2": "0",  # the other reader makes one block of small files
        "RAY_USAGE_STATS_ENABLED": "0",
        "SPARK_CONF_DIR": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env={key: value for key, value in environment.items() if key != "RAY_ADDRESS"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def check(numbers: pa.ChunkedArray, sentiments: pa.Array, probabilities: pa.Array) -> None:
    """All rows in order, with the bits of the scorer, which are those of the golden file."""
    assert numbers.to_pylist() == list(range(ROWS))
    expected = shipped_scorer().score_array(reviews()["text"])
    assert sentiments.to_pylist() == expected[0].to_pylist()
    assert probabilities.type == pa.float32()
    assert pc.is_null(probabilities).to_pylist() == pc.is_null(expected[1]).to_pylist()
    found, wanted = (np.asarray(pc.drop_null(each)) for each in (probabilities, expected[1]))
    assert found.tobytes() == wanted.tobytes()
    assert len(GOLDEN) < len(found) < ROWS
    golden = slice(0, len(GOLDEN))
    answers = Answers(
        sentiments.to_pylist()[golden], np.array(probabilities.to_pylist()[golden], float)
    )
    compared = compare(MODEL, answers, None)
    assert (compared.texts, compared.flips) == (len(GOLDEN), 0)
    assert compared.largest_difference < TOLERANCE


@pytest.mark.parametrize("name", ENGINES)
def test_rows_and_scores(name: str, tmp_path: Path) -> None:
    engine = ENGINES[name]
    if find_spec(engine.package) is None:
        pytest.skip(engine.why_missing)
    if name == "spark" and not ("JAVA_HOME" in os.environ or shutil.which("java")):
        pytest.skip("Spark needs Java")
    target = tmp_path / "scored.parquet"
    run(tmp_path, FOLDER / f"with_{name}.py", engine.given(tmp_path), target, 2)
    files = sorted(target.glob("*.parquet")) if target.is_dir() else [target]
    assert len(files) >= engine.files
    found = pa.concat_tables([pq.read_table(path) for path in files])
    assert found.schema.names == [*reviews().schema.names, *NAMES]
    assert found["text"].to_pylist() == reviews()["text"].to_pylist()
    check(found["number"], *(found[column] for column in NAMES))


def test_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "reviews.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE reviews (number INTEGER PRIMARY KEY, text TEXT)")
        columns = (column.to_pylist() for column in reviews().columns)
        database.executemany("INSERT INTO reviews VALUES (?, ?)", zip(*columns, strict=True))
    run(tmp_path, FOLDER / "with_sqlite.py", path)
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT * FROM scores ORDER BY review").fetchall()
        left = database.execute("SELECT text FROM reviews ORDER BY number").fetchall()
    numbers, sentiments, probabilities = map(pa.array, zip(*rows, strict=True))
    assert probabilities.type == pa.float64()
    check(numbers, sentiments, probabilities.cast(pa.float32(), safe=True))
    assert [text for (text,) in left] == reviews()["text"].to_pylist()


ONE_WORKER = """
import builtins, os, ray
from toolkit import Scorer

@ray.remote
def scorers(scorer):
    seen = builtins.__dict__.setdefault("seen", [])
    seen.append(scorer)
    return os.getpid(), len({id(each) for each in seen})

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
scorer = Scorer("reviews-small", threshold=0.6)
print(*set(ray.get([scorers.remote(scorer) for _ in range(20)])))
"""


def test_a_worker_opens_the_model_once(tmp_path: Path) -> None:
    """Ray unpickles the arguments of each task."""
    if find_spec("ray") is None:
        pytest.skip(ENGINES["ray_data"].why_missing)
    assert re.fullmatch(r"\(\d+, 1\)\n", run(tmp_path, "-c", ONE_WORKER))


def test_packages_are_those_of_the_extra() -> None:
    """Those that CI has, with the limits of `pyproject.toml`."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = (EXAMPLES / "engines" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = {line for line in lines if line and not line.startswith("#")}
    assert wanted <= set(project["project"]["optional-dependencies"]["dev-all"])


def test_every_program_is_tried() -> None:
    names = {*(f"with_{name}" for name in ENGINES), "with_sqlite", "with_kafka"}
    names |= {f"with_{program}" for _, program, _ in PLACES.values()}
    assert {path.stem for path in FOLDER.glob("with_*")} == names
