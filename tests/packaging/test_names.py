"""Another `toolkit`: in the working folder, in PYTHONPATH, or from another distribution."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.packaging.environments import Environment, environment
from toolkit import __version__

pytestmark = pytest.mark.slow

THEIRS = "print('another toolkit')\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with a module `toolkit`."""
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
    light: Environment, call: tuple[str, ...], folder: Path
) -> None:
    ran = light.run(*call, cwd=folder)
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.startswith(f"toolkit {__version__}")


def test_a_module_in_the_working_folder_is_named(light: Environment, folder: Path) -> None:
    ran = light.run("python", "-m", "review_sentiment_toolkit", "--version", cwd=folder)
    assert ran.exit_code == 1
    assert ran.err.startswith(f"error: {folder / 'toolkit.py'}: this `toolkit` is found before")
    assert ran.err.count("\n") == 1


def test_what_no_package_can_change(light: Environment, folder: Path) -> None:
    """The guide says so: this Python finds the other module, and our code does not run."""
    assert light.run("python", "-m", "toolkit", cwd=folder).out == "another toolkit\n"
    ran = light.run("python", "-c", "from toolkit import Scorer", cwd=folder)
    assert "ImportError: cannot import name 'Scorer' from 'toolkit'" in ran.err


def test_a_module_in_the_path_of_python(light: Environment, folder: Path) -> None:
    ran = light.run("toolkit", "--version", cwd=folder, PYTHONPATH=str(folder))
    assert ran.exit_code == 1
    assert ran.err.startswith(f"error: {folder / 'toolkit.py'}: this `toolkit` is found before")


@pytest.mark.parametrize("code", ["import none_such", "import sys; sys.exit(0)", "def ("])
def test_a_module_in_the_path_of_python_that_fails(
    light: Environment, folder: Path, code: str
) -> None:
    (folder / "toolkit.py").write_text(code, encoding="utf-8")
    ran = light.run("toolkit", "--version", cwd=folder, PYTHONPATH=str(folder))
    assert ran.exit_code == 1
    assert ran.err.startswith(f"error: {folder / 'toolkit.py'}: this `toolkit` is found before")


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
    assert "pip install --force-reinstall --no-deps review-sentiment-toolkit" in ran.err
