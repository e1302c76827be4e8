"""Settings of Hypothesis for all tests."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No deadlines: a test must not fail because the machine is busy. Session fixtures are shared by
# the examples of a test on purpose.
settings.register_profile(
    "toolkit", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("toolkit")
