"""A Ray cluster of two nodes gives the bytes of one run, whatever dies meanwhile."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import in_its_own_process
from tests.data import PROJECT
from tests.shards.running import contents
from tests.shards.two_nodes import Job, cluster_of, kill_worker, worker_ids

pytestmark = pytest.mark.tools

SAVED = (
    "The shards that are done are kept. Run the same command with --resume to continue, or with "
    "--force to start over.\n"
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
        job.wait_until(process, lambda done=done: job.claims() > done)  # type: ignore[misc]
        process.send_signal(number)
        assert job.end(process) == (CODES[number], f"error: interrupted. {SAVED}")
        assert job.claims() > done
        assert not job.output.exists()
    refused = job.start()
    assert job.end(refused)[0] == 2
    done = job.claims()
    assert done < job.shards, "the run must not be over before something dies"

    report = tmp_path / "report.json"
    process = job.start("--resume", "--log-format", "json", "--report", str(report))
    job.wait_until(process, kill_worker)
    job.wait_until(process, lambda: bool(worker_ids(node)))
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
