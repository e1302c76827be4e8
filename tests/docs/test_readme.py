"""What the pages say can be done, done."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
import typer.main

from exported.cards import model_card
from exported.sources import with_sources
from tests.data import PROJECT
from tests.docs.markdown import GUIDES, README, blocks, pages, runs, shell_lines
from toolkit import Scorer
from toolkit.cli.app import app
from toolkit.model.run_folder import RunFolder
from toolkit.model.shipped import DEFAULT_MODEL, SHIPPED

LIBRARY = PROJECT / "examples" / "library.md"
MOST_BYTES = 6144  # of the README, and of each guide beside the examples
COMMANDS = {"train", "evaluate", "export", "score", "explain", "info", "diff"}


def commands(page: Path) -> list[str]:
    lines = [*shell_lines(page), *(run.command for run in runs(page))]
    parts = (part.strip() for line in lines for part in re.split(r" \| | > | < ", line))
    return sorted({part for part in parts if part.startswith("toolkit ")})


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("examples", "exported"):
        shutil.copytree(
            PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("node_modules")
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [README, *GUIDES], ids=lambda page: page.name)
def test_a_page_is_short(page: Path) -> None:
    assert page.stat().st_size <= MOST_BYTES


def test_every_command_is_shown() -> None:
    assert {command.split()[1] for command in commands(README)} == COMMANDS
    assert {command.split()[1] for page in GUIDES for command in commands(page)} >= (
        COMMANDS - {"info"}
    )


@pytest.mark.parametrize("command", sorted({c for page in pages() for c in commands(page)}))
def test_every_command_can_be_parsed(command: str) -> None:
    """Options and arguments exist; nothing is run."""
    _, name, *arguments = shlex.split(command)
    subcommand: Any = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    subcommand.make_context(name, arguments)


def test_python_blocks_run(examples: Path) -> None:
    """One after the other, as a reader would type them; training has a test of its own."""
    found = [*blocks(README, "python"), *blocks(LIBRARY, "python")]
    code = "\n".join(block for block in found if "train(" not in block)
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=examples
    )
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["positive", "negative", "None"]
    assert lines[3] == "20 0"
    assert 0.8 <= float(lines[4]) <= 1


def test_training_from_python_has_these_names_and_arguments(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is trained: the arguments are checked against the signatures."""
    from toolkit import export
    from toolkit.training import train

    for module, name in ((train, "train"), (export, "export")):
        function = create_autospec(getattr(module, name))
        monkeypatch.setattr(module, name, function)
    (code,) = (block for block in blocks(LIBRARY, "python") if "train(" in block)
    exec(compile(code, str(LIBRARY), "exec"), {})
    assert hasattr(RunFolder(Path("runs")), "path")


def test_guide_for_engines(examples: Path) -> None:
    """What Spark would call is called; `tests/examples/test_engines.py` starts the engines."""
    page = PROJECT / "examples" / "engines" / "README.md"
    code = "\n".join(blocks(page, "python"))
    names: dict[str, Any] = {}
    exec(compile(code, str(page), "exec"), names)
    (scored,) = names["score"]([names["batch"]])
    assert scored["predicted_sentiment"].to_pylist() == ["positive", None]


def test_embedding_example(examples: Path) -> None:
    command = [
        "examples/python/embed.py",
        f"exported/{DEFAULT_MODEL}.onnx",
        "A superb, touching film.",
        "Awful.",
    ]
    done = subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, text=True, cwd=examples
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["positive", "negative"]


def test_model_cards_are_those_of_the_files() -> None:
    """Write them with `python -m exported.make --cards`."""
    for name in SHIPPED:
        path = PROJECT / "exported" / f"{name}.onnx"
        assert path.with_suffix(".md").read_text(encoding="utf-8") == model_card(path)
    sources = (PROJECT / "exported" / "SOURCES.md").read_text(encoding="utf-8")
    assert sources == with_sources(sources)


def test_changelog_has_this_version() -> None:
    import toolkit

    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {toolkit.__version__}\n" in changelog
    citation = (PROJECT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {toolkit.__version__}\n" in citation


def test_picture_shows_the_shipped_model(examples: Path) -> None:
    """Draw it again with `PYTHONPATH=.ci python -m pages.picture > examples/demo.svg`."""
    with (examples / "examples" / "reviews.csv").open(encoding="utf-8", newline="") as file:
        reviews = [row["text"] for row in csv.DictReader(file)]
    picture = (PROJECT / "examples" / "demo.svg").read_text(encoding="utf-8")
    shown = [float(number) for number in re.findall(r"\b([01]\.\d{3})\b(?=&#160;)", picture)]
    scored = [score.probability for score in Scorer().score(reviews)]
    assert shown == [round(p, 3) for p in scored if p is not None]
