"""The networks of `--preset conv1d` and `ngram-recurrent` with classes of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.classes.tickets import TOPICS, tickets, write
from tests.training.listening import Listener
from toolkit.errors import ModelError
from toolkit.export import export
from toolkit.export.convert import _by_tf2onnx as by_tf2onnx
from toolkit.export.convert import canonical, convert
from toolkit.model import RunFolder, Scorer, load_model
from toolkit.networks.network_files import load_keras, network_of_graph
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions
from toolkit.training import TrainingOptions, train
from toolkit.training.class_choice import FREQUENT
from toolkit.training.tried import ADAPTING, TFIDF, Choice, Trial

ADAPTED = "reviews"  # a model that is adapted
NETWORKS = ("conv1d", "ngram-recurrent", ADAPTED)


@cache
def trained(preset: str) -> Path:
    """Train and export a network of the tickets; return its run folder."""
    folder = Path(mkdtemp(prefix="tickets-"))
    data = write(folder / "tickets.csv", tickets(480))
    reading = ReadOptions(Columns(label="topic"))
    given: dict[str, Any] = {"preset": preset, "batch_size": 16}
    if preset == ADAPTED:
        given = {"start": preset, "classes": True}
    options = TrainingOptions(data=str(data), output=folder / "run", reading=reading, **given)
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


@pytest.mark.parametrize("name", ["conv1d", "ngram-recurrent"])
def test_its_epochs_are_written_and_drawn(name: str) -> None:
    run = trained(name)
    lines = RunFolder(run).history.read_text("utf-8").splitlines()
    assert lines[0] == "fold,epoch,loss,accuracy,val_loss,val_accuracy"
    assert len(lines) > 2
    for plot in ("loss.png", "accuracy.png", "classes.png", "confusion.png"):
        assert (run / plot).read_bytes().startswith(b"\x89PNG")


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


OPINIONS = {
    "good": ["A superb hotel, I loved it.", "Great and friendly, excellent!", "Best meal ever."],
    "fair": ["It was okay, nothing special.", "Average, some good, some bad.", "Mediocre at best."],
    "bad": ["Awful service, never again.", "Terrible, dirty and rude.", "The worst, I hated it."],
}


def opinions(folder: Path, seed: int) -> TrainingOptions:
    """Return options to learn opinions, each text with two words of its own."""
    random = np.random.default_rng(seed)
    rows = [
        (f"{text} {random.integers(10**6)} {random.integers(10**6)}", label)
        for label, texts in OPINIONS.items()
        for text in texts
        for _ in range(6)
    ]
    data = write(folder / "opinions.csv", rows)
    reading = ReadOptions(Columns(label="topic"))
    return TrainingOptions(data=str(data), output=folder / "run", reading=reading, classes=True)


def test_what_suits_the_texts_is_tried_and_the_best_is_kept(tmp_path: Path) -> None:
    heard = Listener()
    result = train(opinions(tmp_path, 1), heard)
    (choice,) = heard.choices
    names = [each.name for each in choice.tried]
    assert names == [FREQUENT, TFIDF, ADAPTING, "ngram-linear"]
    assert result.choice is choice
    kept = result.metrics.tried
    assert kept is not None
    assert [each.macro_f1 for each in kept] == [each.macro_f1 for each in choice.tried]
    networks = choice.tried[2:]
    near = [each for each in networks if each.quality >= max(e.quality for e in networks) - 0.02]
    assert choice.kept == min(near, key=lambda each: each.log_loss)
    assert choice.line.startswith(f"{choice.kept.name} is kept: macro F1 ")
    baseline = choice.tried[0]
    assert baseline.accuracy == pytest.approx(1 / 3, abs=0.1)
    assert baseline.log_loss == pytest.approx(np.log(3), abs=0.1)


def test_of_nearly_equal_macro_f1_the_log_loss_decides() -> None:
    def of(name: str, f1: float, loss: float) -> Trial:
        return Trial(name, 0.5, loss, 0, accuracy=0.5, macro_f1=f1)

    assert Choice.of((of("a", 0.50, 0.9), of("b", 0.485, 0.7)), 100).kept.name == "b"
    assert Choice.of((of("a", 0.50, 0.9), of("b", 0.475, 0.7)), 100).kept.name == "a"


def test_a_network_that_is_no_better_than_a_baseline_is_called_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = Trial(TFIDF, 1.0, 0.0, 0, is_baseline=True, accuracy=1.0, macro_f1=1.0)
    monkeypatch.setattr("toolkit.training.class_run.class_baselines", lambda *_: (best,))
    monkeypatch.setattr("toolkit.training.class_run.start_to_adapt", lambda *_: None)
    heard = Listener()
    train(opinions(tmp_path, 2), heard)
    assert any(each.startswith(f"no network is better than {TFIDF}") for each in heard.warnings)


def test_an_adapted_network_names_its_start() -> None:
    config = RunFolder(trained(ADAPTED)).load_config()
    assert config.data.start is not None
    assert config.data.start.name == ADAPTED
    assert config.start_release is not None
    assert config.training["fitted_again"] is True


def test_a_start_of_rows_of_one_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="only reads texts of a fixed length"):
        train(replace(opinions(tmp_path, 3), start="conv1d"))


def test_a_graph_of_an_adapted_network_cannot_hide_other_steps(tmp_path: Path) -> None:
    model = onnx.load(model_of(trained(ADAPTED)))
    scan = next(node for node in model.graph.node if node.op_type == "Scan")
    scan.attribute[0].g.node[0].op_type = "Add"
    path = tmp_path / "other.onnx"
    onnx.save(model, path)
    with pytest.raises(ModelError, match="'Scan' is not as `toolkit export` writes it"):
        Scorer(path).classify(["a text"])
