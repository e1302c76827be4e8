"""A store for the tests of this package."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import conftest
from tests.stores.server import Bucket, running_server

command = conftest.command  # the fixture that runs `toolkit`

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """Run one server for all tests."""
    with running_server() as port:
        yield port


@pytest.fixture
def bucket(server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Give an empty bucket that this process has the credentials for."""
    made = Bucket(server, f"bucket-{next(_NUMBERS)}").create()
    for name in [*os.environ]:
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_")):
            monkeypatch.delenv(name)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("TOOLKIT_WORK_FOLDER", str(tmp_path / "work"))
    return made
