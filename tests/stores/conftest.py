"""Stores for the tests of this package: an S3, and the emulator of Azure."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stores.azure import Container, Store, running_azurite
from tests.stores.server import Bucket, running_server

_NUMBERS = itertools.count(1)
_FILES = ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """Run one server for all tests."""
    with running_server() as port:
        yield port


@pytest.fixture(scope="session")
def azurite() -> Iterator[int]:
    """Run one emulator for all tests."""
    with running_azurite() as port:
        yield port


def _only(environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process these credentials, and no others."""
    for name in [*os.environ]:
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_")):
            monkeypatch.delenv(name)
    environment |= {name: str(tmp_path / "none") for name in _FILES}
    for name, value in {**environment, "TOOLKIT_WORK_FOLDER": str(tmp_path / "work")}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def bucket(server: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """Give an empty bucket that this process has the credentials for."""
    made = Bucket(server, f"bucket-{next(_NUMBERS)}").create()
    _only(made.environment, tmp_path, monkeypatch)
    return made


@pytest.fixture
def container(azurite: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Container:
    """Give an empty container that this process has the credentials for."""
    made = Container(azurite, f"container-{next(_NUMBERS)}").create()
    _only(made.environment, tmp_path, monkeypatch)
    return made


@pytest.fixture(params=["bucket", pytest.param("container", marks=pytest.mark.tools)])
def store(request: pytest.FixtureRequest) -> Store:
    """Give one of both."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Bucket | Container)
    return found
