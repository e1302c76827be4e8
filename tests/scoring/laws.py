"""What holds for every scored file, whatever was in it."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections import Counter
from pathlib import Path

import pyarrow as pa

from toolkit.scoring.summary import Summary

ADDED = ("predicted_sentiment", "positive_probability")


def unpacked(path: Path) -> bytes:
    """Read a file."""
    with pa.input_stream(str(path), compression="detect") as stream:
        return bytes(stream.read())


def raw_rejects(rejects: bytes) -> list[bytes]:
    """Give the rejected records as they stood in the file."""
    rows = [json.loads(line) for line in rejects.split(b"\n") if line]
    return [
        row["raw"].encode() if "raw" in row else base64.b64decode(row["raw_base64"]) for row in rows
    ]


def check_nothing_is_lost(
    ending: str, source: Path, output: bytes, rejects: bytes, summary: Summary
) -> None:
    """Every record of the input is in the output, with two fields more, or in the rejects."""
    lines = _pieces(unpacked(source).removeprefix(b"\xef\xbb\xbf"))
    scored = _pieces(output.removeprefix(b"\xef\xbb\xbf"))
    if ".jsonl" in ending:
        kept = [_without_added(line) for line in scored]
        rejected = [line for raw in raw_rejects(rejects) for line in _pieces(raw)]
        inside = [line.rstrip(b" \t\r").removesuffix(b"}") for line in lines]
        rejected = [line.rstrip(b" \t\r").removesuffix(b"}") for line in rejected]
        assert Counter(inside) == Counter([*kept, *rejected])
        return
    # A record of CSV may have many lines: its bytes are there, in order, one after the other.
    rejected_bytes = b"".join(sorted(b"".join(raw_rejects(rejects)).split()))
    assert len(rejected_bytes) <= sum(map(len, lines))
    assert summary.records == summary.scored + summary.without_text + summary.rejected


def _pieces(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line.strip(b" \t\r")]


def _without_added(line: bytes) -> bytes:
    at = line.rindex(b'"predicted_sentiment": ')
    return line[:at].removesuffix(b", ")


def check_against_python(ending: str, source: Path, summary: Summary) -> None:
    """What Python reads is scored."""
    data = unpacked(source).removeprefix(b"\xef\xbb\xbf")
    if ".jsonl" in ending:
        good = [row for row in map(_json_object, data.split(b"\n")) if row is not None]
        assert summary.scored + summary.without_text == len(good)
        return
    if b"\r" in data.replace(b"\r\n", b""):
        return  # a line end to Python
    try:
        text = data.decode()
        mark = "\t" if ending.startswith(".tsv") else ","
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return
    header, *others = [row for row in rows if row]
    assert summary.records == len(others)
    assert summary.rejected == sum(len(row) != len(header) for row in others)


def _json_object(line: bytes) -> dict[str, object] | None:
    try:
        row = json.loads(line.decode(), parse_int=float)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or any(name in row for name in ADDED):
        return None
    return row if isinstance(row.get("text"), str | None) else None
