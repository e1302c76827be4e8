"""Train and export the shipped models again, and say how close they come to the shipped ones.

Run `python -m exported.make [--ship] [MODEL ...]`, or `make models`. More options train nothing: `--twins` writes the twins and
`NAME.tokens.json` again, `--stamp` writes what `releases.toml` says into the shipped files, and `--cards` only writes the model
cards, the tables of pages and the checksums.

The reviews are read from the folder that TOOLKIT_DATA names. Without it, `conv1d` is trained on `aclImdb`, the unpacked
archive of the data set, or on what Keras downloads; the general models need the folder.
With --ship, the new models replace those in this folder, and the cards (`NAME.md`), `golden.jsonl` and `SHA256SUMS` are
written.

The general models learn from the labels of `exported.data.join`, from the probabilities in `exported/teacher.parquet`
(`reviews` also from those in `examples/teacher/mpnet/answers`), from texts without labels that this teacher has scored (`exported.unlabelled` says which), and from composed and
written ones (`exported.composed`).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exported.composed import compose, written
from exported.data import FILMS, HALVES, HELD_OUT, join
from exported.kinds import KIND, with_kinds
from exported.shipping import EXPORTED, ship, shipped_files, stamp_model, write_pages, write_twin
from exported.sources import OPEN_ONLY
from exported.unlabelled import PROJECT, taught
from toolkit import Scorer
from toolkit.training import fingerprint, imdb
from toolkit.training import imdb as acl_imdb

RUNS = Path("runs") / "shipped"
TEACHER, OPEN_TEACHER = (EXPORTED / f"teacher{kind}.parquet" for kind in ("", "-open"))


@dataclass(frozen=True)
class Recipe:
    """How a shipped model is trained."""

    preset: str
    options: tuple[str, ...] = ()
    reviews: str = "all"  # or `FILMS` alone, or "open": those with an open licence, without films
    has_second_teacher: bool = False  # whether it learns from the larger teacher, too


# By the name of the model: to ship another one, add an entry, and its name to `SHIPPED`.
RECIPES = {
    "reviews": Recipe("ngram-recurrent", has_second_teacher=True),
    "reviews-small": Recipe("ngram-linear", ("--epochs", "2", "--batch-size", "256")),
    OPEN_ONLY: Recipe("ngram-recurrent", reviews="open"),
    "conv1d": Recipe("conv1d", ("--folds", "5"), reviews=FILMS),
}


@dataclass(frozen=True)
class Source:
    """Where the reviews are: arguments of `toolkit train`, and the texts of the test reviews."""

    train: list[str]
    test: pa.ChunkedArray


def data_folder() -> Path:
    """Give the folder that TOOLKIT_DATA names."""
    return Path(os.environ.get("TOOLKIT_DATA", PROJECT.parent / "shared"))


def films() -> Source:
    """Take the best source of films that is there."""
    folder = data_folder() / "imdb"
    if folder.is_dir():
        train, test = (str(folder / f"{name}.parquet") for name in ("train", "test"))
        return Source([train, "--group-column", "movie", "--test-data", test], _texts(test))
    folder = Path("aclImdb")
    if folder.is_dir():
        return Source([str(folder), "--test"], acl_imdb.load_acl_imdb(folder, "test").texts)
    return Source(["imdb", "--test"], imdb.load_imdb("test").texts)


def source_of(recipe: Recipe) -> Source:
    """Gather what a recipe learns from."""
    if recipe.reviews == FILMS:
        return films()
    teacher = joined_teachers(RUNS / "teachers.parquet") if recipe.has_second_teacher else None
    return all_reviews(teacher, only_open=recipe.reviews == "open")


def joined_teachers(path: Path) -> Path:
    """Join the answers of both teachers in a file, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    places = ["--data", str(data_folder().resolve()), "--output", str(path.resolve())]
    tool = [sys.executable, "-m", "examples.teacher.mpnet.blend", *places]
    subprocess.run(tool, check=True, cwd=PROJECT)
    return path


def all_reviews(
    teacher: Path | None = None, folds: str = HALVES, *, only_open: bool = False
) -> Source:
    """Write the reviews of all domains into files, and give what `toolkit train` needs of them.

    `teacher` is another file than the shipped one. Composed texts have short reviews of some folds in them. With
    `only_open`, all is of sources with an open licence, but the test reviews.
    """
    data = data_folder()
    folder = RUNS / "open" if only_open else RUNS
    reviews = join(data, only_open=only_open)
    labelled = with_kinds(reviews.filter(pc.is_valid(reviews["label"])))
    teacher = teacher or (OPEN_TEACHER if only_open else TEACHER)
    found = taught(reviews, data, teacher, folder / "texts", only_open=only_open)
    train = labelled.filter(pc.not_equal(labelled["fold"], HELD_OUT))
    used = train.filter(pc.is_in(train["fold"], value_set=pa.array([*folds], pa.large_string())))
    composed = [*compose(used["text"].to_pylist(), used["label"].to_pylist()), *written(folds)]
    of_composed = {fingerprint(one.text): one.probability for one in composed}
    names, probabilities = zip(*(of_composed | found.probabilities).items(), strict=True)
    texts = dict.fromkeys([*found.texts, *(one.text for one in composed)])
    parts = {
        "train": train,
        "validation": of_held_out(reviews),
        "unlabelled": pa.table({"text": [*texts]}),
        "teacher": pa.table({"text_sha256": names, "positive_probability": probabilities}),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: str(folder / f"{name}.parquet") for name in parts}
    for name, table in parts.items():
        pq.write_table(table, files[name])
    test = str(data / "imdb" / "test.parquet")
    columns = ["--group-column", "group", "--balance-column", KIND]
    held_out = ["--validation-data", files["validation"], "--test-data", test]
    more = ["--unlabelled", files["unlabelled"], "--teacher", files["teacher"]]
    return Source([files["train"], *columns, *held_out, *more], _texts(test))


