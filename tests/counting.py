"""What code costs: as a count that is the same on any machine, or as growth."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Calls:
    """How many functions were called, of Python and of C."""

    count: int = 0


@contextmanager
def counted_calls() -> Iterator[Calls]:
    """Count the calls of this thread within the context; not those within C."""
    calls = Calls()

    def count(_frame: object, event: str, _argument: object) -> None:
        calls.count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield calls
    finally:
        sys.setprofile(before)


def seconds_of(do: Callable[[], object]) -> float:
    """Give the processor time that something takes, for tests with the mark `slow`."""
    began = time.process_time()
    do()
    return time.process_time() - began


def check_growth(few: float, many: float) -> None:
    """Compare times: four times the bytes take sixteen times the time where it is a square."""
    assert many < max(8 * few, 2)
