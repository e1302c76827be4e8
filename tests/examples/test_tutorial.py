"""The tutorial: its notebook runs, its page is made of it, and the page for engineers is true."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from examples.tutorial.page import NOTEBOOK, PAGE, clean, page, read, run
from tests.data import PROJECT
from tests.docs.markdown import blocks, runs, shell_lines
from tests.docs.markdown import run as run_command
from tests.docs.test_pages import agrees

FOLDER = PROJECT / "examples" / "tutorial"
ENGINEER = FOLDER / "engineer.md"
EVERYDAY = PROJECT / "tests" / "everyday_reviews.jsonl"
MOST_BYTES_OF_A_PLOT = 60_000

CELLS = [cell for cell in read()["cells"] if cell["cell_type"] == "code"]


def printed(cells: list[dict[str, Any]]) -> str:
    outputs = [output for cell in cells for output in cell["outputs"]]
    return "".join("".join(output.get("text", [])) for output in outputs)


def kinds(cell: dict[str, Any]) -> list[tuple[str, list[str]]]:
    """What a cell has given: text, plots."""
    return [(each["output_type"], sorted(each.get("data", {}))) for each in cell["outputs"]]


def test_the_page_is_that_of_the_notebook() -> None:
    """Make it with `python examples/tutorial/page.py`."""
    text, plots = page(read())
    assert PAGE.read_text(encoding="utf-8") == text
    assert {path.name for path in (FOLDER / "plots").iterdir()} == {Path(p).name for p in plots}
    for name, content in plots.items():
        assert (FOLDER / name).read_bytes() == content


def test_the_notebook_is_as_the_last_run_has_left_it() -> None:
    """Without errors, warnings, or anything of the machine or the time."""
    notebook = read()
    assert clean(read()) == notebook
    assert [cell["execution_count"] for cell in CELLS] == list(range(1, len(CELLS) + 1))
    found = {(each["output_type"], each.get("name")) for cell in CELLS for each in cell["outputs"]}
    assert found == {("stream", "stdout"), ("display_data", None)}
    assert not re.search(r"/(root|home|tmp|work|usr)/|\d\d:\d\d:\d\d|\d s\b", printed(CELLS))


def test_plots_are_small() -> None:
    plots = [
        base64.b64decode(output["data"]["image/png"])
        for cell in CELLS
        for output in cell["outputs"]
        if output["output_type"] == "display_data"
    ]
    assert len(plots) >= 4
    assert max(map(len, plots)) < MOST_BYTES_OF_A_PLOT


def test_each_plot_is_described_for_those_who_do_not_see_it() -> None:
    found = re.findall(r"!\[(.*)\]\(plots/\d+\.png\)", PAGE.read_text(encoding="utf-8"))
    assert len(set(found)) == len(list((FOLDER / "plots").iterdir()))
    assert min(map(len, found)) > 40


def test_the_full_run_shows_what_the_text_says() -> None:
    """The figures of the committed notebook, from 25,000 reviews and 100 epochs."""
    text = printed(CELLS)

    def number(pattern: str) -> float:
        found = re.search(pattern, text)
        assert found, pattern
        return float(found[1])

    kept, last = (number(rf"{name} .* ([\d.]+)%\n") for name in ("early stopping", "as published"))
    assert kept > last + 1.5
    before = number(r"as published +logit.*error ([\d.]+) ->")
    after = number(r"as published +logit.*error [\d.]+ -> ([\d.]+)")
    assert after < 0.025
    assert before > 0.05
    at_random, by_film = (
        number(rf"split {how} +accuracy ([\d.]+)") for how in ("at random", "by film")
    )
    assert at_random > by_film + 0.3
    assert number(r"250 words .* ([\d.]+)%\n") > number(r"100 words .* ([\d.]+)%\n") + 0.5
    for name in ("everyday reviews", "IMDB test reviews"):
        assert number(rf"{name} .*reviews ([\d.]+)") > number(rf"{name} +ours ([\d.]+)") + 4
    assert re.search(r"good +positive .*\nbad +negative ", text)


def invent_reviews(folder: Path) -> None:
    """Write reviews in place of the real ones, which are not on every machine."""
    folder.mkdir(parents=True)
    records = [json.loads(line) for line in EVERYDAY.read_text(encoding="utf-8").splitlines()]
    for part, seed in (("train", 1), ("test", 2)):
        draw = random.Random(seed)
        labels = [row % 2 for row in range(1000)]
        texts = [
            " ".join(draw.choices([r["text"] for r in records if r["label"] == label], k=4))
            for label in labels
        ]
        films = [str(row % 50) for row in range(len(texts))]
        columns = {"text": texts, "label": labels, "movie": films}
        pq.write_table(pa.table(columns), folder / f"{part}.parquet")


@pytest.mark.tools
def test_the_notebook_runs_on_invented_reviews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("nbclient", "ipykernel", "tensorflow"):
        pytest.importorskip(module, reason="needs the extras 'train' and 'dev'")
    invent_reviews(tmp_path / "data" / "imdb")
    monkeypatch.setenv("TOOLKIT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.setenv("TUTORIAL_EPOCHS", "2")
    copy = tmp_path / "examples" / "tutorial" / NOTEBOOK.name
    copy.parent.mkdir(parents=True)
    shutil.copy(NOTEBOOK, copy)
    (tmp_path / "tests").mkdir()
    shutil.copy(EVERYDAY, tmp_path / "tests")
    found = [cell for cell in clean(run(copy))["cells"] if cell["cell_type"] == "code"]
    text = printed(found)
    assert [kinds(cell) for cell in found] == [kinds(cell) for cell in CELLS], text
    assert "train: 1,000 reviews" in text
    assert "the same losses as before: True" in text
    assert "0 labels differ, 0 rows of numbers differ" in text


@pytest.fixture(scope="module")
def engineer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    """Run a command of the page for engineers; all of them build on each other in one folder."""
    folder = tmp_path_factory.mktemp("engineer")
    for path in FOLDER.glob("*.csv"):
        shutil.copy(path, folder)
    program = folder / "bin" / "toolkit"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m toolkit \"$@\"\n", encoding="utf-8")
    program.chmod(0o755)

    def called(command: str) -> str:
        if not command.startswith("toolkit"):
            done = subprocess.run(
                [sys.executable, "-c", command],
                capture_output=True,
                text=True,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(PROJECT)},
                check=True,
            )
            return done.stdout
        return run_command(command, folder)

    return called


@pytest.mark.slow
def test_the_commands_for_engineers_print_what_the_page_shows(
    engineer: Callable[[str], str],
) -> None:
    for each in runs(ENGINEER):
        found = engineer(each.command)
        assert agrees(each.output, found), found
    (scoring,) = shell_lines(ENGINEER)
    assert "accuracy" not in engineer(scoring)
    (code,) = blocks(ENGINEER, "python")
    assert engineer(code).splitlines()[1:] == ["no known word"]
    assert engineer(code).startswith("positive 0.6")


def test_reviews_of_workshops_are_balanced_and_appear_once() -> None:
    texts = []
    for name in ("bikes.csv", "more-bikes.csv"):
        lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()[1:]
        assert sum(line.endswith(",positive") for line in lines) * 2 == len(lines)
        texts += [line.split(",", 1)[1].rsplit(",", 1)[0] for line in lines]
    assert len(set(texts)) == len(texts) == 96
    assert json.dumps(texts).isascii()
