"""Run a command with a Ray cluster of two nodes with one CPU each, on this machine.

Run as ``python -m examples.benchmarks.two_nodes COMMAND…``. It prints the seconds of the
command alone on the last line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time


def main(command: list[str]) -> int:
    """Start the cluster, run the command, and stop the cluster."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        cluster.add_node(num_cpus=1)
        cluster.wait_for_nodes()
        started = time.perf_counter()
        code = subprocess.run(
            command, check=False, env={**os.environ, "RAY_ADDRESS": cluster.address}
        )
        print(f"\n{time.perf_counter() - started:.3f}")
        return code.returncode
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
