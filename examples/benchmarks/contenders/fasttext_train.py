"""Train fastText on bigrams of the 25,000 training reviews: FOLDER/model.bin. Argument: FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from examples.benchmarks.contenders.fasttext_text import train
from examples.benchmarks.inputs import reviews
from examples.benchmarks.measure import CORES
from examples.benchmarks.quality_peers import FASTTEXT_OPTIONS

if __name__ == "__main__":
    train(reviews("train"), Path(sys.argv[1]), [*FASTTEXT_OPTIONS, "-thread", str(CORES)])
