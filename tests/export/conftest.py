"""A small model with random weights, exported as any other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from toolkit.model import ModelFacts, RunConfig, RunFolder
from toolkit.model.training_facts import RunMetrics, Scores, TrainingData
from toolkit.text import Vocabulary

CONFIG = RunConfig("conv1d", 13, 12, TrainingData("four reviews"))
REVIEWS = ["the good movie", "bad, bad movie", "a movie", "don't"]
WORDS = ["the", "movie", "don't", "été", "a", "good", "bad", "\x00", "İ"]


@dataclass(frozen=True)
class SmallModel:
    """A Keras network and the files made of it."""

    network: Any
    vocabulary: Vocabulary
    facts: ModelFacts
    text_in: Path
    ids_in: Path


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> SmallModel:
    """The network of `conv1d` for 13 ids and 12 tokens, with weights far from zero."""
    keras = pytest.importorskip("keras", reason="needs the extra 'train'")
    from toolkit.export.convert import convert, ids_in_model, text_in_model
    from toolkit.networks import conv1d

    keras.utils.set_random_seed(1)
    network = conv1d.build(len(WORDS) + 4, 12)
    network.set_weights([w * 8 if w.any() else w + 0.1 for w in network.get_weights()])
    vocabulary = Vocabulary(pa.array(WORDS))
    facts = ModelFacts(
        preset="conv1d",
        labels=("negative", "positive"),
        threshold=0.5,
        max_tokens=12,
        vocabulary_size=vocabulary.size,
        data=TrainingData("random weights"),
        metrics=RunMetrics(),
        parity=None,
        toolkit_version="0",
    )
    graph = convert(network, 12).model
    folder = tmp_path_factory.mktemp("small")
    model = SmallModel(network, vocabulary, facts, folder / "small.onnx", folder / "small.ids.onnx")
    onnx.save(text_in_model(graph, vocabulary, facts), model.text_in)
    onnx.save(ids_in_model(graph, facts), model.ids_in)
    return model


@pytest.fixture
def run(small_model: SmallModel, tmp_path: Path) -> RunFolder:
    """A run folder of that network, with four reviews."""
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    small_model.network.save(folder.model)
    small_model.vocabulary.save(folder.vocabulary)
    folder.save_metrics(RunMetrics(validation=Scores(accuracy=0.5)))
    pq.write_table(pa.table({"text": REVIEWS, "label": [1, 0, 1, 0]}), folder.sample)
    folder.save_config(CONFIG)
    return folder


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a damaged graph reach the proof of parity: loading a file would refuse it before."""
    for module in ("agreement", "scorer"):
        monkeypatch.setattr(f"toolkit.model.{module}.is_known", lambda _: True)
