"""The native core, and what does its work without it."""

from __future__ import annotations

import pytest

from toolkit.native import core


@pytest.fixture(scope="module", params=[False, True], ids=["python", "core"])
def with_core(request: pytest.FixtureRequest) -> bool:
    """Whether texts are read by the native core."""
    if request.param and core() is None:
        pytest.skip("needs the native core, compiled")
    return bool(request.param)
