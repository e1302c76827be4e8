"""Let a trained peer score reviews: ``predict PEER FOLDER DATA OUTPUT``.

FOLDER is that of `train`. Writes the probabilities as Parquet, a row for each row of the data.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from examples.benchmarks.contenders import fasttext_file, fasttext_text, vader_file
from toolkit.records import Columns, ReadOptions
from toolkit.records.table import read_table

Probabilities = npt.NDArray[np.float32]


def main(peer: str, folder: Path, data: Path, output: Path) -> None:
    """Do it."""
    texts = read_table(data, ReadOptions(), Columns().of("text"))["text"]
    model = folder / f"{peer}.model"
    if peer == "fasttext":
        found = _fasttext(model, texts)
    elif peer == "vader":
        found = vader_file.score(texts.to_pylist())
    else:
        found = _unpickled(model, texts)
    output.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"positive_probability": found}), output)


def _fasttext(model: Path, texts: pa.ChunkedArray) -> Probabilities:
    with tempfile.TemporaryDirectory() as name:
        stem = Path(name) / "reviews"
        if fasttext_file.start(texts, model, stem).wait():
            sys.exit("fasttext failed")
        # The program's softmax is from a table and may add up to 1.00002.
        return np.clip(fasttext_file.probabilities(stem), 0, 1)


def _unpickled(model: Path, texts: pa.ChunkedArray) -> Probabilities:
    with model.open("rb") as file:
        estimator = pickle.load(file)
    found = estimator.predict_proba(fasttext_text.lines(texts))[:, 1]
    return np.asarray(found, np.float32)


if __name__ == "__main__":
    main(sys.argv[1], *(Path(argument) for argument in sys.argv[2:]))
