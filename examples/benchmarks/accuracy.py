"""The share of right labels in outputs, for the table next to the times.

Run as ``python -m examples.benchmarks.accuracy REVIEWS OUTPUT...``: together, the outputs hold that
many scores, of the test reviews over and over, in order.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from examples.benchmarks.inputs import reviews

SENTIMENT = "predicted_sentiment"


def accuracy(number: int, outputs: list[Path]) -> float:
    """Compare the sentiments with the labels; none may be missing."""
    found = np.concatenate([_positive(path) for path in outputs])
    if len(found) != number:
        sys.exit(f"{len(found):,} of {number:,} reviews are scored in {outputs}")
    labels = reviews("test")["label"].to_numpy() == 1
    return float(np.mean(found == np.resize(labels, number)))


def _positive(path: Path) -> npt.NDArray[np.bool_]:
    if path.suffix == ".txt":  # of fastText: a line is "__label__positive 0.98"
        lines = path.read_bytes().splitlines()
        return np.array([line.startswith(b"__label__positive") for line in lines])
    if path.suffix == ".csv":
        parse = pyarrow.csv.ParseOptions(newlines_in_values=True)
        convert = pyarrow.csv.ConvertOptions(include_columns=[SENTIMENT])
        table = pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert)
    elif path.suffix == ".jsonl":
        table = pyarrow.json.read_json(path)
    else:
        table = pyarrow.parquet.read_table(path, columns=[SENTIMENT])
    return np.asarray(table[SENTIMENT].to_numpy() == "positive")


if __name__ == "__main__":
    print(accuracy(int(sys.argv[1]), [Path(path) for path in sys.argv[2:]]))
