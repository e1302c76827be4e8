"""Row groups that take much more in memory than in the file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.test_score import MIB, measured
from toolkit.errors import ToolkitError
from toolkit.records import FORMATS, ReadOptions, open_reviews, output_of
from toolkit.records.review_file import Block, Offset

BLOCK_BYTES = ReadOptions().block_bytes
ROWS = 1 << 15


def blocks_of(path: Path, start: Offset = ()) -> list[Block]:
    with open_reviews(path, ReadOptions()) as reviews:
        return list(reviews.blocks(start))


def repeated(texts: list[str | None], rows: int = ROWS) -> pa.DictionaryArray:
    codes = [row % len(texts) for row in range(rows)]
    # Null is no value of a dictionary in Parquet.
    nulls = [None if texts[code] is None else code for code in codes]
    return pa.DictionaryArray.from_arrays(
        pa.array(nulls, pa.int32()), pa.array(texts).fill_null("")
    )


def write(path: Path, columns: dict[str, Any], **options: Any) -> None:
    """Write it without Arrow's own schema, so that dictionaries are columns of plain strings."""
    pq.write_table(pa.table(columns), path, store_schema=False, **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["b.parquet", "b.csv"])
def test_long_strings_that_stand_once_in_the_file(name: str, tmp_path: Path) -> None:
    texts: list[str | None] = ["good film " * 10_000, "bad film " * 10_000]
    write(tmp_path / "a.parquet", {"text": repeated(texts, 6_000), "id": range(6_000)})
    code, memory, messages = measured(tmp_path, "a.parquet", "-o", name)
    assert code == 0, messages
    assert memory < 500 * MIB


LONG = "a long text " * 4000
COLUMNS: dict[str, dict[str, Any]] = {
    "plain": {"text": repeated(["a", LONG])},
    "null at first": {"text": repeated([None, "a", LONG])},
    "in a struct": {"text": ["a"] * ROWS, "s": pa.StructArray.from_arrays([repeated([LONG])], "t")},
    "in a list": {
        "text": ["a"] * ROWS,
        "l": pa.ListArray.from_arrays(
            pa.array([0, *range(ROWS)], pa.int32()), repeated([LONG], ROWS - 1)
        ),
    },
    "long ones last": {"text": pa.array(["a"] * (ROWS - 1000) + [LONG] * 1000)},
}


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_what_is_read_at_once_is_bounded(columns: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(path, columns)
    pool_before, largest = pa.total_allocated_bytes(), 0
    with open_reviews(path, ReadOptions()) as reviews:
        for block in reviews.blocks():
            largest = max(largest, pa.total_allocated_bytes() - pool_before)
            # The rows of a batch are cut evenly, whichever of them are the long ones.
            assert block.content.nbytes < 12 * BLOCK_BYTES
    assert largest < 150 * MIB


def test_strings_that_share_their_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    texts = [f"{LONG}{row}" for row in range(5000)]
    encoding = {"text": "DELTA_BYTE_ARRAY"}
    write(path, {"text": texts}, use_dictionary=False, column_encoding=encoding)
    assert max(block.content.nbytes for block in blocks_of(path)) < 4 * BLOCK_BYTES


@pytest.mark.parametrize("is_dictionary", [False, True])
def test_reading_such_a_group_goes_on_at_any_place(is_dictionary: bool, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"text": repeated(["a", LONG], 5000), "id": range(5000)})
    pq.write_table(table, path, row_group_size=2000, store_schema=is_dictionary)
    whole = blocks_of(path)
    assert sum(block.ends_group for block in whole) == 3
    assert sum(len(block.content) for block in whole) == 5000
    assert max(block.size for block in whole) < 2 * BLOCK_BYTES
    for number in (1, len(whole) // 2, len(whole) - 1):
        rest = blocks_of(path, whole[number - 1].following)
        assert [(b.number, b.following, b.ends_group) for b in rest] == [
            (b.number, b.following, b.ends_group) for b in whole[number:]
        ]
        assert all(a.content.equals(b.content) for a, b in zip(rest, whole[number:], strict=True))


def test_a_long_text_among_short_ones_makes_no_small_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write(
        path, {"text": repeated([*map(str, range(1000)), "x" * 300_000], 1000), "id": range(1000)}
    )
    assert len(blocks_of(path)) == 1
    write(path, {"text": [f"{row} " * 200 for row in range(10_000)]})
    assert len(blocks_of(path)) < 6


def test_a_damaged_footer_is_looked_at_only_when_its_column_can_be_read(tmp_path: Path) -> None:
    """Else some of these end the process."""
    path = tmp_path / "a.parquet"
    # Of 32 MiB in the worst case, so that the dictionary is looked at.
    write(path, {"text": repeated([LONG[:8000], "b"], 5000)})
    data = path.read_bytes()
    size = int.from_bytes(data[-8:-4], "little")
    for at in range(len(data) - 8 - size, len(data) - 8 - size + 120):
        damaged = bytearray(data)
        damaged[at] ^= 1
        path.write_bytes(damaged)
        with suppress(ToolkitError), open_reviews(path, ReadOptions()) as reviews:
            output_of(reviews, FORMATS["parquet"], FORMATS["parquet"], None)
            next(reviews.blocks(), None)
