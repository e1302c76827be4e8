"""A model that is closed, twice, while threads score with it: an error in each, and no crash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.examples import programs
from tests.examples.building import BUILD, build
from tests.examples.c_functions import LibraryError
from tests.examples.library import Opened, library
from tests.examples.raw_texts import run
from tests.models import MODEL

pytestmark = pytest.mark.tools

SOURCES = Path(__file__).with_name("closing")
NOT_OPEN = "the model is not open"


def printed(command: list[str]) -> list[str]:
    """What a program prints of the model."""
    return run([*command, str(MODEL)], b"").decode().splitlines()


def test_c() -> None:
    """No model is an error; what is closed must not be used, as ever in C."""
    functions = library().functions
    for texts in (["good"], []):
        with pytest.raises(LibraryError, match=f"^{NOT_OPEN}$"):
            Opened(functions, 0).score(texts)


def test_go() -> None:
    folder = Path(programs.go()[0]).parent
    (folder / "closing").mkdir(exist_ok=True)
    shutil.copy(SOURCES / "closing.go", folder / "closing")
    build(["go", "vet", "./..."], folder)
    build(["go", "build", "-o", "closing/closing", "./closing"], folder)
    found = printed([str(folder / "closing" / "closing")])
    assert found == ["true 0 <nil>", *[NOT_OPEN] * 6]


def test_java() -> None:
    """Also: null is a text without a word, and there may be no texts."""
    command = programs.java()
    classes, compiler = command[-2], str(Path(command[0]).with_name("javac"))
    flags = ["-Xlint:all", "-Werror", "-cp", classes, "-d", classes]
    build([compiler, *flags, str(SOURCES / "Closing.java")], BUILD)
    assert printed([*command[:-1], "Closing"]) == ["true", "[]", *[NOT_OPEN] * 4]


def test_csharp() -> None:
    """Also: null is a text without a word, and there may be no texts."""
    program = Path(programs.csharp()[-1])
    shutil.copy(SOURCES / "Closing.cs", program.parent)
    command = ["mcs", "-warnaserror", "-out:closing.exe", "Sentiment.cs", "Closing.cs"]
    build(command, program.parent)
    found = printed([*programs.csharp()[:-1], str(program.with_name("closing.exe"))])
    assert found == ["True", "0", *["ObjectDisposedException"] * 4]
