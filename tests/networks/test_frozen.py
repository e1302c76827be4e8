"""The frozen networks against their formulas, on the disk, and with another logit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from tests.networks.tables import (
    WORDS,
    Frozen,
    linear_tables,
    pool_tables,
    random_ids,
)
from toolkit.text.token_ids import Ids

# Any rows, also such as no text gives: padding and starts between words.
any_ids = of_numpy.arrays(
    np.int32,
    st.tuples(st.integers(1, 4), st.integers(1, 9)),
    elements=st.integers(0, WORDS - 1),
)


def run(network: Any, ids: Ids) -> Any:
    return network(ids, training=False).numpy()


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
        ({"words": np.zeros(46_341, np.int8)}, "more bigrams than an int32 counts"),
    ],
)
def test_other_tables_of_the_linear_network(change: dict[str, Any], message: str) -> None:
    pytest.importorskip("keras", reason="needs the extra 'train'")
    from toolkit.networks.ngram_linear import frozen

    with pytest.raises(ValueError, match=message):
        frozen(**(linear_tables() | change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": np.zeros((73, 5), np.uint8)}, r"vectors: .* \(74, any\), .* \(73, 5\)"),
        ({"vectors": np.zeros((74, 5), np.int8)}, "vectors: expected uint8 .*, received int8"),
        ({"kernel": np.zeros((6, 9), np.float32)}, r"kernel: .* shape \(6, 10\), .* \(6, 9\)"),
        ({"last": np.zeros(15, np.float32)}, r"last: .* shape \(16\), .* \(15,\)"),
    ],
)
def test_other_tables_of_an_expert(change: dict[str, Any], message: str) -> None:
    pytest.importorskip("keras", reason="needs the extra 'train'")
    from toolkit.networks.ngram_pool import frozen

    tables = pool_tables()
    *others, last = tables["experts"]
    with pytest.raises(ValueError, match=message):
        frozen(tables["lookup"], [*others, replace(last, **change)])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"negators": np.full(13, 2, np.int32)}, "negators: expected only 0 and 1"),
        ({"routes": np.zeros(12, np.int32)}, r"routes: .* shape \(13\), .* \(12,\)"),
        ({"slots": np.zeros(29)}, "slots: expected int32 of the shape"),
        ({"slots": np.full(29, 40 * 4096, np.int32)}, "no row among the 40 of bigrams"),
        ({"slots": np.full(29, -1, np.int32)}, "no row among the 40 of bigrams"),
    ],
)
def test_other_tables_that_experts_share(change: dict[str, Any], message: str) -> None:
    pytest.importorskip("keras", reason="needs the extra 'train'")
    from toolkit.networks.ngram_pool import frozen

    tables = pool_tables()
    with pytest.raises(ValueError, match=message):
        frozen(replace(tables["lookup"], **change), tables["experts"])


def test_slots_for_the_pairs_of_the_words() -> None:
    from toolkit.networks.bigrams import check_slots

    with pytest.raises(ValueError, match="slots: 29 are too few for 400 words"):
        check_slots(np.zeros(29, np.int32), 400, 40)


def test_numbers_of_experts() -> None:
    pytest.importorskip("keras", reason="needs the extra 'train'")
    from toolkit.networks.ngram_pool import frozen

    tables = pool_tables()
    with pytest.raises(ValueError, match="experts: expected 1 to 3, received 4"):
        frozen(tables["lookup"], tables["experts"][:1] * 4)
    with pytest.raises(ValueError, match="routes: expected zeros, as there is one expert"):
        frozen(tables["lookup"], tables["experts"][:1])
    with pytest.raises(ValueError, match="vectors: expected 80 to 132 rows, received 74"):
        frozen(replace(tables["lookup"], pairs=53), tables["experts"])


def test_given_tables_are_not_changed() -> None:
    pytest.importorskip("keras", reason="needs the extra 'train'")
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
    with pytest.raises(ValueError, match=r"its last layer, dense.*, has no logit"):
        calibrated(network, 2.0, 0.0)
