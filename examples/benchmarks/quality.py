"""How accurate the shipped models are, compared with others trained on the same labels.

The peers see the labelled reviews that our models are trained on, of films and of all other
domains; `quality_peers` has their settings. All are evaluated on the reviews that were held out, by
domain, on the everyday reviews of the tests, by kind, and on other data. The test reviews of IMDB
are not for trying things out: they are used only if ``--data test`` asks for them.

Like the other parts, this one imports the standard library alone: each step is a process.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from examples.benchmarks.measure import run_module
from examples.benchmarks.quality_page import write_page
from examples.benchmarks.quality_peers import NO_FASTTEXT, NO_VADER, PEERS
from examples.benchmarks.quality_tables import print_tables
from examples.benchmarks.results import Rows, load, save
from examples.benchmarks.sources import PROJECT, data_folder
from toolkit.model import SHIPPED

RESULTS = Path(__file__).with_name("quality.json")
TEST = "test"


class Data(NamedTuple):
    """Labelled reviews."""

    path: str  # in the folder of the data, or in that of the peers, or anywhere
    group: str | None = None  # the column whose values are told apart


# To evaluate on further reviews, add an entry.
DATA = {
    "held-out": Data("held-out.parquet", "domain"),  # `quality_data` makes the first three
    "everyday": Data("everyday.jsonl", "kind"),
    "order": Data("order.jsonl", "kind"),
    "amazon_books": Data("domains/amazon_books.jsonl"),
    "amazon_sentences": Data("domains/amazon_sentences.jsonl"),
    "yelp_sentences": Data("domains/yelp_sentences.jsonl"),
    TEST: Data("imdb/test.parquet"),
}
DEFAULT = [name for name in DATA if name != TEST]


def main(names: Sequence[str] = (), reviews: Path | None = None, keep: Path | None = None) -> None:
    """Train what is not trained yet, evaluate, save, and print.

    ``reviews`` is the table of all reviews with their folds, by default made again; ``keep`` is a
    folder for the trained peers, which are used again if they were trained on the same reviews.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        run_module("quality_data", folder, *([reviews] if reviews else []))
        found = {name: _find(DATA[name].path, folder) for name in names or DEFAULT}
        models = [PROJECT / "exported" / f"{name}.onnx" for name in SHIPPED]
        peers, left_out = _trained(folder)
        sizes = peers | {path.stem: path.stat().st_size for path in models}
        for name, path in found.items():
            predictions = [_predicted(folder, peer, name, path) for peer in peers]
            facts = json.dumps({"data": str(path), "group": DATA[name].group})
            printed = run_module("quality_evaluate", facts, *models, *predictions)
            rows = [_described(row, sizes) for row in json.loads(printed)] + left_out
            save(name, rows, RESULTS)
            print_tables(name, rows)
    write_page(load(RESULTS))


def _trained(folder: Path) -> tuple[dict[str, int], Rows]:
    """Train the peers; give the sizes of their models, and which cannot be trained."""
    sizes: dict[str, int] = {}
    left_out: Rows = []
    for peer, facts in PEERS.items():
        if missing := _missing(peer):
            left_out.append({"name": peer, "title": facts.title, "skipped": missing})
            continue
        print(f"{peer}: training", file=sys.stderr)
        trained = json.loads(run_module("contenders.train", peer, folder))
        print(f"{peer}: {trained}", file=sys.stderr)
        sizes[peer] = trained["bytes"]
    return sizes, left_out


def _missing(peer: str) -> str:
    """Say what must be installed first; nothing if a peer can be trained."""
    if peer == "fasttext" and shutil.which("fasttext") is None:
        return NO_FASTTEXT
    if peer == "vader" and importlib.util.find_spec("vaderSentiment") is None:
        return NO_VADER
    return ""


def _predicted(folder: Path, peer: str, name: str, path: Path) -> Path:
    output = folder / name / f"{peer}.parquet"
    run_module("contenders.predict", peer, folder, path, output)
    return output


def _described(row: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """Add the size of the model's file, and what is to be known of a peer."""
    facts = asdict(PEERS[row["name"]]) if row["is_peer"] else {}
    return {**row, "bytes": sizes[row["name"]], **facts}


def _find(path: str, folder: Path) -> Path:
    places = [folder / path, data_folder() / path]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        sys.exit(
            f"quality: {places[-1]}: no such file. Name the folder of the data with TOOLKIT_DATA."
        )
    return found
