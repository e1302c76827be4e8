"""Train and export the shipped models again, and say how close they come to the shipped ones.

Run as ``python -m tests.benchmarks.rebuild [--ship] [PRESET...]``. The reviews are those in the
folder that TOOLKIT_DATA names; without it the folder `aclImdb`, where somebody has unpacked the
archive of the data set; without that the reviews that Keras downloads, which have neither groups
nor unlabelled ones. With --ship the new models replace those in `exported/`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.benchmarks.measure import PYTHON
from tests.benchmarks.sources import PROJECT, data_folder
from toolkit import Scorer
from toolkit.export.card import model_page
from toolkit.export.golden import shipped_vectors
from toolkit.training.sources import acl_imdb, imdb

EXPORTED = PROJECT / "exported"
RUNS = Path("runs") / "shipped"
TEACHER = EXPORTED / "teacher.parquet"
PRESETS = ("conv1d", "ngram-linear", "ngram-cnn")
FOLDS = {"conv1d": 5, "ngram-linear": 3, "ngram-cnn": 3}


@dataclass(frozen=True)
class Source:
    """Where the reviews are: arguments of `toolkit train`, and the texts of the test reviews."""

    train: list[str]
    test: pa.ChunkedArray
    more: list[str] = field(default_factory=list)  # for presets that use unlabelled reviews


def find_source() -> Source:
    """Take the best source that is there."""
    folder = data_folder() / "imdb"
    teacher = ["--teacher", str(TEACHER)]
    if folder.is_dir():
        train, test, more = (str(folder / f"{n}.parquet") for n in ("train", "test", "unlabelled"))
        return Source(
            [train, "--group-column", "movie", "--test-data", test],
            pq.read_table(test, columns=["text"])["text"],
            ["--unlabelled", more, *teacher],
        )
    folder = Path("aclImdb")
    if folder.is_dir():
        texts = acl_imdb.load(folder, "test").texts
        return Source([str(folder), "--test"], texts, ["--unlabelled", str(folder), *teacher])
    return Source(["imdb", "--test"], imdb.load("test").texts)


def rebuild(preset: str, source: Source) -> Path:
    """Train and export one preset, with the commands that a user would give."""
    run = RUNS / preset
    more = [] if preset == "conv1d" else source.more
    train = ["train", *source.train, *more, "--preset", preset, "--folds", str(FOLDS[preset])]
    _toolkit(*train, "--output", str(run), "--force")
    _toolkit("export", str(run), "--force")
    return run / f"{preset}.onnx"


def compare(shipped: Path, rebuilt: Path, texts: pa.ChunkedArray) -> str:
    """Say how near the probabilities of two models are on the test reviews; no label is read."""
    old, new = (Scorer(path) for path in (shipped, rebuilt))
    before, now = (scorer.probabilities(texts).to_numpy() for scorer in (old, new))
    equal = np.mean((before >= old.threshold) == (now >= new.threshold))
    is_same = shipped.read_bytes() == rebuilt.read_bytes()
    return (
        f"{new.facts.preset}: {equal:.2%} of {len(texts):,} labels as the shipped model, mean "
        f"difference of the probabilities {np.abs(before - now).mean():.4f}"
        f"{', the same file' if is_same else ''}; accuracy {_accuracy(new)}, shipped "
        f"{_accuracy(old)}"
    )


def ship(preset: str) -> None:
    """Put the new model and what belongs to it into `exported/`; page and golden vectors anew."""
    run = RUNS / preset
    for ending in (".onnx", ".ids.onnx", ".vocabulary.txt"):
        shutil.copy(run / f"{preset}{ending}", EXPORTED)
    shutil.copy(run / "model.keras", EXPORTED / f"{preset}.keras")
    shipped = [path for name in PRESETS if (path := EXPORTED / f"{name}.onnx").is_file()]
    (EXPORTED / "README.md").write_text(model_page(shipped), encoding="utf-8")
    (EXPORTED / "golden.jsonl").write_text(shipped_vectors(shipped), encoding="utf-8")


def _accuracy(scorer: Scorer) -> str:
    test = scorer.facts.metrics.get("test")
    return f"{test['accuracy']:.2%}" if test else "not measured"


def _toolkit(*arguments: str) -> None:
    subprocess.run([*PYTHON, "toolkit", *arguments], check=True)


def main() -> None:
    """Rebuild the chosen presets, one after the other."""
    parser = argparse.ArgumentParser("python -m tests.benchmarks.rebuild", description=__doc__)
    parser.add_argument("--ship", action="store_true", help="replace the models in exported/")
    parser.add_argument("preset", nargs="*", choices=[*PRESETS, []], help="by default all")
    chosen = parser.parse_args()
    source = find_source()
    lines = []
    for preset in chosen.preset or PRESETS:
        rebuilt, shipped = rebuild(preset, source), EXPORTED / f"{preset}.onnx"
        if shipped.is_file():
            lines.append(compare(shipped, rebuilt, source.test))
        if chosen.ship:
            ship(preset)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
