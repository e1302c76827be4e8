"""The browser extension of `examples/extension`, loaded into Chromium as it is built."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import Tab
from tests.examples.golden import golden_answers, golden_texts_of
from tests.examples.web_page import FLAGS, PATIENCE, open_page, page_scores, run_npm
from tests.models import MODEL, shipped_scorer

pytestmark = pytest.mark.tools

TEXT = "Not bad at all: a superb film & a joy.\nI'd see it again."


@pytest.fixture(scope="module")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a browser loads."""
    folder = tmp_path_factory.mktemp("extension") / "dist"
    run_npm("run", "extension", "--", "--out", str(folder))
    return folder


@pytest.fixture(scope="module")
def context(
    extension: Path, browser: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Any]:
    """A browser with the extension and without a network."""
    found = browser.browser_type.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=shutil.which("chromium"),
        ignore_default_args=["--disable-extensions"],
        args=[
            *FLAGS,
            f"--disable-extensions-except={extension}",
            f"--load-extension={extension}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ],
        timeout=PATIENCE,
    )
    found.set_offline(True)
    yield found
    found.close()


@pytest.fixture(scope="module")
def worker(context: Any) -> Any:
    """The service worker, which waits for the button and the menu."""
    return (context.service_workers or [context.wait_for_event("serviceworker")])[0]


def test_nothing_is_loaded_from_elsewhere(extension: Path) -> None:
    manifest = json.loads((extension / "manifest.json").read_text())
    policy = manifest["content_security_policy"]["extension_pages"]
    assert manifest["manifest_version"] == 3
    assert policy.split("; ")[0] == "script-src 'self' 'wasm-unsafe-eval'"
    assert manifest["permissions"] == ["contextMenus"]
    assert not manifest.get("host_permissions")
    page = (extension / "index.html").read_text()
    assert re.findall(r"(?:src|href)=\"(?!data:)([^\"]*)", page) == ["style.css", "page.js"]
    assert {path.name for path in extension.iterdir()} == {
        *("manifest.json", "background.js", "icon.png", "index.html", "style.css", "page.js"),
        *("worker.js", "ort.wasm.gz", "reviews.onnx.gz"),
    }


def test_its_page_gives_the_golden_answers(worker: Any, context: Any) -> None:
    tab = Tab(context.new_page(), worker.url.rpartition("/")[0])
    tab.page.on("console", lambda message: tab.complaints.append(message.text))
    tab.page.on("request", lambda request: tab.asked.append(request.url))
    open_page(tab.page, f"{tab.address}/index.html")
    found, labels = page_scores(tab.page, list(golden_texts_of().values()))
    golden, _ = golden_answers(MODEL)
    assert labels == golden.labels
    scored = [place for place, label in enumerate(labels) if label]
    assert [found[place] for place in scored] == pytest.approx(
        [golden.probabilities[place] for place in scored], abs=1e-6
    )
    tab.check()
    tab.page.close()


def test_the_menu_scores_the_selected_text(worker: Any, context: Any) -> None:
    with context.expect_page() as opening:
        worker.evaluate(
            "text => chrome.contextMenus.onClicked.dispatch({ selectionText: text }, {})", TEXT
        )
    page = opening.value
    page.wait_for_selector("#verdict[data-side=positive]", timeout=PATIENCE)
    assert page.input_value("#review") == TEXT
    (expected,) = shipped_scorer().score([TEXT])
    shown = float(page.get_attribute("#verdict", "data-probability"))
    assert shown == pytest.approx(expected.probability, abs=1e-6)
