"""Threads that score, and the order of what they give."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Generic, TypeVar

# Items that are read before the first is done; two per worker: one running, one queued.
_ITEMS_AHEAD = 2
# Their size, per worker; one item is always let in.
_BYTES_AHEAD = 16 << 20

_In = TypeVar("_In")
_Out = TypeVar("_Out")


def usable_cores() -> int:
    """Count the cores that this process may use, by affinity and by the quota of its cgroup."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity
        return os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup of version 2, or no limit ("max")
        return cores


def in_order(
    function: Callable[[_In], _Out],
    items: Iterable[_In],
    workers: int,
    size: Callable[[_In], int] = lambda item: 0,  # noqa: ARG005
    is_waiting: Callable[[], bool] = lambda: False,
) -> Iterator[_Out]:
    """Apply a function in threads; give the results in order, a few items ahead at the most.

    The calling thread is one of the workers: with a thread more than there are cores, one that
    holds Python's lock would be suspended now and then, and all others wait for it. ``size`` gives
    the bytes that an item takes, so that large ones do not pile up. Where the next item
    ``is_waiting`` for others, all results are given before it.
    """
    if workers == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers - 1)
    ahead: deque[_Task[_In, _Out]] = deque()
    bytes_ahead = 0
    try:
        for item in items:
            ahead.append(_Task(function, item, size(item), pool))
            bytes_ahead += ahead[-1].size
            del item  # which may be large: nothing holds it but who works on it
            while len(ahead) >= _ITEMS_AHEAD * workers or (
                ahead and bytes_ahead > _BYTES_AHEAD * workers
            ):
                _help(ahead)
                bytes_ahead -= ahead[0].size
                yield ahead.popleft().future.result()
            if ahead and is_waiting():
                yield from _results(ahead)
                bytes_ahead = 0
        yield from _results(ahead)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Task(Generic[_In, _Out]):
    """An item that waits for a thread, is worked on, or is done."""

    def __init__(
        self, function: Callable[[_In], _Out], item: _In, size: int, pool: ThreadPoolExecutor
    ) -> None:
        self.size = size
        self._function = function
        self._item = [item]  # until somebody takes it
        self.future: Future[_Out] = pool.submit(self._run)

    def _run(self) -> _Out:
        return self._function(self._item.pop())

    def run_here(self) -> bool:
        """Work on the item in this thread, unless another has begun."""
        if not self.future.cancel():  # else the pool passes over it
            return False
        self.future = Future()
        try:
            self.future.set_result(self._run())
        except Exception as error:  # noqa: BLE001 (raised when it is its turn)
            self.future.set_exception(error)
        return True


def _results(ahead: deque[_Task[_In, _Out]]) -> Iterator[_Out]:
    """Give the results of all items."""
    while ahead:
        _help(ahead)
        yield ahead.popleft().future.result()


def _help(ahead: deque[_Task[_In, _Out]]) -> None:
    """Work on the first item that waits, unless the first of all is done and can be handed on."""
    if ahead[0].future.done():
        return
    for task in ahead:
        if task.run_here():
            return
