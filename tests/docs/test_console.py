"""The commands whose output the pages show, run: what they print is what the page shows.

A `…` in a page is a part that was left out. Times are not compared.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.console import run
from tests.docs.markdown import GUIDES, README, TRAINING, Run, runs

RUNS = [run for page in (README, *GUIDES) for run in runs(page)]


def comparable(text: str) -> str:
    """Drop spaces at line ends and empty lines, and what depends on the clock or the place."""
    lines = [line.rstrip() for line in text.splitlines()]
    text = "\n".join(line for line in lines if line)
    return re.sub(r"[\d,.]+ s \([\d,]+ reviews/s\)", "T s (N reviews/s)", text)


def agrees(shown: str, printed: str) -> bool:
    """Whether a page shows what was printed, except for the parts that it leaves out."""
    parts = [re.escape(part.strip(" ")) for part in comparable(shown).split("…")]
    return re.fullmatch(r"[ \n]*.*?[ \n]*".join(parts), comparable(printed), re.DOTALL) is not None


@pytest.mark.parametrize(
    "shown",
    [shown for shown in RUNS if not shown.command.startswith(TRAINING)],
    ids=lambda shown: f"{shown.page}: {shown.command}",
)
def test_a_command_prints_what_the_page_shows(shown: Run, folder: Path) -> None:
    printed = run(shown.command, folder)
    assert agrees(shown.output, printed), f"{shown.page} shows another output:\n{printed}"


def test_training_prints_lines_like_those_of_the_page(trained: list[str]) -> None:
    """On other reviews, and fewer: every line is printed, with other numbers and line breaks."""
    shown = [shown.output for shown in RUNS if shown.command.startswith(TRAINING)]
    for page, terminal in zip(shown, trained, strict=True):
        printed = words(terminal)
        for line in page.splitlines():
            assert line == "…" or words(line) in printed, terminal


def words(text: str) -> str:
    """Give the words of some lines, with N for every number."""
    return " ".join(re.sub(r"\d[\d,.]*", "N", text).split())


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n…\nd\n", "a\nb\nc\nd\n", True),
        ("a\n…\nd\n", "a\nb\nc\n", False),
        ("a …\n", "a b c", True),
        ("time 0.01 s (2,350 reviews/s)", "time 1.2 s (9 reviews/s)", True),
        ("a\n", "a\nb\n", False),
    ],
)
def test_shortened_output_is_compared(shown: str, printed: str, expected: bool) -> None:
    assert agrees(shown, printed) is expected
