"""Threads that score, and the order of what they give."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

# Together, items may be so large before the reading waits for the scoring; one is always let in.
_BYTES_AHEAD = 32 << 20

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
) -> Iterator[_Out]:
    """Apply a function in threads; give the results in order, a few items ahead at the most.

    Parameters
    ----------
    function : Callable[[_In], _Out]
        What to do with an item.
    items : Iterable[_In]
        Read in the calling thread.
    workers : int
        Threads; with one, the calling thread does all.
    size : Callable[[_In], int]
        Bytes that an item takes, so that large ones do not pile up.

    Yields
    ------
    _Out
        What the function gives for each item.
    """
    if workers == 1:
        yield from map(function, items)
        return
    pool = ThreadPoolExecutor(workers)
    running: deque[tuple[Future[_Out], int]] = deque()
    ahead = 0
    try:
        for item in items:
            running.append((pool.submit(function, item), size(item)))
            ahead += running[-1][1]
            del item  # which may be large: nothing holds it but who works on it
            while len(running) > workers + 1 or (running and ahead > _BYTES_AHEAD):
                ahead -= running[0][1]
                yield running.popleft()[0].result()
        while running:
            yield running.popleft()[0].result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
