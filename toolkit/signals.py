"""The signals that ask the process to stop, and how to hold them back for a moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Ctrl-C, `kill`, and a terminal that is closed (which Windows does not signal).
STOPPING = [getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)]


@contextmanager
def held_back() -> Iterator[None]:
    """Deliver stopping signals only after the block, so that it is done as a whole or not at all.

    Masking them would not do: another thread could receive them, and Python still run the handler
    in this one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers never run here
        return
    received: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _frame: received.append(number))
        for number in STOPPING
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for number in received[:1]:
            signal.raise_signal(number)
