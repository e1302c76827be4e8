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


def check_growth(seconds_of_size: Callable[[int], float], size: int) -> None:
    """Compare the time of a size and of four times the size: sixteen times as long for a square.

    Where other work slows down one of both, the pair is measured again: a square fails each time.
    """
    for _ in range(3):
        few = seconds_of_size(size)
        many = seconds_of_size(4 * size)
        if many < max(8 * few, 2):
            return
    raise AssertionError(f"{few:.2f} s, and {many:.2f} s for four times the size")
