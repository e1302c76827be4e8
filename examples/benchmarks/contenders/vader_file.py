"""Score a CSV file with the lexicon VADER. Arguments: SOURCE OUTPUT CORES."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from examples.benchmarks.contenders.table import score_file


@cache
def analyzer() -> Any:
    """Read the lexicon, once in each process."""
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


def score(texts: list[str]) -> npt.NDArray[np.float32]:
    """Return the score of each text, from -1 to 1, as a probability from 0 to 1."""
    compounds = [analyzer().polarity_scores(text)["compound"] for text in texts]
    return ((np.asarray(compounds) + 1) / 2).astype(np.float32)


if __name__ == "__main__":
    score_file(Path(sys.argv[1]), Path(sys.argv[2]), score, cores=int(sys.argv[3]))
