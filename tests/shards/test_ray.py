"""A Ray cluster of two nodes gives the bytes of one run, whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import in_its_own_process
from tests.data import PROJECT
from tests.models import CONV1D, many_texts
from tests.records.python_formats import PYTHON
from tests.shards.running import contents
from tests.waiting import wait_until

BAD = b"no object\n"
_ATTEMPT = re.compile(r"\d{5}\.[0-9a-f]{12}")
_PROGRESS = re.compile(r"^many: \d+%, .*\n", re.MULTILINE)  # every ten seconds


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
        """Score in one run; return what `contents` finds in the folder of outputs."""
        one = self.folder / "one"
        if not one.exists():
            command = [*self._command(), "-o", f"{one}/", "-q"]
            assert subprocess.run(command, cwd=PROJECT, check=False).returncode == 3
        return contents(one)

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


pytestmark = pytest.mark.tools

SAVED = (
    "Finished shards are kept. Run the same command with --resume to continue, or with --force to "
    "start over.\n"
)
TIMES = 120  # thousands of reviews: what dies must do so before the end
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    with cluster_of(1) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def job(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = Job(tmp_path_factory.mktemp("ray"), cluster.address)
    job.write(TIMES)
    return job


def test_what_dies_and_what_is_stopped_costs_nothing(
    cluster: Any, job: Job, tmp_path: Path
) -> None:
    expected = job.expected()
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    for number, options in ((signal.SIGINT, []), (signal.SIGTERM, ["--resume"])):
        done = job.claims()
        process = job.start(*options)
        wait_until(lambda done=done: job.claims() > done, process)  # type: ignore[misc]
        process.send_signal(number)
        code, said = job.end(process)
        assert (code, _PROGRESS.sub("", said)) == (CODES[number], f"error: interrupted. {SAVED}")
        assert job.claims() > done
        assert not job.output.exists()
    refused = job.start()
    assert job.end(refused)[0] == 2
    done = job.claims()
    assert done < job.shards, "the run must not be over before something dies"

    report = tmp_path / "report.json"
    process = job.start("--resume", "--log-format", "json", "--report", str(report))
    wait_until(kill_worker, process)
    wait_until(lambda: worker_ids(node), process)
    cluster.remove_node(node, allow_graceful=False)
    code, said = job.end(process)
    assert code == 3, said
    assert contents(job.output.parent) == expected
    lines = said.splitlines()
    assert [line for line in lines if line[:1] != "{"] == []
    events = [json.loads(line) for line in lines]
    assert events[-1]["event"] == "summary"
    assert len(job.attempts) >= job.shards  # one that is tried again may find itself done

    found = json.loads(report.read_text(encoding="utf-8"))
    assert (found["status"], found["exit_code"], found["shard"]) == ("done_with_rejects", 3, None)
    assert (found["records"], found["rejected"]) == (1_001 * TIMES, TIMES)
    (file,) = found["files"]
    assert (file["output"], file["records"]) == (str(job.output), 1_001 * TIMES)
    assert found["job_id"]


def test_a_second_model_answers_on_the_cluster(cluster: Any, tmp_path: Path) -> None:
    """The bytes of one run; the second model is a folder, which each worker opens."""
    pytest.importorskip("tokenizers", reason="needs the extra 'transformers'")
    from tests.folders.making import Folder

    folder = Folder().write(tmp_path / "mine")
    rows = [{"text": text, "id": str(n)} for n, text in enumerate(many_texts(1000) * 3)]
    (tmp_path / "a.jsonl").write_bytes(PYTHON[".jsonl"][0](rows, "\n"))
    second = ("--second", str(folder), "--unsure", "0.1:0.9", "--answered-by")
    command = [sys.executable, "-m", "toolkit", "score", str(tmp_path / "a.jsonl"), *second, "-q"]
    ray = ("--engine", "ray", "--shards", "4")
    for output, options in (("one.jsonl", ()), ("many.jsonl", ray)):
        done = subprocess.run(
            [*command, "-o", str(tmp_path / output), *options],
            env={**os.environ, "RAY_ADDRESS": cluster.address},
            capture_output=True,
            text=True,
            cwd=PROJECT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    one = (tmp_path / "one.jsonl").read_bytes()
    assert (tmp_path / "many.jsonl").read_bytes() == one
    answered = [json.loads(line)["answered_by"] for line in one.splitlines()]
    assert answered.count("second") > 300
    assert answered.count("first") > 300


def test_an_address_without_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    (tmp_path / "a.csv").write_text("text\na fine film\n", encoding="utf-8")
    for address, message in {
        "127.0.0.1:1": "cannot be reached: Connection refused. Check RAY_ADDRESS",
        "nonsense": "the Ray cluster at nonsense: cannot be used: ",
    }.items():
        monkeypatch.setenv("RAY_ADDRESS", address)
        ran = in_its_own_process(
            "score", tmp_path / "a.csv", "-o", tmp_path / "b.csv", "--engine", "ray", cwd=PROJECT
        )
        ran.failed_with(message)
        assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]


def test_nobody_else_may_look_into_a_cluster_on_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where its sockets, its logs and what does not fit into memory are."""
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    program = (
        "import ray\nfrom pathlib import Path\nfrom toolkit.shards.ray import connected\n"
        "with connected():\n"
        "    folder = Path(ray._private.worker._global_node.get_temp_dir_path()).parent\n"
        "    print(f'{folder.stat().st_mode & 0o777:o}')\n"
    )
    call = [sys.executable, "-c", program]
    ran = subprocess.run(call, capture_output=True, text=True, cwd=PROJECT, check=False)
    assert (ran.stdout, ran.stderr) == ("700\n", "")


def test_ray_is_not_installed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\na fine film\n", encoding="utf-8")
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name == 'ray' else find(name, *more)\n",
        encoding="utf-8",
    )
    ran = in_its_own_process(
        "score", tmp_path / "a.csv", "-o", tmp_path / "b.csv", "--engine", "ray",
        cwd=PROJECT, env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )  # fmt: skip
    ran.failed_with("needs the package 'ray', which is not installed. Install it with: pip install")
