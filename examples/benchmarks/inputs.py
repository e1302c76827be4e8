"""Input files of the benchmarks: the 25,000 IMDB test reviews, over and over, with all columns.

Run as ``python -m examples.benchmarks.inputs FILE REVIEWS``: a process of its own, because a child
inherits the peak memory of the parent that starts it.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from examples.benchmarks.sources import data_folder

COLUMNS = ["id", "movie", "stars", "text"]


def reviews(part: str) -> pa.Table:
    """Read the ``train`` or ``test`` reviews, from the folder that TOOLKIT_DATA names."""
    return pq.read_table(data_folder() / "imdb" / f"{part}.parquet")


def make_input(path: Path, number: int) -> None:
    """Write that many reviews in the format of the path."""
    table = reviews("test").select(COLUMNS)
    times, rest = divmod(number, len(table))
    if path.suffix == ".parquet":
        pq.write_table(pa.concat_tables([*[table] * times, table.slice(0, rest)]), path)
        return
    write = _csv if path.suffix == ".csv" else _json_lines
    header, body = write(table)
    with path.open("wb") as file:
        file.write(header.encode())
        for _ in range(times):
            file.write(body.encode())
        file.write(write(table.slice(0, rest))[1].encode())


def _csv(table: pa.Table) -> tuple[str, str]:
    header, body = io.StringIO(), io.StringIO()
    csv.writer(header).writerow(table.column_names)
    csv.writer(body).writerows(zip(*(column.to_pylist() for column in table), strict=True))
    return header.getvalue(), body.getvalue()


def _json_lines(table: pa.Table) -> tuple[str, str]:
    return "", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table.to_pylist())


if __name__ == "__main__":
    make_input(Path(sys.argv[1]), int(sys.argv[2]))
