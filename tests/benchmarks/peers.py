"""Part 1: `toolkit score` against other ways to score 100,000 reviews, and a plain copy.

Every row is whole processes with their start, and their models differ: hence the accuracy next to
the time.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from tests.benchmarks.measure import CORES, PYTHON, Command, Contender, interleave, run_module
from tests.benchmarks.quality_peers import NO_FASTTEXT
from tests.benchmarks.results import Rows, save, seconds, show
from tests.benchmarks.sources import TIMED_MODEL

REVIEWS = 100_000
RUNS = 5
SLOW_RUNS = 3
NOTE = f"""
"prepared text" leaves out what turns the CSV into fastText's text and puts the scores back, which
favours fastText; "end to end" has both. Memory is that of the largest process. scikit-learn and
Keras ran {SLOW_RUNS} times, the others {RUNS} times."""
FASTTEXT = "fastText, prepared text"


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
    found = []
    for kind, suffix, source in _inputs(folder):
        if suffix == ".jsonl":  # Arrow writes none
            continue
        output = folder / f"copy{suffix}"
        command = _script("copy_file", source, output)
        name = f"copy, {kind}"
        found.append(Contender(name, [command], RUNS, REVIEWS, outputs=[output], is_compared=False))
    return found


def ours(folder: Path) -> list[Contender]:
    """List the tool itself, by format, with one worker and with its default."""
    found = []
    for kind, suffix, source in _inputs(folder):
        for cores, workers in ((1, ["--workers", "1"]), (CORES, [])):
            output = folder / f"out{suffix}"
            options = ["--model", TIMED_MODEL, "-o", str(output), "--quiet", *workers]
            command = Command([*PYTHON, "toolkit", "score", str(source), *options])
            found.append(_contender(f"toolkit score, {kind}", cores, command, output))
    return found


def fasttext(
    folder: Path, cores: int = CORES, runs: int = RUNS, reviews: int = REVIEWS
) -> list[Contender]:
    """List fastText, from prepared text and end to end, on so many reviews in reviews.csv."""
    if shutil.which("fasttext") is None:
        return [Contender("fastText", [], runs, skipped=NO_FASTTEXT)]
    source, output = folder / "reviews.csv", folder / "fasttext.csv"
    run_module("contenders.fasttext_text", source, folder, cores)
    shards = [folder / f"reviews.{i}.txt" for i in range(cores)]
    model = folder / "model.bin"
    one, all_cores = (_script("fasttext_file", source, output, model, n) for n in (1, cores))
    name = "fastText, CSV end to end"
    return [
        _predict_prob(model, [folder / "reviews.txt"], runs, reviews),
        _predict_prob(model, shards, runs, reviews),
        Contender(name, [one], runs, reviews, 1, [output]),
        Contender(name, [all_cores], runs, reviews, cores, [output]),
    ]


def others(folder: Path) -> list[Contender]:
    """List what takes long and runs less often: scikit-learn, and Keras as in the tutorial."""
    source, output, model = folder / "reviews.csv", folder / "other.csv", folder / "model.pickle"
    run_module("contenders.sklearn_train", model)
    one, all_cores = (_script("sklearn_file", source, output, model, n) for n in (1, CORES))
    keras = _script("keras_file", source, output)
    return [
        _contender("scikit-learn, CSV", 1, one, output, runs=SLOW_RUNS),
        _contender("scikit-learn, CSV", CORES, all_cores, output, runs=SLOW_RUNS),
        _contender("Keras model.predict, CSV", CORES, keras, output, runs=SLOW_RUNS),
    ]


def print_table(rows: Rows) -> None:
    """Print the times, with the copy of the CSV and one process of fastText as their units."""
    bound = rows[0]["seconds"]
    one = next((r["seconds"] for r in rows if r["name"] == FASTTEXT and "seconds" in r), None)
    header = ["", "cores", "seconds", "reviews/s", "time, CSV copy = 1", "speed, fastText = 1"]
    header += ["peak MiB", "accuracy"]
    measured = [row for row in rows if "skipped" not in row]
    show(
        f"{REVIEWS:,} reviews",
        header,
        [
            [
                row["name"],
                str(row["cores"]),
                seconds(row),
                f"{row['reviews_per_second']:,}",
                f"{row['seconds'] / bound:.1f}",
                f"{one / row['seconds']:.2f}" if one else "",
                f"{row['peak_mebibytes']}",
                f"{row['accuracy']:.2%}" if "accuracy" in row else "",
            ]
            for row in measured
        ],
    )
    print(NOTE)
    for row in rows:
        if row not in measured:
            print(f"\nleft out: {row['name']}, {row['cores']} core(s): {row['skipped']}")


def _inputs(folder: Path) -> list[tuple[str, str, Path]]:
    kinds = {"CSV": ".csv", "JSON Lines": ".jsonl", "Parquet": ".parquet"}
    return [(kind, suffix, folder / f"reviews{suffix}") for kind, suffix in kinds.items()]


def _script(name: str, *arguments: object) -> Command:
    return Command([*PYTHON, f"tests.benchmarks.contenders.{name}", *map(str, arguments)])


def _contender(
    name: str, cores: int, command: Command, output: Path, runs: int = RUNS
) -> Contender:
    return Contender(name, [command], runs, REVIEWS, cores, [output])


def _predict_prob(model: Path, texts: list[Path], runs: int, reviews: int) -> Contender:
    """Make a contender of a process of fastText for each text."""
    outputs = [text.with_suffix(".scored.txt") for text in texts]
    commands = [
        Command(["fasttext", "predict-prob", str(model), str(text)], output)
        for text, output in zip(texts, outputs, strict=True)
    ]
    return Contender(FASTTEXT, commands, runs, reviews, len(texts), outputs)