def training_of(model: str, source: Source) -> list[str]:
    """Give the arguments of `toolkit` that train a model."""
    recipe = RECIPES[model]
    options = ["--preset", recipe.preset, *recipe.options, "--output", str(RUNS / model)]
    return ["train", *source.train, *options, "--force"]


def rebuild(model: str, source: Source) -> Path:
    """Train and export one model, with the commands that a user would give."""
    path = RUNS / model / f"{model}.onnx"
    run_toolkit(*training_of(model, source))
    run_toolkit("export", str(path.parent), "--output", str(path), "--force")
    stamp_model(path)
    return path


def compare(shipped: Path, rebuilt: Path, texts: pa.ChunkedArray) -> str:
    """Say how near the probabilities of two models are on the test reviews; no label is read."""
    old, new = (Scorer(path) for path in (shipped, rebuilt))
    before, now = (
        pc.fill_null(scorer.probabilities(texts), 0.5).to_numpy() for scorer in (old, new)
    )
    equal = np.mean((before >= old.threshold) == (now >= new.threshold))
    is_same = shipped.read_bytes() == rebuilt.read_bytes()
    return (
        f"{shipped.stem}: {equal:.2%} of {len(texts):,} labels as the shipped model, mean "
        f"difference of the probabilities {np.abs(before - now).mean():.4f}"
        f"{', the same file' if is_same else ''}; accuracy {_accuracy(new)}, shipped "
        f"{_accuracy(old)}"
    )


def of_held_out(reviews: pa.Table) -> pa.Table:
    """Give the reviews that no model is fitted to; those of about three stars are labelled `neutral`."""
    is_held_out = pc.equal(reviews["fold"], HELD_OUT)
    is_neutral = pc.and_(
        pc.is_null(reviews["label"]),
        pc.and_(pc.greater(reviews["stars"], 2), pc.less(reviews["stars"], 4)),
    )
    kept = reviews.filter(
        pc.and_(is_held_out, pc.or_kleene(pc.is_valid(reviews["label"]), is_neutral))
    )
    labels = pc.fill_null(kept["label"].cast(pa.string()), "neutral")
    return with_kinds(kept.set_column(kept.schema.get_field_index("label"), "label", labels))


def _texts(path: str) -> pa.ChunkedArray:
    return pq.read_table(path, columns=["text"])["text"]


def _accuracy(scorer: Scorer) -> str:
    test = scorer.facts.metrics.test
    return "not measured" if test is None else f"{test.accuracy:.2%}"


def run_toolkit(*arguments: str) -> None:
    """Run a command of the toolkit."""
    subprocess.run([sys.executable, "-m", "toolkit", *arguments], check=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m exported.make", description=__doc__)
    parser.add_argument(
        "--ship", action="store_true", help="replace the models in exported/ by the new ones"
    )
    parser.add_argument(
        "--cards",
        action="store_true",
        help="train nothing: write the cards (exported/NAME.md), the table in SOURCES.md and SHA256SUMS again",
    )
    parser.add_argument(
        "--twins",
        action="store_true",
        help="train nothing: write the twins of the shipped models and NAME.tokens.json, then do as --cards does",
    )
    parser.add_argument(
        "--stamp",
        action="store_true",
        help="train nothing: write releases.toml into the shipped files, then do as --cards does",
    )
    parser.add_argument(
        "model",
        nargs="*",
        help=f"which to train: {', '.join(RECIPES)} (default: all)",
    )
    return parser


def _parsed() -> argparse.Namespace:
    parser = _parser()
    chosen = parser.parse_args()
    unknown = [name for name in chosen.model if name not in RECIPES]
    if unknown:
        parser.error(f"no model '{unknown[0]}' (choose from: {', '.join(RECIPES)})")
    if (chosen.cards or chosen.stamp or chosen.twins) and (chosen.model or chosen.ship):
        parser.error(
            "--cards, --stamp and --twins are for all models and train none: leave out the others"
        )
    return chosen


def rewrite(*, twins: bool, stamps: bool) -> None:
    """Write what needs no training: twins, releases if asked for, and pages."""
    for path in shipped_files():
        if twins:
            write_twin(path)
        if stamps:
            stamp_model(path)
    write_pages()


def main() -> None:
    """Rebuild the chosen models, one after the other."""
    chosen = _parsed()
    if chosen.cards or chosen.stamp or chosen.twins:
        rewrite(twins=chosen.twins, stamps=chosen.stamp)
        return
    models = chosen.model or [*RECIPES]
    lines = []
    for model in models:
        source = source_of(RECIPES[model])
        rebuilt, shipped = rebuild(model, source), EXPORTED / f"{model}.onnx"
        if shipped.is_file():
            lines.append(compare(shipped, rebuilt, source.test))
        if chosen.ship:
            ship(RUNS / model)
    if chosen.ship:
        write_pages()
    print("\n".join(lines))


if __name__ == "__main__":
    main()
