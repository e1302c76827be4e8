"""The programs of `examples/engines` that score new rows: killed, repeated, and nothing twice."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.json
import pytest

from tests.data import PROJECT
from tests.examples.programs import ENVIRONMENT, EXAMPLES
from tests.models import many_texts, shipped_scorer

pytestmark = pytest.mark.tools

FOLDER = EXAMPLES / "engines"
FIRST, ALL = 23_000, 30_000  # rows before the first run, and before the last one

# Runs a program, and kills it when it scores for the second or a later time.
KILLED = """
import os, runpy, signal, sys
from toolkit import Scorer

calls, last, score = 0, int(sys.argv.pop(1)), Scorer.score_batch

def counted(*given, **named):
    global calls
    calls += 1
    if calls == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return score(*given, **named)

Scorer.score_batch = counted
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@cache
def rows() -> pa.Table:
    texts = [*many_texts(2000) * (ALL // 2000), *[None, "", "!!!"]][-ALL:]
    return pa.table({"id": pa.array(range(7, 7 + ALL), pa.int64()), "text": texts})


@dataclass
class Place:
    """Where rows are, and how to add some and read the scores."""

    folder: Path
    name: str  # of the program
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)

    def add(self, more: pa.Table) -> None:
        raise NotImplementedError

    def scored(self) -> pa.Table:
        raise NotImplementedError

    def run(self, kill_at: int = 0) -> int:
        program = [str(FOLDER / f"with_{self.name}.py"), *self.arguments]
        killed = ["-c", KILLED, str(kill_at)] if kill_at else []
        done = subprocess.run(
            [sys.executable, *killed, *program],
            cwd=self.folder,
            env=ENVIRONMENT | {"PYTHONPATH": str(PROJECT)} | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        return done.returncode


class Sqlite(Place):
    def add(self, more: pa.Table) -> None:
        self.arguments = ["reviews.db"]
        with closing(sqlite3.connect(self.folder / "reviews.db")) as database, database:
            database.execute("CREATE TABLE IF NOT EXISTS reviews (id INTEGER, text TEXT)")
            columns = (column.to_pylist() for column in more.columns)
            database.executemany("INSERT INTO reviews VALUES (?, ?)", zip(*columns, strict=True))

    def scored(self) -> pa.Table:
        with closing(sqlite3.connect(self.folder / "reviews.db")) as database:
            found = database.execute("SELECT * FROM scores").fetchall()
        return pa.table([*map(pa.array, zip(*found, strict=True))], names=SCORES)


class Postgresql(Place):
    def add(self, more: pa.Table) -> None:
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.arguments[0]) as database, database.cursor() as cursor:
            cursor.adbc_ingest("reviews", more, mode="create_append")
            database.commit()

    def scored(self) -> pa.Table:
        from adbc_driver_postgresql import dbapi

        with dbapi.connect(self.arguments[0]) as database, database.cursor() as cursor:
            return cursor.execute("SELECT * FROM scores").fetch_arrow_table()


class Delta(Place):
    def add(self, more: pa.Table) -> None:
        from deltalake import write_deltalake

        self.arguments = ["reviews", "scored"]
        settings = {"delta.enableChangeDataFeed": "true"}
        for part in (more[: len(more) // 2], more[len(more) // 2 :]):
            where = str(self.folder / "reviews")
            write_deltalake(where, part, mode="append", configuration=settings)

    def scored(self) -> pa.Table:
        from deltalake import DeltaTable

        return DeltaTable(str(self.folder / "scored")).to_pyarrow_table()


class Iceberg(Place):
    @property
    def catalogue(self) -> Any:
        from pyiceberg.catalog import load_catalog

        where = {"uri": f"sqlite:///{self.folder}/c.db", "warehouse": f"file://{self.folder}/w"}
        names = {f"PYICEBERG_CATALOG__DEFAULT__{key.upper()}": is_ for key, is_ in where.items()}
        self.environment = {**names, "PYICEBERG_CATALOG__DEFAULT__TYPE": "sql"}
        return load_catalog("default", type="sql", **where)

    def add(self, more: pa.Table) -> None:
        self.arguments = ["shop.reviews", "shop.scored"]
        self.catalogue.create_namespace_if_not_exists("shop")
        table = self.catalogue.create_table_if_not_exists("shop.reviews", more.schema)
        for part in (more[: len(more) // 2], more[len(more) // 2 :]):
            table.append(part)

    def scored(self) -> pa.Table:
        return self.catalogue.load_table("shop.scored").scan().to_arrow()


class GrowingFile(Place):
    def add(self, more: pa.Table) -> None:
        self.arguments = ["reviews.csv", "scored"]
        path = self.folder / "reviews.csv"
        options = pyarrow.csv.WriteOptions(include_header=not path.exists())
        with path.open("ab") as file:
            pyarrow.csv.write_csv(more, file, options)

    def scored(self) -> pa.Table:
        found = pa.parquet.read_table(self.folder / "scored")
        return found.set_column(0, "id", found["id"].cast(pa.int64()))


SCORES = ["id", "predicted_sentiment", "positive_probability"]
PLACES: dict[str, tuple[type[Place], str, str]] = {  # with the program and its package
    "SQLite": (Sqlite, "adbc", "adbc_driver_sqlite"),
    "PostgreSQL": (Postgresql, "adbc", "adbc_driver_postgresql"),
    "Delta Lake": (Delta, "delta", "deltalake"),
    "Iceberg": (Iceberg, "iceberg", "pyiceberg"),
    "a growing file": (GrowingFile, "growing_file", "duckdb"),
}


def programs_of_postgresql() -> Path | None:
    """The newest ones: Debian has them outside of PATH."""
    found = [*Path("/usr/lib/postgresql").glob("*/bin/initdb"), shutil.which("initdb")]
    paths = sorted(Path(each).resolve().parent for each in found if each is not None)
    return paths[-1] if paths else None


@pytest.fixture
def server() -> Iterator[str]:
    """A PostgreSQL server in a temporary folder, which only this machine reaches, by a socket."""
    programs = programs_of_postgresql()
    if programs is None:
        pytest.skip("needs a PostgreSQL server (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user = pwd.getpwuid(os.geteuid() or pwd.getpwnam("nobody").pw_uid)  # root may not run it
    os.chown(folder, user.pw_uid, user.pw_gid)

    def run(name: str, *arguments: object) -> None:
        command = [programs / name, "-D", folder / "data", *arguments]
        who: dict[str, Any] = (
            {"user": user.pw_uid, "group": user.pw_gid} if os.geteuid() == 0 else {}
        )
        subprocess.run(
            [*map(str, command)], cwd=folder, stdout=subprocess.DEVNULL, check=True, **who
        )

    try:
        run("initdb", "-A", "trust", "-U", "reviews", "-E", "UTF8", "--no-sync")
        settings = f"-k {folder} -c listen_addresses= -c fsync=off"
        run("pg_ctl", "-w", "-l", folder / "log", "-o", settings, "start")
        try:
            yield f"postgresql:///postgres?host={folder}&user=reviews"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def check(found: pa.Table, count: int) -> None:
    """Every row has one score, with the bits of the scorer."""
    assert found.num_rows == count
    found = found.sort_by("id")
    wanted = rows()[:count]
    assert found["id"].to_pylist() == wanted["id"].to_pylist()
    sentiments, probabilities = shipped_scorer().score_array(wanted["text"])
    assert found["predicted_sentiment"].to_pylist() == sentiments.to_pylist()
    assert found["positive_probability"].to_pylist() == probabilities.to_pylist()


@pytest.mark.parametrize("name", PLACES)
def test_killed_and_repeated_every_row_has_one_score(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    make, program, package = PLACES[name]
    if find_spec(package) is None:
        pytest.skip(f"needs {package}: the packages of examples/engines")
    place = make(tmp_path, program)
    if make is Postgresql:
        place.arguments = [request.getfixturevalue("server")]
    place.add(rows()[:FIRST])
    assert [place.run(kill_at=number) for number in (1, 3)] == [-signal.SIGKILL] * 2
    for _ in range(2):  # to the end, and once more
        assert place.run() == 0
        check(place.scored(), FIRST)
    place.add(rows()[FIRST:])
    assert place.run(kill_at=2) == (0 if name in ONE_BATCH else -signal.SIGKILL)
    assert place.run() == 0
    check(place.scored(), ALL)


ONE_BATCH = ("SQLite", "PostgreSQL")  # is what the second part of the rows has


# Stands in for kcat: gives the messages of a file from an offset on, as `kcat -J` does.
KCAT = """#!/bin/sh
while [ "$1" != -o ]; do shift; done
tail -n "+$(($2 + 1))" topic.jsonl
"""


def test_kafka(tmp_path: Path) -> None:
    (tmp_path / "kcat").write_text(KCAT)
    (tmp_path / "kcat").chmod(0o755)
    (tmp_path / "toolkit").write_text(f'#!/bin/sh\nexec {sys.executable} -m toolkit "$@"\n')
    (tmp_path / "toolkit").chmod(0o755)
    environment = ENVIRONMENT | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}", "KCAT": "kcat", "PYTHONPATH": str(PROJECT)
    }  # fmt: skip

    def add(more: pa.Table, first: int) -> None:
        with (tmp_path / "topic.jsonl").open("a") as file:
            for offset, row in enumerate(more.to_pylist(), first):
                message = {"topic": "reviews", "offset": offset, "payload": row["text"]}
                message["key"] = row["id"]
                file.write(json.dumps(message) + "\n")

    def start() -> subprocess.Popen[str]:
        command = ["sh", str(FOLDER / "with_kafka.sh"), "scored"]
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip

    def run(code: int = 0) -> None:
        with start() as process:
            _, said = process.communicate()
            assert process.returncode == code, said

    def scored() -> pa.Table:
        parts = [*(tmp_path / "scored").glob("*[0-9].jsonl")]
        found = [pyarrow.json.read_json(path) for path in parts if path.stat().st_size]
        whole = pa.concat_tables(found)
        columns = [whole["key"], whole[SCORES[1]], whole[SCORES[2]].cast(pa.float32())]
        return pa.table(columns, names=SCORES)

    run()  # nothing is there
    add(rows()[:FIRST], 0)
    with start() as process:
        while process.poll() is None and not [*(tmp_path / "scored").glob(".*/output")]:
            pass
        os.killpg(process.pid, signal.SIGKILL)
    for _ in range(2):
        run()
        check(scored(), FIRST)
    with (tmp_path / "topic.jsonl").open("ab") as file:  # kcat writes the bytes of a payload
        file.write(b'{"topic": "reviews", "offset": %d, "payload": "\xff"}\n' % FIRST)
    run(1)
    check(scored(), FIRST)
    add(rows()[FIRST:], FIRST + 1)
    run(3)
    check(scored(), ALL)
