"""Settings of Hypothesis for all tests, and the networks that several packages of tests need."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.networks.tables import Frozen, frozen_networks

# No deadlines: a test must not fail because the machine is busy. Session fixtures are shared by
# the examples of a test on purpose.
settings.register_profile(
    "toolkit", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("toolkit")


@pytest.fixture(scope="session")
def networks() -> dict[str, Frozen]:
    """The frozen networks with random tables, by preset."""
    pytest.importorskip("keras", reason="needs the extra 'train'")
    return frozen_networks()
