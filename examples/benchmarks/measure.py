"""Timing whole processes, side by side.

The contenders take turns, so that a slow moment of the machine hits all of them alike; medians
are quoted. The first turn fills the caches and does not count, unless told otherwise. Peak memory
is what the system counted for a process, the largest where there are several.

`bind` keeps all processes on two cores, so that ratios can be compared between machines.

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
HAS_AFFINITY = hasattr(os, "sched_getaffinity")  # not on macOS and Windows
AVAILABLE = len(os.sched_getaffinity(0)) if HAS_AFFINITY else os.cpu_count() or 1
CORES = min(2, AVAILABLE)  # that a contender may use


@dataclass
class Command:
    """A program to start, where its standard output goes, and what is set for it."""

    arguments: list[str]
    stdout: Path = Path(os.devnull)
    variables: dict[str, str] = field(default_factory=dict)


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
    about: dict[str, str] = field(default_factory=dict)  # what else its result says
    seconds: list[float] = field(default_factory=list)
    mebibytes: float = 0.0
    accuracy: float | None = None

    @property
    def title(self) -> str:
        """Name it in messages."""
        cores = f"{self.cores} core" + ("s" if self.cores > 1 else "")
        reviews = [f"{self.reviews:,} reviews"] if self.reviews else []
        return ", ".join([self.name, *self.about.values(), *reviews, cores])

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.seconds)

    def run(self) -> None:
        """Run the commands once, to their end."""
        self.clear()  # to replace an output would take the system up to 0.03 s
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
            print(f"{self.title}: {message}", file=sys.stderr)
        elif codes != {0}:
            sys.exit(f"{self.title}: failed with exit codes {codes}:\n{message}")
        self.mebibytes = max(self.mebibytes, *(usage.ru_maxrss / 1024 for *_, usage in ended))

    def clear(self) -> None:
        """Remove the outputs, which the system might write to the disk while others run.

        Beside an output, a run of the toolkit with warnings leaves a hidden record.
        """
        for output in self.outputs:
            output.unlink(missing_ok=True)
            for record in output.parent.glob(f".{output.name}.*.done"):
                record.unlink()

    def result(self) -> dict[str, Any]:
        """Give what results.json keeps."""
        found: dict[str, Any] = {"name": self.name, **self.about}
        found |= {"cores": self.cores, "reviews": self.reviews}
        if self.skipped:
            return {**found, "skipped": self.skipped}
        found |= {"seconds": round(self.median, 3), "runs": [round(s, 3) for s in self.seconds]}
        if self.reviews:
            found["reviews_per_second"] = round(self.reviews / self.median)
        found["peak_mebibytes"] = round(self.mebibytes)
        return found if self.accuracy is None else {**found, "accuracy": self.accuracy}


def bind() -> None:
    """Keep this process and those that it starts on as many cores as a contender may use."""
    if HAS_AFFINITY and AVAILABLE > CORES:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])


def interleave(contenders: list[Contender], *, warm_up: bool = True) -> list[dict[str, Any]]:
    """Let contenders take turns until each has had its runs; give the results."""
    most = max(contender.runs for contender in contenders)
    for turn in range(0 if warm_up else 1, 1 + most):
        for contender in contenders:
            if contender.skipped or turn > contender.runs:
                continue
            contender.run()
            took = f"{contender.seconds[-1]:.2f} s" if contender.seconds else contender.skipped
            print(f"run {turn} of {contender.runs}: {contender.title}: {took}", file=sys.stderr)
            if turn == 0:
                contender.seconds.clear()
                _check(contender)
            contender.clear()
    return [contender.result() for contender in contenders]


def module(name: str, *arguments: object) -> list[str]:
    """Give the command that runs a module of the benchmarks."""
    return [*PYTHON, f"examples.benchmarks.{name}", *map(str, arguments)]


def run_module(name: str, *arguments: object, **variables: str) -> str:
    """Run a module of the benchmarks in a process of its own; give what it prints."""
    return subprocess.run(
        module(name, *arguments),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ) | variables,
    ).stdout


def _start(command: Command, errors: int) -> int:
    with command.stdout.open("wb") as stdout:
        process = subprocess.Popen(
            command.arguments, stdout=stdout, stderr=errors, env=ENVIRONMENT | command.variables
        )
    process.returncode = 0  # it is waited for by its number
    return process.pid


def _check(contender: Contender) -> None:
    """Find the accuracy of what was written, once: the outputs of all runs are the same."""
    if contender.outputs and contender.is_compared and not contender.skipped:
        contender.accuracy = float(run_module("accuracy", contender.reviews, *contender.outputs))
