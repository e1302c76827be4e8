"""Files of reviews of every kind for the fuzzer: whole ones, and ways to damage them."""

from __future__ import annotations

import io
import json
import random
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.records.python_formats import COMPRESS, DECOMPRESS
from toolkit.records import ReadOptions

TOKENS = [
    b'"', b'""', b'",', b',"', b"\n", b"\r\n", b"\r", b",", b"\t", b"\xff", b"\xc3", b"\0",
    b"\xed\xa0\x80", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b":", b"\\", b"\\u", b"\\ud800",
    b"null", b"Inf", b"-NaN", b"1e999", b'"text"', b'{"text":', b'"text": 5', b"\xe2\x80\xa8",
    b"\xc2\x85", b" ", b'"predicted_sentiment"', b"text,", b"a" * 300, b"\n\n\n", b"NaN", b"},{",
    b"]\n[", b"'", b"''", b"\\\n", b"\\\\", b'\\"', b"\\,", b"\\N", b"\n,,", b"sep=;\n",
]  # fmt: skip
WORDS = [
    "a superb film", "the worst", "", " ", 'say "so"', "one,two", "é😀", "line\nend", "\u2028",
    "it's", "a\\b", "tab\there", '"', "\\",
]  # fmt: skip

Row = dict[str, str]


@dataclass(frozen=True)
class Kind:
    """How a file is written, and so what must be said to read it."""

    ending: str
    compression: str = ""  # an ending that follows, or .zip
    quote: str | None = '"'  # of delimited files, as are the next two
    escape: str | None = None
    delimiter: str = ","

    @property
    def name(self) -> str:
        """The endings, for the name of a file."""
        return self.ending + self.compression

    @property
    def is_delimited(self) -> bool:
        """Whether it has fields between delimiters."""
        return self.ending in (".csv", ".tsv")

    @property
    def is_compressed(self) -> bool:
        """Whether other bytes than those of the records are in the file."""
        return bool(self.compression)

    def reading(self, block_bytes: int) -> ReadOptions:
        """Say how it is read, in blocks of about as many bytes."""
        if not self.is_delimited:
            return ReadOptions(block_bytes=block_bytes)
        usual = "\t" if self.ending == ".tsv" else ","
        return ReadOptions(
            block_bytes=block_bytes,
            delimiter=None if self.delimiter == usual else self.delimiter,
            quote=self.quote,
            escape=self.escape,
        )

    def __str__(self) -> str:
        said = [f"quote {self.quote or 'none'}"] if self.quote != '"' else []
        said += [f"escape {self.escape}"] if self.escape else []
        said += [f"delimiter {self.delimiter!r}"] if self.delimiter not in ",\t" else []
        return " ".join([self.name, *said])


def choose(chance: random.Random) -> Kind:
    """Choose a kind; those that people meet most come most often."""
    ending = chance.choice([".csv"] * 5 + [".tsv"] * 2 + [".jsonl"] * 3 + [".json"] * 2)
    if chance.random() < 0.05:
        return Kind(".parquet")
    compressions = [".gz", ".zst", ".bz2", ".xz", ".zip"]
    compression = chance.choice(compressions) if chance.random() < 0.25 else ""
    if ending not in (".csv", ".tsv"):
        return Kind(ending, compression)
    delimiter = "\t" if ending == ".tsv" else chance.choice(",,,,;|")
    quote, escape = chance.choice(
        [('"', None)] * 4
        + [(None, None)] * 2
        + [("'", None), ('"', "\\"), (None, "\\"), ("'", "^")]
    )
    return Kind(ending, compression, quote, escape, delimiter)


def write(kind: Kind, chance: random.Random) -> bytes:
    """Write a file that is whole, without its compression."""
    rows: list[Row] = [
        {"id": str(n), "text": chance.choice(WORDS), "x": chance.choice(WORDS)}
        for n in range(chance.randrange(1, 30))
    ]
    if kind.ending == ".parquet":
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist(rows), file, row_group_size=chance.randrange(1, 30))
        return file.getvalue()
    if kind.is_delimited:
        return _delimited(kind, rows, chance)
    ascii_only = chance.random() < 0.5
    texts = [json.dumps(row, ensure_ascii=ascii_only) for row in rows]
    if kind.ending == ".json" and chance.random() < 0.8:
        before, between = chance.choice([("", ","), ("\n ", ",\n "), (" ", " , "), ("\n", "\n,")])
        return ("[" + before + between.join(texts) + chance.choice(["]", "\n]\n"])).encode()
    return "".join(text + "\n" for text in texts).encode()


def _delimited(kind: Kind, rows: list[Row], chance: random.Random) -> bytes:
    end = chance.choice(["\n", "\r\n"])
    always = chance.random() < 0.5
    lines = [["id", "text", "x"], *(list(row.values()) for row in rows)]
    return "".join(
        kind.delimiter.join(_field(kind, field, always=always) for field in line) + end
        for line in lines
    ).encode()


def _field(kind: Kind, field: str, *, always: bool) -> str:
    special = [c for c in (kind.delimiter, kind.quote, kind.escape, "\n", "\r") if c]
    needed = any(character in field for character in special)
    if kind.escape is not None and needed:
        field = "".join(kind.escape + c if c in special else c for c in field)
    elif kind.quote is None:
        return "".join(" " if c in special else c for c in field)
    elif needed:
        field = field.replace(kind.quote, 2 * kind.quote)
    if kind.quote is None or not (needed or always):
        return field
    return kind.quote + field + kind.quote


def damage(data: bytes, chance: random.Random) -> bytes:
    """Change some places of a file."""
    for _ in range(chance.choice([0, 1, 1, 1, 2, 3, 8])):
        at = chance.randrange(len(data) + 1)
        until = min(at + chance.choice([0, 0, 1, 2, 30]), len(data))
        piece = chance.choice(
            [
                chance.choice(TOKENS),
                chance.choice(TOKENS),
                b"",
                chance.randbytes(2),
                data[at : at + 40],
            ]
        )
        data = data[:at] + piece + data[until:]
    return data


def compressed(data: bytes, kind: Kind, chance: random.Random) -> bytes:
    """Compress a file as its ending says."""
    if kind.compression != ".zip":
        return COMPRESS[kind.compression](data)
    file = io.BytesIO()
    method = chance.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(f"inside{kind.ending}", data)
        if chance.random() < 0.2:
            archive.writestr("__MACOSX/._inside", b"not a review")
    return file.getvalue()


def content_of(path: Path) -> bytes:
    """Read a file that `compressed` made, or an output."""
    data = path.read_bytes()
    if path.suffix != ".zip":
        return DECOMPRESS.get(path.suffix, bytes)(data)
    with zipfile.ZipFile(path) as archive:
        return archive.read(next(n for n in archive.namelist() if n.startswith("inside")))
