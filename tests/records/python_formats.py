"""How Python and Arrow write and read every format."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.records.toy_format import TOY, read_queries, write_queries
from toolkit.records.archives import COMPRESSIONS
from toolkit.records.formats import endings

Row = dict[str, str]
Writer = Callable[[list[Row], str], bytes]
Reader = Callable[[bytes], list[Row]]


def write_csv(rows: list[Row], line_end: str, delimiter: str = ",") -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(
        file, list(rows[0]), lineterminator=line_end, quoting=csv.QUOTE_ALL, delimiter=delimiter
    )
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def read_csv(data: bytes, delimiter: str = ",") -> list[Row]:
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    header, *rows = [row for row in csv.reader(text, strict=True, delimiter=delimiter) if row]
    return [dict(zip(header, row, strict=True)) for row in rows]


def write_tsv(rows: list[Row], line_end: str) -> bytes:
    return write_csv(rows, line_end, "\t")


def read_tsv(data: bytes) -> list[Row]:
    return read_csv(data, "\t")


def write_json_lines(rows: list[Row], line_end: str) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + line_end for row in rows).encode()


def read_json_lines(data: bytes) -> list[Row]:
    lines = data.decode("utf-8-sig").split("\n")
    return [_strings(json.loads(line)) for line in lines if line.strip()]


def write_json_array(rows: list[Row], line_end: str) -> bytes:
    objects = [json.dumps(row, ensure_ascii=False) for row in rows]
    return f"[{line_end}{f',{line_end}'.join(objects)}{line_end}]{line_end}".encode()


def write_json_objects(rows: list[Row], line_end: str) -> bytes:
    """Write as `jq` does."""
    objects = (json.dumps(row, ensure_ascii=False, indent=2) for row in rows)
    return "".join(f"{row}\n" for row in objects).replace("\n", line_end).encode()


def read_json_array(data: bytes) -> list[Row]:
    return [_strings(row) for row in json.loads(data.decode("utf-8-sig"))]


def read_json(data: bytes) -> list[Row]:
    """Read an array, or objects one after the other."""
    text = data.decode("utf-8-sig").strip()
    rows: list[Row] = []
    while text:
        value, stop = json.JSONDecoder().raw_decode(text)
        rows += map(_strings, value if isinstance(value, list) else [value])
        text = text[stop:].strip()
    return rows


def write_parquet(rows: list[Row], line_end: str = "") -> bytes:
    file = io.BytesIO()
    schema = pa.schema([(name, pa.string()) for name in rows[0]])
    pq.write_table(pa.Table.from_pylist(rows, schema), file, row_group_size=3)
    return file.getvalue()


def read_parquet(data: bytes) -> list[Row]:
    return [_strings(row) for row in pq.read_table(io.BytesIO(data)).to_pylist()]


def write_arrow(rows: list[Row], line_end: str = "") -> bytes:
    return _arrow_of(rows, pa.ipc.new_file)


def write_arrow_stream(rows: list[Row], line_end: str = "") -> bytes:
    return _arrow_of(rows, pa.ipc.new_stream)


def _arrow_of(rows: list[Row], new: Callable[..., Any]) -> bytes:
    file = io.BytesIO()
    schema = pa.schema([(name, pa.string()) for name in rows[0]])
    with new(file, schema) as writer:
        writer.write_table(pa.Table.from_pylist(rows, schema), max_chunksize=3)
    return file.getvalue()


def read_arrow(data: bytes) -> list[Row]:
    is_file = data.startswith(b"ARROW1")
    with (pa.ipc.open_file if is_file else pa.ipc.open_stream)(data) as reader:
        return [_strings(row) for row in reader.read_all().to_pylist()]


def _strings(row: dict[str, object]) -> Row:
    return {key: "" if value is None else str(value) for key, value in row.items()}


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": lambda data: bytes(pa.Codec("zstd").compress(data, asbytes=True)),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".zst": lambda data: bytes(pa.CompressedInputStream(pa.BufferReader(data), "zstd").read()),
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}

# A new format needs its entry here too: how others write and read it.
_PLAIN: dict[str, tuple[Writer, Reader]] = {
    ".csv": (write_csv, read_csv),
    ".tsv": (write_tsv, read_tsv),
    ".jsonl": (write_json_lines, read_json_lines),
    ".ndjson": (write_json_lines, read_json_lines),
    ".json": (write_json_lines, read_json),
    ".array.json": (write_json_array, read_json_array),
    ".objects.json": (write_json_objects, read_json),
    ".parquet": (write_parquet, read_parquet),
    ".arrow": (write_arrow, read_arrow),
    ".stream.arrow": (write_arrow_stream, read_arrow),
    ".feather": (write_arrow, read_arrow),
    ".query": (write_queries, read_queries),
}
_TEXTS = {ending for ending, each in endings().items() if each.is_text} | {*TOY.endings}


def is_text(ending: str) -> bool:
    """Whether files with this ending are text, which can be compressed and has lines."""
    return any(suffix in _TEXTS for suffix in Path(f"a{ending}").suffixes)


def _compressed(writer: Writer, reader: Reader, compression: str) -> tuple[Writer, Reader]:
    return (
        lambda rows, line_end: COMPRESS[compression](writer(rows, line_end)),
        lambda data: reader(DECOMPRESS[compression](data)),
    )


PYTHON: dict[str, tuple[Writer, Reader]] = _PLAIN | {
    ending + compression: _compressed(*functions, compression)
    for ending, functions in _PLAIN.items()
    for compression in COMPRESSIONS
    if is_text(ending)
}

# With the toy format, which the registry has while these tests run.
_ENDINGS = [ending for ending, each in endings().items() if each.can_write] + [*TOY.endings]
every_ending = pytest.mark.parametrize("ending", _ENDINGS)
# Each format once, and each compression once; all pairs of both are slow.
_ONE_OF_EACH = [*_PLAIN, ".csv.gz", ".jsonl.zst", ".tsv.bz2", ".array.json.xz"]
every_file = pytest.mark.parametrize(
    "ending", [pytest.param(e, marks=[] if e in _ONE_OF_EACH else pytest.mark.slow) for e in PYTHON]
)
every_text_format = pytest.mark.parametrize("ending", [e for e in _ENDINGS if is_text(e)])
