"""Every way to run a model file that the golden vectors are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa

from tests.examples import programs
from tests.examples.golden import Answers, Comparison, compare
from tests.examples.web_page import score_in_chromium
from toolkit.export.convert import token_ids_info
from toolkit.model import Scorer
from toolkit.model.file import TEXT, TOKEN_IDS, token_ids_width
from toolkit.networks.network_files import load_keras
from toolkit.text import FIRST_WORD_ID


@dataclass(frozen=True)
class Runtime:
    """A way to score texts with a model file, and to see its token ids where there is one."""

    score: Callable[[Path, list[str]], Answers]
    ids: Callable[[Path, list[str]], list[list[int]]] | None = None


def keras(model: Path, texts: list[str]) -> Answers:
    """The network as it was trained, with the vectorised ids."""
    scorer = _scorer(model)
    ids = scorer.token_ids(pa.array(texts, pa.string()))
    found = np.asarray(_network(model)(ids, training=False))[:, 0]
    labels = np.where(found >= scorer.threshold, *scorer.facts.labels[::-1]).astype(object)
    if scorer.facts.counts_known_tokens:
        labels[~(ids >= FIRST_WORD_ID).any(axis=1)] = None
    return Answers(labels.tolist(), found.astype(float))


def vectorised(model: Path, texts: list[str]) -> Answers:
    """The scorer of `toolkit score`, which gives some texts no score."""
    labels, found = _scorer(model).score_array(pa.array(texts, pa.string()))
    return Answers(labels.to_pylist(), found.to_numpy(zero_copy_only=False).astype(float))


def program(build: Callable[[], tuple[str, ...]], model: Path, texts: list[str]) -> Answers:
    """A program of `examples/`, in a process of its own."""
    return programs.answers(build(), model, texts)


def vectorised_ids(model: Path, texts: list[str]) -> list[list[int]]:
    """The ids that the scorer gives the network, without the padding."""
    return _unpadded(_scorer(model).token_ids(pa.array(texts, pa.string())))


def ids_in_graph(model: Path, texts: list[str]) -> list[list[int]]:
    """The ids that the front end inside the graph makes, without the padding."""
    session = _session_of_ids(model)
    found: list[list[int]] = []
    for start in range(0, len(texts), 32):
        batch = np.array(texts[start : start + 32], dtype=object)
        found += _unpadded(session.run([TOKEN_IDS], {TEXT: batch})[0])
    return found


def page(model: Path, texts: list[str]) -> Answers:
    """The worker of the web page, in Chromium."""
    probabilities, labels = score_in_chromium(texts, model)
    return Answers(labels, np.array(probabilities))


# To add a runtime, add an entry. What cannot be tried here skips.
RUNTIMES = {
    "Keras": Runtime(keras, vectorised_ids),
    "toolkit score": Runtime(vectorised, vectorised_ids),
    **{
        name: Runtime(partial(program, build), ids_in_graph if name == "Python" else None)
        for name, build in programs.PROGRAMS.items()
    },
    "WebAssembly in Chromium": Runtime(page),
}


def try_out(runtime: Runtime, model: Path, texts: list[str]) -> Comparison:
    """Compare what a runtime gives with the golden vectors next to the model."""
    ids = None if runtime.ids is None else runtime.ids(model, texts)
    return compare(model, runtime.score(model, texts), ids)


def _unpadded(ids: Any) -> list[list[int]]:
    return [row[row != 0].tolist() for row in ids]


@cache
def _scorer(model: Path) -> Scorer:
    return Scorer(model)


@cache
def _network(model: Path) -> Any:
    return load_keras(model.with_suffix(".keras"))


@cache
def _session_of_ids(model: Path) -> ort.InferenceSession:
    graph = onnx.load(model)
    graph.graph.output.append(token_ids_info(token_ids_width(graph)))
    return ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
