"""Score a CSV file as the tutorial does: Keras' model.predict. Arguments: SOURCE OUTPUT."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np

from examples.benchmarks.contenders.table import read, write
from examples.benchmarks.sources import PROJECT
from toolkit.text import FIRST_WORD_ID, UNKNOWN_ID
from toolkit.text.rule import OLDEST_RULE
from toolkit.text.token_ids import START_ID

MAX_TOKENS = 100
BATCH = 4096  # 100,000 reviews take 8 s; with 32, the default, 13 s

TO_WORDS = str.maketrans(
    {
        **dict.fromkeys(OLDEST_RULE.separators, " "),
        **{chr(c): chr(c).lower() for c in range(65, 91)},
    }
)


def word_ids() -> dict[str, int]:
    """Read the ids of the words that the model knows."""
    content = (PROJECT / "exported/conv1d.vocabulary.txt").read_bytes().decode()
    words = content.removesuffix("\n").split("\n")
    return {word: rank + FIRST_WORD_ID for rank, word in enumerate(words)}


def main(source: Path, output: Path) -> None:
    """Score a file."""
    table = read(source)
    known = word_ids()
    rows = []
    for text in table["text"].to_pylist():
        words = text.translate(TO_WORDS).split(" ")
        ids = [known.get(word, UNKNOWN_ID) for word in words if word][-MAX_TOKENS:]
        rows.append([START_ID, *ids])
    padded = keras.utils.pad_sequences(rows, maxlen=MAX_TOKENS)
    model = keras.saving.load_model(PROJECT / "exported/conv1d.keras")
    probabilities = model.predict(padded, batch_size=BATCH, verbose=0)[:, 0]
    write(table, probabilities.astype(np.float32), output)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
