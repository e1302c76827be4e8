"""The command reference is that of the command line, and that of Python of the docstrings."""

from __future__ import annotations

import re

import pytest

from pages.badges import BADGES, badges, facts
from pages.commands import REFERENCE, reference
from tests.data import PROJECT


def test_the_reference_is_up_to_date() -> None:
    """Write it with `make reference`."""
    assert REFERENCE.read_text(encoding="utf-8") == reference()


def test_the_page_of_the_python_interface_is_up_to_date() -> None:
    """Write it with `make reference`."""
    pytest.importorskip("griffe", reason="needs the extra 'dev'")
    from pages.python import API, api

    written = API.read_text(encoding="utf-8")
    assert written == api()
    page = (PROJECT / "README.md").read_text(encoding="utf-8")
    for module, names in re.findall(r"^from (toolkit\S*) import (.*)$", page, re.M):
        assert f"## `{module}`\n" in written
        assert all(f"### `{name}`\n" in written for name in names.split(", "))


def test_the_badges_are_true() -> None:
    """Draw them with `make reference`."""
    assert BADGES.read_text(encoding="utf-8") == badges()
    workflow = (PROJECT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    (tried,) = re.findall(r"python: \[(.*)\]", workflow)
    versions = re.findall(r"3\.\d+", tried)
    assert facts()["Python"] == f"{versions[0]} to {versions[-1]}"
