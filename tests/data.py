"""Where tests find the real data, which is not part of the project."""

from __future__ import annotations

import inspect
import os
from collections.abc import Hashable, Iterator
from functools import cache
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


@cache  # as thousands of tests share their functions and fixtures
def _calls_shared_data(function: object) -> bool:
    helpers, seen = [function], set[object]()
    while helpers:
        helper = helpers.pop()
        if helper is shared_data:
            return True
        if helper not in seen:
            seen.add(helper)
            helpers += _helpers(helper)
    return False


@cache
def _helpers(function: object) -> list[object]:
    """Return what a function of the tests calls, of the tests or not."""
    if not isinstance(function, FunctionType) or not function.__module__.startswith("tests."):
        return []
    found = (function.__globals__.get(name) for name in _names(function.__code__))
    return [_inner(each) for each in found if isinstance(each, Hashable) and callable(each)]


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
