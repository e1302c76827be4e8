"""Train a peer and let it score reviews: ``predict PEER TRAIN FOLDER DATA...``.

Writes ``FOLDER/DATA/PEER.parquet`` with the probabilities for each file of the data, a row for each
of its rows, and prints the size of the model's file in bytes.
"""

from __future__ import annotations

import pickle
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from tests.benchmarks.contenders import fasttext_file, fasttext_text
from tests.benchmarks.contenders.nblr import NaiveBayesRegression
from tests.benchmarks.quality_peers import PEERS
from toolkit.records.columns import Columns
from toolkit.records.read_options import ReadOptions
from toolkit.records.table import read_table

Probabilities = npt.NDArray[np.float32]
Settings = dict[str, Any]
Found = tuple[list[Probabilities], int]  # for each of the data, and the bytes of the model


def fasttext(settings: Settings, train: pa.Table, data: Sequence[pa.ChunkedArray]) -> Found:
    """Train and ask the program."""
    with tempfile.TemporaryDirectory() as name:
        folder, found = Path(name), []
        model = fasttext_text.train(train, folder, settings["options"])
        for texts in data:
            stem = folder / "reviews"
            if fasttext_file.start(texts, model, stem).wait():
                sys.exit("fasttext failed")
            # The program's softmax is from a table and may add up to 1.00002.
            found.append(np.clip(fasttext_file.probabilities(stem), 0, 1))
        return found, model.stat().st_size


def tfidf(settings: Settings, train: pa.Table, data: Sequence[pa.ChunkedArray]) -> Found:
    """Train and ask scikit-learn."""
    features = TfidfVectorizer(**settings["features"])
    model = make_pipeline(features, LogisticRegression(**settings["regression"]))
    return _pickled(model, train, data)


def nblr(settings: Settings, train: pa.Table, data: Sequence[pa.ChunkedArray]) -> Found:
    """Train and ask NB-LR."""
    return _pickled(NaiveBayesRegression(**settings), train, data)


def _pickled(model: Any, train: pa.Table, data: Sequence[pa.ChunkedArray]) -> Found:
    model.fit(_lines(train["text"]), train["label"].to_numpy())
    found = [model.predict_proba(_lines(texts))[:, 1].astype(np.float32) for texts in data]
    return found, len(pickle.dumps(model))


def _lines(texts: pa.ChunkedArray) -> list[str]:
    return fasttext_text.prepared(texts).decode().removesuffix("\n").split("\n")


METHODS = {"fasttext": fasttext, "tfidf": tfidf, "nblr": nblr}


def main(peer: str, train: Path, folder: Path, data: list[Path]) -> int:
    """Do it; give the size."""
    texts = [read_table(path, ReadOptions(), Columns().of("text"))["text"] for path in data]
    reviews = pq.read_table(train, columns=["text", "label"])
    found, size = METHODS[peer](PEERS[peer].settings, reviews, texts)
    for path, probabilities in zip(data, found, strict=True):
        output = folder / path.stem
        output.mkdir(parents=True, exist_ok=True)
        table = pa.table({"positive_probability": probabilities})
        pq.write_table(table, output / f"{peer}.parquet")
    return size


if __name__ == "__main__":
    print(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), [*map(Path, sys.argv[4:])]))
