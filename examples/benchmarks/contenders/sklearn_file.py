"""Score a CSV file with the pickled scikit-learn model. Arguments: SOURCE OUTPUT MODEL CORES."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from examples.benchmarks.contenders.table import score_file

model = pickle.loads(Path(sys.argv[3]).read_bytes())


def score(texts: list[str]) -> npt.NDArray[np.float32]:
    """Give the probability that each review is positive."""
    probabilities: npt.NDArray[np.float64] = model.predict_proba(texts)[:, 1]
    return probabilities.astype(np.float32)


if __name__ == "__main__":
    score_file(Path(sys.argv[1]), Path(sys.argv[2]), score, cores=int(sys.argv[4]))
