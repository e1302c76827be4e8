"""The programs that the benchmarks of speed run: `toolkit score`, and what it is compared with."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path

from examples.benchmarks.measure import CORES, PYTHON, Command, Contender, module, run_module
from examples.benchmarks.quality_peers import NO_FASTTEXT, NO_VADER
from toolkit.errors import ToolkitError
from toolkit.native import LIBRARY, load_core

SUFFIXES = {"CSV": ".csv", "JSON Lines": ".jsonl", "Parquet": ".parquet"}

# Names of rows in the results.
TOOLKIT, COPY, FASTTEXT = "toolkit score", "plain copy", "fastText, prepared text"
FASTTEXT_CSV, SCIKIT_LEARN, KERAS = "fastText, CSV to CSV", "scikit-learn", "Keras"
VADER = "VADER"

# What makes the token ids and more: values of TOOLKIT_NATIVE.
NATIVE, ARROW = "native", "Arrow"
VARIABLES = {NATIVE: {"TOOLKIT_NATIVE": "require"}, ARROW: {"TOOLKIT_NATIVE": "0"}}


def why_not(core: str) -> str:
    """Say why a core cannot run here; nothing if it can."""
    if core == ARROW:
        return ""
    try:
        load_core(LIBRARY)
    except ToolkitError as error:
        return f"no native core: {error}"
    return ""


def usual_core() -> str:
    """Give the core that runs if nothing is set."""
    return ARROW if why_not(NATIVE) else NATIVE


def toolkit(
    model: str, source: Path, reviews: int, runs: int, *, core: str = "", workers: int = CORES
) -> Contender:
    """Score a file with a shipped model; by default, with the core that runs if nothing is set."""
    core = core or usual_core()
    output = source.with_name(f"{source.stem}.{model}.{core}.{workers}{source.suffix}")
    options = ["--model", model, "-o", str(output), "--workers", str(workers), "--quiet"]
    command = Command(
        [*PYTHON, "toolkit", "score", str(source), *options], variables=VARIABLES[core]
    )
    about = {"model": model, "format": _format(source), "core": core}
    return Contender(
        TOOLKIT, [command], runs, reviews, workers, [output], skipped=why_not(core), about=about
    )


def copy(source: Path, reviews: int, runs: int) -> Contender:
    """Read a CSV or Parquet file and write it again, with nothing scored."""
    output = source.with_name(f"{source.stem}.copy{source.suffix}")
    command = _script("copy_file", source, output)
    return Contender(
        COPY,
        [command],
        runs,
        reviews,
        outputs=[output],
        is_compared=False,
        about={"format": _format(source)},
    )


@cache
def _fasttext_model() -> tuple[Path, tempfile.TemporaryDirectory[str]]:
    """Train fastText once, in a folder that is kept until the end."""
    print("training fastText, half a minute", file=sys.stderr)
    folder = tempfile.TemporaryDirectory()
    run_module("contenders.fasttext_train", folder.name)
    return Path(folder.name, "model.bin"), folder


def fasttext(source: Path, times: int, runs: int, processes: list[int]) -> list[Contender]:
    """Predict the prepared text of a CSV file, repeated, with so many processes at once."""
    if shutil.which("fasttext") is None:
        return [Contender(FASTTEXT, [], runs, skipped=NO_FASTTEXT)]
    model, _ = _fasttext_model()
    reviews = int(run_module("contenders.fasttext_text", source, source.parent, CORES, times))
    found = []
    for number in processes:
        names = [f"reviews.{i}.txt" for i in range(CORES)] if number > 1 else ["reviews.txt"]
        texts = [source.with_name(name) for name in names]
        outputs = [text.with_suffix(".scored.txt") for text in texts]
        commands = [
            Command(["fasttext", "predict-prob", str(model), str(text)], output)
            for text, output in zip(texts, outputs, strict=True)
        ]
        found.append(Contender(FASTTEXT, commands, runs, reviews, number, outputs))
    return found


def fasttext_csv(source: Path, reviews: int, runs: int) -> Contender:
    """Do all that it takes to score a CSV file with fastText."""
    if shutil.which("fasttext") is None:
        return Contender(FASTTEXT_CSV, [], runs, skipped=NO_FASTTEXT)
    output = source.with_name("fasttext.csv")
    command = _script("fasttext_file", source, output, _fasttext_model()[0], CORES)
    return Contender(FASTTEXT_CSV, [command], runs, reviews, CORES, [output])


def scikit_learn(source: Path, reviews: int, runs: int) -> Contender:
    """Train tf-idf with logistic regression, and score a CSV file with it."""
    output, model = source.with_name("sklearn.csv"), source.with_name("model.pickle")
    print("training scikit-learn, half a minute", file=sys.stderr)
    run_module("contenders.sklearn_train", model)
    command = _script("sklearn_file", source, output, model, CORES)
    return Contender(SCIKIT_LEARN, [command], runs, reviews, CORES, [output])


def vader(source: Path, reviews: int, runs: int) -> Contender:
    """Score a CSV file with the lexicon."""
    if importlib.util.find_spec("vaderSentiment") is None:
        return Contender(VADER, [], runs, skipped=NO_VADER)
    output = source.with_name("vader.csv")
    command = _script("vader_file", source, output, CORES)
    return Contender(VADER, [command], runs, reviews, CORES, [output])


def keras(source: Path, reviews: int, runs: int) -> Contender:
    """Score a CSV file with the network of conv1d, as the tutorial does."""
    output = source.with_name("keras.csv")
    command = _script("keras_file", source, output)
    return Contender(KERAS, [command], runs, reviews, CORES, [output])


def _format(source: Path) -> str:
    return next(kind for kind, suffix in SUFFIXES.items() if suffix == source.suffix)


def _script(name: str, *arguments: object) -> Command:
    return Command(module(f"contenders.{name}", *arguments))
