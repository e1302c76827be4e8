"""What few labels give on domains that a start has not seen: ``adapt_evaluate FOLDER [WAY...]``.

FOLDER is that of a set of the part ``unseen``: ``run``, trained without some domains, and their
reviews, ``unseen.parquet``. Prints a JSON row for each domain, number of labels, draw and way.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from examples.benchmarks.adapt_ways import WAYS, Found
from toolkit.evaluation.metrics import measure
from toolkit.training.adapt_fit import Start, load_start

LABELS = (20, 50, 100, 500, 2_000)
DRAWS = 3
SLOW = "from scratch"  # of the first draw alone
MOST_TESTED = 2_000
FEWEST_TESTED = 25  # of either label; with fewer, balanced accuracy is chance


@dataclass(frozen=True)
class Drawn:
    """Labelled reviews to adapt to, and the reviews of the same domain to test on."""

    facts: dict[str, Any]
    labelled: pa.Table
    tested: pa.Table


def drawn(reviews: pa.Table) -> Iterator[Drawn]:
    """Draw labelled reviews of each domain as they come, with both labels among them."""
    for domain in sorted({*reviews["domain"].to_pylist()}):
        table = reviews.filter(pc.equal(reviews["domain"], domain))
        labels = table["label"].to_numpy() >= 0.5
        for count in LABELS:
            for number in range(DRAWS):
                rows = _rows(labels, count, seed=1_000 * count + number)
                if rows is None:
                    continue
                facts = {"domain": domain, "labels": count, "draw": number}
                tested = table.take(rows[count : count + MOST_TESTED])
                yield Drawn(facts, table.take(rows[:count]), tested)


def _rows(labels: npt.NDArray[np.bool_], count: int, seed: int) -> npt.NDArray[np.int64] | None:
    """Mix the reviews until the first ones have both labels; None if too few are left to test."""
    random = np.random.default_rng(seed)
    for _ in range(100):
        rows = random.permutation(len(labels))
        first, rest = labels[rows[:count]], labels[rows[count : count + MOST_TESTED]]
        if 0 < first.sum() < count:
            fewest = min(rest.sum(), (~rest).sum())
            return rows if fewest >= FEWEST_TESTED else None
    return None


def evaluate(start: Start, one: Drawn, way: Callable[..., list[Found]]) -> Iterator[dict[str, Any]]:
    """Give a row for each model that a way makes."""
    labels = (one.tested["label"].to_numpy() >= 0.5).astype(np.int8)
    started = time.perf_counter()
    made = way(start, one.labelled, one.tested["text"])
    seconds = time.perf_counter() - started
    for found in made:
        metrics = measure(labels, found.probability, found.threshold)
        yield {
            **one.facts,
            "way": found.name,
            "balanced_accuracy": round(metrics.balanced_accuracy or 0.0, 5),
            "log_loss": round(metrics.log_loss, 5),
            "seconds": round(seconds, 2),
            **found.facts,
        }


def main(folder: Path, ways: list[str]) -> None:
    """Print the rows."""
    start = load_start(str(folder / "run"))
    rows: list[dict[str, Any]] = []
    for one in drawn(pq.read_table(folder / "unseen.parquet")):
        for way in ways or WAYS:
            if way == SLOW and one.facts["draw"]:
                continue
            rows += evaluate(start, one, WAYS[way])
        print(one.facts, file=sys.stderr, flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
