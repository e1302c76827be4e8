"""What a recorded case is, and small files of every format for them, the same each time."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


File = bytes | Link | None  # None is a folder
Files = Mapping[str, File]  # by their names in the working folder; folders on the way are made


@dataclass(frozen=True)
class Call:
    """A call of `toolkit score`."""

    arguments: str  # as in a shell
    stdin: bytes = b""
    before: Files = field(default_factory=dict)  # written or replaced before the call
    most_bytes: int | None = None  # a file cannot become longer, as if the disk were full


@dataclass(frozen=True)
class Case:
    """Some files, and calls one after the other in their folder."""

    name: str
    files: Callable[[], Files]
    calls: tuple[Call, ...]


GOOD = "A superb film, warm and funny from its first scene to its last."
BAD = "Dull, slow and badly acted: the worst two hours of the year."
MIXED = "Some good songs, but the plot is thin."
TEXTS = [GOOD, BAD, MIXED, "été: 映画 🎬 é — so so", 'He said "no"<br />and\nleft.', "x"]

_OPENINGS = ["I loved", "We hated", "My friends enjoyed", "Nobody needs", "Critics praised"]
_MIDDLES = ["the slow story", "every minute", "the brilliant acting", "this awful sequel",
            "the boring songs", "a touching end", "the cheap effects"]  # fmt: skip
_ENDS = ["and would watch it again.", "which is a shame.", "but it is too long!", "",
         "for all the wrong reasons?", "and so will you.", "and left early.", "10/10",
         "— été, naïve, 映画.", "<br /><br />Avoid.", 'as he "said".']  # fmt: skip


def many_texts(count: int) -> list[str]:
    """Give texts of several lengths, of which no two are the same; some are empty."""
    return [
        ""
        if number % 89 == 88
        else " ".join(
            f"{_OPENINGS[n % 5]} {_MIDDLES[n % 7]} {_ENDS[n % 11]}"
            for n in range(number, number + 1 + number % 4)
        )
        + f" No. {number}"
        for number in range(count)
    ]


def csv_of(rows: Iterable[Sequence[object]], mark: str = ",", end: str = "\n") -> bytes:
    """Write rows as CSV."""
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=mark, lineterminator=end).writerows(rows)
    return file.getvalue().encode()


def json_of(*objects: object) -> bytes:
    """Write objects as JSON Lines."""
    return b"".join(json.dumps(each, ensure_ascii=False).encode() + b"\n" for each in objects)


def parquet_of(columns: Any, **options: Any) -> bytes:
    """Write columns as Parquet."""
    file = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), file, **options)
    return file.getvalue()


def gz(content: bytes) -> bytes:
    """Pack with gzip, without the time."""
    return gzip.compress(content, mtime=0)


def zst(content: bytes) -> bytes:
    """Pack with zstd."""
    packed: bytes = pa.Codec("zstd").compress(content, asbytes=True)
    return packed


def rows_with_bad_ones(count: int, every: int = 97) -> list[list[object]]:
    """Give the rows of a table with a header, of which some are ragged."""
    return [
        ["id", "text", "label"],
        *(
            [number, text, number % 2, *(["more"] if number % every == 5 else [])]
            for number, text in enumerate(many_texts(count))
        ),
    ]


def lines_with_bad_ones(count: int, every: int = 97) -> bytes:
    """Give JSON Lines, of which some are cut."""
    lines = [
        json.dumps({"id": number, "text": text, "label": number % 2})
        for number, text in enumerate(many_texts(count))
    ]
    lines[5::every] = [line[:-9] for line in lines[5::every]]
    return ("\n".join(lines) + "\n").encode()


def parquet_with_bad_ones(count: int, every: int = 97, group: int = 400) -> bytes:
    """Give a Parquet file, of which some texts are no UTF-8."""
    texts = [
        b"\xff" if number % every == 5 else text.encode()
        for number, text in enumerate(many_texts(count))
    ]
    columns = {
        "id": np.arange(count),
        "text": pa.array(texts, pa.binary()).view(pa.string()),
        "label": np.arange(count) % 2,
    }
    return parquet_of(columns, row_group_size=group)


NOT_UTF8 = pa.Array.from_buffers(
    pa.string(),
    3,
    [None, pa.py_buffer(np.array([0, 4, 5, 9], np.int32)), pa.py_buffer(b"good\xffgood")],
)
CSV = csv_of([("id", "text"), (1, GOOD), (2, ""), (3, BAD), (4, MIXED)])
LABELLED = csv_of(
    [("text", "label"), *zip([GOOD, BAD, MIXED] * 4 + ["", "fine", "good", "bad"],
     ["1", "0", "x", "pos", "neg", "", "Positive", "NEGATIVE", "2", "1.0", "0.0", " 1 ", "1", "-1",
      "TRUE", "one"], strict=True)]
)  # fmt: skip
JSON = json_of({"id": 1, "text": GOOD}, {"id": 2, "text": None}, {"id": 3, "text": BAD}, {"id": 4})
EVERY_KIND = {
    "text": [GOOD, None, BAD],
    "i": pa.array([1, None, -3], pa.int8()),
    "u": pa.array([1, 2**63, None], pa.uint64()),
    "f": pa.array([float("nan"), 0.1, float("-inf")], pa.float32()),
    "d": pa.array([1e300, None, 0.1]),
    "b": [True, None, False],
    "bytes": [b"\xff", b"x", None],
    "list": [["a", None], [], None],
    "floats": [[float("inf"), 1.5], None, []],
    "struct": [{"a": 1, "b": "é"}, None, {"a": None, "b": ""}],
    "map": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    "time": pa.array([1, None, 10**18], pa.timestamp("ns")),
    "day": pa.array([1, None, 20000], pa.date32()),
    "decimal": pa.array(["1.10", None, "-0.05"]).cast(pa.decimal128(5, 2)),
    "dictionary": pa.array(["x", "y", None]).dictionary_encode(),
    "null": pa.nulls(3),
    'a "name", quoted': ['"', ",", "\n"],
}
