"""What a package without extras can do: all but training. Its dependencies are enough."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.data import PROJECT
from tests.packaging.environments import Environment, environment

pytestmark = pytest.mark.slow

EXAMPLES = PROJECT / "examples"
HEAVY = ("onnx", "tensorflow", "keras", "sklearn", "scipy", "matplotlib", "pandas", "obstore")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("reviews.csv", "reviews.jsonl", "labelled.csv"):
        shutil.copy(EXAMPLES / name, tmp_path)
    shutil.copy(PROJECT / "exported" / "reviews-small.ids.onnx", tmp_path)
    return tmp_path


def test_what_is_heavy_is_not_there(light: Environment, tmp_path: Path) -> None:
    code = f"from importlib.util import find_spec; print([n for n in {HEAVY} if find_spec(n)])"
    ran = light.run("python", "-c", code, cwd=tmp_path)
    assert (ran.out, ran.err) == ("[]\n", "")


@pytest.mark.parametrize("program", ["toolkit", "review-sentiment-toolkit"])
def test_both_commands_score(light: Environment, program: str, folder: Path) -> None:
    ran = light.run(program, "score", "reviews.csv", "-o", "scored.csv", cwd=folder)
    assert (ran.exit_code, ran.out) == (0, "")
    assert ran.err.startswith("scored.csv\n  records       22\n")
    assert (folder / "scored.csv").read_text("utf-8").count(",positive,") == 11


@pytest.mark.parametrize(
    "call",
    [
        ("score", "reviews.jsonl", "-o", "scored.parquet", "--stars", "--neutral"),
        ("score", "reviews.csv", "-m", "conv1d", "--by-sentence", "--report", "r.json"),
        ("explain", "A fine film, superbly acted.", "--by-sentence"),
        ("evaluate", "reviews", "labelled.csv", "--report", "r.json"),
        ("diff", "conv1d", "reviews", "labelled.csv"),
        ("info", "reviews"),
        ("info", "reviews-small.ids.onnx", "--json"),
    ],
    ids=" ".join,
)
def test_commands_that_need_no_extra(
    light: Environment, call: tuple[str, ...], folder: Path
) -> None:
    ran = light.run("toolkit", *call, cwd=folder)
    assert ran.exit_code == 0, ran.err
    assert "not installed" not in ran.err


def test_python(light: Environment, tmp_path: Path) -> None:
    code = "from toolkit import Scorer; print(Scorer().score(['A fine film.'])[0].sentiment)"
    assert light.run("python", "-c", code, cwd=tmp_path).out == "positive\n"


@pytest.mark.parametrize(
    ("call", "module", "extra"),
    [
        (("export", "run"), "onnx", "train"),
        (("train", "labelled.csv", "--output", "run"), "tensorflow", "train"),
        (("train", "labelled.csv", "--from", "reviews", "--output", "run"), "tensorflow", "train"),
        (("evaluate", "labelled.csv", "--report", "r.html"), "jinja2", "evaluate"),
        (("score", "s3://bucket/a.csv"), "obstore", "cloud"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_other_commands_name_their_extra(
    light: Environment, call: tuple[str, ...], module: str, extra: str, folder: Path
) -> None:
    ran = light.run("toolkit", *call, cwd=folder)
    assert (ran.exit_code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: This needs the package '{module}', which is not installed.")
    assert ran.err.endswith(f"pip install 'review-sentiment-toolkit[{extra}]'\n")


def test_the_page_of_evaluate_needs_its_extra_only(
    wheel: Path, tmp_path: Path, folder: Path
) -> None:
    evaluating = environment(tmp_path / "venv", wheel, "evaluate")
    ran = evaluating.run(
        "toolkit",
        *("evaluate", "reviews", "labelled.csv", "--report", "r.html"),
        cwd=folder,
    )
    assert ran.exit_code == 0, ran.err
    assert (folder / "r.html").read_text("utf-8").startswith("<!doctype html>")
    assert not any((evaluating.packages / name).exists() for name in ("onnx", "sklearn"))
