"""The snippet of `examples/vite`, built by Vite or as it is, as its page says, in Chromium."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docs.markdown import blocks
from tests.examples import building, javascript
from tests.examples.conftest import Tab
from tests.examples.golden import golden_answers, golden_texts_of
from tests.examples.megabytes import MEGABYTES
from tests.examples.web_page import PATIENCE, served
from tests.models import MODEL, shipped_scorer

# The strictest one that its page names.
POLICY = (
    "default-src 'none'; connect-src 'self'; style-src 'self'; "
    "script-src 'self' 'wasm-unsafe-eval' 'sha256-{hash}'"
)


@pytest.fixture(scope="module")
def sources() -> Path:
    """The folder with the packages; its page also shows the function to the test."""
    files = ("package.json", "package-lock.json", ".npmrc", "index.html", "sentiment.js")
    try:
        folder = building.copy("vite", *files)
        javascript.install(folder)
    except building.MissingError as error:
        pytest.skip(str(error))
    shutil.copy(MODEL, folder)
    shutil.copy(building.EXAMPLES / "node" / "long_texts.js", folder)
    page = folder / "index.html"
    content = page.read_text(encoding="utf-8")
    page.write_text(content.replace("</script>", "window.score = sentiment;\n</script>"), "utf-8")
    return folder


@pytest.fixture(scope="module")
def vite(sources: Path) -> Path:
    """What Vite builds, for any folder of a server."""
    done = building.execute(["npm", "run", "build", "--", "--base", "./"], sources)
    assert done.returncode == 0, done.stderr
    return sources / "dist"


@pytest.fixture(scope="module")
def plain(sources: Path) -> Path:
    """The same without a bundler: the first lines of the script are those of the page."""
    folder = sources / "plain"
    folder.mkdir(exist_ok=True)
    (block,) = blocks(building.EXAMPLES / "vite" / "README.md", "js")
    _, _, rest = (sources / "sentiment.js").read_text(encoding="utf-8").partition("const session")
    (folder / "sentiment.js").write_text(f"{block}const session{rest}", encoding="utf-8")
    packaged = sources / "node_modules" / "onnxruntime-web" / "dist"
    names = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
    for path in (*map(packaged.joinpath, names), sources / "long_texts.js", MODEL):
        shutil.copy(path, folder)
    page = (sources / "index.html").read_text(encoding="utf-8")
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = POLICY.format(hash=hashed)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}" />'
    (folder / "index.html").write_text(page.replace("<meta", f"{meta}<meta", 1), encoding="utf-8")
    return folder


@pytest.fixture(scope="module", params=["vite", "plain"])
def tab(request: pytest.FixtureRequest, browser: Any) -> Iterator[Tab]:
    folder: Path = request.getfixturevalue(request.param)
    with served(folder.parent) as address:
        found = Tab(browser.new_page(), address)
        found.page.set_default_timeout(PATIENCE)
        found.page.on("pageerror", lambda error: found.complaints.append(str(error)))
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.goto(f"{address}/{folder.name}/")
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
    found = tab.page.evaluate("window.score", texts)
    golden, _ = golden_answers(MODEL)
    assert [label for label, _ in found] == [label or "unknown" for label in golden.labels]
    assert [probability for _, probability in found] == pytest.approx(
        golden.probabilities.tolist(), abs=1e-6
    )


def test_what_is_no_text_has_no_known_word(tab: Tab) -> None:
    tab.page.wait_for_selector("#answer:has-text(' 0.')")
    found = tab.page.evaluate("window.score", [None, "A fine film.", 5])
    assert [label for label, _ in found] == ["unknown", "positive", "unknown"]


def test_long_texts_give_the_answer_of_the_whole(tab: Tab) -> None:
    tab.page.wait_for_selector("#answer:has-text(' 0.')")
    texts = [*MEGABYTES.values(), "A fine film."] * 2
    found = tab.page.evaluate("window.score", texts)
    scores = shipped_scorer().score(texts)
    assert [label for label, _ in found] == [score.sentiment or "unknown" for score in scores]


def test_the_webassembly_file_is_there_once(vite: Path) -> None:
    names = sorted(path.suffix for path in (vite / "assets").iterdir())
    assert names == [".js", ".onnx", ".wasm"]
