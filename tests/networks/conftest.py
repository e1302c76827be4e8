"""The frozen networks with random tables, one at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.networks.tables import WORDS, Frozen


@pytest.fixture(params=["ngram-linear", "ngram-recurrent", "adapted"])
def frozen(request: pytest.FixtureRequest, networks: dict[str, Frozen]) -> Frozen:
    return networks[request.param]


@pytest.fixture(scope="session")
def small_conv1d() -> Any:
    """The network of `conv1d` for few words, with random weights."""
    keras = pytest.importorskip("keras", reason="needs the extra 'train'")
    from toolkit.networks import conv1d

    keras.utils.set_random_seed(1)
    network = conv1d.build(WORDS, 12)
    network.set_weights([w * 2 if w.any() else w + 0.1 for w in network.get_weights()])
    return network
