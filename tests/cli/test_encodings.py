"""`toolkit score` on files other than plain UTF-8: encodings, marks, zero bytes, odd headers."""

from __future__ import annotations

import csv
import io
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.running import Command, Ran, write
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


def test_latin_1_without_its_name(command: Command) -> None:
    ran, output, rejects = score(command, b"id,text\n1,a\n2,\xe9t\xe9\n3,b\n")
    assert ran.exit_code == 3
    assert texts_of(output) == [["id", "text"], ["1", "a"], ["3", "b"]]
    (reject,) = rejects
    assert reject["reason"] == "byte 0xe9 is no UTF-8; --encoding names another encoding"
    assert b64decode(reject["raw_base64"]) == b"2,\xe9t\xe9"
    assert (reject["line"], reject["bytes"]) == (3, 5)


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
    data = b"id,text\n1,a\n2,x%b\n3,b\n" % bad
    ran, output, rejects = score(command, data, "--encoding", encoding)
    assert ran.exit_code == 3, ran.err
    assert texts_of(output) == [["id", "text"], ["1", "a"], ["3", "b"]]
    (reject,) = rejects
    assert b64decode(reject["raw_base64"]) == b"2,x" + bad
    assert reject["line"] == 3


def test_bad_records_in_utf_16_keep_their_bytes(command: Command) -> None:
    data = "id,text\n1,a\n2\n3,\ud800\n4,é\n".encode("utf-16-le", "surrogatepass")
    ran, output, rejects = score(command, data, "--encoding", "utf-16-le")
    if ran.exit_code == 3:
        assert texts_of(output) == [["id", "text"], ["1", "a"], ["4", "é"]]
        assert b64decode(rejects[0].get("raw_base64", "")) or rejects[0]["raw"] == "2\0"
    else:  # the decoder cannot continue after half a pair
        ran.failed_with("cannot be read past this line")


@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-32-be", "utf-32-le"])
def test_a_bad_record_in_utf_16(command: Command, encoding: str) -> None:
    data = "\ufeffid,text\n1,a\n2é\n4,é\n".encode(encoding)
    ran, output, (reject,) = score(command, data, "--encoding", encoding[:6])
    assert ran.exit_code == 3, ran.err
    assert texts_of(output) == [["id", "text"], ["1", "a"], ["4", "é"]]
    assert (reject["line"], b64decode(reject["raw_base64"])) == (3, "2é".encode(encoding))


@pytest.mark.parametrize("length", [1, 2, 3])
def test_truncated_utf_16(command: Command, length: int) -> None:
    data = "id,text\n1,a\n2,b".encode("utf-16")
    ran, _, _ = score(command, data[:-length], "--encoding", "utf-16")
    assert ran.exit_code in (0, 1, 3)
    assert "unexpected" not in ran.err


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


def test_a_byte_order_mark_is_kept(command: Command) -> None:
    ran, output, _ = score(command, "\ufefftext,id\na,1\n".encode())
    assert (ran.exit_code, texts_of(output)) == (0, [["text", "id"], ["a", "1"]])
    assert output.startswith("\ufefftext,id,predicted")


def test_zero_bytes_are_kept(command: Command) -> None:
    ran, output, _ = score(command, b"text,id\na\0b,\0\n")
    assert (ran.exit_code, texts_of(output)[1]) == (0, ["a\0b", "\0"])


def test_headers(command: Command) -> None:
    ran, output, _ = score(command, b"id,id,text,\n1,2,a,b\n")
    assert ran.exit_code == 0
    assert output.startswith("id,id,text,,predicted_sentiment,positive_probability\n1,2,a,b,")
    score(command, b"text,text\n1,2\n")[0].failed_with("2 columns are called 'text'. Rename all", 2)


def test_files_without_a_header(command: Command) -> None:
    data = b"\n1,a superb film\n2,b,c\n\n3,\n"
    ran, output, rejects = score(command, data, "--no-header", "--text-column", "2")
    assert ran.exit_code == 3
    lines = output.split("\n")
    assert [line.split(",")[:2] for line in lines] == [
        [""], ["1", "a superb film"], [""], ["3", ""], [""],
    ]  # fmt: skip
    assert rejects[0]["raw"] == "2,b,c"
    score(command, data, "--no-header")[0].failed_with(
        "no column 'text' or 'review' (found: 1, 2)", 2
    )
    ran, output, _ = score(command, b"a superb film\nbad\n", "--no-header")
    assert (ran.exit_code, output.count("\n")) == (0, 2)
    score(command, data, "--no-header", "--format", "jsonl")[0].failed_with(
        "only delimited files can have no header, not jsonl", 2
    )


@pytest.mark.parametrize("delimiter", [";", "|", "\t", r"\t", "^", ":", " "])
def test_delimiters(command: Command, delimiter: str) -> None:
    mark = "\t" if delimiter == r"\t" else delimiter
    data = f'id{mark}text\n1{mark}"a{mark}b"\n2{mark}c\n'.encode()
    ran, output, _ = score(command, data, "--delimiter", delimiter)
    assert ran.exit_code == 0
    rows = list(csv.reader(io.StringIO(output, newline=""), strict=True, delimiter=mark))
    assert [row[:2] for row in rows] == [["id", "text"], ["1", f"a{mark}b"], ["2", "c"]]
    assert {len(row) for row in rows} == {4}


@pytest.mark.parametrize("delimiter", ["", ",,", "é", '"', "\n", "a", "."])
def test_invalid_delimiters(command: Command, delimiter: str) -> None:
    score(command, TEXT.encode(), "--delimiter", delimiter)[0].failed_with("--delimiter: ", 2)
