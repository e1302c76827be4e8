"""Train fastText on bigrams of the 25,000 training reviews: FOLDER/model.bin. Argument: FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.benchmarks.contenders.fasttext_text import train
from tests.benchmarks.inputs import reviews
from tests.benchmarks.measure import CORES
from tests.benchmarks.quality_peers import FASTTEXT_OPTIONS

if __name__ == "__main__":
    train(reviews("train"), Path(sys.argv[1]), [*FASTTEXT_OPTIONS, "-thread", str(CORES)])
