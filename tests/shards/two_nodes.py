"""A Ray cluster of two nodes on this machine, and jobs that it scores."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.data import PROJECT
from tests.models import CONV1D, many_texts
from tests.records.python_formats import PYTHON

BAD = b"no object\n"
_ATTEMPT = re.compile(r"\d{5}\.[0-9a-f]{12}")


@contextmanager
def cluster_of(nodes: int) -> Iterator[Any]:
    """Start some nodes of one CPU each; the first one cannot be killed without all."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "include_dashboard": False}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(1, nodes):
            cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        yield cluster
    finally:
        cluster.shutdown()


@dataclass
class Job:
    """A file that a cluster scores, with a slow network."""

    folder: Path
    address: str
    shards: int = 12
    attempts: set[str] = field(default_factory=set)  # seen so far

    def write(self, times: int) -> None:
        """Write the input: 1,000 reviews several times, with records that cannot be read."""
        rows = [{"text": text, "id": str(n)} for n, text in enumerate(many_texts(1000))]
        data = PYTHON[".jsonl"][0](rows, "\n")
        (self.folder / "a.jsonl").write_bytes((data + BAD) * times)

    @property
    def output(self) -> Path:
        """Where the scored reviews go."""
        return self.folder / "many" / "a.jsonl"

    @property
    def parts(self) -> Path:
        """Where the shards are meanwhile."""
        return self.output.parent / "_shards"

    def expected(self) -> dict[str, bytes]:
        """Score in one run; give all files, with their names below the folder of outputs."""
        one = self.folder / "one"
        if not one.exists():
            command = [*self._command(), "-o", f"{one}/", "-q"]
            assert subprocess.run(command, cwd=PROJECT, check=False).returncode == 3
        return {path.name: path.read_bytes() for path in one.iterdir()}

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Let the cluster score it."""
        command = [*self._command(), "-o", f"{self.output.parent}/", "--engine", "ray"]
        return subprocess.Popen(
            [*command, "--shards", str(self.shards), *options], cwd=PROJECT,
            env={**os.environ, "RAY_ADDRESS": self.address}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def _command(self) -> list[str]:
        source, model = str(self.folder / "a.jsonl"), str(CONV1D)
        return [sys.executable, "-m", "toolkit", "score", source, "--model", model]

    def claims(self) -> int:
        """Count the shards that are done, and look for attempts."""
        try:
            names = os.listdir(self.parts)
        except OSError:
            return 0
        self.attempts.update(name for name in names if _ATTEMPT.fullmatch(name))
        return sum("-of-" in name and "failed" not in name for name in names)

    def wait_until(self, process: subprocess.Popen[str], is_so: Callable[[], bool]) -> None:
        """Wait for something while a process runs."""
        began = time.monotonic()
        while not is_so():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() - began < 120
            time.sleep(0.02)

    def end(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Wait for the end, looking for attempts; give the exit code and all that was said."""
        while process.poll() is None:
            self.claims()
            time.sleep(0.02)
        out, err = process.communicate()
        return process.returncode, out + err


def worker_ids(node: Any = None) -> list[int]:
    """Give the numbers of the processes that score shards now, on one node or all."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            is_one = path.read_bytes().startswith(b"ray::_score")
            parent = (
                path.with_name("stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]
            )
        except OSError:
            continue
        if is_one and (node is None or int(parent) == _raylet_of(node)):
            found.append(int(path.parent.name))
    return found


def _raylet_of(node: Any) -> int:
    return int(node.all_processes["raylet"][0].process.pid)


def kill_worker() -> bool:
    """Kill a process that scores a shard; tell whether there was one."""
    for number in worker_ids():
        try:
            os.kill(number, signal.SIGKILL)
        except OSError:
            continue
        return True
    return False
