"""Put the pages of the repository into the site: the README, the guides, models and code.

MkDocs reads one folder of pages, but this project keeps each page beside what it describes. So the
hook adds every page under its path in the repository, and the files that pages link to.
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).parents[2]
FOLDERS = ("examples", "exported", "toolkit")
TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "SECURITY.md")
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of the repository, and the files that they link to."""
    pages = [PROJECT / name for name in TOP]
    for folder in FOLDERS:
        pages += sorted(
            path for path in (PROJECT / folder).rglob("*.md") if "node_modules" not in path.parts
        )
    for path in {*pages, *_linked(pages)}:
        name = path.relative_to(PROJECT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Leave the badges out, which are in a hidden folder: the site shows the version itself."""
    return re.sub(r"!\[[^\]]*\]\(\.github/[^)]*\)\n", "", markdown)


def _linked(pages: list[Path]) -> set[Path]:
    """Return the files of the repository that pages link to and that are not pages themselves."""
    found = set()
    for page in pages:
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            path = (page.parent / target).resolve()
            is_hidden = target.startswith(".github/")
            if "://" not in target and path.is_file() and path.suffix != ".md" and not is_hidden:
                found.add(path)
    return found
