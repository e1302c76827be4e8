"""Where tests find the real data, which is not part of the project."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType

import pytest

PROJECT = Path(__file__).parents[1]


def shared_data(name: str) -> Path:
    """Give a folder of the data; skip the test where it is missing."""
    root = Path(os.environ.get("TOOLKIT_DATA", PROJECT.parent / "shared"))
    if not (root / name).exists():
        pytest.skip(f"needs {name}/ in the folder that TOOLKIT_DATA names")
    return root / name


def looks_for_data(item: pytest.Function) -> bool:
    """Whether a test, or a fixture that it uses, calls `shared_data`, itself or by a helper."""
    fixtures = item._fixtureinfo.name2fixturedefs.values()
    functions = [item.function, *(each.func for found in fixtures for each in found)]
    return any(_calls_shared_data(_inner(each)) for each in functions)


def _calls_shared_data(function: object) -> bool:
    helpers, seen = [function], set[FunctionType]()
    while helpers:
        helper = helpers.pop()
        if helper is shared_data:
            return True
        if not isinstance(helper, FunctionType) or helper in seen:
            continue
        seen.add(helper)
        if helper.__module__.startswith("tests."):
            found = (helper.__globals__.get(name) for name in _names(helper.__code__))
            helpers += [_inner(each) for each in found if callable(each)]
    return False


def _inner(function: object) -> object:
    """Give the function that a decorator has wrapped: of a cache, a fixture or Hypothesis."""
    function = getattr(getattr(function, "hypothesis", None), "inner_test", function)
    return inspect.unwrap(function) if callable(function) else function


def _names(code: CodeType) -> Iterator[str]:
    """Give the names that a function and those within it use."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
