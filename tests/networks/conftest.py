"""The frozen networks with random tables."""

from __future__ import annotations

import pytest

from tests.networks.tables import Frozen, frozen_networks


@pytest.fixture(scope="session")
def networks() -> dict[str, Frozen]:
    pytest.importorskip("keras", reason="needs the extra 'train'")
    return frozen_networks()


@pytest.fixture(params=["ngram-linear", "ngram-cnn"])
def frozen(request: pytest.FixtureRequest, networks: dict[str, Frozen]) -> Frozen:
    return networks[request.param]
