"""Timing whole processes, side by side.

The contenders take turns, so that a slow moment of the machine hits all of them alike; medians
are quoted. The first turn fills the caches and does not count. Peak memory is what the system
counted for a process, the largest where there are several.

This module and the parts import nothing but the standard library: on Linux, whose counts are read
here, a process starts with the peak memory of the one that starts it, so that one is kept small.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

USAGE_ERROR = 2  # the exit code of `toolkit` for what it does not know, such as a format
PYTHON = [sys.executable, "-m"]
# Bytecode is kept, as it is for users: pip compiles what it installs.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass
class Command:
    """A program to start, and where its standard output goes."""

    arguments: list[str]
    stdout: Path = Path(os.devnull)


@dataclass
class Contender:
    """Commands that run at once, and what they took until the last had ended."""

    name: str
    commands: list[Command]
    runs: int
    reviews: int = 0
    cores: int = CORES  # that it may use
    outputs: list[Path] = field(default_factory=list)  # files that it writes
    is_compared: bool = True  # whether they hold labels, whose accuracy is shown
    skipped: str = ""  # why, where it cannot run
    seconds: list[float] = field(default_factory=list)
    mebibytes: float = 0.0
    accuracy: float | None = None

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    def run(self) -> None:
        """Run the commands once, to their end."""
        for output in self.outputs:  # to replace it would take the system up to 0.03 s
            output.unlink(missing_ok=True)
        with tempfile.TemporaryFile() as errors:
            started = time.perf_counter()
            pids = [_start(command, errors.fileno()) for command in self.commands]
            ended = [os.wait4(pid, 0) for pid in pids]
            self.seconds.append(time.perf_counter() - started)
            codes = {os.waitstatus_to_exitcode(status) for _, status, _ in ended}
            errors.seek(0)
            message = errors.read().decode(errors="replace").strip()
        if codes == {USAGE_ERROR}:
            self.skipped = "refused the call"
            print(f"{self.name}: {message}", file=sys.stderr)
        elif codes != {0}:
            sys.exit(f"{self.name}: failed with exit codes {codes}:\n{message}")
        self.mebibytes = max(self.mebibytes, *(usage.ru_maxrss / 1024 for *_, usage in ended))

    def result(self) -> dict[str, Any]:
        """Give what results.json keeps."""
        found: dict[str, Any] = {"name": self.name, "cores": self.cores, "reviews": self.reviews}
        if self.skipped:
            return {**found, "skipped": self.skipped}
        found |= {"seconds": round(self.median, 3), "runs": [round(s, 3) for s in self.seconds]}
        if self.reviews:
            found["reviews_per_second"] = round(self.reviews / self.median)
        found["peak_mebibytes"] = round(self.mebibytes)
        return found if self.accuracy is None else {**found, "accuracy": self.accuracy}


def interleave(contenders: list[Contender]) -> list[dict[str, Any]]:
    """Let contenders take turns until each has had its runs; give the results."""
    for number in range(1 + max(contender.runs for contender in contenders)):
        for contender in contenders:
            if contender.skipped or number > contender.runs:
                continue
            contender.run()
            print(f"run {number}: {contender.name}: {contender.seconds[-1]:.2f} s", file=sys.stderr)
            if number == 0:
                contender.seconds.clear()
                _check(contender)
    return [contender.result() for contender in contenders]


def run_module(name: str, *arguments: object) -> str:
    """Run a module of the benchmarks in a process of its own; give what it prints."""
    command = [*PYTHON, f"tests.benchmarks.{name}", *map(str, arguments)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _start(command: Command, errors: int) -> int:
    with command.stdout.open("wb") as stdout:
        process = subprocess.Popen(command.arguments, stdout=stdout, stderr=errors, env=ENVIRONMENT)
    process.returncode = 0  # it is waited for by its number
    return process.pid


def _check(contender: Contender) -> None:
    """Find the accuracy of what was written, once: the outputs of all runs are the same."""
    if contender.outputs and contender.is_compared and not contender.skipped:
        contender.accuracy = float(run_module("accuracy", contender.reviews, *contender.outputs))
