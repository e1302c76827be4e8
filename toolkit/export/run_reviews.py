"""The reviews that a run folder keeps: the sample, and what was held out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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
    with _whole(path, "the reviews of a run"):
        table = pq.read_table(path, columns=["text", "label"])
        texts = pc.cast(table["text"], pa.large_string())
        if texts.null_count:
            raise ValueError("a text is missing")
        return texts, _shares(table, "label") >= 0.5


def load_held_out(path: Path) -> tuple[npt.NDArray[np.bool_], _Array]:
    """Whether each is positive, and its probability before calibration, float32, (reviews,)."""
    with _whole(path, "the held-out reviews of a run"):
        table = pq.read_table(path, columns=["label", "probability"])
        return _shares(table, "label") >= 0.5, _shares(table, "probability")


@contextmanager
def _whole(path: Path, kind: str) -> Iterator[None]:
    """Let the block read a file; raises `ModelError` for what Arrow or the block cannot use."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not {kind}: {error}") from None


def _shares(table: pa.Table, name: str) -> _Array:
    values: _Array = pc.cast(table[name], pa.float32()).to_numpy()
    if not len(values) or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"a {name} is not from 0 to 1")
    return values
