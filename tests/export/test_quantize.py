"""Weights of fewer bits: what they stand for, in any network, and when there is nothing to gain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from tests.data import PROJECT
from tests.networks.tables import Frozen
from toolkit.errors import UsageError
from toolkit.export.convert import TOLERANCE, convert
from toolkit.export.quantize import KINDS, quantize
from toolkit.model.onnx_sessions import session_options
from toolkit.text.token_ids import Ids

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
