"""Run the benchmarks: ``python -m tests.benchmarks [PART...]``, by default all parts of speed.

The results are printed as Markdown tables and kept in results.json, from which ``plot`` draws
examples/speed.png; those of ``quality`` in quality.json. The reviews come from the folder that
TOOLKIT_DATA names. Three parts run only if they are named: ``quality``, which trains models for
half an hour, ``networks`` and ``typography``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.benchmarks import (
    growth,
    lock,
    networks,
    peers,
    presets,
    quality,
    stages,
    startup,
    typography,
)
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
QUALITY, NETWORKS, TYPOGRAPHY = "quality", "networks", "typography"


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parts = [*SPEED, NETWORKS, TYPOGRAPHY, QUALITY]
    parser.add_argument("part", nargs="*", help=f"any of: {', '.join(parts)}")
    of_quality = parser.add_argument_group(QUALITY)
    of_quality.add_argument(
        "--data",
        action="append",
        default=[],
        choices=quality.DATA,
        help=f"what it evaluates on, may be repeated; all but {quality.TEST} by default",
    )
    of_quality.add_argument("--reviews", type=Path, help="table of all reviews with their folds")
    of_quality.add_argument("--keep", type=Path, help="folder for the trained peers")
    of_networks = parser.add_argument_group(NETWORKS)
    of_networks.add_argument(
        "--model",
        action="append",
        default=[],
        type=Path,
        help="model file, may be repeated; the shipped ones by default",
    )
    of_networks.add_argument("--reference", type=Path, help="model file that counts as 1")
    arguments = parser.parse_args()
    chosen = arguments.part or [*SPEED]
    if unknown := set(chosen) - set(parts):
        parser.error(f"unknown: {', '.join(unknown)}; parts are {', '.join(parts)}")
    options = {
        QUALITY: ("data", "reviews", "keep"),
        NETWORKS: ("model", "reference"),
    }
    for part, names in options.items():
        if part not in chosen and any(getattr(arguments, name) for name in names):
            parser.error(f"--{', --'.join(names)} are for the part {part}")
    others = {
        QUALITY: lambda: quality.main(arguments.data, arguments.reviews, arguments.keep),
        NETWORKS: lambda: networks.main(arguments.model, arguments.reference),
        TYPOGRAPHY: typography.main,
    }
    for part in chosen:
        (SPEED | others)[part]()


if __name__ == "__main__":
    main()
