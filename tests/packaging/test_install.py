"""What a package without extras can do, and how it is found beside others called `toolkit`."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.data import PROJECT
from tests.packaging.environments import Environment, environment
from toolkit import __version__

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
        ("evaluate", "--behaviour"),
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


_PACKAGES = {"train": "tensorflow", "evaluate": "jinja2", "cloud": "obstore", "serve": "uvicorn"}


@pytest.mark.parametrize(
    ("call", "module", "extra"),
    [
        (("export", "run"), "onnx", "train"),
        (("train", "labelled.csv", "--output", "run"), "tensorflow", "train"),
        (("train", "labelled.csv", "--from", "reviews", "--output", "run"), "tensorflow", "train"),
        (("evaluate", "labelled.csv", "--report", "r.html"), "jinja2", "evaluate"),
        (("score", "s3://bucket/a.csv"), "obstore", "cloud"),
        (("serve",), "starlette", "serve"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else value,
)
def test_other_commands_name_their_extra(
    light: Environment, call: tuple[str, ...], module: str, extra: str, folder: Path
) -> None:
    ran = light.run("toolkit", *call, cwd=folder)
    assert (ran.exit_code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: This needs the package '{module}', which is not installed.")
    # The environment came from a wheel, or its packages are named: never the name of this package.
    assert "pip install review-sentiment-toolkit" not in ran.err.replace("'", "")
    assert re.search(rf"pip install ('/.*\.whl\[{extra}\]'|.*\b{_PACKAGES[extra]}\b.*)\n$", ran.err)


def test_the_page_of_evaluate_needs_its_extra_only(
    wheel: Path, tmp_path: Path, folder: Path
) -> None:
    evaluating = environment(tmp_path / "venv", wheel, "evaluate")
    ran = evaluating.run(
        "toolkit", *("evaluate", "reviews", "labelled.csv", "--report", "r.html"), cwd=folder
    )
    assert ran.exit_code == 0, ran.err
    assert (folder / "r.html").read_text("utf-8").startswith("<!doctype html>")
    assert not any((evaluating.packages / name).exists() for name in ("onnx", "sklearn"))


THEIRS = "print('another toolkit')\n"


@pytest.fixture
def hiding(tmp_path: Path) -> Path:
    """A working hiding with a module `toolkit`."""
    (tmp_path / "toolkit.py").write_text(THEIRS, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    "call",
    [
        ("toolkit", "--version"),
        ("review-sentiment-toolkit", "--version"),
        ("python", "-P", "-m", "toolkit", "--version"),
        ("python", "-P", "-m", "review_sentiment_toolkit", "--version"),
        ("python", "-P", "-c", "import toolkit; print('toolkit', toolkit.__version__)"),
    ],
    ids=" ".join,
)
def test_what_the_working_folder_does_not_hide(
    light: Environment, call: tuple[str, ...], hiding: Path
) -> None:
    ran = light.run(*call, cwd=hiding)
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.startswith(f"toolkit {__version__}")


def test_a_module_in_the_working_folder_is_named(light: Environment, hiding: Path) -> None:
    ran = light.run("python", "-m", "review_sentiment_toolkit", "--version", cwd=hiding)
    assert ran.exit_code == 1
    assert ran.err.startswith(f"error: {hiding / 'toolkit.py'}: this `toolkit` is found before")
    assert ran.err.count("\n") == 1


def test_what_no_package_can_change(light: Environment, hiding: Path) -> None:
    """The guide says so: this Python finds the other module, and our code does not run."""
    assert light.run("python", "-m", "toolkit", cwd=hiding).out == "another toolkit\n"
    ran = light.run("python", "-c", "from toolkit import Scorer", cwd=hiding)
    assert "ImportError: cannot import name 'Scorer' from 'toolkit'" in ran.err


def test_a_module_in_the_path_of_python(light: Environment, hiding: Path) -> None:
    ran = light.run("toolkit", "--version", cwd=hiding, PYTHONPATH=str(hiding))
    assert ran.exit_code == 1
    assert ran.err.startswith(f"error: {hiding / 'toolkit.py'}: this `toolkit` is found before")


@pytest.mark.parametrize("code", ["import none_such", "import sys; sys.exit(0)", "def ("])
def test_a_module_in_the_path_of_python_that_fails(
    light: Environment, hiding: Path, code: str
) -> None:
    (hiding / "toolkit.py").write_text(code, encoding="utf-8")
    ran = light.run("toolkit", "--version", cwd=hiding, PYTHONPATH=str(hiding))
    assert ran.exit_code == 1
    assert ran.err.startswith(f"error: {hiding / 'toolkit.py'}: this `toolkit` is found before")


def test_a_folder_without_code_hides_nothing(light: Environment, tmp_path: Path) -> None:
    (tmp_path / "toolkit").mkdir()
    for call in (("-m", "toolkit"), ("-m", "review_sentiment_toolkit")):
        assert light.run("python", *call, "--version", cwd=tmp_path).out.startswith(
            f"toolkit {__version__}"
        )


def test_another_distribution_has_replaced_the_package(wheel: Path, tmp_path: Path) -> None:
    shared = environment(tmp_path / "venv", wheel)
    start = shared.packages / "toolkit" / "__init__.py"
    start.write_text("# of another distribution\n", encoding="utf-8")
    for call in (("toolkit",), ("python", "-m", "review_sentiment_toolkit")):
        ran = shared.run(*call, "--version", cwd=tmp_path)
        assert ran.exit_code == 1
        assert ran.err.startswith(f"error: {start}: another distribution has replaced files of ")
    start.write_text("import none_such\n", encoding="utf-8")
    ran = shared.run("toolkit", "--version", cwd=tmp_path)
    assert ran.err.startswith("error: `import toolkit` fails: ModuleNotFoundError: No module named")
    shutil.rmtree(start.parent)  # it is removed with the other distribution
    ran = shared.run("toolkit", "--version", cwd=tmp_path)
    assert (ran.exit_code, ran.err.count("\n")) == (1, 1)
    assert "pip install --force-reinstall --no-deps WHEEL" in ran.err
