"""The frozen networks against their formulas, on the disk, and with another logit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from tests.networks.tables import (
    WORDS,
    Frozen,
    adapted_tables,
    linear_tables,
    random_ids,
    recurrent_logit,
    recurrent_network,
    recurrent_tables,
    sigmoid,
)
from toolkit.export.convert import TOLERANCE, canonical, convert, run_keras
from toolkit.text import Ids

# Any rows, also such as no text gives: padding and starts between words.
any_ids = of_numpy.arrays(
    np.int32, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=st.integers(0, WORDS - 1)
)


def run(network: Any, ids: Ids) -> Any:
    return network(ids, training=False).numpy()


@settings(max_examples=30)
@given(ids=any_ids)
def test_probabilities_are_those_of_the_formula(networks: dict[str, Frozen], ids: Ids) -> None:
    for frozen in networks.values():
        found = run(frozen.network, ids)
        assert found.shape == (len(ids), 1)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found[:, 0], frozen.expected(ids), rtol=0, atol=1e-6)


def test_rows_are_told_apart(frozen: Frozen) -> None:
    assert frozen.expected(random_ids(100)).std() > 0.1


def test_padding_in_front_changes_nothing(frozen: Frozen) -> None:
    ids = random_ids(50)
    wider = np.pad(ids, [(0, 0), (9, 0)])
    np.testing.assert_allclose(run(frozen.network, wider), run(frozen.network, ids), atol=1e-7)


def test_a_file_of_keras(frozen: Frozen, tmp_path: Path) -> None:
    from toolkit.networks.network_files import load_keras

    frozen.network.save(tmp_path / "model.keras")
    loaded = load_keras(tmp_path / "model.keras")
    ids = random_ids(50)
    assert np.array_equal(run(loaded, ids), run(frozen.network, ids))
    assert [w.dtype for w in loaded.weights] == [w.dtype for w in frozen.network.weights]


def test_another_logit(frozen: Frozen) -> None:
    from toolkit.networks.adapted import calibrated

    ids = random_ids(50)
    before = run(frozen.network, ids)
    found = run(calibrated(frozen.network, 0.5, 0.75), ids)
    logits = np.log(before) - np.log1p(-before)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-0.5 * logits - 0.75)), rtol=0, atol=1e-5)
    assert np.array_equal(run(frozen.network, ids), before)


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan")])
def test_a_scale_above_zero(frozen: Frozen, scale: float) -> None:
    from toolkit.networks.adapted import calibrated

    with pytest.raises(ValueError, match="scale: expected more than 0"):
        calibrated(frozen.network, scale, 0.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": np.zeros(13)}, r"words: expected int8 of the shape \(any\), received float64"),
        (
            {"bigrams": np.zeros((2, 2), np.int8)},
            r"bigrams: expected int8 .* of the shape \(2, 2\)",
        ),
        ({"bigrams": np.zeros(0, np.int8)}, r"bigrams: expected int8 .* of the shape \(0,\)"),
        ({"words": np.zeros(46_341, np.int8)}, "more bigrams than an int32 can number"),
    ],
)
def test_other_tables_of_the_linear_network(change: dict[str, Any], message: str) -> None:
    from toolkit.networks.ngram_linear import frozen

    with pytest.raises(ValueError, match=message):
        frozen(**(linear_tables() | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": np.zeros((53, 32), np.uint8)}, "rows: expected int8 .*, received uint8"),
        ({"rows": np.zeros((53, 31), np.int8)}, r"rows: .* \(any, 32\), .* \(53, 31\)"),
        ({"rows": np.zeros((41, 32), np.int8)}, "rows: 41 are too few for 40 pairs"),
        ({"pairs": 0}, "rows: 53 are too few for 0 pairs"),
        ({"slots": np.zeros(29)}, "slots: expected int32 of the shape"),
        ({"slots": np.full(29, 40 * 4096, np.int32)}, "a row is outside the 40 rows of bigrams"),
        ({"slots": np.full(29, -1, np.int32)}, "a row is outside the 40 rows of bigrams"),
        ({"scale": np.zeros(12, np.float32)}, "scale: expected a multiple of 8 columns, .* 12"),
        ({"scale": np.full(8, np.inf, np.float32)}, "scale: expected finite numbers"),
        ({"kernel": np.zeros((6, 15), np.float32)}, r"kernel: .* \(any, 16\), .* \(6, 15\)"),
        ({"hidden_bias": np.zeros(5, np.float32)}, r"hidden_bias: .* shape \(6\), .* \(5,\)"),
        ({"last": np.zeros(21, np.float32)}, r"last: .* shape \(22\), .* \(21,\)"),
    ],
)
def test_other_tables_of_the_recurrent_network(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        recurrent_network(**(recurrent_tables() | change))


def test_outputs_at_both_ends_and_between() -> None:
    """In one column of each direction: what is read is far below, above, and half a number."""
    rows = np.zeros((5 + 1, 4, 8), np.int8)
    rows[4] = np.array([0, 127, 1, 1])[:, None]  # says 1, and 127 times the scale of the memory
    tables = recurrent_tables(words=5, pairs=1, slots=7) | {"slots": np.zeros(7, np.int32)}
    # 2 · 1 + 127 · scale: 2.5, 3.5, 4,095.4, beyond, below
    tables["scale"] = np.array([1 / 254, 3 / 254, 32.23, 33, -1] * 2, np.float32)[:8]
    tables["rows"] = rows.reshape(6, 32)
    ids = np.full((1, 2), 4, np.int32)
    found = run(recurrent_network(**tables), ids)[:, 0]
    expected = [sigmoid(recurrent_logit([4, 4], **tables))]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


def test_slots_for_the_pairs_of_the_words() -> None:
    from toolkit.networks.bigrams import check_slots

    with pytest.raises(ValueError, match="slots: 29 are too few for 400 words"):
        check_slots(np.zeros(29, np.int32), 400, 40)


def test_given_tables_are_not_changed() -> None:
    from toolkit.networks.ngram_linear import frozen

    tables = linear_tables()
    frozen(**tables)
    for name, table in linear_tables().items():
        assert np.array_equal(tables[name], table), name


def test_another_logit_of_the_tutorials_network(small_conv1d: Any) -> None:
    """Whose graph still is one of tables."""
    from toolkit.export.convert import convert
    from toolkit.networks.adapted import calibrated

    found = calibrated(small_conv1d, 0.5, -0.25)
    ids = random_ids(50)
    logits = np.log(before := run(small_conv1d, ids)) - np.log1p(-before)
    expected = 1 / (1 + np.exp(-0.5 * logits + 0.25))
    np.testing.assert_allclose(run(found, ids), expected, rtol=0, atol=1e-5)
    assert "Conv" not in {node.op_type for node in convert(found, 12).model.graph.node}


def test_a_network_that_ends_otherwise() -> None:
    import keras

    from toolkit.networks.adapted import calibrated

    network = keras.Sequential([keras.Input((12,)), keras.layers.Dense(1, activation="tanh")])
    with pytest.raises(ValueError, match=r"its last layer, dense.*, does not compute a logit"):
        calibrated(network, 2.0, 0.0)


def run_both(network: Any, ids: Any) -> tuple[Any, Any]:
    """What Keras and ONNX Runtime give for rows of ids."""
    import onnxruntime as ort

    graph = convert(network, ids.shape[1]).model
    session = ort.InferenceSession(graph.SerializeToString())
    return network(ids, training=False).numpy()[:, 0], session.run(None, {"token_ids": ids})[0]


def test_the_base_reads_new_words_as_unknown(frozen: Frozen) -> None:
    from toolkit.networks import adapted

    made = adapted.freeze(frozen.network, WORDS, np.zeros(WORDS + 2, np.float32), 1.0, 0.0)
    ids = random_ids(60, ids=WORDS + 2)
    assert (ids >= WORDS).any()
    unknown = np.where(ids < WORDS, ids, 2).astype(np.int32)
    expected = frozen.network(unknown, training=False).numpy()
    assert np.array_equal(made(ids, training=False).numpy(), expected)


def test_rows_of_one_length(small_conv1d: Any, tmp_path: Path) -> None:
    from toolkit.networks import adapted
    from toolkit.networks.network_files import load_keras

    made = adapted.freeze(small_conv1d, **adapted_tables())
    ids = random_ids(60)
    in_keras, in_graph = run_both(made, ids)
    np.testing.assert_allclose(in_graph, in_keras, rtol=0, atol=TOLERANCE)
    assert in_keras.std() > 0.1
    made.save(tmp_path / "model.keras")  # which has no optimizer, not even that of the base
    assert np.array_equal(load_keras(tmp_path / "model.keras")(ids).numpy()[:, 0], in_keras)


def test_adapting_twice(frozen: Frozen) -> None:
    from toolkit.networks import adapted

    once = adapted.freeze(frozen.network, **adapted_tables())
    weights = np.pad(adapted_tables(seed=2)["weights"], (0, 2), constant_values=1)
    twice = adapted.freeze(once, WORDS, weights, 0.5, 0.25)
    in_keras, in_graph = run_both(twice, random_ids(60, ids=WORDS + 2))
    np.testing.assert_allclose(in_graph, in_keras, rtol=0, atol=TOLERANCE)


def test_logits_beyond_what_a_probability_can_hold(frozen: Frozen) -> None:
    from toolkit.networks.adapted import calibrated, logits_of_network

    ids = random_ids(20)
    logits = logits_of_network(frozen.network, ids).numpy()
    sure = calibrated(frozen.network, 1.0, 40.0)
    assert (sure(ids).numpy() == 1).all()
    np.testing.assert_allclose(logits_of_network(sure, ids).numpy(), logits + 40, rtol=1e-5)


def graph_of(network: Any) -> onnx.ModelProto:
    """The graph as the export stores it, with other names and in another order."""
    from toolkit.networks.network_files import graph_of_network

    graph = graph_of_network(network)
    assert graph is not None
    return canonical(graph)


def remade(graph: onnx.ModelProto) -> Any:
    from toolkit.networks.network_files import network_of_graph

    return network_of_graph(graph)


@pytest.mark.parametrize("name", ["ngram-linear", "ngram-recurrent"])
def test_a_network_of_its_graph(networks: dict[str, Frozen], name: str) -> None:
    network = networks[name].network
    made = remade(graph_of(network))
    ids = random_ids(80)
    assert np.array_equal(run_keras(made, ids), run_keras(network, ids))
    assert made.name == network.name
    assert graph_of(made) == graph_of(network)


def test_the_network_of_the_tutorial(small_conv1d: Any) -> None:
    made = remade(graph_of(small_conv1d))
    ids = random_ids(80)
    assert np.array_equal(run_keras(made, ids), run_keras(small_conv1d, ids))
    assert made.layers[0].input_dim == WORDS


@pytest.mark.parametrize("change", ["operator", "attribute", "input", "weights"])
def test_other_graphs(networks: dict[str, Frozen], change: str) -> None:
    graph = graph_of(networks["ngram-linear"].network)
    node = next(n for n in graph.graph.node if n.op_type == "GatherElements")
    if change == "operator":
        node.op_type = "Gather"
    elif change == "attribute":
        node.attribute[0].i = 1
    elif change == "input":
        node.input[1] = "token_ids"
    else:
        del graph.graph.initializer[:]
    assert remade(graph) is None
