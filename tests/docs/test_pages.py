"""The pages: their commands print what they show, links lead somewhere, nothing is out of date."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer.main

from exported.cards import model_card
from exported.sources import with_sources
from tests.classes import tickets
from tests.data import PROJECT
from tests.docs.markdown import GUIDES, README, TRAINING, Run, blocks, pages, run, runs, shell_lines
from tests.models import OLD_MODELS
from toolkit import Scorer
from toolkit.cli.app import app
from toolkit.model import DEFAULT_MODEL, SHIPPED, RunFolder

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


COMMANDS = [
    line
    for page in GUIDES
    for line in shell_lines(page)
    if any(f"toolkit {name}" in line for name in ("score", "evaluate", "diff"))
]
LABELLED = PROJECT / "examples" / "labelled.csv"
CLASSIFIER = "my-classifier"  # needs the extra transformers


@pytest.fixture
def files(folder: Path, trained: list[str], tmp_path: Path) -> Path:
    """Reviews in all the forms that the guides have, and a run folder."""
    with LABELLED.open(encoding="utf-8", newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    (tmp_path / "inbox").mkdir()
    for name in ("reviews.csv", "labelled.csv", "new.csv", "inbox/today.csv"):
        shutil.copy(LABELLED, tmp_path / name)
    for name in ("data/2026-01.parquet", "more/film/reviews.parquet"):
        (tmp_path / name).parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / name)
    nested = "".join(json.dumps({"review": {"body": row["text"]}}) + "\n" for row in rows)
    (tmp_path / "reviews.jsonl.gz").write_bytes(gzip.compress(nested.encode()))
    (tmp_path / "export.txt").write_bytes("Id;Comment\n1;Très beau!\n".encode("latin-1"))
    (tmp_path / "lines.tsv").write_text("1\tA fine film.\n2\tDull.\n", encoding="utf-8")
    (tmp_path / "hotels.csv").write_text("Title,Body\nFine,All clean.\n", encoding="utf-8")
    probabilities = "".join(f"{0.2 + 0.6 * int(row['label'])}\n" for row in rows)
    (tmp_path / "fasttext.csv").write_text(f"probability\n{probabilities}", encoding="utf-8")
    shutil.copytree(folder / "runs" / "conv1d", tmp_path / "runs" / "mine")
    shutil.copytree(tickets.trained(), tmp_path / "runs" / "topics")
    tickets.write(tmp_path / "held-out.csv", tickets.tickets(40))
    shutil.copy(OLD_MODELS / "ngram-cnn.onnx", tmp_path / "old.onnx")
    (tmp_path / "bin").symlink_to(folder / "bin")
    if find_spec("tokenizers") is not None:
        from tests.folders.making import Folder

        Folder().write(tmp_path / CLASSIFIER)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_guides_succeeds(command: str, files: Path) -> None:
    if CLASSIFIER in command and not (files / CLASSIFIER).exists():
        pytest.skip("needs the extra transformers")
    before = {path for path in files.rglob("*") if path.is_file()}
    printed = run(f"{command} && echo it succeeded", files)
    assert printed.rstrip().endswith("it succeeded") or "> scored.csv" in command, printed
    made = {path for path in files.rglob("*") if path.is_file()} - before
    assert made or "--json" in command or "--dry-run" in command or "toolkit diff" in command
    assert not any("rejected" in path.name for path in made)


FOLDERS = "toolkit|examples|exported|tests"


def text_of(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Give the anchors of the headings, as code hosts write them."""
    headings = re.findall(r"^#+ (.*)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", text_of(page)):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        linked = page.parent / name if name else page
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked), target


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(PROJECT).as_posix())
def test_files_that_are_named_exist(page: Path) -> None:
    """Paths from the project, or to modules from the folder of the page."""
    text = text_of(page)
    for name in re.findall(rf"`((?:{FOLDERS})/[\w./-]+)`", text):
        assert (PROJECT / name).exists(), name
    for name in re.findall(r"`([a-z_/]+\.py)`", text):
        assert any(page.parent.rglob(name)) or (PROJECT / name).exists(), name


LIBRARY = PROJECT / "examples" / "library.md"
MOST_BYTES = 6144  # of the README, and of each guide beside the examples
COMMANDS_README = {
    *("train", "evaluate", "export", "score", "explain", "info", "diff", "summarize", "serve")
}


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
    assert {command.split()[1] for command in commands(README)} == COMMANDS_README
    assert {command.split()[1] for page in GUIDES for command in commands(page)} >= (
        COMMANDS_README - {"info"}
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
    from toolkit import export, training

    for module, name in ((training, "train"), (export, "export")):
        function = create_autospec(getattr(module, name))
        monkeypatch.setattr(module, name, function, raising=False)
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
    """Draw it again with `python .ci/docs/picture.py > examples/demo.svg`."""
    with (examples / "examples" / "reviews.csv").open(encoding="utf-8", newline="") as file:
        reviews = [row["text"] for row in csv.DictReader(file)]
    picture = (PROJECT / "examples" / "demo.svg").read_text(encoding="utf-8")
    shown = [float(number) for number in re.findall(r"\b([01]\.\d{3})\b(?=&#160;)", picture)]
    scored = [score.probability for score in Scorer().score(reviews)]
    assert shown == [round(p, 3) for p in scored if p is not None]


PYTHON = PROJECT / ".ci" / "docs" / "pages" / "reference" / "python.md"


def test_the_reference_of_python_has_what_the_pages_import() -> None:
    """The site is built from docstrings of the names on this page (`tests/docs/test_site.py`)."""
    named = re.findall(r"^::: (\S+)$", PYTHON.read_text(encoding="utf-8"), re.M)
    for page in (README, LIBRARY):
        code = "\n".join(blocks(page, "python"))
        for module, names in re.findall(r"^from (toolkit\S*) import (.*)$", code, re.M):
            for name in names.split(", "):
                assert {module, f"{module}.{name}"} & {*named}, (page, module, name)


def test_the_versions_of_python_are_those_that_a_release_is_tried_with() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stated = re.findall(r":: (3\.\d+)", "\n".join(project["classifiers"]))
    workflow = (PROJECT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    (tried,) = re.findall(r"python: \[(.*)\]", workflow)
    versions = re.findall(r"3\.\d+", tried)
    assert [stated[0], stated[-1]] == [versions[0], versions[-1]]
    assert f"Python {stated[0]} or newer" in README.read_text(encoding="utf-8")
