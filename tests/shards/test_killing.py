"""Shards and `toolkit finish` that are killed and done again give the bytes of one run."""

from __future__ import annotations

import random

import pytest

from tests.shards.dying import POINTS
from tests.shards.killing import Case


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case.make(tmp_path_factory.mktemp("killing"))


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_process_loses_nothing(point: str, case: Case) -> None:
    assert case.run(point, random.Random(point)) == ""
