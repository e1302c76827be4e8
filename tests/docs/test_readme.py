"""What the README says can be done, done."""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from exported.cards import with_cards
from tests.data import PROJECT
from toolkit import Scorer
from toolkit.cli.app import app
from toolkit.model.shipped import SHIPPED

README = (PROJECT / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(
    {
        line.split("  #")[0].strip()
        for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
        for line in block.splitlines()
        if line.startswith("toolkit ")
    }
)


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for folder in ("examples", "exported"):
        shutil.copytree(
            PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("node_modules")
        )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_commands_are_found() -> None:
    assert len(COMMANDS) >= 6
    assert {command.split()[1] for command in COMMANDS} == {
        "train",
        "evaluate",
        "export",
        "score",
        "explain",
        "info",
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_parsed(command: str) -> None:
    """Options and arguments exist; nothing is run."""
    _, name, *arguments = shlex.split(command)
    subcommand: Any = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    subcommand.make_context(name, arguments)


def test_scoring_the_example(examples: Path) -> None:
    (command,) = (c for c in COMMANDS if c.startswith("toolkit score examples/reviews.csv"))
    subprocess.run([sys.executable, "-m", *shlex.split(command)], check=True, cwd=examples)
    lines = (examples / "scored.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "id,film,text,predicted_sentiment,positive_probability"


def test_python_blocks_run(examples: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) == 2
    outputs = [
        subprocess.run(
            [sys.executable, "-c", block], check=True, capture_output=True, text=True, cwd=examples
        ).stdout
        for block in blocks
    ]
    sentiments = [line.split()[0] for line in outputs[0].splitlines()]
    assert sentiments == ["positive", "negative", "None"]


def test_embedding_example(examples: Path) -> None:
    command = [
        "examples/python/embed.py",
        "exported/ngram-cnn.onnx",
        "A superb, touching film.",
        "Awful.",
    ]
    done = subprocess.run(
        [sys.executable, *command], check=True, capture_output=True, text=True, cwd=examples
    )
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["positive", "negative"]


def test_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    for target in targets:
        assert (PROJECT / target).exists(), target


def test_files_that_are_named_exist() -> None:
    for name in re.findall(r"`((?:toolkit|examples|exported|tests)/[\w./-]+)`", README):
        assert (PROJECT / name).exists(), name


def test_model_cards_are_those_of_the_files() -> None:
    """Write them with `python -m exported.make --cards`."""
    written = (PROJECT / "exported" / "README.md").read_text(encoding="utf-8")
    paths = [PROJECT / "exported" / f"{name}.onnx" for name in SHIPPED]
    assert written == with_cards(written, paths)


def test_changelog_has_this_version() -> None:
    import toolkit

    changelog = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\n## {toolkit.__version__}\n" in changelog


def test_picture_shows_the_shipped_model(examples: Path) -> None:
    """Draw it anew with `python -m tests.docs.picture > examples/demo.svg`."""
    with (examples / "examples" / "reviews.csv").open(encoding="utf-8", newline="") as file:
        reviews = [row["text"] for row in csv.DictReader(file)]
    picture = (PROJECT / "examples" / "demo.svg").read_text(encoding="utf-8")
    shown = [float(number) for number in re.findall(r"\b([01]\.\d{3})\b(?=&#160;)", picture)]
    scored = [score.probability for score in Scorer().score(reviews)]
    assert shown == [round(p, 3) for p in scored if p is not None]
