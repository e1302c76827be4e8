"""Run a command, and watch the memory of all processes that it starts."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from examples.benchmarks.measure import ENVIRONMENT

_SECONDS = 0.05  # between two looks


@dataclass(frozen=True)
class Took:
    """What a command took."""

    seconds: float
    peaks: dict[str, int]  # name of a program → peak memory of its largest process, in MiB
    output: str


def watch(arguments: list[str], **variables: str) -> Took:
    """Run a command to its end; it must succeed."""
    peaks: dict[str, int] = {}
    with tempfile.TemporaryFile() as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            arguments, stdout=output, stderr=subprocess.STDOUT, env=ENVIRONMENT | variables
        )
        while process.poll() is None:
            for pid in descendants(process.pid):
                _note(pid, peaks)
            time.sleep(_SECONDS)
        seconds = time.perf_counter() - started
        output.seek(0)
        said = output.read().decode(errors="replace")
    if process.returncode:
        sys.exit(f"{arguments}: failed with exit code {process.returncode}:\n{said}")
    return Took(seconds, peaks, said)


def descendants(root: int) -> list[int]:
    """Give a process, and all that it has started."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(folder.name))
    found = [root]
    for pid in found:  # which grows meanwhile
        found += children.get(pid, [])
    return found


def _note(pid: int, peaks: dict[str, int]) -> None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return
    peak = re.search(r"VmHWM:\s+(\d+) kB", status)
    if peak is not None:
        name = _name(line)
        peaks[name] = max(peaks.get(name, 0), int(peak[1]) // 1024)


def _name(line: str) -> str:
    """Name a program by its command line."""
    for part, name in (
        ("ray::", "Ray task"),
        ("default_worker.py", "Ray task"),
        ("gcs_server", "Ray server"),
        ("raylet", "Ray server"),
        ("-m toolkit", "toolkit"),
    ):
        if part in line:
            return name
    return "other"
