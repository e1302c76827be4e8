"""Score a CSV file with the pickled scikit-learn model. Arguments: SOURCE OUTPUT MODEL CORES."""

from __future__ import annotations

import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from examples.benchmarks.contenders.table import read, write

ROWS_AT_ONCE = 2_500

model = pickle.loads(Path(sys.argv[3]).read_bytes())


def score(texts: list[str]) -> npt.NDArray[np.float32]:
    """Give the probability that each review is positive."""
    probabilities: npt.NDArray[np.float64] = model.predict_proba(texts)[:, 1]
    return probabilities.astype(np.float32)


def main(source: Path, output: Path, cores: int) -> None:
    """Score a file."""
    table = read(source)
    texts = table["text"].to_pylist()
    parts = [texts[i : i + ROWS_AT_ONCE] for i in range(0, len(texts), ROWS_AT_ONCE)]
    if cores == 1:
        scores = [score(part) for part in parts]
    else:
        with ProcessPoolExecutor(cores) as pool:
            scores = list(pool.map(score, parts))
    write(table, np.concatenate(scores), output)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[4]))
