"""Commands that install what is missing name other packages, or the wheel of this one."""

from __future__ import annotations

import json
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.data import PROJECT
from toolkit import extras
from toolkit.errors import MissingExtraError


class Installed:
    """What `importlib.metadata` gives of an installation."""

    def __init__(self, url: str | None, requires: list[str] | None = None) -> None:
        self.requires = requires
        self._url = url

    def read_text(self, name: str) -> str | None:
        assert name == "direct_url.json"
        return None if self._url is None else json.dumps({"url": self._url})


LINES = [
    "numpy>=1.26; python_version < '3.13'",
    "jinja2>=3.1; extra == 'evaluate'",
    "matplotlib>=3.10.8; extra == 'evaluate'",
    'uvloop>=0.21; sys_platform != "win32" and extra == "serve"',
    "uvicorn>=0.34 ; extra == 'serve'",
]


def test_packages_have_their_own_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "distribution", lambda _: Installed(None, LINES))
    assert extras.install_command("evaluate", "jinja2") == "pip install jinja2 matplotlib"
    assert extras.install_command(None, "onnx") == "pip install onnx"
    assert extras.install_command("unknown", "ray") == "pip install ray"
    monkeypatch.setattr(sys, "platform", "linux")
    assert extras.install_command("serve", "uvicorn") == "pip install uvicorn uvloop"
    monkeypatch.setattr(sys, "platform", "win32")
    assert extras.install_command("serve", "uvicorn") == "pip install uvicorn"


def test_the_wheel_is_named_while_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = tmp_path / "a b.whl"
    wheel.touch()
    monkeypatch.setattr(extras, "distribution", lambda _: Installed(wheel.as_uri(), LINES))
    assert extras.install_command("evaluate", "jinja2") == f"pip install '{wheel}[evaluate]'"
    wheel.unlink()
    assert extras.install_command("evaluate", "jinja2") == "pip install jinja2 matplotlib"


@pytest.mark.parametrize("url", ["https://host/a.whl", "file:///nowhere/a.whl", "file:///tmp", "["])
def test_other_places_are_not_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "distribution", lambda _: Installed(url, LINES))
    assert extras.install_command("evaluate", "jinja2") == "pip install jinja2 matplotlib"


def test_without_an_installation_the_module_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(extras, "distribution", missing)
    assert extras.install_command("evaluate", "jinja2") == "pip install jinja2"


@pytest.mark.parametrize("extra", ["evaluate", "cloud", "excel", "hub", "ray", "serve", "train"])
def test_the_metadata_of_this_installation_are_read(extra: str) -> None:
    """Its names are those of pyproject.toml, in which the package names its own extras."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    listed = project["optional-dependencies"]

    def names(of: str) -> set[str]:
        found = set()
        for requirement in map(Requirement, listed[of]):
            if requirement.name == project["name"]:
                found |= set().union(*map(names, requirement.extras))
            elif requirement.marker is None or requirement.marker.evaluate():
                found.add(requirement.name)
        return found

    message = str(MissingExtraError(extra, "module"))
    assert {*message.partition("pip install ")[2].split()} == names(extra)
    assert project["name"] not in message
