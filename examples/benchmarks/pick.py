"""Adapting with 100 rows that ``toolkit summarize --pick`` chose, against 100 random ones.

Run as ``python -m examples.benchmarks.pick [START...]``. The texts are those of the shared data
that no shipped model was trained on. Each draw leaves out other reviews to test on; the rows to
label are chosen among the rest. Prints a table.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.json

from examples.benchmarks.adapt_ways import Found, as_it_is
from examples.benchmarks.page import table
from examples.benchmarks.sources import data_folder
from toolkit import Scorer
from toolkit.evaluation.metrics import measure
from toolkit.evaluation.summarize_files import SummaryOptions, summarize
from toolkit.scoring import score_file
from toolkit.training import Reviews
from toolkit.training.adapt import usual_folds
from toolkit.training.adapt_fit import Start, adapt_network, load_start
from toolkit.training.split import folds_for_few

DOMAINS = ("amazon_books", "amazon_sentences", "yelp_sentences")
DRAWS, LABELS, TESTED = 5, 100, 500


def adapted(start: Start, labelled: pa.Table, texts: pa.ChunkedArray) -> list[Found]:
    """As `adapt_ways.adapted`, without its other ways."""
    labels = (labelled["label"].to_numpy() >= 0.5).astype(np.int8)
    reviews = Reviews("labelled", labelled["text"], labels)
    splits = folds_for_few(reviews, usual_folds(len(reviews)), seed=1)
    made = adapt_network(start, reviews, splits)
    return [Found("adapted", made.probabilities(texts))]


def picked(start: str, pool: pa.Table) -> pa.Table:
    """Choose rows of a pool as a user does: score, summarize, look up the labels."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        pyarrow.csv.write_csv(pool.select(["text"]), folder / "pool.csv")
        score_file(Scorer(start), folder / "pool.csv", folder / "scored.csv")
        options = SummaryOptions(model=start, pick=LABELS, picked=folder / "picked.csv")
        summarize(folder / "scored.csv", options)
        rows = pyarrow.csv.read_csv(
            folder / "picked.csv",
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        )["row"]
    return pool.take([row - 1 for row in rows.to_pylist()])


def main(starts: list[str]) -> None:
    """Print balanced accuracy and log loss for each start and domain."""
    rows = []
    for name in starts:
        start = load_start(name)
        for domain in DOMAINS:
            reviews = pyarrow.json.read_json(data_folder() / "domains" / f"{domain}.jsonl")
            found: dict[str, list[tuple[float, float]]] = defaultdict(list)
            for draw in range(DRAWS):
                order = np.random.default_rng(draw).permutation(len(reviews))
                tested, pool = reviews.take(order[:TESTED]), reviews.take(order[TESTED:])
                labels = (tested["label"].to_numpy() >= 0.5).astype(np.int8)
                chosen = {
                    "start": (as_it_is, pool.slice(0, LABELS)),
                    "random": (adapted, pool.slice(0, LABELS)),
                    "picked": (adapted, picked(name, pool)),
                }
                for way, (function, labelled) in chosen.items():
                    made = function(start, labelled, tested["text"])[0]
                    metrics = measure(labels, made.probability, made.threshold)
                    found[way].append((metrics.balanced_accuracy or 0.0, metrics.log_loss))
                print(name, domain, draw, {w: f[-1] for w, f in found.items()}, file=sys.stderr)
            means = {way: np.mean(values, axis=0) for way, values in found.items()}
            gain = np.array(found["picked"]) - np.array(found["random"])
            better = f"{int((gain[:, 0] > 0).sum())}, {int((gain[:, 1] < 0).sum())}"
            cells = [f"{100 * accuracy:.1f}, {loss:.3f}" for accuracy, loss in means.values()]
            rows.append([name, domain, *cells, better])
    print(table(["start", "domain", *means, f"picked better, of {DRAWS}"], rows))


if __name__ == "__main__":
    main(sys.argv[1:] or ["reviews", "conv1d"])
