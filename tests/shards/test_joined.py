"""What shards are joined to is what one run writes."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import feather

from tests.records.python_formats import PYTHON
from tests.records.test_laws import HEADERS, bodies
from tests.scoring.fuzz_files import choose, compressed, content_of, damage, write
from tests.shards.running import contents, facts, in_one_run, in_shards
from toolkit.errors import ToolkitError
from toolkit.records import ReadOptions

SAMPLE = [
    {"text": text, "id": str(n)}
    for n, text in enumerate(["a superb film", "", "the worst\nof all", 'so "dull"', "xyzzy"] * 40)
]
counts = st.integers(1, 9)


def compare(data: bytes, name: str, to: str, count: int, reading: ReadOptions) -> bool:
    """Check that both ways give the same files and results; tell whether there are any."""
    with TemporaryDirectory() as folder:
        source = Path(folder, name)
        source.write_bytes(data)
        one, many = Path(folder, "one"), Path(folder, "many")
        one.mkdir()
        many.mkdir()
        failed: ToolkitError | None = None
        expected = []
        try:
            expected = in_one_run([source], one / f"out{to}", reading=reading)
        except ToolkitError as error:
            failed = error
        if failed is not None:
            with pytest.raises(ToolkitError, match=re.escape(str(failed).partition(":")[0])):
                in_shards([source], many / f"out{to}", count, reading=reading)
            return False
        found = in_shards([source], many / f"out{to}", count, reading=reading)
        assert facts(found) == facts(expected)
        assert contents(many) == contents(one)
        return True


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".array.json"])
@settings(max_examples=15)
@given(bodies, st.sampled_from([b"", b"\xef\xbb\xbf"]), st.integers(1, 50), counts)
@example(b'a,1\n"b\nc",2\n"d" e,3\n\n\xff,4\nf,5', b"", 5, 5)
@example(b'{"text": "b"}\n \n\xff\n\n{"text": "c"}\nx\n  \n', b"", 5, 6)
def test_any_file(ending: str, body: bytes, mark: bytes, block_bytes: int, count: int) -> None:
    data = mark + HEADERS[ending] + body
    compare(data, f"a{ending}", ending, count, ReadOptions(block_bytes=block_bytes))


@settings(max_examples=30)
@given(st.randoms(use_true_random=False), counts)
def test_files_as_people_have_them(chance: random.Random, count: int) -> None:
    kind = choose(chance)
    data = damage(write(kind, chance), chance)
    if kind.ending != ".parquet":
        data = compressed(data, kind, chance)
    to = kind.ending if kind.compression == ".zip" else kind.name
    block_bytes = chance.choice([1, 10, 60, 300])
    if kind.compression not in ("", ".zip") or kind.ending == ".parquet":
        to = ".csv" if kind.is_delimited else ".jsonl"
    compare(data, f"a{kind.name}", to, count, kind.reading(block_bytes))


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
@pytest.mark.parametrize("to", [".csv", ".jsonl", ".json"])
def test_other_formats(ending: str, to: str) -> None:
    data = PYTHON[ending][0](SAMPLE, "\r\n")
    for cut in (b"", b"\xff\n", b"\n \n"):
        broken = cut + data.replace(b"xyzzy", b"x\xff", 3) + cut
        header, _, rest = data.partition(b"\n")
        both = header + b"\n" + broken + rest
        assert compare(both, f"a{ending}", to, 4, ReadOptions(block_bytes=150))


@pytest.mark.parametrize("to", [".csv.gz", ".jsonl.zst", ".json.gz", ".csv.xz", ".csv.bz2"])
def test_compressed_outputs_have_the_same_content(to: str, tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_bytes(PYTHON[".csv"][0](SAMPLE, "\n"))
    none = b"text,id\n\xff,1\n\xff,2\n"
    for data, block_bytes, records in ((source.read_bytes(), 150, 200), (none, 1, 2)):
        source.write_bytes(data)
        reading = ReadOptions(block_bytes=block_bytes)
        in_one_run([source], tmp_path / f"one{to}", reading=reading)
        results = in_shards([source], tmp_path / f"many{to}", 6, reading=reading)
        assert content_of(tmp_path / f"many{to}") == content_of(tmp_path / f"one{to}")
        assert results[0].summary.records == records
        for path in tmp_path.glob(f"*{to}*"):
            path.unlink()


def _write_arrow(table: pa.Table, path: Path) -> None:
    feather.write_feather(table, path, chunksize=5)


def _write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, row_group_size=5)


@pytest.mark.parametrize(
    ("ending", "write", "read"),
    [
        (".parquet", _write_parquet, pq.read_table),
        (".arrow", _write_arrow, feather.read_table),
    ],
)
def test_typed_columns_are_one_file_or_groups_of_rows_in_parts(
    ending: str,
    write: Callable[[pa.Table, Path], None],
    read: Callable[[Path], pa.Table],
    tmp_path: Path,
) -> None:
    table = pa.table({"text": [f"a film {n}" for n in range(50)], "id": [*range(50)]})
    source = tmp_path / f"a{ending}"
    write(table, source)
    in_one_run([source], tmp_path / f"one{ending}")
    expected = read(tmp_path / f"one{ending}")
    in_shards([source], tmp_path / f"many{ending}", 4)
    assert read(tmp_path / f"many{ending}") == expected
    (tmp_path / "parts").mkdir()
    in_shards([source], tmp_path / "parts", 4, keep_parts=True)
    names = sorted(path.name for path in (tmp_path / "parts").iterdir())
    assert names == ["_SUCCESS", *(f"part-0000{n}{ending}" for n in range(4))]
    tables = [read(tmp_path / "parts" / name) for name in names[1:]]
    assert pa.concat_tables(tables) == expected
    assert all(len(each) for each in tables)


def test_parts_that_stay_have_all_records_and_rejects(tmp_path: Path) -> None:
    good, bad = PYTHON[".csv"][0](SAMPLE, "\n"), b"1,2,3\n"
    (tmp_path / "in/sub").mkdir(parents=True)
    (tmp_path / "in/sub/a.csv").write_bytes(good + bad + good.partition(b"\n")[2] + bad)
    (tmp_path / "in/b.csv.gz").write_bytes(gzip.compress(good + bad))
    reading = ReadOptions(block_bytes=150)
    in_one_run([tmp_path / "in"], tmp_path / "one", reading=reading)
    in_shards([tmp_path / "in"], f"{tmp_path}/many/", 5, keep_parts=True, reading=reading)
    found = contents(tmp_path / "many")
    names = [name for name in sorted(found) if name.startswith("part-")]
    rows: dict[str, bytes] = {".csv": b"", ".gz": b""}
    for name in names:
        data = content_of(tmp_path / "many" / name)
        rows[Path(name).suffix] += data if not rows[Path(name).suffix] else data.partition(b"\n")[2]
    assert rows[".csv"] == (tmp_path / "one/sub/a.csv").read_bytes()
    assert rows[".gz"] == content_of(tmp_path / "one/b.csv.gz")
    rejected = ["one/b.csv.gz.rejected.jsonl", "one/sub/a.csv.rejected.jsonl"]
    assert found["_all.rejected.jsonl"] == b"".join((tmp_path / n).read_bytes() for n in rejected)
    assert sorted(found) == ["_SUCCESS", "_all.rejected.jsonl", *names]
    assert len(names) > 3


def test_a_late_column_of_json_lines_is_in_every_shard(tmp_path: Path) -> None:
    lines = [json.dumps({"text": "a film", f"k{n // 50}": n}) for n in range(200)]
    source = tmp_path / "a.jsonl"
    source.write_text("\n".join(lines), encoding="utf-8")
    reading = ReadOptions(block_bytes=100)
    expected = in_one_run([source], tmp_path / "one.csv", reading=reading)
    found = in_shards([source], tmp_path / "many.csv", 8, reading=reading)
    assert (tmp_path / "many.csv").read_bytes() == (tmp_path / "one.csv").read_bytes()
    assert facts(found) == facts(expected)


def test_the_name_of_an_output_may_be_as_long_as_can_be(tmp_path: Path) -> None:
    source = tmp_path / "a.csv"
    source.write_text("text\na\nb\n", encoding="utf-8")
    output = tmp_path / f"{'n' * 236}.csv"
    in_shards([source], output, 2)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["a.csv", output.name]
