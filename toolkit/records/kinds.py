"""Recognize kinds of files by their first bytes. To add a kind, add an entry to `KINDS`."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import InputError
from toolkit.records.archives import COMPRESSIONS
from toolkit.records.inputs import Input

LOOKED_AT = 4096  # bytes at the start of a file


@dataclass(frozen=True)
class FileKind:
    """A kind of file, and how to recognize it."""

    what: str  # for messages: "an Excel workbook"
    fits: Callable[[bytes], object]  # gets the first bytes of a file
    remedy: str  # for messages: what to do with such a file
    compression: str | None = None  # its name in `COMPRESSIONS`
    format: str | None = None  # its name in `FORMATS`
    is_text: bool = False  # whether other text formats may begin with the same bytes


def _starts(*starts: bytes) -> Callable[[bytes], object]:
    return lambda data: data.startswith(starts)


def _matches(pattern: bytes) -> Callable[[bytes], object]:
    return lambda data: re.match(pattern, data, re.IGNORECASE | re.DOTALL)


def _zip_with(part: bytes) -> Callable[[bytes], object]:
    return lambda data: data.startswith(b"PK\x03\x04") and part in data


def _is_utf_16(data: bytes) -> bool:
    """Whether every second byte of the start is zero, as for Latin letters in UTF-16."""
    even = data[:64:2]
    odd = data[1:64:2]
    return len(odd) > 3 and ((not any(odd) and all(even)) or (not any(even) and all(odd)))


def _is_utf_32(data: bytes) -> bool:
    """Whether three of four bytes of the start are zero, as for Latin letters in UTF-32."""
    parts = [data[at:64:4] for at in range(4)]
    first, *rest = parts if any(parts[0]) else parts[::-1]
    return len(first) > 3 and all(first) and not any(map(any, rest))


_UTF_32 = "Add --encoding utf-32"
_UTF_16 = "Add --encoding utf-16"
_CONVERT = "Save its table as CSV, JSON Lines or Parquet"

TAR = FileKind(
    "a tar archive",
    lambda data: data[257:262] == b"ustar",
    "Unpack it and name the folder, or make a zip archive of the files",
)

KINDS = (
    TAR,
    FileKind("compressed with gzip", _starts(b"\x1f\x8b"), "Add .gz to its name",
             compression="gzip"),
    FileKind("compressed with zstd", _matches(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),
             "Add .zst to its name", compression="zstd"),
    FileKind("compressed with bzip2", _matches(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
             "Add .bz2 to its name", compression="bz2"),
    FileKind("compressed with xz", _starts(b"\xfd7zXZ\x00"), "Add .xz to its name",
             compression="xz"),
    FileKind("compressed with lz4", _starts(b"\x04\x22\x4d\x18"), "Decompress it first"),
    FileKind("a 7z archive", _starts(b"7z\xbc\xaf\x27\x1c"), "Unpack it first"),
    FileKind("a RAR archive", _starts(b"Rar!\x1a\x07"), "Unpack it first"),
    FileKind("an Excel workbook", _zip_with(b"xl/"), "Read it with --format xlsx", format="xlsx"),
    FileKind("a Word document", _zip_with(b"word/"), _CONVERT),
    FileKind("an OpenDocument file", _zip_with(b"application/vnd.oasis.opendocument"), _CONVERT),
    # The parts of a workbook may come in any order.
    FileKind("an Office document", _zip_with(b"[Content_Types].xml"),
             "If it is an Excel workbook, read it with --format xlsx", format="xlsx"),
    FileKind("a zip archive", _starts(b"PK\x03\x04", b"PK\x05\x06"), "Add .zip to its name"),
    FileKind("an old or encrypted Excel workbook", _starts(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
             "Save it as .xlsx without a password, or as CSV"),
    FileKind("a Parquet file", _matches(rb"PAR1[\x00-\x08\x0e-\x1f]"),
             "Read it with --format parquet", format="parquet"),
    FileKind("an encrypted Parquet file", _starts(b"PARE"), "Decrypt it first"),
    FileKind("an Arrow file", _matches(rb"ARROW1\x00|\xff\xff\xff\xff.{3}\x00"),
             "Read it with --format arrow", format="arrow"),
    FileKind("a Feather file of version 1", _starts(b"FEA1"),
             "Write it as version 2, or as Parquet"),
    FileKind("an ORC file", _matches(rb"ORC.{0,60}[\x00-\x08\x0e-\x1f]"), "Write it as Parquet"),
    FileKind("an Avro file", _starts(b"Obj\x01"), "Write it as JSON Lines or Parquet"),
    FileKind("an SQLite database", _starts(b"SQLite format 3\x00"), "Export its table as CSV"),
    FileKind("an HDF5 file", _starts(b"\x89HDF\r\n\x1a\n"), _CONVERT),
    FileKind("a Python pickle", _matches(rb"\x80[\x02-\x05](?:\x95|[c\]}(])"), _CONVERT),
    FileKind("a PDF document", _starts(b"%PDF-"), _CONVERT),
    FileKind("an image", _starts(b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a"), _CONVERT),
    FileKind("text in UTF-32", _starts(b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"), _UTF_32),
    FileKind("text in UTF-16", _starts(b"\xff\xfe", b"\xfe\xff"), _UTF_16),
    FileKind("text in UTF-16", _is_utf_16, "Add --encoding utf-16-le, or utf-16-be"),
    FileKind("text in UTF-32", _is_utf_32, "Add --encoding utf-32-le, or utf-32-be"),
    FileKind("an HTML page", _matches(rb"(?:\xef\xbb\xbf)?\s*(?:<!doctype\s+html|<html[\s>])"),
             _CONVERT, is_text=True),
    FileKind("an XML file", _matches(rb"(?:\xef\xbb\xbf)?\s*<\?xml\s"), _CONVERT, is_text=True),
    FileKind("JSON", _matches(rb"(?:\xef\xbb\xbf)?\s*\[\s*\{\s*\""), "Read it with --format json",
             format="json", is_text=True),
    FileKind("JSON Lines", _matches(rb"(?:\xef\xbb\xbf)?\s*\{\s*\"[^\"\\\n]*\"\s*:"),
             "Read it with --format jsonl", format="jsonl", is_text=True),
)  # fmt: skip


def kind_of(data: bytes) -> FileKind | None:
    """Return the kind of a file by its first bytes; None for text and unknown kinds."""
    return next((kind for kind in KINDS if kind.fits(data)), None)


def first_bytes(path: Path) -> bytes:
    """Read the bytes that `kind_of` needs; none if the file cannot be opened."""
    try:
        with path.open("rb") as file:
            return file.read(LOOKED_AT)
    except (OSError, ValueError):  # reported when it is opened
        return b""


def check_compressed(path: Path, compression: str, data: bytes) -> None:
    """Raise `InputError` if a file is not compressed as its name says."""
    kind = kind_of(data)
    if not data or (kind is not None and kind.compression == compression):
        return
    found = "" if kind is None else f"; it is {kind.what}"
    remedy = f"Remove {path.suffix} from its name"
    if kind is not None and kind.compression is not None:
        ending = next(each for each, name in COMPRESSIONS.items() if name == kind.compression)
        remedy += f", and add {ending}"
    raise InputError(
        f"{path}: is not compressed with {compression}, although its name says so{found}. {remedy}"
    )


def check_kind(
    source: Input,
    data: bytes,
    *,
    read_as: Collection[str],
    compression: str | None,
    is_named: bool,
) -> None:
    """Raise `InputError` if a file is of another kind than the formats `read_as`.

    ``is_named``: the user named the format, so any text is accepted.
    """
    kind = kind_of(data)
    if kind is None or kind.format in read_as or (kind.is_text and is_named):
        return
    remedy = kind.remedy
    if source.is_stdin:
        remedy = _remedy_of_stream(kind)
    elif compression is not None and kind.compression is not None:
        raise InputError(f"{source}: is {kind.what} twice. Decompress it")
    raise InputError(f"{source.name}: is {kind.what}. {remedy}")


def _remedy_of_stream(kind: FileKind) -> str:
    if kind.compression is not None:
        program = {"bz2": "bzip2"}.get(kind.compression, kind.compression)
        return f"Decompress it first: {program} -dc FILE | toolkit score -"
    if kind.is_text or kind.what.startswith("text"):
        return kind.remedy
    return f"Save it to a file first. {kind.remedy}"
