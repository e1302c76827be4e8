"""The example programs compared with the golden vectors: lines, wrong calls, memory."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.examples import programs
from tests.examples.programs import run, score
from tests.models import CONV1D, MODEL, OLD_MODELS
from tests.tools import need

pytestmark = pytest.mark.tools

SUPPRESSIONS = Path(__file__).with_name("re2.supp")

# Empty, with what other programs take for the end of a line, with NUL, without an end.
LINES = [
    "",
    "A fine film.\u2028\u0085 Superb\rthroughout.",
    "bad\0 good",
    "Dull, and far too long.",
]
INPUT = "\n".join(LINES).encode()

Build = Callable[[], tuple[str, ...]]


@pytest.fixture(params=programs.PROGRAMS)
def command(request: pytest.FixtureRequest) -> tuple[str, ...]:
    return programs.PROGRAMS[request.param]()


def test_lines_of_standard_input(command: tuple[str, ...]) -> None:
    """NUL cannot be in an argument, and a text ends at it."""
    as_arguments = [line.partition("\0")[0] for line in LINES]
    found = score(command, MODEL, [], INPUT)
    assert found == score(command, MODEL, as_arguments)
    assert found == score(command, MODEL, [], INPUT + b"\n")
    assert len(set(found)) == len(LINES)
    assert score(command, MODEL, [], b"") == []


def test_examples_of_the_page(command: tuple[str, ...]) -> None:
    found = score(command, MODEL, ["A fine film, superbly acted.", "Dull, and far too long."])
    assert [line.split()[0] for line in found] == ["positive", "negative"]


def test_java_runs_the_source() -> None:
    programs.java()
    command = (*programs.java_with_library(), str(programs.java_sources() / "Embed.java"))
    found = score(command, MODEL, ["A fine film, superbly acted."])
    assert found == score(programs.java(), MODEL, ["A fine film, superbly acted."])


def test_a_missing_model_is_told_of(command: tuple[str, ...]) -> None:
    done = run(command, Path("missing.onnx"), ["A fine film."])
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"missing.onnx" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"    at " not in done.stderr


def test_a_call_without_a_model(command: tuple[str, ...]) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode in (1, 2), done.stdout) == (True, b"")
    assert b"usage: " in done.stderr


def test_a_full_disk_is_an_error(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command, str(MODEL), "A fine film."], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert re.search(b"(?i)no space|ENOSPC|disk full", done.stderr)


@pytest.mark.parametrize("name", programs.PROGRAMS)
def test_what_is_no_unicode(name: str) -> None:
    """Where a string is bytes, that is an error; the others replace it."""
    command = programs.PROGRAMS[name]()
    done = run(command, MODEL, [], b"bad\xff good\n")
    if name in ("C", "C++", "Go"):
        assert (done.returncode, done.stdout) == (1, b"")
        assert b"embed: text 1 is not UTF-8: byte 4 is 0xff" in done.stderr
    else:
        assert done.stdout.decode().splitlines() == score(command, MODEL, ["bad\ufffd good"])


def test_texts_without_a_known_word_are_told_of(command: tuple[str, ...]) -> None:
    found = score(command, MODEL, ["good", "\U0001f994", "\u597d", "zzyzx good", ""])
    assert [line.split()[0] for line in found] == [
        *("positive", "unknown", "unknown", "positive", "unknown")
    ]


def test_models_before_format_3_have_labels_for_all(command: tuple[str, ...]) -> None:
    found = score(command, OLD_MODELS / "conv1d.onnx", ["good", "\U0001f994", ""])
    assert {line.split()[0] for line in found} <= {"positive", "negative"}


@pytest.mark.parametrize(
    ("arguments", "lines", "status"),
    [
        ([], INPUT + b"\n" + b"the " * 10_000, 0),
        (["A fine film.", "", "\n"], b"", 0),
        ([], b"good\nbad\xff\n", 1),
    ],
    ids=["lines", "arguments", "no UTF-8"],
)
def test_memory_of_the_c_program(arguments: list[str], lines: bytes, status: int) -> None:
    need("valgrind")
    watched = ("valgrind", "--quiet", "--leak-check=full", "--error-exitcode=9",
               "--errors-for-leak-kinds=definite,indirect,possible",
               f"--suppressions={SUPPRESSIONS}", *programs.c())  # fmt: skip
    done = run(watched, CONV1D, arguments, lines)
    assert done.returncode == status, done.stderr.decode()
