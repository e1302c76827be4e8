"""Part 1: `toolkit score` against other ways to score 100,000 reviews, and a plain copy.

Every row is whole processes with their start. The rows from a prepared text leave out the work of
preparing it and of putting the scores back, which favours fastText; "end to end" has it all.
Only models of the same kind of accuracy compare fairly, hence that column.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.benchmarks.measure import CORES, PYTHON, Command, Contender, interleave, run_module
from tests.benchmarks.results import Rows, save, seconds, show

REVIEWS = 100_000
RUNS = 5
SLOW_RUNS = 3
NO_FASTTEXT = "needs the program fasttext: apt-get install fasttext"
ALL = f"{CORES} cores"


def main() -> None:
    """Measure, save, and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for suffix in ("csv", "jsonl", "parquet"):
            run_module("inputs", folder / f"reviews.{suffix}", REVIEWS)
        rows = interleave([*copies(folder), *ours(folder), *fasttext(folder), *others(folder)])
    save("peers", rows)
    print_table(rows)


def copies(folder: Path) -> list[Contender]:
    """List the bounds: files that Arrow reads and writes, with nothing scored."""
    return [
        _contender(f"copy, {kind}", RUNS, _script("copy_file", source, folder / f"copy{suffix}"))
        for kind, suffix, source in _inputs(folder)
        if suffix != ".jsonl"  # Arrow writes none
    ]


def ours(folder: Path) -> list[Contender]:
    """List the tool itself, by format, with one worker and with its default."""
    found = []
    for kind, suffix, source in _inputs(folder):
        for cores, workers in (("1 core", ["--workers", "1"]), (ALL, [])):
            output = folder / f"out{suffix}"
            options = ["-o", str(output), "--force", "--quiet", *workers]
            command = Command([*PYTHON, "toolkit", "score", str(source), *options])
            found.append(_contender(f"toolkit score, {kind}, {cores}", RUNS, command, output))
    return found


def fasttext(folder: Path) -> list[Contender]:
    """List fastText, from prepared text and end to end."""
    names = [f"fastText, {kind}, {n}" for kind in ("text", "CSV") for n in ("1 core", ALL)]
    if shutil.which("fasttext") is None:
        return [Contender(name, [], RUNS, skipped=NO_FASTTEXT) for name in names]
    source, output = folder / "reviews.csv", folder / "fasttext.csv"
    run_module("contenders.fasttext_text", source, folder, CORES)
    shards = [folder / f"reviews.{i}.txt" for i in range(CORES)]
    model = folder / "model.bin"
    return [
        _predict_prob(names[0], model, [folder / "reviews.txt"]),
        _predict_prob(names[1], model, shards),
        _contender(names[2], RUNS, _script("fasttext_file", source, output, model, 1), output),
        _contender(names[3], RUNS, _script("fasttext_file", source, output, model, CORES), output),
    ]


def others(folder: Path) -> list[Contender]:
    """List what takes long and runs less often: scikit-learn, and Keras as in the tutorial."""
    source, output, model = folder / "reviews.csv", folder / "other.csv", folder / "model.pickle"
    run_module("contenders.sklearn_train", model)
    name = "scikit-learn, CSV,"
    one, all_cores = (_script("sklearn_file", source, output, model, n) for n in (1, CORES))
    keras = _script("keras_file", source, output)
    return [
        _contender(f"{name} 1 core", SLOW_RUNS, one, output),
        _contender(f"{name} {ALL}", SLOW_RUNS, all_cores, output),
        _contender(f"Keras model.predict, CSV, {ALL}", SLOW_RUNS, keras, output),
    ]


def print_table(rows: Rows) -> None:
    """Print the times, with the quickest plain copy as the unit."""
    bound = rows[0]["seconds"]
    header = ["", "seconds", "reviews/s", "time, CSV copy = 1", "peak MiB", "accuracy"]
    measured = [row for row in rows if "skipped" not in row]
    show(
        f"{REVIEWS:,} reviews",
        header,
        [
            [
                row["name"],
                seconds(row),
                f"{row['reviews_per_second']:,}",
                f"{row['seconds'] / bound:.1f}",
                f"{row['peak_mebibytes']}",
                f"{row['accuracy']:.2%}" if "accuracy" in row else "",
            ]
            for row in measured
        ],
    )
    for row in rows:
        if row not in measured:
            print(f"\nleft out: {row['name']} ({row['skipped']})")


def _inputs(folder: Path) -> list[tuple[str, str, Path]]:
    kinds = {"CSV": ".csv", "JSON Lines": ".jsonl", "Parquet": ".parquet"}
    return [(kind, suffix, folder / f"reviews{suffix}") for kind, suffix in kinds.items()]


def _script(name: str, *arguments: object) -> Command:
    return Command([*PYTHON, f"tests.benchmarks.contenders.{name}", *map(str, arguments)])


def _contender(name: str, runs: int, command: Command, *outputs: Path) -> Contender:
    return Contender(name, [command], runs, REVIEWS, list(outputs))


def _predict_prob(name: str, model: Path, texts: list[Path]) -> Contender:
    """Make a contender of a process of fastText for each text."""
    outputs = [text.with_suffix(".scored.txt") for text in texts]
    commands = [
        Command(["fasttext", "predict-prob", str(model), str(text)], output)
        for text, output in zip(texts, outputs, strict=True)
    ]
    return Contender(name, commands, RUNS, REVIEWS, outputs)
