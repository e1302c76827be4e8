"""Times of the old kind in Parquet files (INT96), which have nanoseconds and a wide range.

Arrow reads them in nanoseconds, of which 64 bits hold the years 1678 to 2261 and turn all others
into a wrong time, or in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.files import for_arrow
from toolkit.records.parquet.parquet_values import leaves_of

# Its times have microseconds (https://spark.apache.org/docs/latest/sql-ref-datatypes.html).
_SPARK = b"org.apache.spark.version"
_ROWS = 1 << 16


class OldTimes(NamedTuple):
    """How the times of a file are read."""

    unit: str  # "us" or "ns"
    columns: tuple[str, ...] = ()  # in which some nanoseconds are lost


def old_times(path: Path, file: Any) -> OldTimes | None:
    """Choose the unit that keeps all times of a file; None if it has none of this kind."""
    paths = [
        file.schema.column(position).path
        for position in range(len(file.schema))
        if file.schema.column(position).physical_type == "INT96"
    ]
    if not paths:
        return None
    if _SPARK in (file.metadata.metadata or {}):
        return OldTimes("us")
    has_nanoseconds = is_far = False
    for fine, coarse in zip(_times(path, paths, "ns"), _times(path, paths, "us"), strict=False):
        is_held = fine // 1000 == coarse
        has_nanoseconds |= bool(np.any(is_held & (fine % 1000 != 0)))
        is_far |= not bool(is_held.all())
    if not has_nanoseconds:
        return OldTimes("us")
    return OldTimes("us", tuple(paths)) if is_far else OldTimes("ns")


def _times(path: Path, paths: list[str], unit: str) -> Iterator[npt.NDArray[np.int64]]:
    """Read the numbers of all times, up to what is damaged."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(
        for_arrow(path), pre_buffer=False, coerce_int96_timestamp_unit=unit
    ) as file:
        try:
            for batch in file.iter_batches(_ROWS, columns=paths, use_threads=False):
                for column in batch.columns:
                    for leaf in leaves_of(column, pa.types.is_timestamp):
                        yield leaf.view(pa.int64()).drop_null().to_numpy()
        except (OSError, pa.ArrowException, ValueError):
            return
