"""The training reviews of the IMDB data, and how they are split. The test reviews are not read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.model_selection import StratifiedGroupKFold

from toolkit.errors import InputError

Floats = npt.NDArray[Any]  # float32 in files, float64 between
Rows = npt.NDArray[np.int64]
Half = Literal["A", "B"]

FOLDS = 4


@dataclass(frozen=True)
class Reviews:
    """The labelled reviews, followed by the unlabelled ones.

    Attributes
    ----------
    texts : pa.ChunkedArray
        (reviews,) large_string.
    labels : Floats
        (labelled,) 1 positive, 0 negative.
    stars : Floats
        (labelled,) from 1 to 10.
    folds : npt.NDArray[np.int8]
        (labelled,) from 0 to 3; the reviews of a movie are in one fold.
    """

    texts: pa.ChunkedArray
    labels: Floats
    stars: Floats
    folds: npt.NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.texts)

    def half(self, name: Half) -> Rows:
        """The rows of the labelled reviews in folds 0 and 1 (A) or 2 and 3 (B)."""
        return np.flatnonzero((self.folds < FOLDS // 2) == (name == "A"))


def load(data: Path) -> Reviews:
    """Read imdb/train.parquet and imdb/unlabelled.parquet in a folder."""
    labelled = _read(data / "imdb" / "train.parquet", ["text", "label", "stars", "movie"])
    unlabelled = _read(data / "imdb" / "unlabelled.parquet", ["text"])
    labels = labelled["label"].to_numpy()
    chunks = [*labelled["text"].chunks, *unlabelled["text"].chunks]
    return Reviews(
        pa.chunked_array([chunk.cast(pa.large_string()) for chunk in chunks], pa.large_string()),
        labels.astype(np.float32),
        labelled["stars"].to_numpy().astype(np.float32),
        _folds(labels, np.array(labelled["movie"].to_pylist()), data),
    )


def _read(path: Path, columns: list[str]) -> pa.Table:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Name the folder that holds imdb/ with --data.")
    try:
        found = pq.read_schema(path).names
        missing = [name for name in columns if name not in found]
        if missing:
            raise InputError(
                f"{path}: no column '{missing[0]}' (found: {', '.join(found)}). "
                f"It needs {', '.join(columns)}."
            )
        return pq.read_table(path, columns=columns)
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}).") from None


def _folds(
    labels: npt.NDArray[np.int64], movies: npt.NDArray[np.str_], data: Path
) -> npt.NDArray[np.int8]:
    positive = int(np.count_nonzero(labels))
    fewest = min(positive, len(labels) - positive, len(np.unique(movies)))
    if fewest < FOLDS:
        raise InputError(
            f"{data}: the labelled reviews are too few for {FOLDS} folds. Give at least "
            f"{FOLDS} positive and {FOLDS} negative ones, of {FOLDS} movies or more."
        )
    folds = np.zeros(len(labels), np.int8)
    parts = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    for fold, (_, rows) in enumerate(parts.split(labels, labels, movies)):
        folds[rows] = fold
    return folds
