"""The frozen networks with random tables, one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.networks.tables import WORDS, Frozen


@pytest.fixture(params=["ngram-linear", "ngram-cnn"])
def frozen(request: pytest.FixtureRequest, networks: dict[str, Frozen]) -> Frozen:
    return networks[request.param]


@pytest.fixture(scope="session")
def small_conv1d() -> Any:
    """The network of `conv1d` for few words, with random weights."""
    keras = pytest.importorskip("keras", reason="needs the extra 'train'")
    from toolkit.training.presets.conv1d import CONV1D

    keras.utils.set_random_seed(1)
    preset = replace(CONV1D, vocabulary_size=WORDS, max_tokens=12)
    network = preset.build(preset)
    # tf2onnx would leave biases of zero out.
    network.set_weights([w * 2 if w.any() else w + 0.1 for w in network.get_weights()])
    return network
