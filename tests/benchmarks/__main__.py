"""Run the benchmarks: ``python -m tests.benchmarks [PART...]``, by default all parts.

The results are printed as Markdown tables and kept in results.json, from which ``plot`` draws
examples/speed.png. The reviews come from the folder that TOOLKIT_DATA names.
"""

from __future__ import annotations

import argparse

from tests.benchmarks import growth, lock, peers, stages, startup
from tests.benchmarks.measure import run_module


def plot() -> None:
    """Draw in a process of its own, which may be large."""
    run_module("plot")


PARTS = {
    "peers": peers.main,  # other tools, about ten minutes
    "growth": growth.main,  # longer files, about two minutes
    "stages": stages.main,
    "startup": startup.main,
    "lock": lock.main,
    "plot": plot,
}


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parser.add_argument("part", nargs="*", help=f"any of: {', '.join(PARTS)}; by default all")
    chosen = parser.parse_args().part
    if unknown := set(chosen) - set(PARTS):
        parser.error(f"unknown: {', '.join(unknown)}; parts are {', '.join(PARTS)}")
    for part in chosen or PARTS:
        PARTS[part]()


if __name__ == "__main__":
    main()
