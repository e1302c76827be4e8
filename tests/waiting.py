"""Waiting for what another program does. How long is no claim about its speed."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

# Seconds after which a program hangs, on a busy machine, too.
PATIENCE = 600


def wait_until(
    is_so: Callable[[], object], process: subprocess.Popen[str] | subprocess.Popen[bytes] | None
) -> None:
    """Wait until something is so, while a process runs; `AssertionError` if it ends or hangs."""
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        if process is not None and process.poll() is not None:
            raise AssertionError(f"it ended with {process.returncode}, {process.communicate()}")
        assert time.monotonic() < deadline, f"it hangs: nothing came in {PATIENCE} seconds"
        time.sleep(0.01)
