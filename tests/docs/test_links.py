"""Links between the pages, and the files that they name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.data import PROJECT
from tests.docs.markdown import pages

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
