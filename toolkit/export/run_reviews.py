"""The reviews that a run folder keeps: the sample, and what was held out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from toolkit.errors import ModelError

_Array = npt.NDArray[Any]


def load_sample(path: Path) -> tuple[pa.ChunkedArray, npt.NDArray[np.bool_]]:
    """Texts and whether each is positive, (reviews,); raises `ModelError` if they are damaged."""
    kind = "the reviews of a run"
    table = _load(path, ["text", "label"], kind)
    try:
        texts = pc.cast(table["text"], pa.large_string())
    except pa.ArrowInvalid as error:
        raise ModelError(f"{path}: not {kind}: {error}") from None
    if texts.null_count:
        raise ModelError(f"{path}: not {kind}: a text is missing")
    return texts, _shares(table, "label", path, kind) >= 0.5


def load_held_out(path: Path) -> tuple[npt.NDArray[np.bool_], _Array]:
    """Whether each is positive, and its probability before calibration, float32, (reviews,)."""
    kind = "the held-out reviews of a run"
    table = _load(path, ["label", "probability"], kind)
    labels = _shares(table, "label", path, kind)
    return labels >= 0.5, _shares(table, "probability", path, kind)


def _load(path: Path, columns: list[str], kind: str) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns).select(columns)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not {kind}: {error}") from None


def _shares(table: pa.Table, name: str, path: Path, kind: str) -> _Array:
    try:
        values: _Array = pc.cast(table[name], pa.float32()).to_numpy()
    except pa.ArrowInvalid as error:
        raise ModelError(f"{path}: not {kind}: {error}") from None
    if not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise ModelError(f"{path}: not {kind}: a {name} is not from 0 to 1")
    return values
