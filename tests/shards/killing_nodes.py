"""Kill a node of a Ray cluster in the middle of a job, and compare with one run.

Run as ``python -m tests.shards.killing_nodes --runs 20``; each line counts the attempts.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.shards.running import contents
from tests.shards.two_nodes import Job, cluster_of, kill_worker, worker_ids


def run(cluster: Any, job: Job, wanted: int, *, node: bool) -> str:
    """Kill a node, or a worker, when some shards are done; give what is wrong, or nothing."""
    job.attempts.clear()
    other = None
    if node:
        other = cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
    process = job.start()
    job.wait_until(process, lambda: job.claims() >= wanted)
    if other is not None:
        # Both nodes have begun with a shard, and so one of these is lost.
        job.wait_until(
            process, lambda: len(job.attempts) == job.claims() + 2 and bool(worker_ids(other))
        )
        cluster.remove_node(other, allow_graceful=False)
    else:
        job.wait_until(process, kill_worker)
    at = job.claims()
    code, said = job.end(process)
    wrong = "" if contents(job.output.parent) == job.expected() else "other files; "
    wrong += "" if code == 3 else f"exit code {code}: {said}; "
    wrong += "" if at < job.shards else "the job was done already; "
    shutil.rmtree(job.output.parent)
    return wrong


def main() -> None:
    """Print a line for each run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--times", type=int, default=120, help="thousands of reviews")
    parser.add_argument("--workers", action="store_true", help="kill workers, not nodes")
    options = parser.parse_args()
    rng = random.Random(0)
    failed = False
    with tempfile.TemporaryDirectory() as folder, cluster_of(1) as cluster:
        job = Job(Path(folder), cluster.address)
        job.write(options.times)
        job.expected()
        for number in range(1, options.runs + 1):
            began, wanted = time.monotonic(), rng.randrange(1, job.shards - 3)
            wrong = run(cluster, job, wanted, node=not options.workers)
            print(
                f"run {number:2}: killed after {wanted} of {job.shards} shards, "
                f"{len(job.attempts)} attempts, {time.monotonic() - began:.0f} s: "
                f"{wrong or 'the same bytes'}",
                flush=True,
            )
            failed = failed or bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
