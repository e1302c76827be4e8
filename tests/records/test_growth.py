"""Processor time grows with the bytes of a file, whatever is in them."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.records.passing import Passed, pass_through
from tests.scoring.fuzz_files import TOKENS
from toolkit.errors import ToolkitError

MOST_SECONDS = 6.0  # of a processor; each took more than ten where time grew with a square


def passed_in_time(data: bytes, ending: str, to: str | None = None) -> Passed:
    began = time.process_time()
    passed = pass_through(data, ending, to=to)
    assert time.process_time() - began < MOST_SECONDS
    return passed


@pytest.mark.parametrize("to", [".jsonl", ".json", ".tsv", ".parquet", ".csv"])
def test_many_columns(to: str) -> None:
    names = ["text", *(f"column {number}" for number in range(20_000))]
    row = ",".join(["a fine film", *(f"value {number}" for number in range(20_000))])
    data = "\n".join([",".join(names), *[row] * 20, ""]).encode()
    passed = passed_in_time(data, ".csv", to)
    assert passed.texts == ["a fine film"] * 20
    assert passed.output.count(b"value 19999") >= (1 if to == ".parquet" else 20)


@pytest.mark.parametrize("field", [b",", b"x,", b'"",'])
def test_many_fields_in_one_line(field: bytes) -> None:
    count = (24 << 20) // len(field) ** 2
    data = b"id,text\n1,good\n" + field * count + b"\n2,bad\n"
    passed = passed_in_time(data, ".csv")
    (reject,) = passed.rejects
    assert (reject.number, reject.reason) == (3, f"{count + 1:,} fields, expected 2")
    assert reject.raw == field * count
    assert passed.texts == ["good", "bad"]


HEADERS = {
    ".csv": (b"id,text\n1,good\n", b"\n"),
    ".jsonl": (b'{"text": "good"}\n', b"\n"),
    ".json": (b'[{"text": "good"},', b"]"),
}


def seconds(data: bytes, ending: str, to: str) -> float:
    began = time.process_time()
    with suppress(ToolkitError):
        pass_through(data, ending, to=to)
    return time.process_time() - began


@pytest.mark.slow
@pytest.mark.parametrize("to", [".csv", ".jsonl"])
@pytest.mark.parametrize("ending", HEADERS)
@settings(max_examples=30)
@given(st.lists(st.sampled_from(TOKENS), min_size=1, max_size=4).map(b"".join))
def test_any_piece_again_and_again(ending: str, to: str, piece: bytes) -> None:
    before, after = HEADERS[ending]
    few, many = (
        seconds(before + piece * (size // len(piece)) + after, ending, to)
        for size in (100_000, 400_000)
    )
    # Four times the bytes take sixteen times the time where that grows with the square.
    assert many < max(8 * few, 2)
