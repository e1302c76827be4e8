"""How accurate the exported models are, compared with others trained on the same labels.

The peers see the 25,000 labelled training reviews alone; `quality_peers` has their settings. They
are evaluated on the test reviews and on other domains. Without the test reviews, which are not
for trying things out, there is a fifth of the films of the training reviews: the peers are
trained on the others then, and our models, which know those reviews, are left out.

Like the other parts, this one imports the standard library alone: each step is a process.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import run_module
from tests.benchmarks.quality_peers import NO_FASTTEXT, PEERS
from tests.benchmarks.quality_tables import print_tables
from tests.benchmarks.results import Rows, save
from tests.benchmarks.sources import PROJECT, data_folder

RESULTS = Path(__file__).with_name("quality.json")
EXPORTED = PROJECT / "exported"
TRAIN = "imdb/train.parquet"
HELD_OUT = "held-out"
# To evaluate on further reviews, add an entry: a labelled file in the folder of the data.
DATA = {
    "test": "imdb/test.parquet",
    "amazon_books": "domains/amazon_books.jsonl",
    "amazon_sentences": "domains/amazon_sentences.jsonl",
    "yelp_sentences": "domains/yelp_sentences.jsonl",
}


def main(names: Sequence[str] = (*DATA,)) -> None:
    """Train, evaluate, save, and print."""
    root = data_folder()
    train = _existing(root / TRAIN)
    files = {name: _existing(root / DATA[name]) for name in names if name != HELD_OUT}
    with tempfile.TemporaryDirectory() as folder:
        if files:
            _round(train, files, Path(folder), our_models())
        if HELD_OUT in names:
            run_module("quality_data", train, folder)
            kept, held_out = (Path(folder) / f"{name}.parquet" for name in ("train", HELD_OUT))
            _round(kept, {HELD_OUT: held_out}, Path(folder), [])


def our_models() -> list[Path]:
    """List the exported models that take text; each has a twin that takes ids."""
    found = sorted(EXPORTED.glob("*.onnx"))
    return [path for path in found if not path.name.endswith(".ids.onnx")]


def _round(train: Path, files: dict[str, Path], folder: Path, models: list[Path]) -> None:
    """Train the peers once, and evaluate them and our models on each of the files."""
    sizes = {path.stem: path.stat().st_size for path in models}
    left_out: Rows = []
    for peer, facts in PEERS.items():
        if peer == "fasttext" and shutil.which("fasttext") is None:
            left_out.append({"name": peer, "title": facts.title, "skipped": NO_FASTTEXT})
            continue
        print(f"{peer}: training", file=sys.stderr)
        size = run_module("contenders.predict", peer, train, folder, *files.values())
        sizes[peer] = int(size)
    for name, path in files.items():
        predictions = [folder / path.stem / f"{peer}.parquet" for peer in PEERS if peer in sizes]
        found: Rows = json.loads(run_module("quality_evaluate", path, *models, *predictions))
        rows = [_described(row, sizes) for row in found] + left_out
        save(name, rows, RESULTS)
        print_tables(name, rows)


def _described(row: dict[str, Any], sizes: dict[str, int]) -> dict[str, Any]:
    """Add the size of the model's file, and what is to be known of a peer."""
    facts = asdict(PEERS[row["name"]]) if row["is_peer"] else {}
    return {**row, "bytes": sizes[row["name"]], **facts}


def _existing(path: Path) -> Path:
    if not path.is_file():
        sys.exit(f"quality: {path}: no such file. Name the folder of the data with TOOLKIT_DATA.")
    return path
