"""What holds for every scored file, whatever was in it; the readers here are plain loops."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from typing import Any

from tests.scoring.fuzz_files import Kind
from toolkit.scoring import Summary

ADDED = ("predicted_sentiment", "positive_probability")
_BOM = b"\xef\xbb\xbf"


def raw_rejects(rejects: bytes) -> list[bytes]:
    """Give the rejected records as they are in the file."""
    rows = [json.loads(line) for line in rejects.split(b"\n") if line]
    return [
        row["raw"].encode() if "raw" in row else base64.b64decode(row["raw_base64"]) for row in rows
    ]


def check_counts(summary: Summary) -> None:
    """Every record is scored, without text, without known words, or rejected."""
    unscored = summary.without_text + summary.without_known_words + summary.rejected
    assert summary.records == summary.scored + unscored, summary


def check_bytes(kind: Kind, data: bytes, output: bytes, rejects: bytes, summary: Summary) -> None:
    """The output without the added fields, and the rejects between them, are the input."""
    kept, removed = _without_added(kind, output.removeprefix(_BOM))
    if removed != summary.records - summary.rejected:
        return  # a text has lines that look as if they had the added fields
    raws = raw_rejects(rejects)
    inside = Counter(data.removeprefix(_BOM))
    found = sum((Counter(raw) for raw in raws), Counter(kept))
    for byte in b"\r\n":  # a reject is without its line end, and the last record gets one
        inside.pop(byte, None)
        found.pop(byte, None)
    assert inside == found, f"lost {inside - found}, added {found - inside}"
    lines, left = _lines(data.removeprefix(_BOM)), _lines(kept)
    position = 0
    for line in left:  # what is kept is in order
        position = lines.index(line, position) + 1


def _lines(data: bytes) -> list[bytes]:
    return [line.removesuffix(b"\r") for line in data.split(b"\n") if line.strip(b"\r")]


def _without_added(kind: Kind, output: bytes) -> tuple[bytes, int]:
    mark = re.escape(kind.delimiter.encode())
    header = mark + mark.join(name.encode() for name in ADDED)
    output, count = re.subn(header, b"\x01header\x02", output, count=1)
    assert count == 1, "the header has no names for what is added"
    score = rb"(?:%b(?:positive|negative)%b[0-9.e-]+|%b%b)(?=\r?\n|\Z)" % ((mark,) * 4)
    kept, removed = re.subn(score, b"", output)
    return kept.replace(b"\x01header\x02", b""), removed


def check_plain_lines(kind: Kind, data: bytes, summary: Summary) -> None:
    """Without quotes and escapes, each line is a record, and the delimiters are counted."""
    lines = [line.removesuffix(b"\r") for line in data.removeprefix(_BOM).split(b"\n")]
    lines = [line for line in lines if line]
    wanted = lines[0].count(kind.delimiter.encode())
    bad = [
        line
        for line in lines[1:]
        if line.count(kind.delimiter.encode()) != wanted or b"\r" in line or not _is_utf8(line)
    ]
    assert summary.records == len(lines) - 1
    assert summary.rejected == len(bad)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def records_of(kind: Kind, text: str) -> list[list[str]] | None:
    """Read a delimited text one character after the other; None if it is not regular."""
    records: list[list[str]] = []
    fields: list[str] = []
    position = start = 0
    while position < len(text):
        read = _field(kind, text, position)
        if read is None:
            return None
        field, position = read
        fields.append(field)
        if text.startswith(kind.delimiter, position):
            position += 1
            if position < len(text):
                continue
            return None  # a delimiter at the very end: one more field, without a line end
        if text.startswith("\r\n", position):
            position += 1
        elif position < len(text) and text[position] != "\n":
            return None
        if text[start:position].strip("\r"):  # it is not blank
            records.append(fields)
        position += 1
        fields, start = [], position
    return records


def _field(kind: Kind, text: str, at: int) -> tuple[str, int] | None:
    """Read a field: its content, and where it ends."""
    quote = kind.quote if kind.quote and text.startswith(kind.quote, at) else None
    found = ""
    at += quote is not None
    while at < len(text):
        character = text[at]
        if character == kind.escape:
            length = 3 if text.startswith("\r\n", at + 1) else 2
            if at + length >= len(text):  # the end of the file is escaped
                return None
            found, at = found + text[at : at + length], at + length
            continue
        if quote is None and character in (kind.delimiter, "\n", "\r"):
            return found, at
        if character == quote:
            if not text.startswith(quote, at + 1):
                return found, at + 1
            at += 1
        found, at = found + character, at + 1
    return None if quote else (found, at)


def check_regular(kind: Kind, data: bytes, summary: Summary) -> None:
    """What the plain reader reads is read, too; only records of other widths are rejected.

    So may be those whose lines could be records themselves.
    """
    try:
        text = data.removeprefix(_BOM).decode()
    except UnicodeDecodeError:
        return
    records = records_of(kind, text)
    if not records:
        return
    header, *others = records
    assert summary.records == len(others), (summary.records, len(others))
    ragged = [record for record in others if len(record) != len(header)]
    several = [r for r in others if r not in ragged and any("\n" in field for field in r)]
    assert len(ragged) <= summary.rejected <= len(ragged) + len(several)


def strict_json(text: str) -> Any:
    """Read JSON as its standard says, without NaN."""
    return json.loads(text, parse_constant=_no_constant, parse_int=float)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def check_array(data: bytes, output: bytes, summary: Summary) -> None:
    """An array that Python reads is read, and the output is the same with two keys more."""
    written = _array(output)
    assert written is not None, "the output is no array"
    assert len(written) == summary.records - summary.rejected
    elements = _array(data)
    if elements is None:
        return
    good = [row for row in elements if _is_good(row)]
    assert (summary.records, summary.rejected) == (len(elements), len(elements) - len(good))
    without = [{key: row[key] for key in row if key not in ADDED} for row in written]
    assert without == good


def _array(data: bytes) -> list[Any] | None:
    try:
        found = strict_json(data.removeprefix(_BOM).decode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _is_good(row: object) -> bool:
    if not isinstance(row, dict) or any(name in row for name in ADDED):
        return False
    return isinstance(row.get("text"), str | None)


def check_lines(data: bytes, output: bytes, rejects: bytes, summary: Summary) -> None:
    """Each line of JSON is in the output, with two keys more, or in the rejects."""
    lines = _pieces(data.removeprefix(_BOM))
    kept = [_without_keys(line) for line in _pieces(output.removeprefix(_BOM))]
    rejected = [line for raw in raw_rejects(rejects) for line in _pieces(raw)]
    assert Counter(map(_open_end, lines)) == Counter([*kept, *map(_open_end, rejected)])
    good = sum(_is_good_line(line) for line in data.removeprefix(_BOM).split(b"\n"))
    assert summary.records - summary.rejected == good, (summary, good)


def _pieces(data: bytes) -> list[bytes]:
    return [line for line in data.split(b"\n") if line.strip(b" \t\r")]


def _open_end(line: bytes) -> bytes:
    return line.rstrip(b" \t\r").removesuffix(b"}")


def _without_keys(line: bytes) -> bytes:
    return line[: line.rindex(b'"predicted_sentiment": ')].removesuffix(b", ")


def _is_good_line(line: bytes) -> bool:
    try:
        return _is_good(strict_json(line.decode()))
    except (ValueError, RecursionError):
        return False
