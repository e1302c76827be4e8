"""Encodings and dialects of files, and files whose content is not what their name says."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import zipfile
from base64 import b64decode
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import feather, orc

from tests.cli.running import CSV, Command, Ran, in_its_own_process, write
from tests.records.passing import pass_through
from toolkit.errors import InputError, UsageError

TEXT = "id,text\n1,Ein schöner Film — größer\n2,été\n"


def score(command: Command, data: bytes, *options: str) -> tuple[Ran, str, list[dict[str, Any]]]:
    write("a.csv", data)
    ran = command("score", "a.csv", "-o", "b.csv", "--force", *options)
    rejects = Path("b.csv.rejected.jsonl")
    lines = rejects.read_bytes().split(b"\n")[:-1] if rejects.exists() else []
    output = Path("b.csv").read_bytes().decode() if Path("b.csv").exists() else ""
    return ran, output, [json.loads(line) for line in lines]


def texts_of(output: str) -> list[list[str]]:
    rows = csv.reader(io.StringIO(output.removeprefix("\ufeff"), newline=""), strict=True)
    return [row[:2] for row in rows]


@pytest.mark.parametrize(
    "encoding",
    ["cp1252", "utf-16", "utf-16-le", "utf-32", "utf-7", "utf-8-sig", "UTF8", "mac-roman"],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_a_file_in_an_encoding_becomes_utf8(command: Command, encoding: str, line_end: str) -> None:
    text = TEXT.replace("\n", line_end)
    ran, output, _ = score(command, text.encode(encoding), "--encoding", encoding)
    assert (ran.exit_code, ran.out) == (0, ""), ran.err
    expected = [line.split(",") for line in TEXT.splitlines()]
    assert texts_of(output) == expected
    assert output.count(line_end) == 3


@pytest.mark.parametrize(
    ("encoding", "bad"),
    [
        ("ascii", b"\xe9"), ("cp1252", b"\x81"), ("shift_jis", b"\x81\xff"), ("gb18030", b"\xff"),
        ("euc_jp", b"\xff"),
    ],
)  # fmt: skip
def test_bytes_that_are_invalid_in_the_encoding(
    command: Command, encoding: str, bad: bytes
) -> None:
    data = b"id,text\n1,fine\n2,x%b\n3,b\n" % bad
    ran, output, rejects = score(command, data, "--encoding", encoding)
    assert ran.exit_code == 3, ran.err
    assert texts_of(output) == [["id", "text"], ["1", "fine"], ["3", "b"]]
    (reject,) = rejects
    assert b64decode(reject["raw_base64"]) == b"2,x" + bad
    assert reject["line"] == 3


@pytest.mark.parametrize("encoding", ["iso2022_jp", "iso2022_kr"])
def test_a_bad_record_in_iso_2022(command: Command, encoding: str) -> None:
    """Python reads some bytes as characters that it does not write."""
    bad = b"2,x\x1b\xdc\xff,y"
    ran, output, (reject,) = score(command, b"id,text\n1,fine\n%b\n" % bad, "--encoding", encoding)
    assert ran.exit_code == 3, ran.err
    assert texts_of(output) == [["id", "text"], ["1", "fine"]]
    assert (reject["line"], b64decode(reject["raw_base64"])) == (3, bad)


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le"])
def test_a_bad_record_in_utf_16(command: Command, encoding: str) -> None:
    data = "\ufeffid,text\n1,fine\n2é\n4,é\n".encode(encoding)
    ran, output, (reject,) = score(command, data, "--encoding", encoding[:6])
    assert ran.exit_code == 3, ran.err
    assert texts_of(output) == [["id", "text"], ["1", "fine"], ["4", "é"]]
    assert (reject["line"], b64decode(reject["raw_base64"])) == (3, "2é".encode(encoding))


@pytest.mark.parametrize("name", ["nonsense", "base64", "rot13", "undefined", "hex", "idna"])
def test_unknown_encodings(command: Command, name: str) -> None:
    ran, output, _ = score(command, TEXT.encode(), "--encoding", name)
    assert ran.exit_code in (1, 2)
    assert ran.err.startswith("error: ")
    assert "unexpected" not in ran.err
    assert output == ""


ENCODINGS = [
    "utf-16",
    "utf-32",
    "utf-7",
    "cp1252",
    "shift_jis",
    "gb18030",
    "iso2022_jp",
    "hz",
    "big5",
]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=60), st.sampled_from(ENCODINGS), st.booleans(), st.integers(1, 20))
def test_any_bytes_in_any_encoding(
    data: bytes, encoding: str, is_json: bool, block_bytes: int
) -> None:
    head = ('{"text": "é"}\n' if is_json else "text,é\n").encode(encoding, "replace")
    ending = ".jsonl" if is_json else ".csv"
    try:
        passed = pass_through(head + data, ending, block_bytes=block_bytes, encoding=encoding)
    except (InputError, UsageError):
        return
    assert passed == pass_through(head + data, ending, encoding=encoding)
    for reject in passed.rejects:
        assert reject.raw is not None
        assert reject.length == len(reject.raw)


def test_no_header_is_for_delimited_files(command: Command) -> None:
    score(command, b"1,a\n", "--no-header", "--format", "jsonl")[0].failed_with(
        "--no-header is for delimited files, not for jsonl", 2
    )


@pytest.mark.parametrize("delimiter", ["", ",,", "é", '"', "\n", "a", "."])
def test_invalid_delimiters(command: Command, delimiter: str) -> None:
    score(command, TEXT.encode(), "--delimiter", delimiter)[0].failed_with("--delimiter: ", 2)


def test_escapes_and_lines_before_the_header(command: Command) -> None:
    write("a.csv", b'Reviews, all\nid,text,label\n1,"A \\"fine\\", warm film",1\n2,bad\\, dull,0\n')
    how = ("--escape", "\\", "--skip-lines", "1")
    assert command("score", "a.csv", *how, "-o", "b.jsonl").exit_code == 0
    rows = [json.loads(line) for line in Path("b.jsonl").read_text().splitlines()]
    assert [row["text"] for row in rows] == ['A "fine", warm film', "bad, dull"]
    assert command("evaluate", "a.csv", *how, "--json").exit_code == 0
    ran = command("score", "a.csv", "--skip-lines", "1", "--escape", '"', "--force")
    assert ran.exit_code == 2
    assert "Leave --escape out" in ran.err


@pytest.mark.parametrize(
    "rows", [['A1," love it', "A2,bad", 'A4,end"'], ['A1," love it', 'A4,end"']]
)
def test_lines_that_may_be_records_are_warned_about(command: Command, rows: list[str]) -> None:
    write("a.csv", "\n".join(["id,text", "A0,fine", *rows, "A5,ok", ""]))
    ran = command("score", "a.csv", "--report", "r.json")
    assert ran.exit_code == 0
    warning = "each of which has the right number of fields by itself: 1, the first in line 3."
    assert f"warning: a.csv: records that span several lines, {warning}" in ran.err
    assert warning in Path("r.json").read_text(encoding="utf-8")
    ran = command("score", "a.csv", "-o", "b.csv", "--quote", "none")
    assert "warning" not in ran.err
    assert f"records       {len(rows) + 2}" in ran.err


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


def _tarred(name: str) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(CSV)
        archive.addfile(member, io.BytesIO(CSV.encode()))
    return data.getvalue()


JSON = b'[\n  {"text": "a superb film"}\n]\n'
MISNAMED = {
    "gzip": (gzip.compress(CSV.encode()), "is compressed with gzip. Add .gz"),
    "bzip2": (bz2.compress(CSV.encode()), "is compressed with bzip2. Add .bz2"),
    "xz": (lzma.compress(CSV.encode()), "is compressed with xz. Add .xz"),
    "zip": (_zipped("a.csv"), "is a zip archive. Add .zip to its name"),
    "tar": (_tarred("a.csv"), "is a tar archive. Unpack it and name the folder, or make a zip"),
    "xlsx": (_zipped("xl/workbook.xml"), "is an Excel workbook. Read it with --format xlsx"),
    "docx": (_zipped("word/document.xml"), "is a Word document. Save its table as CSV"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old or encrypted Excel workbook"),
    "parquet": (_parquet(), "is a Parquet file. Read it with --format parquet"),
    "feather": (_feather(), "is an Arrow file. Read it with --format arrow"),
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


@pytest.mark.parametrize("kind", MISNAMED)
def test_a_file_of_another_kind_than_its_name(command: Command, kind: str) -> None:
    data, message = MISNAMED[kind]
    write("a.csv", data)
    command("score", "a.csv").failed_with(message)
    write("a.dat", data)
    ran = command("score", "a.dat")
    ran.failed_with("a.dat: unknown ending '.dat', but this is ", 2)
    assert message in ran.err
    assert command.files() == ["a.csv", "a.dat"]


@pytest.mark.parametrize("ending", [".tar", ".tar.gz", ".tgz"])
def test_a_tar_archive(command: Command, ending: str) -> None:
    data = _tarred("a.csv")
    write(f"a{ending}", gzip.compress(data) if ending.endswith("gz") else data)
    message = "but this is a tar archive. Unpack it and name the folder, or make a zip archive of"
    command("score", f"a{ending}").failed_with(message, 2)
    write("a.csv.gz", gzip.compress(data))
    command("score", "a.csv.gz").failed_with("a.csv.gz: is a tar archive. Unpack it and name")


@pytest.mark.parametrize("ending", [".gz", ".zst", ".bz2", ".xz"])
def test_a_file_that_is_not_compressed(command: Command, ending: str) -> None:
    write(f"a.csv{ending}", CSV)
    command("score", f"a.csv{ending}").failed_with(
        f"although its name says so. Remove {ending} from its"
    )


def test_a_file_that_is_compressed_in_another_way(command: Command) -> None:
    write("a.csv.gz", lzma.compress(CSV.encode()))
    command("score", "a.csv.gz").failed_with(
        "a.csv.gz: is not compressed with gzip, although its name says so; it is compressed with "
        "xz. Remove .gz from its name, and add .xz"
    )


def test_a_file_that_is_named_as_parquet(command: Command) -> None:
    write("a.parquet", gzip.compress(CSV.encode()))
    command("score", "a.parquet").failed_with("is compressed with gzip, and not a Parquet file")
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
