"""The Markdown pages of the project, and the code blocks in them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.data import PROJECT

README = PROJECT / "README.md"
GUIDES = sorted((PROJECT / "examples").glob("*.md"))
TRAINING = ("toolkit train", "toolkit export")  # run on other data than the pages show
_BUILT = {"node_modules", "dist"}


class Run(NamedTuple):
    """A command of a console block, and the output that the page shows below it."""

    page: str
    command: str
    output: str


def pages() -> list[Path]:
    """Give all Markdown files that belong to the project."""
    found = [*PROJECT.glob("*.md")]
    for folder in ("toolkit", "exported", "tests", "examples"):
        found += (PROJECT / folder).rglob("*.md")
    return sorted(page for page in found if not _BUILT & {*page.relative_to(PROJECT).parts})


def blocks(page: Path, language: str) -> list[str]:
    """Give the contents of the code blocks in a language."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def shell_lines(page: Path) -> list[str]:
    """Give the commands that the page has without output."""
    lines = (line for block in blocks(page, "sh") for line in block.splitlines())
    return [found for line in lines if (found := line.split("  #")[0].strip())]


def runs(page: Path) -> Iterator[Run]:
    """Give the commands of console blocks: `$ command`, then its output."""
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            yield Run(page.relative_to(PROJECT).as_posix(), command, output)


def run(command: str, folder: Path) -> str:
    """Give what a terminal of 80 columns without colours shows."""
    environment = os.environ | {
        "COLUMNS": "80",
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT),
    }
    done = subprocess.run(
        ["sh", "-c", f"{{ {command}\n}} 2>&1"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout
