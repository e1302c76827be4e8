"""What has been opened in this process, so that engines which send a scorer often open it once.

Spark and Ray unpickle a function and its scorer for each task, in processes that they use again.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Generic, TypeVar

Scorer = TypeVar("Scorer")  # that of `toolkit.model.scorer`, which imports this module

# The least recently used is forgotten first. Scorers of `reviews` take some 50 MiB each.
MOST_SCORERS = 4


class Opened(Generic[Scorer]):
    """The scorers that were unpickled in this process; safe between threads and after a fork."""

    def __init__(self) -> None:
        self._scorers: OrderedDict[tuple[object, ...], Scorer] = OrderedDict()
        self._lock = Lock()
        if hasattr(os, "register_at_fork"):
            # Another thread may hold the lock at that moment, and it does not exist in the child.
            os.register_at_fork(after_in_child=self._renew_lock)

    def get(self, arguments: str, path: Path, open_it: Callable[[], Scorer]) -> Scorer:
        """Give the scorer of these arguments and this file, opened unless it was opened before.

        A file that was replaced is another one: its time of change, size or number differ.
        """
        try:
            found = path.stat()
        except OSError:
            return open_it()  # which says what is wrong with it
        key = (arguments, str(path.absolute()), found.st_mtime_ns, found.st_size, found.st_ino)
        with self._lock:  # also while it is opened: other threads wait for it
            if key not in self._scorers:
                self._scorers[key] = open_it()
                if len(self._scorers) > MOST_SCORERS:
                    self._scorers.popitem(last=False)
            self._scorers.move_to_end(key)
            return self._scorers[key]

    def _renew_lock(self) -> None:
        self._lock = Lock()
