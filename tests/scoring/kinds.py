"""Long files of every kind, with a bad record now and then, for runs that are interrupted."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

BAD_EVERY = 997  # rows


def _zipped(data: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a.csv", data)
    return file.getvalue()


_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, 1),
    ".zst": lambda data: bytes(pa.Codec("zstd").compress(data, asbytes=True)),
    ".bz2": lambda data: bz2.compress(data, 1),
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zip": _zipped,
}


def _write(path: Path, text: str) -> None:
    path.write_bytes(_COMPRESS.get(path.suffix, bytes)(text.encode()))


def write_csv(path: Path, texts: Sequence[str]) -> None:
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(["id", "text"])
    for number, text in enumerate(texts):
        writer.writerow([number, text, *(["x"] if number % BAD_EVERY == 5 else [])])
    _write(path, file.getvalue())


def write_json_lines(path: Path, texts: Sequence[str]) -> None:
    lines = [json.dumps({"id": number, "text": text}) for number, text in enumerate(texts)]
    lines[5::BAD_EVERY] = [line[:-1] for line in lines[5::BAD_EVERY]]
    _write(path, "\n".join(lines) + "\n")


def write_json_array(path: Path, texts: Sequence[str]) -> None:
    rows = [json.dumps({"id": number, "text": text}) for number, text in enumerate(texts)]
    rows[5::BAD_EVERY] = ["5" for _ in rows[5::BAD_EVERY]]
    _write(path, "[\n" + ",\n".join(rows) + "\n]\n")


def write_parquet(path: Path, texts: Sequence[str]) -> None:
    pq.write_table(_table_of(texts), path, row_group_size=len(texts) // 3)


def write_arrow(path: Path, texts: Sequence[str]) -> None:
    feather.write_feather(_table_of(texts), path, chunksize=len(texts) // 3)


def _table_of(texts: Sequence[str]) -> pa.Table:
    data = [b"\xff" if n % BAD_EVERY == 5 else text.encode() for n, text in enumerate(texts)]
    column = pa.array(data, pa.binary()).view(pa.string())  # not all of it is UTF-8
    return pa.table({"id": np.arange(len(texts)), "text": column})


WRITERS: dict[str, Callable[[Path, Sequence[str]], None]] = {
    ".csv": write_csv,
    ".jsonl": write_json_lines,
    ".parquet": write_parquet,
    ".arrow": write_arrow,
    ".csv.gz": write_csv,
    ".jsonl.zst": write_json_lines,
    ".json": write_json_array,
    ".csv.bz2": write_csv,
    ".csv.xz": write_csv,
}
# Endings of the input and the output.
KINDS = [
    *((ending, ending) for ending in WRITERS),
    (".csv", ".parquet"),
    (".csv.zip", ".csv"),
    (".json", ".jsonl"),
]
WRITERS[".csv.zip"] = write_csv
