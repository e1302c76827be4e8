"""Every format is read from a store, and written to one, as on this machine."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.running import Command, in_its_own_process
from tests.models import many_texts
from tests.scoring.kinds import KINDS, WRITERS
from tests.stores.server import Bucket

_TEXTS = many_texts(2000, seed=2)[:1100]


@pytest.mark.parametrize("kind", [*KINDS, (".json", ".json"), (".csv.zip", ".jsonl.zst")])
def test_the_bytes_are_those_of_a_local_run(
    bucket: Bucket, command: Command, kind: tuple[str, str]
) -> None:
    source, output = Path(f"a{kind[0]}"), Path(f"b{kind[1]}")
    WRITERS[kind[0]](source, _TEXTS)
    assert command("score", source, "-o", output).exit_code == 3
    bucket.put(f"in/{source}", source)
    ran = command("score", bucket.uri(f"in/{source}"), "-o", bucket.uri(f"out/{output}"))
    assert (ran.exit_code, ran.out) == (3, "")
    assert bucket.uri(f"out/{output}\n  records ") in ran.err
    assert bucket.get(f"out/{output}") == output.read_bytes()
    rejects = Path(f"{output}.rejected.jsonl").read_bytes()
    uri = bucket.uri(f"in/{source}").encode()
    assert bucket.get(f"out/{output}.rejected.jsonl") == rejects.replace(
        f'"file": "{source}'.encode(), b'"file": "' + uri
    )
    assert len(bucket.keys("out/")) == 2
    assert not [each for each in Path("work").rglob("*") if each.is_file()]


def test_a_workbook_is_read(bucket: Bucket, command: Command) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in [("id", "text"), *enumerate(_TEXTS[:200])]:
        book.active.append(row)
    book.save("a.xlsx")
    bucket.put("a.xlsx", Path("a.xlsx"))
    assert command("score", "a.xlsx", "-o", "a.csv").exit_code == 0
    assert command("score", bucket.uri("a.xlsx")).exit_code == 0
    assert bucket.get("a.scored.csv") == Path("a.csv").read_bytes()


def test_the_members_of_an_archive_are_read(bucket: Bucket, command: Command) -> None:
    with zipfile.ZipFile("a.zip", "w") as archive:
        archive.writestr("x/one.csv", "text\na fine film\n")
        archive.writestr("two.jsonl", '{"text": "a bore"}\n')
    bucket.put("a.zip", Path("a.zip"))
    assert command("score", "a.zip", "-o", "here/").exit_code == 0
    assert command("score", bucket.uri("a.zip"), "-o", bucket.uri("out/")).exit_code == 0
    assert bucket.keys("out/") == ["out/two.jsonl", "out/x/one.csv"]
    assert bucket.get("out/x/one.csv") == Path("here/x/one.csv").read_bytes()
    one = in_its_own_process("score", bucket.uri("a.zip/two.jsonl"), "-o", "-")
    assert one.out.encode() == Path("here/two.jsonl").read_bytes()


def test_a_parquet_file_with_many_columns_old_times_and_row_groups(
    bucket: Bucket, command: Command
) -> None:
    """Its columns are read in turns, and opened again for dictionaries and for old times."""
    count = 6000
    texts = (_TEXTS * 6)[:count]
    numbers = {f"n{each}": pa.array(range(each, each + count)) for each in range(30)}
    times = pa.array(range(count), pa.int64()).cast(pa.timestamp("ms"))
    table = pa.table({"text": texts, "again": texts[::-1], "at": times, **numbers})
    pq.write_table(table, "a.parquet", row_group_size=2000, use_deprecated_int96_timestamps=True)
    bucket.put("a.parquet", Path("a.parquet"))
    for name in ("a.parquet", bucket.uri("a.parquet")):
        assert command("score", name, "--text-column", "text").exit_code == 0
    assert bucket.get("a.scored.parquet") == Path("a.scored.parquet").read_bytes()


@pytest.mark.parametrize("layout", [pa.ipc.new_file, pa.ipc.new_stream])
@pytest.mark.parametrize("codec", [None, "zstd"])
def test_an_arrow_file_or_stream(
    bucket: Bucket, command: Command, layout: Callable[..., Any], codec: str | None
) -> None:
    table = pa.table({"text": (_TEXTS * 6)[:6000], "id": range(6000)})
    options = pa.ipc.IpcWriteOptions(compression=codec)
    with layout("a.arrow", table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=500)
    bucket.put("a.arrow", Path("a.arrow"))
    for name in ("a.arrow", bucket.uri("a.arrow")):
        assert command("score", name).exit_code == 0
    assert bucket.get("a.scored.arrow") == Path("a.scored.arrow").read_bytes()


@pytest.mark.parametrize(
    "ending", [".csv", ".parquet", ".arrow", ".xlsx", ".zip", ".json", ".csv.gz"]
)
def test_an_object_that_is_missing_empty_or_damaged_is_reported(
    bucket: Bucket, command: Command, ending: str
) -> None:
    name = bucket.uri(f"a{ending}")

    def compare() -> None:
        """Score both, and compare what is said."""
        here, there = (
            command("score", each, "-o", "x.csv", "--force", "-q") for each in (f"a{ending}", name)
        )
        assert here.exit_code == there.exit_code != 0
        assert there.err == here.err.replace(f"a{ending}", name)

    if ending != ".zip":  # a store is not asked for what has no ending of reviews
        compare()
    for content in (b"", b"\x93\x00\xfe" * 5000):
        bucket.put(f"a{ending}", content)
        Path(f"a{ending}").write_bytes(content)
        compare()
