"""Run the benchmarks: ``python -m tests.benchmarks [PART...]``, by default all parts of speed.

The results are printed as Markdown tables and kept in results.json, from which ``plot`` draws
examples/speed.png; those of ``quality`` in quality.json. The reviews come from the folder that
TOOLKIT_DATA names. ``quality`` is not run by default: the test reviews are looked at once for a
release, and not each time that something is timed.
"""

from __future__ import annotations

import argparse

from tests.benchmarks import growth, lock, peers, presets, quality, stages, startup
from tests.benchmarks.measure import run_module


def plot() -> None:
    """Draw in a process of its own, which may be large."""
    run_module("plot")


SPEED = {
    "peers": peers.main,  # other tools, about ten minutes
    "presets": presets.main,  # every shipped model, about five minutes
    "growth": growth.main,  # longer files, about two minutes
    "stages": stages.main,
    "startup": startup.main,
    "lock": lock.main,
    "plot": plot,
}
QUALITY = "quality"


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parts = [*SPEED, QUALITY]
    parser.add_argument("part", nargs="*", help=f"any of: {', '.join(parts)}")
    reviews = parser.add_argument_group(QUALITY, "what it evaluates on; by default all of --data")
    reviews.add_argument("--data", action="append", choices=quality.DATA, help="may be repeated")
    reviews.add_argument(
        "--held-out",
        dest="data",
        action="append_const",
        const=quality.HELD_OUT,
        help="a fifth of the films of the training reviews, with peers trained on the others",
    )
    arguments = parser.parse_args()
    chosen = arguments.part or [*SPEED]
    if unknown := set(chosen) - set(parts):
        parser.error(f"unknown: {', '.join(unknown)}; parts are {', '.join(parts)}")
    if arguments.data and QUALITY not in chosen:
        parser.error(f"--data and --held-out are for the part {QUALITY}")
    for part in chosen:
        if part == QUALITY:
            quality.main(arguments.data or [*quality.DATA])
        else:
            SPEED[part]()


if __name__ == "__main__":
    main()
