"""One wheel, and one light environment, for all tests of this package."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.data import PROJECT
from tests.native.building import build, copy_project
from tests.packaging.environments import Environment, environment
from toolkit.model import SHIPPED


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel with its models."""
    project = copy_project(tmp_path_factory.mktemp("packaging") / "project")
    for name in SHIPPED:
        shutil.copy(PROJECT / "exported" / f"{name}.onnx", project / "exported")
    return build(project, CFLAGS="-O0").path


@pytest.fixture(scope="session")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """What `pip install` of the wheel brings, without any extra."""
    return environment(tmp_path_factory.mktemp("light") / "venv", wheel)
