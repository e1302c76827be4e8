"""The frozen networks with random tables, one at a time."""

from __future__ import annotations

import pytest

from tests.networks.tables import Frozen


@pytest.fixture(params=["ngram-linear", "ngram-cnn"])
def frozen(request: pytest.FixtureRequest, networks: dict[str, Frozen]) -> Frozen:
    return networks[request.param]
