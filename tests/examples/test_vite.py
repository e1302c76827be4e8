"""The Vite snippet of `examples/vite`, built as its page says, in Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.examples import building, javascript
from tests.examples.conftest import Tab
from tests.examples.golden import golden_answers, golden_texts_of
from tests.examples.web_page import PATIENCE, served
from tests.models import MODEL

AT_ONCE = 32


@pytest.fixture(scope="module")
def vite() -> Path:
    """The folder that is built; its page also shows the function to the test."""
    files = ("package.json", "package-lock.json", ".npmrc", "index.html", "sentiment.js")
    try:
        folder = building.copy("vite", *files)
        javascript.install(folder)
    except building.MissingError as error:
        pytest.skip(str(error))
    shutil.copy(MODEL, folder)
    page = folder / "index.html"
    content = page.read_text(encoding="utf-8")
    page.write_text(content.replace("</script>", "window.score = sentiment;\n</script>"), "utf-8")
    done = building.execute(["npm", "run", "build"], folder)
    assert done.returncode == 0, done.stderr
    return folder / "dist"


@pytest.fixture(scope="module")
def tab(vite: Path, browser: Any) -> Iterator[Tab]:
    with served(vite) as address:
        found = Tab(browser.new_page(), address)
        found.page.set_default_timeout(PATIENCE)
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.goto(address)
        yield found
        found.check()
        found.page.close()


def test_its_page_scores_what_is_typed(tab: Tab) -> None:
    tab.page.wait_for_selector("#answer:has-text('positive 0.')")
    tab.page.fill("#review", "Dull, and far too long.")
    tab.page.wait_for_selector("#answer:has-text('negative 0.')")
    tab.page.fill("#review", "好")
    tab.page.wait_for_selector("#answer:has-text('unknown')")


def test_it_gives_the_golden_answers(tab: Tab) -> None:
    tab.page.wait_for_selector("#answer:has-text(' 0.')")
    texts = list(golden_texts_of().values())
    found = [
        answer
        for start in range(0, len(texts), AT_ONCE)
        for answer in tab.page.evaluate("window.score", texts[start : start + AT_ONCE])
    ]
    golden, _ = golden_answers(MODEL)
    assert [label for label, _ in found] == [label or "unknown" for label in golden.labels]
    assert [probability for _, probability in found] == pytest.approx(
        golden.probabilities.tolist(), abs=1e-6
    )


def test_the_webassembly_file_is_there_once(vite: Path) -> None:
    names = sorted(path.suffix for path in (vite / "assets").iterdir())
    assert names == [".js", ".onnx", ".wasm"]
