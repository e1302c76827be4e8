"""Files that are read from cut to cut give what is read of the whole."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.records.python_formats import PYTHON
from tests.records.test_laws import GOOD, HEADERS, bodies
from tests.shards.running import begin
from toolkit.errors import InputError
from toolkit.records import ReadOptions, open_reviews
from toolkit.records.lines import LINE_END, RECORD
from toolkit.records.review_file import WHOLE_FILE, FileRange, Offset, SplitPoint
from toolkit.shards.plan import _bounds

# What can be cut, and what is always read as a whole.
CUT = [".csv", ".tsv", ".jsonl", ".ndjson"]
WHOLE = [".json", ".array.json", ".objects.json", ".csv.gz", ".jsonl.zst"]
every_cut_format = pytest.mark.parametrize("ending", CUT)
marks = st.sampled_from([b"", b"\xef\xbb\xbf", b"\n\r\n"])
shares = st.lists(st.floats(0, 1), max_size=6).map(sorted)

Rejects = list[tuple[int, str, bytes | None, int]]
Facts = tuple[list[object], list[object], Rejects]


def cuts_of(
    path: Path, reading: ReadOptions, offsets: Sequence[int]
) -> tuple[list[SplitPoint], bool]:
    with open_reviews(path, reading) as reviews:
        return reviews.split_points(offsets), reviews.restarts_numbers


def read(path: Path, reading: ReadOptions, start: Offset = (), stop: Offset = ()) -> Facts:
    """Read texts, records and rejects; and check that the end is the place where it stops."""
    with open_reviews(path, reading) as reviews:
        blocks = [*reviews.blocks(start, stop)]
        parsed = [reviews.parse(block) for block in blocks]
    if blocks:
        assert FileRange(start, stop).ends_at(blocks[-1].following)
    assert blocks or not stop
    return (
        [text for each in parsed for text in each.texts.to_pylist()],
        [
            part
            for each in parsed
            for record in each.records.to_pylist()
            for part in bytes_of(record)
        ],
        [(r.number, r.reason, r.raw, r.length) for each in parsed for r in each.rejects],
    )


def bytes_of(record: dict[str, object]) -> list[object]:
    """Give the bytes of a record without line ends and blank lines, which may have spaces.

    These are with the record before, or in a block of their own: `test_joined.py` compares them.
    """
    if RECORD not in record:
        return [record]
    data, end = record[RECORD], record[LINE_END]
    assert isinstance(data, bytes)
    assert isinstance(end, str)
    return [*(data + end.encode()).translate(None, b" \t\r\n")]


def lines_before(path: Path, cut: SplitPoint) -> int:
    return path.read_bytes()[: cut[1]].count(b"\n")


def check_cuts(path: Path, reading: ReadOptions, wanted: Sequence[float]) -> int:
    """Compare what is read from cut to cut with all; give the number of cuts."""
    size = path.stat().st_size
    offsets = [int(share * size) for share in wanted]
    found, restarts_numbers = cuts_of(path, reading, offsets)
    places = [place for place, _ in found]
    ends = [end for _, end in found]
    assert ends == sorted({*ends})
    assert all(0 < end < size for end in ends)
    assert len(found) <= len({*offsets})
    all_texts, all_records, all_rejects = [], [], []
    for start, stop in pairwise([(), *places, ()]):
        texts, records, rejects = read(path, reading, start, stop)
        if start and restarts_numbers:
            shift = lines_before(path, found[places.index(start)])
            rejects = [(r[0] + shift, *r[1:]) for r in rejects]
        all_texts += texts
        all_records += records
        all_rejects += rejects
    assert (all_texts, all_records, all_rejects) == read(path, reading)
    return len(found)


@every_cut_format
@settings(max_examples=50)
@given(bodies, marks, st.integers(1, 50), shares)
@example(b'a,1\n"b\nc",2\n"d" e,3\n\n\xff,4\nf,5', b"", 5, [0.2, 0.4, 0.6, 0.8])
@example(b'{"text": "b"}\n \n\n{"text": "c"}\n  \n', b"", 5, [0.5, 0.7, 0.9])
@example(b'"a\n' * 9, b"", 1, [0.3, 0.5, 0.9])
@example(b" \na", b"", 1, [0.0])
def test_cut_to_cut_is_the_whole(
    ending: str, body: bytes, mark: bytes, block_bytes: int, wanted: list[float]
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"a{ending}"
        path.write_bytes(mark + HEADERS[ending] + body)
        check_cuts(path, ReadOptions(block_bytes=block_bytes), wanted)


@every_cut_format
def test_a_file_of_many_records_is_cut(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(PYTHON[ending][0](GOOD * 20, "\r\n"))
    assert check_cuts(path, ReadOptions(block_bytes=50), [n / 8 for n in range(1, 8)]) == 7


@pytest.mark.parametrize("ending", WHOLE)
def test_other_files_are_read_as_a_whole(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a{ending}"
    path.write_bytes(PYTHON[ending][0](GOOD * 20, "\n"))
    assert check_cuts(path, ReadOptions(block_bytes=50), [0.3, 0.6]) == 0


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_read_as_a_whole(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text\né\n".encode(encoding) * 40)
    assert check_cuts(path, ReadOptions(block_bytes=50, encoding=encoding), [0.3, 0.6]) == 0


@given(st.lists(st.integers(0, 5), min_size=1, max_size=9), shares, st.integers(1, 200))
@example([0, 3, 0, 0, 3, 0], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 100)
def test_row_groups_are_cut(groups: list[int], wanted: list[float], block_bytes: int) -> None:
    schema = pa.schema([("text", pa.string()), ("id", pa.int64())])
    file = io.BytesIO()
    number = 0
    with pq.ParquetWriter(file, schema) as writer:
        for rows in groups:
            texts = [f"{(number + n) * 7919} a film" for n in range(rows)]
            ids = [*range(number, number + rows)]
            writer.write_table(pa.table([texts, ids], schema))
            number += rows
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        path.write_bytes(file.getvalue())
        check_cuts(path, ReadOptions(block_bytes=block_bytes), wanted)


def test_a_record_longer_than_the_limit_is_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("lines", "json_lines"):
        name = f"toolkit.records.{module}.RECORD_BYTES_LIMIT"
        monkeypatch.setattr(name, 300)
    long = b"very " * 200
    for ending, data in {
        ".csv": b'text\na\n"' + long + b'\n"\nb\n' + long + b"\nc\nd\n",
        ".jsonl": b'{"text": "a"}\n{"text": "' + long + b'"}\n{"text": "b"}\n' * 9,
    }.items():
        path = tmp_path / f"a{ending}"
        path.write_bytes(data)
        for count in range(2, 30):
            wanted = [n / count for n in range(1, count)]
            check_cuts(path, ReadOptions(block_bytes=20), wanted)


def test_a_cut_that_is_not_between_records_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"text\n" + b'"a film\nof note"\n' * 5)
    with pytest.raises(InputError, match="no record ends at byte 14 any more"):
        read(path, ReadOptions(block_bytes=5), (), (14, 3, 5))


def test_files_no_larger_than_a_shard_are_not_cut(tmp_path: Path) -> None:
    row = b'{"text": "superb"}\n'
    for number in range(6):
        (tmp_path / f"{number}.jsonl").write_bytes(row * 5_000)
    (tmp_path / "large.jsonl").write_bytes(row * 60_000)
    plan = begin([tmp_path], f"{tmp_path}/out/", 8).plan
    pieces = [piece for shard in plan.shards for piece in shard]
    names = [Path(plan.files[piece.file].input).name for piece in pieces]
    assert names[:6] == [f"{number}.jsonl" for number in range(6)]
    assert names[6:].count("large.jsonl") == len(names[6:]) > 3
    assert all(piece.file_range == WHOLE_FILE for piece in pieces[:6])
    small = 5_000 * len(row)
    sizes = [sum(piece.file_range.size or small for piece in shard) for shard in plan.shards]
    assert max(sizes) < 2.5 * sum(sizes) / 8


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=6), st.integers(1, 9))
@example([2], 4)
def test_bounds_are_those_between_shards(sizes: list[int], count: int) -> None:
    total, before, found = max(sum(sizes), 1), 0, set()
    for size in sizes:
        offsets = _bounds(before, size, total, count)
        assert offsets == sorted({*offsets})
        assert not offsets or size * count > total
        found |= {before + offset for offset in offsets}
        before += size
    assert found <= {total * shard // count for shard in range(1, count)}
