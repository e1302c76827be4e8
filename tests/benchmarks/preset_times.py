"""Seconds that a model takes in one thread, printed: ``preset_times network|text MODEL REVIEWS``.

The reviews are the first ones of the test reviews; a pass before the one that counts fills caches.
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
from toolkit.model.scorer import Scorer
from toolkit.text.vocabulary import Ids


class Catching(Scorer):
    """A scorer that keeps the batches which it gives to its network."""

    def __init__(self, model: Path) -> None:
        super().__init__(model)
        self.batches: list[Ids] = []

    def _run(self, ids: Ids) -> npt.NDArray[np.float32]:
        self.batches.append(ids)
        return super()._run(ids)


def network(model: Path, texts: pa.ChunkedArray) -> float:
    """Time the network alone, with the batches that the scorer makes of the texts."""
    scorer, other = Catching(model), Scorer(model)
    scorer.probabilities(texts)
    began = time.perf_counter()
    for ids in scorer.batches:
        other._run(ids)
    return time.perf_counter() - began


def text(model: Path, texts: pa.ChunkedArray) -> float:
    """Time the way from texts to probabilities."""
    scorer = Scorer(model)
    scorer.probabilities(texts)
    began = time.perf_counter()
    scorer.probabilities(texts)
    return time.perf_counter() - began


KINDS = {"network": network, "text": text}


if __name__ == "__main__":
    prepare_process()
    pa.set_cpu_count(1)
    kind, path, number = sys.argv[1:]
    print(KINDS[kind](Path(path), reviews("test")["text"].slice(0, int(number))))
