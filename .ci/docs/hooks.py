"""Put the pages of the repository into the site, and the reference of the commands.

MkDocs reads one folder of pages, but this project keeps each page beside what it describes. So the
hook adds every page under its path in the repository, and the files that pages link to. Typer
writes the reference of the commands from their help texts.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).parents[2]
FOLDERS = ("examples", "exported", "toolkit")
TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md")
COMMANDS = "reference/commands.md"
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository, the files that they link to, and the commands."""
    pages = [PROJECT / name for name in TOP]
    for folder in FOLDERS:
        pages += sorted(
            path for path in (PROJECT / folder).rglob("*.md") if "node_modules" not in path.parts
        )
    for path in {*pages, *_linked(pages)}:
        name = path.relative_to(PROJECT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    files.append(File.generated(config, COMMANDS, content=_commands()))
    return files


def _commands() -> str:
    """Return the reference that Typer writes: usage, arguments and options of each command."""
    write = [sys.executable, "-m", "typer", "toolkit.cli.app", "utils", "docs"]
    done = subprocess.run(
        [*write, "--name", "toolkit", "--title", "Commands"],
        check=True,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=PROJECT,
    )
    return done.stdout


def _linked(pages: list[Path]) -> set[Path]:
    """Return the files of the repository that pages link to and that are not pages themselves."""
    found = set()
    for page in pages:
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            if "://" not in target and path.is_file() and path.suffix != ".md":
                found.add(path)
    return found
