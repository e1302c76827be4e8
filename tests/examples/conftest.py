"""The page in Chromium, for the tests that look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.examples.web_page import build_page, chromium, open_page, served


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the build makes."""
    return build_page(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="session")
def address(built: Path) -> Iterator[str]:
    """Where the page is served."""
    with served(built) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def tab(browser: Any, address: str) -> Iterator[Tab]:
    """The page, ready; opening it again for each test would take most of their time."""
    with opened(browser, address) as found:
        yield found


@pytest.fixture
def page(tab: Tab) -> Iterator[Any]:
    """The page as it was at first; at the end, nothing went wrong in it."""
    tab.page.context.set_offline(False)
    tab.page.emulate_media(color_scheme="light")
    tab.page.set_viewport_size({"width": 1280, "height": 800})
    tab.page.fill("#review", "")
    tab.page.wait_for_selector("#verdict[data-side=none]")
    yield tab.page
    tab.check()


@pytest.fixture
def page_of_one_file(browser: Any, built: Path) -> Iterator[Any]:
    """The same as one file, opened from the disk."""
    with opened(browser, (built / "review-sentiment.html").as_uri()) as found:
        yield found.page
        found.check()


@dataclass(frozen=True)
class Tab:
    """A tab, what it asked of whom, and what it complained of."""

    page: Any
    address: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Make sure that it asked no other machine, and complained of nothing."""
        own = (self.address.partition("?")[0], "blob:", "data:")
        assert self.asked
        assert [url for url in self.asked if not url.startswith(own)] == []
        assert self.complaints == []


@contextmanager
def opened(browser: Any, address: str) -> Iterator[Tab]:
    """Open the page in a tab that is watched from the start."""
    context = browser.new_context()
    found = Tab(context.new_page(), address)
    found.page.on("console", lambda message: found.complaints.append(message.text))
    found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
    context.on("request", lambda request: found.asked.append(request.url))
    open_page(found.page, address)
    yield found
    context.close()
