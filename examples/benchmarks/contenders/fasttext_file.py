"""FastText end to end: CSV, prepared text, predict-prob, CSV. Arguments: SOURCE OUTPUT MODEL CORES.

A process of fastText for each core starts as soon as its share of the reviews is prepared.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from examples.benchmarks.contenders.fasttext_text import prepared, shards
from examples.benchmarks.contenders.table import read, write


def start(texts: pa.ChunkedArray, model: Path, stem: Path) -> subprocess.Popen[bytes]:
    """Prepare some reviews and let fastText predict them; its output is at ``stem.out``."""
    text = stem.with_suffix(".txt")
    text.write_bytes(prepared(texts))
    with stem.with_suffix(".out").open("wb") as output:
        return subprocess.Popen(["fasttext", "predict-prob", model, text], stdout=output)


def probabilities(stem: Path) -> npt.NDArray[np.float32]:
    """Read fastText's output: the likelier label of each review, and its probability."""
    table = pyarrow.csv.read_csv(
        stem.with_suffix(".out"),
        pyarrow.csv.ReadOptions(column_names=["label", "probability"]),
        pyarrow.csv.ParseOptions(delimiter=" "),
    )
    likelier = table["probability"].to_numpy().astype(np.float32)
    positive = table["label"].to_numpy() == "__label__positive"
    return np.asarray(np.where(positive, likelier, 1 - likelier))


def main(source: Path, output: Path, model: Path, cores: int) -> None:
    """Score a file."""
    table = read(source)
    with tempfile.TemporaryDirectory() as folder:
        stems = [Path(folder) / str(i) for i in range(cores)]
        parts = zip(shards(table, cores), stems, strict=True)
        processes = [start(shard["text"], model, stem) for shard, stem in parts]
        if any(process.wait() for process in processes):
            sys.exit("fasttext failed")
        write(table, np.concatenate([probabilities(stem) for stem in stems]), output)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
