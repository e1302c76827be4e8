"""The network of an adapted model: its base reads new words as unknown, and may be any network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.networks.tables import WORDS, Frozen, adapted_tables, random_ids
from toolkit.export.convert import TOLERANCE, convert

pytest.importorskip("keras", reason="needs the extra 'train'")


def run_both(network: Any, ids: Any) -> tuple[Any, Any]:
    """What Keras and ONNX Runtime give for rows of ids."""
    import onnxruntime as ort

    graph = convert(network, ids.shape[1]).model
    session = ort.InferenceSession(graph.SerializeToString())
    return network(ids, training=False).numpy()[:, 0], session.run(None, {"token_ids": ids})[0]


def test_no_words_and_no_change_is_the_base(frozen: Frozen) -> None:
    from toolkit.networks import adapted

    made = adapted.freeze(frozen.network, WORDS, np.zeros(WORDS + 2, np.float32), 1.0, 0.0)
    ids = random_ids(60)
    expected = frozen.network(ids, training=False).numpy()
    assert np.array_equal(made(ids, training=False).numpy(), expected)


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
