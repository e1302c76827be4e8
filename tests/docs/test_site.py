"""The site of the documentation has every page of the repository, and no broken link."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.data import PROJECT
from tests.docs.markdown import pages
from toolkit.cli.commands import COMMANDS

pytestmark = pytest.mark.tools


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site; strict: a link or an anchor that leads nowhere is an error."""
    for module in ("material", "mkdocstrings"):
        pytest.importorskip(module, reason="needs the extra 'docs'")
    folder = tmp_path_factory.mktemp("site")
    config = PROJECT / ".ci" / "docs" / "mkdocs.yml"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(config)]
    done = subprocess.run(
        [*command, "--site-dir", str(folder)],
        check=False,
        capture_output=True,
        text=True,
        cwd=PROJECT,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_page_of_the_repository_is_in_the_site(site: Path) -> None:
    for page in pages():
        name = page.relative_to(PROJECT)
        folder = name.parent if name.name == "README.md" else name.with_suffix("")
        assert (site / folder / "index.html").is_file(), name


def test_the_search_finds_an_option(site: Path) -> None:
    entries = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))
    assert any("--skip-existing" in entry["text"] for entry in entries["docs"])


def test_the_references_are_of_the_commands_and_the_docstrings(site: Path) -> None:
    commands = (site / "reference" / "commands" / "index.html").read_text(encoding="utf-8")
    for name in COMMANDS:
        assert f'id="toolkit-{name}"' in commands
    python = (site / "reference" / "python" / "index.html").read_text(encoding="utf-8")
    for name in ("Scorer.score", "train", "evaluation.evaluate", "errors.ToolkitError"):
        assert f'id="toolkit.{name}"' in python
    assert ":::" not in python


def test_pages_load_nothing_from_other_servers(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for address in ('<script src="http', '<link rel="stylesheet" href="http', '<img src="http'):
            assert address not in text, page


def test_language_models_find_the_main_pages(site: Path) -> None:
    text = (site / "llms.txt").read_text(encoding="utf-8")
    assert "## Start" in text
    assert "## Reference" in text
