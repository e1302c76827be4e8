"""Threads that apply a function give what a loop gives, and never read far ahead."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.waiting import PATIENCE
from toolkit.scoring.block_loop import in_order

every_count = pytest.mark.parametrize("workers", [1, 2, 3, 8])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 3), max_size=40), st.integers(1, 5))
def test_results_come_in_order(delays: list[int], workers: int) -> None:
    def slow(item: tuple[int, int]) -> int:
        time.sleep(item[1] / 1000)
        return item[0]

    assert list(in_order(slow, enumerate(delays), workers)) == list(range(len(delays)))


def most_ahead(workers: int, size: int) -> int:
    """Give the most items that are read and not yet given back."""
    read = most = 0

    def items() -> Iterator[int]:
        nonlocal read
        for number in range(100):
            read += 1
            yield number

    results = in_order(str, items(), workers, size=lambda _: size)
    for given_back, _ in enumerate(results, start=1):
        most = max(most, read - given_back)
    return most


@every_count
def test_few_items_are_read_ahead(workers: int) -> None:
    assert most_ahead(workers, size=0) <= 2 * workers


@every_count
def test_large_items_are_read_one_by_one(workers: int) -> None:
    assert most_ahead(workers, size=1 << 40) == 0


@every_count
def test_so_many_work_at_once_the_calling_thread_among_them(workers: int) -> None:
    together = threading.Barrier(workers, timeout=PATIENCE)  # broken if fewer come

    def meet(_: int) -> int:
        together.wait()
        return threading.get_ident()

    threads = set(in_order(meet, range(6 * workers), workers))
    assert len(threads) == workers
    assert threading.get_ident() in threads


@every_count
def test_an_error_comes_in_its_place(workers: int) -> None:
    def invert(item: int) -> float:
        return 1 / (item - 7)

    before = threading.active_count()
    results = in_order(invert, range(20), workers)
    assert [next(results) for _ in range(7)] == [1 / (item - 7) for item in range(7)]
    with pytest.raises(ZeroDivisionError, match="division"):
        next(results)
    assert threading.active_count() == before


@every_count
def test_an_error_of_reading_ends_it(workers: int) -> None:
    def items() -> Iterator[int]:
        yield from range(3)
        raise OSError("the disk is gone")

    before = threading.active_count()
    with pytest.raises(OSError, match="the disk is gone"):
        list(in_order(str, items(), workers))
    assert threading.active_count() == before


@every_count
def test_all_results_are_given_before_an_item_that_is_waited_for(workers: int) -> None:
    following = given_back = 0

    def items() -> Iterator[int]:
        nonlocal following
        for number in range(20):
            assert given_back == number or number % 5
            following = number + 1
            yield number

    def is_waiting() -> bool:
        return following % 5 == 0

    for expected, result in enumerate(in_order(int, items(), workers, is_waiting=is_waiting)):
        assert result == expected
        given_back += 1
    assert given_back == 20
