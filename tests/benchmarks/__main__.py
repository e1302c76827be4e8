"""Run the benchmarks: ``python -m tests.benchmarks [PART...]``, by default all parts of speed.

The results are printed as Markdown tables and kept in results.json, from which ``plot`` draws
examples/speed.png; those of ``quality``, ``unseen`` and ``adapt`` in JSON files of that name. The
reviews come from the folder that TOOLKIT_DATA names. Five parts run only if they are named:
``quality``, ``unseen`` and ``adapt``, which train models, ``networks`` and ``typography``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tests.benchmarks import (
    adapt,
    growth,
    lock,
    networks,
    peers,
    presets,
    quality,
    stages,
    startup,
    typography,
    unseen,
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
QUALITY, UNSEEN, ADAPT = "quality", "unseen", "adapt"
NETWORKS, TYPOGRAPHY = "networks", "typography"
# The options that not every part has, by the parts that have them.
OPTIONS = {
    (QUALITY,): ("data",),
    (QUALITY, UNSEEN): ("reviews",),
    (QUALITY, UNSEEN, ADAPT): ("keep",),
    (UNSEEN, ADAPT): ("set",),
    (UNSEEN,): ("with_teacher",),
    (NETWORKS,): ("model", "reference"),
}


def main() -> None:
    """Run the chosen parts."""
    parser = _parser()
    arguments = parser.parse_args()
    chosen = arguments.part or [*SPEED]
    for parts, names in OPTIONS.items():
        given = [f"--{name.replace('_', '-')}" for name in names if getattr(arguments, name)]
        if given and not {*parts} & {*chosen}:
            parser.error(f"these are for the part {' or '.join(parts)}: {', '.join(given)}")
    others = {
        QUALITY: lambda: quality.main(arguments.data, arguments.reviews, arguments.keep),
        UNSEEN: lambda: unseen.main(
            arguments.set, arguments.reviews, arguments.keep, arguments.with_teacher
        ),
        ADAPT: lambda: adapt.main(arguments.set, arguments.keep),
        NETWORKS: lambda: networks.main(arguments.model, arguments.reference),
        TYPOGRAPHY: typography.main,
    }
    if unknown := set(chosen) - set(SPEED | others):
        parser.error(f"unknown: {', '.join(unknown)}; parts are {', '.join(SPEED | others)}")
    for part in chosen:
        (SPEED | others)[part]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tests.benchmarks", description=__doc__)
    parts = [*SPEED, NETWORKS, TYPOGRAPHY, QUALITY, UNSEEN, ADAPT]
    parser.add_argument("part", nargs="*", help=f"any of: {', '.join(parts)}")
    of_quality = parser.add_argument_group(QUALITY)
    of_quality.add_argument(
        "--data",
        action="append",
        default=[],
        choices=quality.DATA,
        help=f"what it evaluates on, may be repeated; all but {quality.TEST} by default",
    )
    of_both = parser.add_argument_group(f"{QUALITY} and {UNSEEN}")
    of_both.add_argument("--reviews", type=Path, help="table of all reviews with their folds")
    of_both.add_argument(
        "--keep", type=Path, help=f"folder for what is trained, from which {ADAPT} takes its starts"
    )
    of_unseen = parser.add_argument_group(UNSEEN)
    of_unseen.add_argument(
        "--set",
        action="append",
        default=[],
        type=int,
        choices=unseen.SETS,
        help="the set of domains to leave out, may be repeated; all by default",
    )
    of_unseen.add_argument(
        "--with-teacher",
        type=Path,
        metavar="FOLDER",
        help="learn from the teacher, too; what exported.make wrote of its texts: runs/shipped",
    )
    of_networks = parser.add_argument_group(NETWORKS)
    of_networks.add_argument(
        "--model",
        action="append",
        default=[],
        type=Path,
        help="model file, may be repeated; the shipped ones by default",
    )
    of_networks.add_argument("--reference", type=Path, help="model file that counts as 1")
    return parser


if __name__ == "__main__":
    main()
