"""Seconds that a model takes in one thread, printed: ``preset_times network|text MODEL REVIEWS``.

They are processor time, which other work on the machine lengthens least. The reviews are the first
ones of the test reviews; a pass before the one that counts fills caches.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from tests.benchmarks.inputs import reviews
from toolkit.cli.process import prepare_process
from toolkit.model.file import ModelFile, load_model
from toolkit.model.scorer import Scorer
from toolkit.model.session import Network, open_network
from toolkit.text.token_ids import Ids


class Catching(Network):
    """A network that keeps the batches which it is given."""

    def __init__(self, model: ModelFile) -> None:
        super().__init__(model.network, model)
        self.batches: list[Ids] = []

    def run(self, rows: Ids) -> list[npt.NDArray[np.float32]]:
        self.batches.append(rows)
        return super().run(rows)


def batches_of(model: Path, texts: pa.ChunkedArray) -> list[Ids]:
    """Give the batches that a scorer makes of the texts."""
    file = load_model(model)
    catching = Catching(file)
    for start in range(0, len(texts), 4096):  # as many as the scorer takes at once
        part = texts.slice(start, 4096)
        catching.run_all(file.vocabulary.encode(part, last=file.facts.max_tokens))
    return catching.batches


def network(model: Path, texts: pa.ChunkedArray) -> float:
    """Time the network alone, with those batches."""
    batches, timed = batches_of(model, texts), open_network(load_model(model))
    began = time.process_time()
    for ids in batches:
        timed.run(ids)
    return time.process_time() - began


def text(model: Path, texts: pa.ChunkedArray) -> float:
    """Time the way from texts to probabilities."""
    scorer = Scorer(model)
    scorer.probabilities(texts)
    began = time.process_time()
    scorer.probabilities(texts)
    return time.process_time() - began


KINDS = {"network": network, "text": text}


if __name__ == "__main__":
    prepare_process()
    pa.set_cpu_count(1)
    kind, path, number = sys.argv[1:]
    print(KINDS[kind](Path(path), reviews("test")["text"].slice(0, int(number))))
