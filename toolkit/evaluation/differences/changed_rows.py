"""The file of all rows whose label changes, in any format that can be written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from toolkit.evaluation.differences.changes import ANSWERS
from toolkit.evaluation.differences.score_pairs import Ints, PairScores
from toolkit.files import atomic_file
from toolkit.records.formats import Format, format_of
from toolkit.records.record_blocks import BatchFile
from toolkit.records.text_files.compression import compression_of, compressor
from toolkit.scoring.outputs.byte_file import ByteFile
from toolkit.text.strings import without_half_pairs

SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("row", pa.int64()),
        ("text", pa.large_string()),
        ("label", pa.string()),
        ("group", pa.string()),
        ("old_sentiment", pa.string()),
        ("new_sentiment", pa.string()),
        ("old_probability", pa.float32()),
        ("new_probability", pa.float32()),
    ]
)


def format_of_output(path: Path) -> Format:
    """Tell the format by the name; `UsageError` if it cannot be written."""
    return format_of(path, option="--output")


def changed_only(
    texts: pa.Array, scores: PairScores, fields: Mapping[str, pa.Array], rows: Ints
) -> pa.RecordBatch:
    """Give the rows of a block whose label changes, without the file; `rows` are their numbers."""
    at = np.flatnonzero(scores.is_changed)
    taken = pa.array(at)
    old, new = np.divmod(scores.codes[at], 3)
    answers = pa.array(ANSWERS, pa.string())
    nothing = pa.nulls(len(at), pa.string())
    columns = {
        "file": nothing,
        "row": pa.array(rows[at], pa.int64()),
        "text": texts.take(taken),
        **{
            name: fields[name].take(taken) if name in fields else nothing
            for name in ("label", "group")
        },
        "old_sentiment": answers.take(pa.array(old)),
        "new_sentiment": answers.take(pa.array(new)),
        "old_probability": pa.array(scores.old[at], pa.float32(), from_pandas=True),
        "new_probability": pa.array(scores.new[at], pa.float32(), from_pandas=True),
    }
    cast = [columns[each.name].cast(each.type) for each in SCHEMA]
    return pa.RecordBatch.from_arrays(cast, schema=SCHEMA)


class ChangedRowsFile:
    """Writes batches of changed rows, one after the other."""

    def __init__(self, file: IO[bytes], path: Path) -> None:
        own = format_of_output(path)
        self._form = own.load().output_of_table(lambda rows, _: rows, SCHEMA, own.delimiter)
        self._compress = compressor(compression_of(path))
        self._is_bytes = self._form.open_file is None
        self._file: BatchFile
        if self._form.open_file is None:
            self._file = ByteFile(file, self._form, compression_of(path), is_new=True)
        else:
            self._file = self._form.open_file(file, {})

    def append(self, rows: pa.RecordBatch, name: str, before: int) -> None:
        """Write the changed rows of a block of a file, which has some rows before it."""
        if not len(rows):
            return
        numbers = pa.array(rows["row"].to_numpy() + before)
        shown = pa.scalar(without_half_pairs(name))
        columns = [pa.repeat(shown, len(rows)), numbers, *rows.columns[2:]]
        data = self._form.render(pa.RecordBatch.from_arrays(columns, schema=SCHEMA), [])
        self._file.append(self._compress(data) if self._is_bytes else data, ends_group=False)

    def close(self) -> None:
        """Write the end."""
        self._file.close()


@contextmanager
def changed_rows_file(path: Path | None, *, force: bool) -> Iterator[ChangedRowsFile | None]:
    """Open the file, which appears when the block succeeds; None without a path."""
    if path is None:
        yield None
        return
    with atomic_file(path, force=force) as partial, partial.open("wb") as file:
        opened = ChangedRowsFile(file, path)
        yield opened
        opened.close()
