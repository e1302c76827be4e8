"""The same calls write the same bytes as when they were recorded.

`tests.scoring.same_outputs` says how `tests/frozen_files/outputs.json` is made, and how to see what
differs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any

import pytest

from tests.scoring.same_outputs import RECORD, inexact, is_same_machine, probe, run
from tests.scoring.same_outputs_cases import CASES
from tests.scoring.same_outputs_files import Case

# Of each kind of file one; each call of the others is a process, too.
FAST = ("csv", "packed_broken", "jsonl_by_arrow", "parquet_every_kind", "resume_jsonl_zst")
COMPARISON = "test_the_outputs_are_the_same"
Results = dict[str, Future[list[dict[str, Any]]]]


@cache
def recorded() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(RECORD.read_text(encoding="utf-8"))
    return content


@cache
def is_exact() -> bool:
    return is_same_machine(recorded())


def test_every_case_is_recorded_once() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names)
    assert sorted(names) == sorted(recorded()["cases"])


def test_the_models_give_the_same_probabilities() -> None:
    """To the last bit or so; if a model file was made again, the record has to be, too."""
    for name, values in probe().items():
        expected = [float.fromhex(value) for value in recorded()["probabilities"][name]]
        found = [float.fromhex(value) for value in values]
        assert found == pytest.approx(expected, abs=1e-5), name


def test_this_machine_can_compare_every_byte() -> None:
    if not is_exact():
        pytest.skip(
            "other bits of probabilities or another Python than where the record was made: "
            "outputs are compared without numbers"
        )


@pytest.fixture(scope="module")
def results(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Results]:
    """Run the selected cases on all cores: each call is a process of its own."""
    selected = {item.name for item in request.session.items}
    cases = [case for case in CASES if f"{COMPARISON}[{case.name}]" in selected]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {case.name: pool.submit(run, case, tmp_path_factory.mktemp("case")) for case in cases}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[] if case.name in FAST else pytest.mark.slow)
        for case in CASES
    ],
)
def test_the_outputs_are_the_same(case: Case, results: Results) -> None:
    found, expected = results[case.name].result(), recorded()["cases"][case.name]
    if not is_exact():
        found, expected = inexact(found), inexact(expected)
    assert found == expected, (
        f"see the files with: python -m tests.scoring.same_outputs --keep FOLDER {case.name}"
    )
