"""Settings of Hypothesis for all tests, and what several packages of tests need.

The examples of a property are the same in each run. `--hypothesis-profile=new` tries new ones.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.cli.running import Command
from tests.data import looks_for_data
from tests.networks.tables import Frozen, frozen_networks

# No deadlines: a test must not fail because the machine is busy. Session fixtures are shared by
# the examples of a test on purpose.
settings.register_profile(
    "new", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("same", settings.get_profile("new"), derandomize=True, database=None)
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the tests be chosen that look for the real data, to run them without it."""
    parser.addoption(
        "--looks-for-data", action="store_true", help="run only tests that look for the real data"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Try as many times the examples, where the environment says EXAMPLES=100."""
    if config.getoption("--looks-for-data"):
        chosen = [item for item in items if looks_for_data(item)]  # type: ignore[arg-type]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen
    if times := int(os.environ.get("EXAMPLES", "0")):
        for test in {getattr(item, "obj", None) for item in items}:
            own = getattr(test, "_hypothesis_internal_use_settings", None)
            if own is not None and not hasattr(test, "__self__"):
                more = settings(own, max_examples=times * own.max_examples)
                test._hypothesis_internal_use_settings = more  # type: ignore[union-attr]


@pytest.fixture(scope="session")
def networks() -> dict[str, Frozen]:
    """The frozen networks with random tables, by preset."""
    return frozen_networks()


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """Run `toolkit` in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return Command(tmp_path, monkeypatch, capsys)
