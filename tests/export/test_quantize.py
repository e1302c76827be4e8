"""Weights of fewer bits: what they stand for, in any network, and when there is nothing to gain."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from exported.cards import model_card
from tests.data import PROJECT
from tests.export.conftest import WORDS
from tests.networks.tables import Frozen
from toolkit.errors import InputError, ModelError, ParityError, QuantizationError, UsageError
from toolkit.export import export
from toolkit.export.convert import TOLERANCE, convert
from toolkit.export.quantize import KINDS, QuantizationOptions, check_loss, quantize
from toolkit.model import ModelFile, RunConfig, RunFolder, Scorer
from toolkit.model.facts import Metrics, QuantizationCost, TrainingData
from toolkit.model.onnx_sessions import session_options
from toolkit.model.typed_json import encode
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions
from toolkit.text import Ids, Vocabulary

TWIN = PROJECT / "exported" / "conv1d.ids.onnx"

IDS, WIDTH = 900, 12


def run(model: onnx.ModelProto, ids: Ids) -> Any:
    session = ort.InferenceSession(model.SerializeToString(), session_options())
    return session.run(["probability"], {"token_ids": ids})[0]


def weights_of(model: onnx.ModelProto) -> dict[str, Any]:
    return {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}


def table_model(table: Any) -> onnx.ModelProto:
    """A model whose only weights are the table; it needs not run."""
    graph = onnx.helper.make_graph([], "g", [], [], [numpy_helper.from_array(table, "table")])
    return onnx.helper.make_model(graph)


def random_ids(rows: int, ids: int = IDS, width: int = WIDTH) -> Ids:
    return np.random.default_rng(1).integers(0, ids, (rows, width), dtype=np.int32)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layer", ["conv1d", "average", "three", "lstm"])
def test_networks_of_every_make(kind: str, layer: str) -> None:
    keras = pytest.importorskip("keras", reason="needs the extra 'train'")
    layers = keras.layers
    keras.utils.set_random_seed(1)
    body = {
        "conv1d": [
            layers.Conv1D(8, 2, padding="same", activation="relu"),
            layers.MaxPooling1D(2),
            layers.Flatten(),
        ],
        "average": [layers.GlobalAveragePooling1D()],
        "three": [layers.Conv1D(100, 3), layers.GlobalMaxPooling1D()],
        "lstm": [layers.LSTM(64)],
    }[layer]
    network = keras.Sequential(
        [
            keras.Input((WIDTH,), dtype="int32"),
            layers.Embedding(IDS, 15),
            *body,
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.set_weights([w * 4 for w in network.get_weights()])
    plain = convert(network, WIDTH).model
    small = quantize(plain, kind)
    ids = random_ids(200)
    expected, in_floats, found = (run(m, ids) for m in (plain, small.in_floats, small.network))
    np.testing.assert_allclose(found, in_floats, rtol=0, atol=TOLERANCE)
    apart = float(np.abs(found - expected).max())
    assert 0 < apart < (0.05 if kind == "int8" else 0.002)
    onnx.checker.check_model(small.network, full_check=True)
    assert {node.domain for node in small.network.graph.node} == {""}
    assert sum(w.nbytes for w in weights_of(small.network).values()) < 0.6 * sum(
        w.nbytes for w in weights_of(plain).values()
    )


shapes = st.sampled_from([(300, 15), (5000, 1), (1, 4096), (4096,), (40, 60, 1, 2), (1, 70, 64)])


@given(shapes, st.integers(0, 2**32 - 1), st.floats(-12, 12))
def test_int8_is_within_half_a_step(shape: tuple[int, ...], seed: int, power: float) -> None:
    random = np.random.default_rng(seed)
    # Rows of very different size, and one of zeros.
    table = random.normal(0, 1, shape) * 10.0 ** random.uniform(
        -3, 3, (shape[0],) + (1,) * (len(shape) - 1)
    )
    table = (table * 10.0**power).astype(np.float32)
    table[0] = 0 if shape[0] > 1 else table[0]
    small = quantize(table_model(table), "int8")
    stored = weights_of(small.network)
    assert stored["table_codes"].dtype == np.int8
    scales, value = stored["table_scales"], weights_of(small.in_floats)["table"]
    assert value.dtype == np.float32
    assert np.isfinite(scales).all()
    # A code is a whole number of steps, and float32 rounds the steps and the product.
    assert (np.abs(value - table) <= scales * 0.5 + np.abs(table) * 1e-6).all()
    assert sum(part.nbytes for part in stored.values()) <= table.nbytes * 0.4


def test_a_row_has_its_own_scale() -> None:
    table = np.ones((500, 15), np.float32)
    table[3] = 1e6
    value = weights_of(quantize(table_model(table), "int8").in_floats)["table"]
    np.testing.assert_allclose(value, table, rtol=1e-6)


def test_numbers_beyond_float16_are_its_largest() -> None:
    table = np.full((300, 15), 1e6, np.float32)
    table[1] = -1e6
    value = weights_of(quantize(table_model(table), "float16").in_floats)["table"]
    assert np.unique(value).tolist() == [-65504, 65504]


def test_small_weights_stay() -> None:
    plain, small = onnx.load(TWIN), quantize(onnx.load(TWIN), "int8").network
    before, after = weights_of(plain), weights_of(small)
    changed = [name for name in before if name not in after]
    assert [before[name].shape for name in changed] == [(10_000, 15)]
    assert all(np.array_equal(before[name], after[name]) for name in before if name in after)


@pytest.mark.parametrize(("kind", "share"), [("int8", 0.35), ("float16", 0.52)])
def test_the_shipped_conv1d_becomes_smaller_and_is_the_same_when_loaded(
    kind: str, share: float, tmp_path: Path
) -> None:
    """What stands in memory are the tables of the plain file, so that the speed is the same."""
    plain = onnx.load(TWIN)
    small = quantize(plain, kind).network
    assert small.ByteSize() < share * plain.ByteSize()
    loaded = []
    for name, model in (("plain", plain), ("small", small)):
        options = session_options()
        options.optimized_model_filepath = str(tmp_path / name)
        ort.InferenceSession(model.SerializeToString(), options)
        graph = onnx.load(tmp_path / name).graph
        loaded.append(
            (
                sorted(node.op_type for node in graph.node),
                sorted((entry.data_type, *entry.dims) for entry in graph.initializer),
            )
        )
    assert loaded[0] == loaded[1]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [1, 7, 64])
def test_a_row_has_one_probability_in_any_batch(kind: str, size: int) -> None:
    small = quantize(onnx.load(TWIN), kind).network
    session = ort.InferenceSession(small.SerializeToString(), session_options())
    ids = random_ids(128, 10_000, 100)
    (expected,) = session.run(["probability"], {"token_ids": ids})
    parts = [ids[at : at + size] for at in range(0, len(ids), size)]
    found = [session.run(["probability"], {"token_ids": part})[0] for part in parts]
    assert np.array_equal(np.concatenate(found), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_small_networks_have_nothing_to_gain(kind: str, networks: dict[str, Frozen]) -> None:
    for frozen in networks.values():
        with pytest.raises(UsageError, match=rf"--quantize {kind}: nothing would become smaller"):
            quantize(convert(frozen.network, WIDTH).model, kind)


def test_tables_of_int8_have_nothing_to_gain() -> None:
    table = np.zeros((5000, 1), np.int8)
    with pytest.raises(UsageError, match=r"are int8 already \(5,000 numbers\).*without --quantize"):
        quantize(table_model(table), "int8")


@pytest.mark.parametrize("kind", ["", "int4", "INT8", "float32"])
def test_what_is_no_kind(kind: str) -> None:
    with pytest.raises(UsageError, match="--quantize: expected int8 or float16, received"):
        quantize(onnx.load(TWIN), kind)


TRAINED_IDS, TOKENS = 600, 12

CONFIG = RunConfig("conv1d", TRAINED_IDS, TOKENS, TrainingData(), training={"sample": "validation"})


def make_reviews(count: int = 60) -> list[str]:
    random = np.random.default_rng(1)
    # The tokens are the words that the text rule can find in a text again.
    words = [word for word in WORDS if word.isalpha() and word.islower()]
    return [" ".join(random.choice(words, random.integers(4, 15))) for _ in range(count)]


def make_run(path: Path, spoil: float = 1.0) -> RunFolder:
    """A run of the network of `conv1d` whose labels are those that the network gives itself.

    The first column of its embedding is multiplied by `spoil`, and nothing reads that column.
    """
    keras = pytest.importorskip("keras", reason="needs the extra 'train'")
    from toolkit.networks import conv1d

    keras.utils.set_random_seed(1)
    network = conv1d.build(TRAINED_IDS, TOKENS)
    weights = [w * 8 if w.any() else w + 0.1 for w in network.get_weights()]
    weights[0][:, 0] *= spoil
    weights[1][:, 0, :] = 0
    network.set_weights(weights)
    folder = RunFolder(path)
    folder.path.mkdir()
    network.save(folder.model)
    vocabulary = Vocabulary(pa.array(WORDS))
    vocabulary.save(folder.vocabulary)
    folder.save_metrics(Metrics())
    reviews = make_reviews()
    ids = vocabulary.encode(pa.array(reviews), last=TOKENS).padded(TOKENS)
    labels = network(ids, training=False).numpy()[:, 0] >= 0.5
    assert 10 < labels.sum() < 50
    pq.write_table(pa.table({"text": reviews, "label": labels.astype(np.int8)}), folder.sample)
    folder.save_config(CONFIG)
    return folder


@pytest.fixture
def trained(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path / "run")


@pytest.fixture
def spoilt(tmp_path: Path) -> RunFolder:
    return make_run(tmp_path / "spoilt", spoil=1e6)


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize(("kind", "share"), [("int8", 0.6), ("float16", 0.7)])
def test_files_and_facts(trained: RunFolder, tmp_path: Path, kind: str, share: float) -> None:
    (tmp_path / "plain").mkdir()
    plain = export(trained.path, tmp_path / "plain" / "conv1d.onnx")
    small = export(trained.path, quantization=QuantizationOptions(kind))
    for name in ("model", "twin"):
        sizes = [getattr(result, name).stat().st_size for result in (small, plain)]
        assert sizes[0] < share * sizes[1]
    facts, plain_facts = (ModelFile.load(result.model).facts for result in (small, plain))
    assert plain_facts.quantization is None
    assert facts.parity == plain_facts.parity  # Keras against ONNX, before the quantization
    stored = facts.quantization
    assert stored is not None
    assert stored.weights == kind
    assert stored.source == "validation reviews of the run"
    assert (stored.reviews, stored.label_flips) == (60, 0)
    assert stored.accuracy == stored.accuracy_before == 1
    assert stored.bytes < share * stored.bytes_before
    assert 0 < stored.largest_difference < 0.05
    assert stored.parity is not None
    assert stored.parity.largest_difference <= 1e-5
    assert stored.parity.reviews == 60
    assert facts == replace(plain_facts, quantization=stored)
    twin = {e.key: e.value for e in onnx.load(small.twin).metadata_props}
    assert json.loads(twin["quantization"]) == encode(stored)
    card = model_card(small.model)
    assert f"| weights | {kind}: 0." in card
    assert "0 of 60 labelled reviews (validation reviews of the run) get another label" in card
    assert "label flips, before quantization |" in card
    assert "quantization" not in model_card(plain.model)


def test_golden_vectors_are_those_of_fewer_bits(trained: RunFolder) -> None:
    found = []
    for options in (None, QuantizationOptions("int8")):
        result = export(trained.path, force=True, golden=True, quantization=options)
        assert result.golden is not None
        lines = [*map(json.loads, result.golden.read_text("ascii").splitlines())]
        expected = np.array([line["models"]["conv1d"]["probability"] for line in lines])
        session = ort.InferenceSession(str(result.model))
        texts = np.array([line["text"] for line in lines], object)
        (probability,) = session.run(["probability"], {"text": texts})
        np.testing.assert_allclose(probability, expected, rtol=0, atol=1e-6)
        found.append(expected)
    assert np.abs(found[0] - found[1]).max() > 1e-4  # more than runtimes differ


def test_a_network_that_int8_destroys_is_refused(spoilt: RunFolder) -> None:
    before = files_in(spoilt.path)
    with pytest.raises(
        QuantizationError,
        match=r"--quantize int8 costs too much: accuracy \d\d\.\d\d% instead of 100\.00% on 60 "
        r"labelled reviews .*, and [1-9]\d* get another label.* Try --quantize float16",
    ):
        export(spoilt.path, quantization=QuantizationOptions("int8"))
    assert files_in(spoilt.path) == before
    cost = export(spoilt.path, quantization=QuantizationOptions("float16")).quantization
    assert cost is not None
    assert cost.label_flips == 0


def test_executions_that_disagree_are_refused(
    trained: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from toolkit.export import export_run as module
    from toolkit.export.quantize import Quantized, quantize

    def wrong(network: onnx.ModelProto, kind: str) -> Quantized:
        return Quantized(quantize(network, kind).network, network)

    monkeypatch.setattr(module, "quantize", wrong)
    before = files_in(trained.path)
    with pytest.raises(ParityError, match="executions of the quantized network disagree"):
        export(trained.path, quantization=QuantizationOptions("int8"))
    assert files_in(trained.path) == before


def test_reviews_of_a_file(trained: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    reviews = make_reviews(5)
    rows = [f'{text},"pos"' for text in reviews] + [",neg", "a movie,"]
    file.write_text("\n".join(["body,opinion", *rows]), encoding="utf-8")
    reading = ReadOptions(Columns("body", label="opinion"))
    cost = export(
        trained.path, quantization=QuantizationOptions("int8", file, reading)
    ).quantization
    assert cost is not None
    assert (cost.source, cost.reviews) == ("mine.csv", 5)
    expected = [score.sentiment for score in Scorer(trained.path / "conv1d.onnx").score(reviews)]
    assert cost.right == expected.count("positive")


def test_reviews_that_cannot_be_read(trained: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.csv: no such file"):
        export(
            trained.path,
            quantization=QuantizationOptions("int8", tmp_path / "none.csv"),
        )
    for labels in (pa.array([1, None]), pa.array([1, 7]), pa.array(["a", "b"])):
        pq.write_table(pa.table({"text": ["a movie", "bad"], "label": labels}), trained.sample)
        trained.save_config(CONFIG)
        with pytest.raises(ModelError, match=r"sample\.parquet: not the reviews of a run"):
            export(trained.path, quantization=QuantizationOptions("int8"))
    assert "conv1d.onnx" not in files_in(trained.path)


@pytest.mark.parametrize(
    ("reviews", "lost", "passes"),
    [(2000, 2, True), (2000, 3, False), (999, 0, True), (999, 1, False), (1000, 1, True),
     (25_000, 25, True), (25_000, 26, False), (10, -3, True)],
)  # fmt: skip
def test_a_tenth_of_a_point_is_allowed(reviews: int, lost: int, passes: bool) -> None:
    right = reviews // 2
    cost = QuantizationCost(
        "float16", "r", reviews, right, right - lost, abs(lost), 0.1, 2, 1, 0.5, 0.5, 0.001
    )
    if passes:
        check_loss(cost)
        return
    with pytest.raises(QuantizationError, match=r"allowed\. Nothing was exported\. Export it with"):
        check_loss(cost)


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "toolkit", "export", *map(str, arguments)],
        capture_output=True,
        text=True,
        env=os.environ | {"COLUMNS": "400"},
        check=False,
    )


def test_command(trained: RunFolder) -> None:
    done = command(trained.path, "--quantize", "int8")
    assert done.returncode == 0, done.stderr
    assert "0 of 60 labelled reviews (validation reviews of the run)" in done.stdout
    assert "accuracy 100.00% instead of 100.00%" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--quantize", "int4"], "--quantize: expected int8 or float16, received 'int4'"),
        (["--reviews", "r.csv"], "--reviews: is for --quantize"),
        (["--quantize", "int8", "--text-column", "body"], "Name it with --reviews"),
    ],
)
def test_wrong_calls(trained: RunFolder, arguments: list[Any], message: str) -> None:
    done = command(trained.path, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert "conv1d.onnx" not in files_in(trained.path)


@pytest.mark.parametrize("parts", ["validation", "validation and training", "training"])
def test_reviews_of_the_training_are_named(trained: RunFolder, parts: str) -> None:
    trained.save_config(replace(CONFIG, training={"sample": parts}))
    notes = " ".join(export(trained.path, quantization=QuantizationOptions("int8")).notes)
    assert ("was trained on: choose others with --reviews" in notes) == ("training" in parts)
    assert "reviews only; 1,000 or more are better" in notes
