"""Some runs of each kind of trouble that `tests.stores.cutting` makes; there are more by hand."""

from __future__ import annotations

import random

import pytest

from tests.stores.case import Case
from tests.stores.cutting import KINDS, TROUBLES
from tests.stores.server import Bucket


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: " → ".join(kind[:2]))
def case(
    request: pytest.FixtureRequest, server: int, tmp_path_factory: pytest.TempPathFactory
) -> Case:
    """A file in the store, and what its local run gives."""
    name = f"cutting-{KINDS.index(request.param)}"
    return Case(Bucket(server, name).create(), tmp_path_factory.mktemp(name), request.param).make()


@pytest.mark.slow
@pytest.mark.parametrize("name", TROUBLES)
def test_an_output_is_whole_or_absent(case: Case, name: str) -> None:
    wrong = TROUBLES[name](case, random.Random(f"{name} {case.kind}"))
    case.clean()
    assert wrong == []
