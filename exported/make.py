"""Train and export the shipped models again, and say how close they come to the shipped ones.

Run `python -m exported.make [--ship] [PRESET ...]`, or `make models`. `python -m exported.make --cards` trains nothing
and writes only the model cards.

The reviews are read from the folder that TOOLKIT_DATA names. Without it they are read from `aclImdb`, the unpacked
archive of the data set. Without that, Keras downloads them, but then there are no groups and no unlabelled reviews.
With --ship, the new models replace those in this folder, and the cards in `README.md` and `golden.jsonl` are written.

Presets that use unlabelled reviews also learn from `exported/teacher.parquet`, and from short texts that
`examples/teacher/imdb/spans.py` cuts out of the reviews, if the teacher has scored them. Without a teacher, such a
preset makes its own targets.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from exported.cards import with_cards
from toolkit import Scorer
from toolkit.export.golden import Subject, golden_vectors
from toolkit.model.shipped import SHIPPED
from toolkit.records.read_options import ReadOptions
from toolkit.training.presets import PRESETS
from toolkit.training.sources import acl_imdb, imdb, teacher

EXPORTED = Path(__file__).parent
PROJECT = EXPORTED.parent
RUNS = Path("runs") / "shipped"
TEACHER = EXPORTED / "teacher.parquet"
SPANS = PROJECT / "examples" / "teacher" / "imdb" / "spans.py"
LEARN_FROM_SPANS = ("ngram-cnn",)  # a sum of weights gets worse by them: see experiments.md
FOLDS = {"conv1d": 5, "ngram-linear": 3, "ngram-cnn": 3}


@dataclass(frozen=True)
class Source:
    """Where the reviews are: arguments of `toolkit train`, and the texts of the test reviews."""

    train: list[str]
    test: pa.ChunkedArray
    unlabelled: Path | None = None
    data: Path | None = None  # the folder that spans can be cut from


def data_folder() -> Path:
    """Give the folder that TOOLKIT_DATA names."""
    return Path(os.environ.get("TOOLKIT_DATA", PROJECT.parent / "shared"))


def find_source() -> Source:
    """Take the best source that is there."""
    folder = data_folder() / "imdb"
    if folder.is_dir():
        train, test = (str(folder / f"{name}.parquet") for name in ("train", "test"))
        return Source(
            [train, "--group-column", "movie", "--test-data", test],
            pq.read_table(test, columns=["text"])["text"],
            folder / "unlabelled.parquet",
            data_folder(),
        )
    folder = Path("aclImdb")
    if folder.is_dir():
        return Source([str(folder), "--test"], acl_imdb.load(folder, "test").texts, folder)
    return Source(["imdb", "--test"], imdb.load("test").texts)


class More(NamedTuple):
    """Arguments of `toolkit train`: all there is to learn from but the labels of people."""

    arguments: list[str]
    spans: list[str]  # for those that learn from them


def beside_labels(source: Source) -> More:
    """Find what there is beside the labels."""
    if source.unlabelled is None:
        return More([], [])
    found = ["--unlabelled", str(source.unlabelled)]
    if not TEACHER.is_file():
        print(f"{TEACHER}: not there, so that the presets make views of their own", file=sys.stderr)
        return More(found, [])
    found += ["--teacher", str(TEACHER)]
    if source.data is not None:
        spans = make_spans(source.data)
        if are_taught(spans, source.unlabelled, TEACHER):
            return More(found, ["--unlabelled", str(spans)])
    return More(found, [])


def make_spans(data: Path) -> Path:
    """Cut short texts out of the unlabelled reviews, as it was done for the teacher."""
    places = ["--data", str(data), "--work", str(RUNS)]
    subprocess.run([sys.executable, str(SPANS), *places], check=True)
    return RUNS / "spans.parquet"


def are_taught(spans: Path, reviews: Path, path: Path) -> bool:
    """Tell whether a teacher file has the spans; end the program if it has but some of them.

    `toolkit train` would give those that are missing targets of its own, made for whole reviews.
    Spans that are whole reviews say nothing of it.
    """
    known = set(teacher.load(path, ReadOptions()).texts or ())
    texts, whole = (pq.read_table(name, columns=["text"])["text"] for name in (spans, reviews))
    texts = sorted({*texts.to_pylist()} - {*whole.to_pylist()})
    missing = [text for text in texts if teacher.fingerprint(text) not in known]
    if not missing:
        return bool(texts)
    if len(missing) < len(texts):
        sys.exit(
            f"{path}: lacks {len(missing):,} of the {len(texts):,} texts that {SPANS} "
            f"makes, such as {missing[0]!r:.60}. Make it again with the tools beside that."
        )
    print(f"{path}: has no spans, so that none are used", file=sys.stderr)
    return False


def training_of(preset: str, source: Source, more: More) -> list[str]:
    """Give the arguments of `toolkit` that train a preset."""
    used = more.arguments if PRESETS[preset].uses_unlabelled else []
    if preset in LEARN_FROM_SPANS:
        used = [*used, *more.spans]
    options = ["--preset", preset, "--folds", str(FOLDS[preset]), "--output", str(RUNS / preset)]
    return ["train", *source.train, *used, *options, "--force"]


def rebuild(preset: str, source: Source, more: More) -> Path:
    """Train and export one preset, with the commands that a user would give."""
    run = RUNS / preset
    _toolkit(*training_of(preset, source, more))
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
    """Put the new model and what belongs to it into `exported/`; make cards and golden vectors again."""
    run = RUNS / preset
    for ending in (".onnx", ".ids.onnx", ".vocabulary.txt"):
        shutil.copy(run / f"{preset}{ending}", EXPORTED)
    shutil.copy(run / "model.keras", EXPORTED / f"{preset}.keras")
    write_cards()
    (EXPORTED / "golden.jsonl").write_text(shipped_vectors(shipped_files()), encoding="utf-8")


def shipped_files() -> list[Path]:
    """Give the shipped model files that are there."""
    return [path for name in SHIPPED if (path := EXPORTED / f"{name}.onnx").is_file()]


def write_cards() -> None:
    """Write the cards of the shipped models into README.md, below what is written by hand."""
    page = EXPORTED / "README.md"
    page.write_text(with_cards(page.read_text(encoding="utf-8"), shipped_files()), encoding="utf-8")


def shipped_vectors(paths: list[Path]) -> str:
    """Make the golden vectors of models that have their Keras networks beside them."""
    return golden_vectors({path.stem: Subject.load(path) for path in paths})


def _accuracy(scorer: Scorer) -> str:
    test = scorer.facts.metrics.test
    return "not measured" if test is None else f"{test.accuracy:.2%}"


def _toolkit(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "toolkit", *arguments], check=True)


def main() -> None:
    """Rebuild the chosen presets, one after the other."""
    parser = argparse.ArgumentParser("python -m exported.make", description=__doc__)
    parser.add_argument(
        "--ship", action="store_true", help="replace the models in exported/ by the new ones"
    )
    parser.add_argument(
        "--cards",
        action="store_true",
        help="train nothing: write the model cards in exported/README.md again",
    )
    parser.add_argument(
        "preset", nargs="*", choices=[*FOLDS, []], help="which to train (default: all)"
    )
    chosen = parser.parse_args()
    if chosen.cards:
        write_cards()
        return
    presets = chosen.preset or [*FOLDS]
    source = find_source()
    is_more_used = any(PRESETS[preset].uses_unlabelled for preset in presets)
    more = beside_labels(source) if is_more_used else More([], [])
    lines = []
    for preset in presets:
        rebuilt, shipped = rebuild(preset, source, more), EXPORTED / f"{preset}.onnx"
        if shipped.is_file():
            lines.append(compare(shipped, rebuilt, source.test))
        if chosen.ship:
            ship(preset)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
