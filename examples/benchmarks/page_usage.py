"""How long the page of `examples/web` takes in Chromium, and how much memory its processes."""

from __future__ import annotations

import os
import re
import tempfile
import time
from pathlib import Path

from examples.benchmarks.process_tree import descendants
from tests.examples.usage import Usage
from tests.examples.web_page import build_page, chromium, open_page, page_scores, served

_AT_ONCE = 32


def usage_of_page(texts: list[str]) -> Usage:
    """Open the page in a new browser and score texts; the first batch is the first answer.

    The seconds are those of a clock.
    """
    with tempfile.TemporaryDirectory() as folder, served(build_page(Path(folder))) as address:
        start = time.perf_counter()
        with chromium() as browser:
            page = browser.new_page()
            open_page(page, address)
            page_scores(page, texts[:_AT_ONCE])
            first_answer = time.perf_counter() - start
            for place in range(_AT_ONCE, len(texts), _AT_ONCE):
                page_scores(page, texts[place : place + _AT_ONCE])
            seconds = time.perf_counter() - start
            peak = max(map(_peak, descendants(os.getpid())[1:]))
    return Usage(first_answer, seconds, peak, b"")


def _peak(pid: int) -> float:
    """MB of a renderer, which is the process of a page."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(peak[1]) / 1024 if peak and b"--type=renderer" in command else 0
