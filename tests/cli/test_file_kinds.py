"""Files whose content is not what their name says: the message names both, and what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather, orc

from tests.cli.running import CSV, Command, in_its_own_process, write

TABLE = pa.table({"text": ["a superb film", "b"]})


def _parquet() -> bytes:
    file = io.BytesIO()
    pq.write_table(TABLE, file)
    return file.getvalue()


def _feather() -> bytes:
    file = io.BytesIO()
    feather.write_feather(TABLE, file)
    return file.getvalue()


def _orc() -> bytes:
    file = io.BytesIO()
    orc.write_table(TABLE, file)
    return file.getvalue()


def _zipped(name: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(name, "<x/>")
    return file.getvalue()


def _sqlite() -> bytes:
    with sqlite3.connect(":memory:") as database:
        database.execute("CREATE TABLE reviews (text)")
        data = database.serialize()
    database.close()
    return data


JSON = b'[\n  {"text": "a superb film"}\n]\n'
MISNAMED = {
    "gzip": (gzip.compress(CSV.encode()), "is compressed with gzip. Add .gz"),
    "bzip2": (bz2.compress(CSV.encode()), "is compressed with bzip2. Add .bz2"),
    "xz": (lzma.compress(CSV.encode()), "is compressed with xz. Add .xz"),
    "zip": (_zipped("a.csv"), "is a zip archive. Add .zip to its name"),
    "xlsx": (_zipped("xl/workbook.xml"), "is an Excel workbook. Read it with --format xlsx"),
    "docx": (_zipped("word/document.xml"), "is a Word document. Save its table as CSV"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old or encrypted Excel workbook"),
    "parquet": (_parquet(), "is a Parquet file. Read it with --format parquet"),
    "feather": (_feather(), "is an Arrow or Feather file. Write it as Parquet"),
    "orc": (_orc(), "is an ORC file. Write it as Parquet"),
    "avro": (b"Obj\x01\x04\x16avro.schema", "is an Avro file"),
    "sqlite": (_sqlite(), "is an SQLite database. Export its table as CSV"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\n", "is a PDF document"),
    "html": (b"\n<!DOCTYPE html>\n<html><body>\n", "is an HTML page"),
    "utf-16": (CSV.encode("utf-16"), "is text in UTF-16. Add --encoding utf-16"),
    "utf-16-be": (CSV.encode("utf-16-be"), "Add --encoding utf-16-le, or utf-16-be"),
    "utf-32": (CSV.encode("utf-32"), "is text in UTF-32. Add --encoding utf-32"),
    "json": (JSON, "is JSON. Read it with --format json"),
    "jsonl": (b'{"text": "a"}\n', "is JSON Lines. Read it with --format jsonl"),
}
every_kind = pytest.mark.parametrize("kind", MISNAMED)


@every_kind
def test_a_file_that_is_named_as_csv(command: Command, kind: str) -> None:
    data, message = MISNAMED[kind]
    write("a.csv", data)

    command("score", "a.csv").failed_with(message)
    assert command.files() == ["a.csv"]


@every_kind
def test_a_file_of_an_unknown_ending(command: Command, kind: str) -> None:
    data, message = MISNAMED[kind]
    write("a.dat", data)
    command("score", "a.dat").failed_with("a.dat: unknown ending '.dat', but this is ", 2)
    command("score", "a.dat").failed_with(message, 2)


def test_an_unknown_ending_of_an_unknown_file(command: Command) -> None:
    write("a.dat", CSV)
    command("score", "a.dat").failed_with("a.dat: unknown ending '.dat'. Use .csv, .tsv", 2)


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2", ".xz"])
def test_a_file_that_is_not_compressed(command: Command, ending: str) -> None:
    write(f"a.csv{ending}", CSV)
    command("score", f"a.csv{ending}").failed_with(f"as its name says. Remove {ending} from its")


def test_a_file_that_is_compressed_in_another_way(command: Command) -> None:
    write("a.csv.gz", lzma.compress(CSV.encode()))
    command("score", "a.csv.gz").failed_with(
        "a.csv.gz: is not compressed with gzip, as its name says; it is compressed with xz. Remove "
        ".gz from its name, and add .xz"
    )


def test_a_file_that_is_named_as_parquet(command: Command) -> None:
    write("a.parquet", gzip.compress(CSV.encode()))
    command("score", "a.parquet").failed_with("is compressed with gzip, and not a parquet file")
    write("a.parquet", _sqlite())
    command("score", "a.parquet").failed_with("a.parquet: is an SQLite database")


@pytest.mark.parametrize("kind", ["gzip", "parquet", "xlsx", "utf-16"])
def test_standard_input(kind: str, tmp_path: Path) -> None:
    data, _ = MISNAMED[kind]
    (tmp_path / "data").write_bytes(data)
    with (tmp_path / "data").open("rb") as file:
        ran = in_its_own_process("score", "-", "--format", "csv", stdin=file, cwd=tmp_path)
    ran.failed_with({
        "gzip": "standard input: is compressed with gzip. Decompress it first: gzip -dc FILE |",
        "parquet": "standard input: is a Parquet file. Save it to a file first.",
        "xlsx": "standard input: is an Excel workbook. Save it to a file first.",
        "utf-16": "standard input: is text in UTF-16. Add --encoding utf-16",
    }[kind])  # fmt: skip


@pytest.mark.parametrize(
    "header", ["[{,text", "PAR1,text", "ORC,text", '{"a": 1},text', "BZh9,text", "%PD,text"]
)
def test_a_header_may_begin_as_another_kind(command: Command, header: str) -> None:
    """Only what no table of text has is refused; and the format that is asked for is right."""
    write("a.csv", f"{header}\n1,a superb film\n")
    if header.startswith("{"):
        command("score", "a.csv").failed_with("a.csv: is JSON Lines")
    ran = command("score", "a.csv", "--format", "csv")
    assert (ran.exit_code, ran.out) == (0, ""), ran.err


def test_an_encoding_that_is_named_is_taken(command: Command) -> None:
    write("a.csv", CSV.encode("utf-16"))
    assert command("score", "a.csv", "--encoding", "utf-16").exit_code == 0
