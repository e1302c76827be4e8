"""The networks of `--preset conv1d` and `ngram-recurrent` with classes of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.classes.tickets import TOPICS, tickets, write
from toolkit.export import export
from toolkit.export.convert import _by_tf2onnx as by_tf2onnx
from toolkit.export.convert import canonical, convert
from toolkit.model import RunFolder, Scorer, load_model
from toolkit.networks.network_files import load_keras, network_of_graph
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions
from toolkit.training import TrainingOptions, train

NETWORKS = ("conv1d", "ngram-recurrent")


@cache
def trained(preset: str) -> Path:
    """Train and export a network of the tickets; return its run folder."""
    folder = Path(mkdtemp(prefix="tickets-"))
    data = write(folder / "tickets.csv", tickets(480))
    reading = ReadOptions(Columns(label="topic"))
    options = TrainingOptions(
        data=str(data), preset=preset, output=folder / "run", reading=reading, batch_size=16
    )
    train(options)
    export(folder / "run", golden=True)
    return folder / "run"


@pytest.fixture(params=NETWORKS)
def run(request: pytest.FixtureRequest) -> Path:
    return trained(request.param)


def model_of(run: Path) -> Path:
    return RunFolder(run).find_export()


def test_it_learns_and_all_executions_agree(run: Path) -> None:
    folder = RunFolder(run)
    scores = folder.load_metrics().validation
    assert scores is not None
    assert scores.accuracy is not None
    assert scores.accuracy > 0.9
    parity = load_model(run).facts.parity
    assert parity is not None
    assert parity.largest_difference < 1e-5
    assert parity.label_flips == parity.token_id_differences == 0
    rows = tickets(40, seed=5)
    found = Scorer(run).classify([text for text, _ in rows])
    assert [each.label for each in found] == [topic for _, topic in rows]


def test_its_epochs_are_written_and_drawn(run: Path) -> None:
    lines = RunFolder(run).history.read_text("utf-8").splitlines()
    assert lines[0] == "fold,epoch,loss,accuracy,val_loss,val_accuracy"
    assert len(lines) > 2
    for name in ("loss.png", "accuracy.png", "classes.png", "confusion.png"):
        assert (run / name).read_bytes().startswith(b"\x89PNG")


def test_the_bits_do_not_depend_on_the_batch(run: Path) -> None:
    texts = [text for text, _ in tickets(64, seed=6)]
    session = ort.InferenceSession(str(model_of(run)))
    (together,) = session.run(["probabilities"], {"text": np.array(texts, object)})
    for size in (1, 7):
        parts = [np.array(texts[start : start + size], object) for start in range(0, 64, size)]
        alone = [session.run(["probabilities"], {"text": part})[0] for part in parts]
        assert np.array_equal(np.concatenate(alone), together)


def test_the_core_gives_the_same_numbers(run: Path, tmp_path: Path) -> None:
    texts = [text for text, _ in tickets(50, seed=7)]
    path = tmp_path / "texts.json"
    path.write_text(json.dumps(texts))
    program = (
        "import json, sys; from toolkit.model import Scorer\n"
        "texts = json.load(open(sys.argv[2]))\n"
        "scorer = Scorer(sys.argv[1], probabilities=True)\n"
        "print(json.dumps(scorer.class_probabilities(texts)))"
    )
    answers = []
    for native in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", program, str(model_of(run)), str(path)],
            env=os.environ | {"TOOLKIT_NATIVE": native},
            capture_output=True,
            check=True,
        )
        answers.append(json.loads(done.stdout))
    assert answers[0] == answers[1]
    assert {*answers[0][0]} == {*TOPICS}


def test_the_twin_gives_the_golden_vectors(run: Path) -> None:
    name = model_of(run).stem
    lines = (run / f"{name}.golden.jsonl").read_text("utf-8").splitlines()
    session = ort.InferenceSession(str(run / f"{name}.ids.onnx"))
    for line in map(json.loads, lines[:40]):
        (expected,) = line["models"].values()
        ids = np.array([expected["token_ids"]], np.int32).reshape(1, -1)
        (found, label) = session.run(["probabilities", "label"], {"token_ids": ids})
        assert found[0].tolist() == pytest.approx(expected["probabilities"], abs=1e-6)
        assert label[0] == expected["label"]


def test_its_graph_is_of_its_own_and_not_a_network_of_two_classes(run: Path) -> None:
    network = load_keras(RunFolder(run).model)
    converted = convert(network, RunFolder(run).load_config().max_tokens)
    assert converted.notes == []
    assert network_of_graph(converted.model) is None


def test_tf2onnx_converts_networks_of_classes() -> None:
    network = load_keras(RunFolder(trained("conv1d")).model)
    graph = canonical(by_tf2onnx(network))
    ids = np.arange(200, dtype=np.int32).reshape(2, 100) % 40
    session = ort.InferenceSession(graph.SerializeToString())
    (found,) = session.run(["probabilities"], {"token_ids": ids})
    assert np.abs(found - np.asarray(network(ids))).max() < 1e-6


def test_the_temperature_keeps_the_labels(run: Path) -> None:
    calibration = RunFolder(run).load_config().calibration
    assert calibration is not None
    assert calibration.bias == 0
    assert calibration.log_loss is not None
    assert calibration.log_loss_before is not None
    assert calibration.log_loss <= calibration.log_loss_before
    table = pa.parquet.read_table(run / "validation.parquet")
    assert table["probabilities"].type == pa.list_(pa.float32(), len(TOPICS))
