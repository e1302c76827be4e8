"""Train a peer on FOLDER/train.parquet, unless it was already: ``train PEER FOLDER``.

Writes FOLDER/PEER.model, and prints its bytes and what the training took, which FOLDER/PEER.json
keeps with the hash of the reviews and the settings.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import pickle
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from examples.benchmarks.contenders import fasttext_text
from examples.benchmarks.contenders.nblr import NaiveBayesRegression
from examples.benchmarks.quality_peers import NO_VADER, PEERS

Settings = dict[str, Any]


def fasttext(settings: Settings, train: pa.Table, model: Path) -> None:
    """Train the program."""
    with tempfile.TemporaryDirectory(dir=model.parent) as name:
        shutil.move(fasttext_text.train(train, Path(name), settings["options"]), model)


def tfidf(settings: Settings, train: pa.Table, model: Path) -> None:
    """Train scikit-learn."""
    features = TfidfVectorizer(**settings["features"])
    regression = LogisticRegression(**settings["regression"])
    _fit(make_pipeline(features, regression), train, model)


def nblr(settings: Settings, train: pa.Table, model: Path) -> None:
    """Train NB-LR."""
    _fit(NaiveBayesRegression(**settings), train, model)


def _fit(estimator: Any, train: pa.Table, model: Path) -> None:
    estimator.fit(fasttext_text.lines(train["text"]), train["label"].to_numpy())
    with model.open("wb") as file:
        pickle.dump(estimator, file)


def vader(_settings: Settings, _train: pa.Table, model: Path) -> None:
    """Copy the lexicon: there is nothing to learn."""
    package = importlib.util.find_spec("vaderSentiment")
    if package is None or package.origin is None:
        sys.exit(NO_VADER)
    shutil.copy(Path(package.origin).with_name("vader_lexicon.txt"), model)


METHODS = {"fasttext": fasttext, "tfidf": tfidf, "nblr": nblr, "vader": vader}


def _hash(table: pa.Table) -> str:
    """Hash the texts and the labels, in their order."""
    found = hashlib.sha256("\0".join(table["text"].to_pylist()).encode())
    found.update(bytes(table["label"].to_pylist()))
    return found.hexdigest()


def main(peer: str, folder: Path) -> dict[str, Any]:
    """Do it; give what is known of the training."""
    settings: Settings = json.loads(json.dumps(PEERS[peer].settings))
    model, facts = folder / f"{peer}.model", folder / f"{peer}.json"
    table = pq.read_table(folder / "train.parquet", columns=["text", "label"])
    wanted = {"sha256": _hash(table), "settings": settings}
    if facts.exists() and model.exists():
        known: dict[str, Any] = json.loads(facts.read_text())
        if {key: known[key] for key in wanted} == wanted:
            return known
    began = time.perf_counter()
    METHODS[peer](PEERS[peer].settings, table, model)
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    found = {
        **wanted,
        "reviews": len(table),
        "bytes": model.stat().st_size,
        "seconds": round(time.perf_counter() - began),
        "processor_seconds": round(sum(each.ru_utime + each.ru_stime for each in used)),
        "peak_mebibytes": max(each.ru_maxrss for each in used) // 1024,
    }
    facts.write_text(json.dumps(found, indent=1) + "\n")
    return found


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]))))
