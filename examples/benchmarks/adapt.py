"""What 20 to 2,000 labels give on domains that the start was not trained on.

The starts are those of the part ``unseen``, which ``--keep`` keeps: each was trained without twelve
domains. Of each of these, labelled reviews are drawn as they come, and all ways to a model are
measured on up to 2,000 others. Set 1, and for 20 to 100 labels set 2, were used to choose the
priors and what counts as noise (`toolkit.training.adapt`); set 3 was not.

Like the other parts, this one imports the standard library alone: each step is a process.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from examples.benchmarks.adapt_page import write_page
from examples.benchmarks.measure import run_module
from examples.benchmarks.results import load, save

RESULTS = Path(__file__).with_name("adapt.json")
REPORTED = (2, 3)


def main(sets: Sequence[int] = (), keep: Path | None = None) -> None:
    """Measure all ways on the domains of some sets, save, and print."""
    if keep is None:
        sys.exit("adapt: name the folder that the part unseen has kept its starts in with --keep")
    for number in sets or REPORTED:
        folder = keep / f"set-{number}"
        if not (folder / "run").is_dir():
            sys.exit(f"adapt: {folder} has no run. Make it: unseen --set {number} --keep {keep}")
        save(f"set {number}", json.loads(run_module("adapt_evaluate", folder)), RESULTS)
    write_page(load(RESULTS))
