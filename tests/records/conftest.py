"""In the tests of this folder, the registry has one format more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.records.toy_format import TOY
from toolkit.records import FORMATS


@pytest.fixture(scope="package", autouse=True)
def _toy_format() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(FORMATS, TOY.name, TOY)
        yield
