"""Run the benchmarks: ``python -m examples.benchmarks [PART...]``, by default those of speed.

Their results are kept in results.json, from which ``page`` writes the tables into README.md, and
``plot`` draws examples/speed.png and examples/accuracy-speed.png; those of ``quality``, ``unseen``
and ``adapt`` are in JSON files of that name. The reviews come from the folder that TOOLKIT_DATA
names. The other parts run only if they are named.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from examples.benchmarks import (
    adapt,
    files,
    growth,
    lock,
    networks,
    quality,
    speed_page,
    stages,
    startup,
    steps,
    typography,
    unseen,
)
from examples.benchmarks.measure import bind, run_module
from examples.benchmarks.trial import WHOLE, Trial


def plot(trial: Trial) -> None:
    """Draw in a process of its own, which may be large."""
    run_module("plot", trial.results, trial.picture)
    run_module("tradeoff", trial.results, quality.RESULTS, trial.tradeoff)


SPEED: dict[str, Callable[[Trial], None]] = {
    "files": files.main,
    "growth": growth.main,
    "steps": steps.main,
    "startup": startup.main,
    "page": speed_page.main,
    "plot": plot,
}
STAGES, LOCK = "stages", "lock"
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
    tuple(SPEED): ("rows", "runs", "into"),
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
    calls: dict[str, Callable[[], object]] = {
        QUALITY: lambda: quality.main(arguments.data, arguments.reviews, arguments.keep),
        UNSEEN: lambda: unseen.main(
            arguments.set, arguments.reviews, arguments.keep, arguments.with_teacher
        ),
        ADAPT: lambda: adapt.main(arguments.set, arguments.keep),
        NETWORKS: lambda: networks.main(arguments.model, arguments.reference),
        TYPOGRAPHY: typography.main,
        STAGES: stages.main,
        LOCK: lock.main,
    }
    trial = _trial(parser, arguments)
    calls |= {name: partial(part, trial) for name, part in SPEED.items()}
    if unknown := set(chosen) - set(calls):
        parser.error(f"unknown: {', '.join(unknown)}; parts are {', '.join(calls)}")
    if set(chosen) & set(SPEED):
        bind()
    for part in chosen:
        calls[part]()


def _trial(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> Trial:
    if not arguments.into:
        if arguments.rows or arguments.runs:
            parser.error("--rows and --runs need --into: a trial must not replace the results")
        return WHOLE
    arguments.into.mkdir(parents=True, exist_ok=True)
    return Trial(arguments.rows or WHOLE.reviews, arguments.runs, arguments.into)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m examples.benchmarks", description=__doc__)
    parts = [*SPEED, STAGES, LOCK, NETWORKS, TYPOGRAPHY, QUALITY, UNSEEN, ADAPT]
    parser.add_argument("part", nargs="*", help=f"any of: {', '.join(parts)}")
    of_speed = parser.add_argument_group("speed, to try it out")
    of_speed.add_argument(
        "--rows", type=int, help=f"reviews in a file, instead of {WHOLE.reviews:,}"
    )
    of_speed.add_argument("--runs", type=int, help="the most runs of a program")
    of_speed.add_argument("--into", type=Path, help="folder for results, tables and figure")
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
