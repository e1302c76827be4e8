"""Every way to run a model file that the golden vectors are compared with."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa

from tests.examples import programs
from tests.examples.golden import Answers
from toolkit.export.front_end import token_ids_info
from toolkit.export.network import load_keras
from toolkit.model_file import TEXT, TOKEN_IDS, token_ids_width
from toolkit.scoring.scorer import Scorer

Runtime = Callable[[Path, list[str]], Answers]


def keras(model: Path, texts: list[str]) -> Answers:
    """The network as it was trained, with the vectorised ids."""
    scorer = _scorer(model)
    ids = scorer.token_ids(pa.array(texts, pa.string()))
    found = np.asarray(_network(model)(ids, training=False))[:, 0]
    labels = np.where(found >= scorer.threshold, *scorer.facts.labels[::-1])
    return Answers(labels.tolist(), found.astype(float), _unpadded(ids))


def vectorised(model: Path, texts: list[str]) -> Answers:
    """The scorer of `toolkit score`, which gives blank texts no score."""
    scorer = _scorer(model)
    labels, found = scorer.score_array(pa.array(texts, pa.string()))
    ids = scorer.token_ids(pa.array(texts, pa.string()))
    return Answers(
        labels.to_pylist(), found.to_numpy(zero_copy_only=False).astype(float), _unpadded(ids)
    )


def python(model: Path, texts: list[str]) -> Answers:
    """The program in Python; its ids are those inside the graph."""
    found = programs.answers(programs.python(), model, texts)
    return Answers(found.labels, found.probabilities, ids_in_graph(model, texts))


def program(build: Callable[[], tuple[str, ...]], model: Path, texts: list[str]) -> Answers:
    """A program that another language is for, and which cannot tell its ids."""
    return programs.answers(build(), model, texts)


# To add a runtime, add an entry: a model file and texts → answers. What cannot be tried here raises
# `programs.MissingError`.
RUNTIMES: dict[str, Runtime] = {
    "Keras": keras,
    "toolkit score": vectorised,
    "Python": python,
    "Node": partial(program, programs.node),
    "C": partial(program, programs.c),
}


def ids_in_graph(model: Path, texts: list[str]) -> list[list[int]]:
    """The ids that the front end inside the graph makes, without the padding."""
    session = _session_of_ids(model)
    found: list[list[int]] = []
    for start in range(0, len(texts), 32):
        batch = np.array(texts[start : start + 32], dtype=object)
        found += _unpadded(session.run([TOKEN_IDS], {TEXT: batch})[0])
    return found


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
