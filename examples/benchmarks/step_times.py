"""µs for each review that the steps of a model take: ``step_times MODEL REVIEWS STEP...``.

All steps are in one thread, and a pass before the one that counts fills caches. Tokens and network
are processor time, which other work on the machine lengthens least. The reviews are the first of
the test reviews. Prints JSON.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pyarrow as pa

from examples.benchmarks.inputs import reviews
from toolkit.cli.process import prepare_process
from toolkit.model import Scorer, load_model
from toolkit.model.network import open_network

AT_ONCE = 4096  # as many as a scorer takes
SINGLE_REVIEWS = 1000


def tokens(model: Path, texts: pa.ChunkedArray, last: int) -> float:
    """Time the way from texts to their last token ids."""
    vocabulary = load_model(model).vocabulary
    return _processor_time(lambda: [vocabulary.encode(part, last) for part in _parts(texts)], texts)


def network(model: Path, texts: pa.ChunkedArray) -> float:
    """Time the network alone, from token ids to its outputs, with the batches that it makes."""
    file = load_model(model)
    scored = open_network(file)
    ids = [file.vocabulary.encode(part, file.facts.max_tokens) for part in _parts(texts)]
    return _processor_time(lambda: [scored.run_all(part) for part in ids], texts)


def scorer(model: Path, texts: pa.ChunkedArray) -> float:
    """Give the median of `Scorer.score` for one text."""
    score = Scorer(model).score
    return _median(lambda text: score([text]), texts)


def session(model: Path, texts: pa.ChunkedArray) -> float:
    """Give the median of the text-in file in ONNX Runtime for one text, in one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    found = ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    wanted = ["label", "probability"]
    return _median(lambda text: found.run(wanted, {"text": np.array([text], dtype=object)}), texts)


STEPS: dict[str, Callable[[Path, pa.ChunkedArray], float]] = {
    "tokens_100": partial(tokens, last=100),
    "tokens_512": partial(tokens, last=512),
    "network": network,
    "scorer": scorer,
    "session": session,
}


def _parts(texts: pa.ChunkedArray) -> Iterator[pa.ChunkedArray]:
    return (texts.slice(start, AT_ONCE) for start in range(0, len(texts), AT_ONCE))


def _processor_time(work: Callable[[], object], texts: pa.ChunkedArray) -> float:
    work()
    began = time.process_time()
    work()
    return 1e6 * (time.process_time() - began) / len(texts)


def _median(work: Callable[[str], object], texts: pa.ChunkedArray) -> float:
    singles = texts.slice(0, SINGLE_REVIEWS).to_pylist()
    times = []
    for text in [*singles[:100], *singles]:
        began = time.perf_counter()
        work(text)
        times.append(time.perf_counter() - began)
    return 1e6 * statistics.median(times[-len(singles) :])


if __name__ == "__main__":
    prepare_process()
    pa.set_cpu_count(1)
    path, number, *names = sys.argv[1:]
    texts = reviews("test")["text"].slice(0, int(number))
    print(json.dumps({name: round(STEPS[name](Path(path), texts), 3) for name in names}))
