"""Two models compared on files, in small blocks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.models import MODEL, OLD_MODELS
from toolkit.evaluation.differences.changes import DataChanges
from toolkit.evaluation.differences.files import DiffOptions
from toolkit.evaluation.differences.models import diff
from toolkit.records.columns import Columns
from toolkit.records.read_options import LabelNames, ReadOptions

OLD = OLD_MODELS / "ngram-linear.onnx"
SMALL_BLOCKS = 1 << 14


def compared(
    *files: Path, old: Path = OLD, new: Path = MODEL, columns: Columns | None = None, **more: object
) -> DataChanges:
    reading = ReadOptions(columns or Columns(), block_bytes=SMALL_BLOCKS)
    if isinstance(names := more.pop("labels", None), LabelNames):
        reading = replace(reading, labels=names)
    options = DiffOptions(reading, **more)  # type: ignore[arg-type]
    found = diff(old, new, [*map(str, files)], options).data
    assert found is not None
    return found
