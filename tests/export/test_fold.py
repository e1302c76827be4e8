"""The network of `conv1d` in tables: the same numbers, and any other network as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.data import PROJECT
from tests.export.conftest import SmallModel
from toolkit.export.fold import fold
from toolkit.export.network import convert
from toolkit.export.parity import TOLERANCE
from toolkit.model.session import session_options
from toolkit.text.vocabulary import Ids

SHIPPED = PROJECT / "exported" / "conv1d.onnx"
IDS, WIDTH = 13, 12


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def run(model: onnx.ModelProto, ids: Ids) -> Any:
    session = ort.InferenceSession(model.SerializeToString(), session_options())
    return session.run(["probability"], {"token_ids": ids})[0]


def random_ids(rows: int, width: int = WIDTH, ids: int = IDS) -> Ids:
    """Rows padded in front, from none to all of their width."""
    random = np.random.default_rng(1)
    drawn = random.integers(1, ids, (rows, width), dtype=np.int32)
    return np.where(np.arange(width) < random.integers(0, width + 1, (rows, 1)), 0, drawn).astype(
        np.int32
    )


@pytest.fixture(scope="module")
def plain(small_model: SmallModel) -> onnx.ModelProto:
    """The network as tf2onnx makes it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.export.network.fold", lambda network: network)
        return convert(small_model.network, WIDTH)


def test_folded_is_the_same_function(small_model: SmallModel, plain: onnx.ModelProto) -> None:
    folded = fold(plain)
    assert "Conv" in operators(plain)
    assert "Conv" not in operators(folded)
    ids = random_ids(500)
    expected = small_model.network(ids, training=False).numpy()[:, 0]
    assert np.ptp(expected) > 0.9
    np.testing.assert_allclose(run(folded, ids), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("place", [0, 1, WIDTH - 1])
def test_ids_outside_the_embedding_fail(plain: onnx.ModelProto, place: int) -> None:
    ids = random_ids(1)
    ids[0, place] = IDS
    with pytest.raises(Exception, match="indices element out of data bounds"):
        run(fold(plain), ids)


def test_what_was_folded_stays(plain: onnx.ModelProto) -> None:
    folded = fold(plain)
    assert fold(folded) is folded


@pytest.mark.parametrize(
    ("operator", "attribute", "value"),
    [("Conv", "pads", [0, 1, 0, 0]), ("Conv", "kernel_shape", [2, 1]),
     ("Conv", "dilations", [1, 2]), ("MaxPool", "strides", [1, 1]),
     ("MaxPool", "ceil_mode", 1), ("Gather", "axis", 1)],
)  # fmt: skip
def test_another_attribute(
    plain: onnx.ModelProto, operator: str, attribute: str, value: object
) -> None:
    other = onnx.ModelProto()
    other.CopyFrom(plain)
    (node,) = (node for node in other.graph.node if node.op_type == operator)
    kept = [entry for entry in node.attribute if entry.name != attribute]
    del node.attribute[:]
    node.attribute.extend([*kept, onnx.helper.make_attribute(attribute, value)])
    assert fold(other) is other


@pytest.mark.parametrize("number", [2, 3, 4, 6, 8, 11])
def test_another_constant(plain: onnx.ModelProto, number: int) -> None:
    other = onnx.ModelProto()
    other.CopyFrom(plain)
    (entry,) = (e for e in other.graph.initializer if e.name == f"network/weights_{number}")
    changed = onnx.numpy_helper.to_array(entry) + 1
    entry.CopyFrom(onnx.numpy_helper.from_array(changed.astype(changed.dtype), entry.name))
    assert fold(other) is other


@pytest.mark.parametrize(
    "change",
    [
        {"kernel": 3},
        {"padding": "valid"},
        {"padding": "causal"},
        {"activation": "tanh"},
        {"pool": 3},
        {"width": 11},
    ],
)
def test_other_networks_stay(change: dict[str, Any]) -> None:
    import keras
    from keras import layers

    made: dict[str, Any] = {
        "kernel": 2,
        "padding": "same",
        "activation": "relu",
        "pool": 2,
        "width": WIDTH,
    }
    made |= change
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            keras.Input((made["width"],), dtype="int32"),
            layers.Embedding(IDS, 5),
            layers.Conv1D(
                4, made["kernel"], padding=made["padding"], activation=made["activation"]
            ),
            layers.MaxPooling1D(made["pool"]),
            layers.Flatten(),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    network.set_weights([w * 8 if w.any() else w + 0.1 for w in network.get_weights()])
    converted = convert(network, made["width"])
    assert "Conv" in operators(converted)
    ids = random_ids(100, made["width"])
    expected = network(ids, training=False).numpy()[:, 0]
    np.testing.assert_allclose(run(converted, ids), expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("path", [SHIPPED, SHIPPED.with_suffix(".ids.onnx")], ids=["text", "ids"])
def test_the_shipped_tables_are_made_at_loading(path: Path, tmp_path: Path) -> None:
    """The file keeps the small weights; a session multiplies them once, not with each batch."""
    assert operators(onnx.load(path)).count("MatMul") == 2
    options = session_options()
    options.optimized_model_filepath = str(tmp_path / "loaded.onnx")
    ort.InferenceSession(str(path), options)
    loaded = onnx.load(tmp_path / "loaded.onnx")
    assert "MatMul" not in operators(loaded)
    tables = [list(e.dims) for e in loaded.graph.initializer if len(e.dims) == 2 and e.dims[0] > 1]
    assert sorted(tables) == [[10_000, 32], [10_001, 32]]


@pytest.mark.parametrize("size", [1, 2, 7, 31, 64])
def test_a_row_has_one_probability_in_any_batch(size: int) -> None:
    twin = SHIPPED.with_suffix(".ids.onnx")
    session = ort.InferenceSession(str(twin), session_options())
    ids = random_ids(128, 100, 10_000)
    (expected,) = session.run(["probability"], {"token_ids": ids})
    for shift in (0, 1, 5):
        parts = [ids[:shift], *(ids[at : at + size] for at in range(shift, len(ids), size))]
        found = [
            session.run(["probability"], {"token_ids": part})[0] for part in parts if len(part)
        ]
        assert np.array_equal(np.concatenate(found), expected), shift
