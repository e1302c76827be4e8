"""The snippet of `examples/vite`, built by Vite or as it is, as its page says, in Chromium."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.docs.markdown import blocks
from tests.examples import programs
from tests.examples.conftest import Tab
from tests.examples.golden import golden_answers, golden_texts_of, golden_values
from tests.examples.usage import MEGABYTES
from tests.examples.web_page import PATIENCE, WEB, run_npm, served
from tests.models import MODEL, shipped_scorer

pytestmark = pytest.mark.tools

# The strictest one that its page names.
POLICY = (
    "default-src 'none'; connect-src 'self'; style-src 'self'; "
    "script-src 'self' 'wasm-unsafe-eval' 'sha256-{hash}'"
)

PAGE = programs.EXAMPLES / "vite" / "README.md"
OF_PACKAGE = ("web.js", "worker.js", "model.js", "long_texts.js", f"models/{MODEL.name}")

ERROR_SOON = """Promise.race([
    window.score(["Good."]).catch((error) => error.message),
    new Promise((resolve) => setTimeout(resolve, 30_000, "no answer")),
])"""


@pytest.fixture(scope="module")
def sources() -> Path:
    """The folder with the packages; its page also shows the function to the test."""
    programs.npm_package()
    packages = ("package.json", "package-lock.json", ".npmrc")
    folder = programs.copy("vite", *packages, "index.html", "sentiment.js")
    programs.install(folder)
    page = folder / "index.html"
    content = page.read_text(encoding="utf-8")
    page.write_text(content.replace("</script>", "window.score = sentiment;\n</script>"), "utf-8")
    return folder


@pytest.fixture(scope="module")
def in_worker(sources: Path) -> Path:
    """What Vite builds, for any folder of a server."""
    return built(sources)


@pytest.fixture(scope="module")
def vite(sources: Path) -> Path:
    """The same without a worker, in a folder of its own for Vite."""
    folder = sources / "in_page"
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "index.html", "sentiment.js"):
        shutil.copy(sources / name, folder)
    without_worker(folder / "sentiment.js")
    return built(folder)


def built(folder: Path) -> Path:
    programs.build(["npm", "run", "build", "--", "--base", "./"], folder)
    return folder / "dist"


def without_worker(script: Path) -> None:
    """Leave the option out, and what it needs."""
    content = script.read_text(encoding="utf-8")
    less = re.sub(
        r"^import Worker .*\n|,? worker: new Worker\(.*?\)(?= })", "", content, flags=re.M
    )
    assert "Worker" not in less
    script.write_text(less, encoding="utf-8")


@pytest.fixture(scope="module")
def plain_in_worker(sources: Path) -> Path:
    """The same without a bundler, as the page says."""
    return without_bundler(sources, sources / "plain_in_worker")


@pytest.fixture(scope="module")
def plain(sources: Path) -> Path:
    """The same without a bundler and without a worker."""
    folder = without_bundler(sources, sources / "plain")
    without_worker(folder / "sentiment.js")
    return folder


def without_bundler(sources: Path, folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    packaged = sources / "node_modules" / "onnxruntime-web" / "dist"
    names = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
    for path in (*map(packaged.joinpath, names), *map(programs.npm_package().joinpath, OF_PACKAGE)):
        shutil.copy(path, folder)
    before, after = re.findall(r"write `(.*?)` in place\nof `(.*?)`", PAGE.read_text("utf-8"))[0][
        ::-1
    ]
    script = (folder / "web.js").read_text(encoding="utf-8")
    assert script.count(f'"{before}"') == 1
    (folder / "web.js").write_text(script.replace(f'"{before}"', f'"{after}"'), encoding="utf-8")
    *_, opening = blocks(PAGE, "js")
    call = (sources / "sentiment.js").read_text(encoding="utf-8").splitlines()[-1]
    (folder / "sentiment.js").write_text(f"{opening}\n{call}\n", encoding="utf-8")
    write_with_policy((sources / "index.html").read_text(encoding="utf-8"), folder)
    return folder


def write_with_policy(page: str, folder: Path) -> None:
    (script,) = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = POLICY.format(hash=hashed)
    meta = f'<meta http-equiv="Content-Security-Policy" content="{policy}" />'
    (folder / "index.html").write_text(page.replace("<meta", f"{meta}<meta", 1), encoding="utf-8")


@pytest.fixture(scope="module", params=["vite", "in_worker", "plain", "plain_in_worker"])
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
    tab.page.wait_for_selector("#answer:text-is('unknown')")


def test_each_of_many_questions_has_its_answer(tab: Tab) -> None:
    tab.page.wait_for_selector("#answer:not(:empty)")
    script = """texts => Promise.all(texts.map((text) => window.score([text])))
        .then((found) => found.map(([{ label }]) => label))"""
    assert tab.page.evaluate(script, ["Dull.", "A fine film."] * 9) == ["negative", "positive"] * 9


def test_it_gives_the_golden_answers(tab: Tab) -> None:
    tab.page.wait_for_selector("#answer:not(:empty)")
    texts = list(golden_texts_of().values())
    found = tab.page.evaluate("window.score", texts)
    golden, _ = golden_answers(MODEL)
    assert [each["label"] or None for each in found] == golden.labels
    expected = np.where([label is None for label in golden.labels], np.nan, golden.probabilities)
    assert [each["probability"] for each in found] == pytest.approx(
        expected.tolist(), abs=1e-6, nan_ok=True
    )
    assert [each["knownTokens"] for each in found] == golden_values(MODEL, "known_tokens")
    stars = [each["stars"] for each in found if each["label"]]
    expected_stars = [
        value
        for value, label in zip(golden_values(MODEL, "stars"), golden.labels, strict=True)
        if label is not None
    ]
    assert stars == pytest.approx(expected_stars, abs=0.01)


@pytest.mark.parametrize(
    ("name", "missing", "message"),
    [
        ("vite", "**/*.onnx", r"failed to load .*\.onnx"),
        ("in_worker", "**/*.onnx", r"failed to load .*\.onnx"),
        ("in_worker", "**/worker*.js", "cannot be loaded"),
        ("plain_in_worker", "**/worker.js", "cannot be loaded"),
    ],
)
def test_a_file_that_is_not_there_is_an_error_of_each_call(
    name: str, missing: str, message: str, request: pytest.FixtureRequest, browser: Any
) -> None:
    folder: Path = request.getfixturevalue(name)
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.route(missing, lambda route: route.fulfill(status=404))
    with served(folder.parent) as address:
        page.goto(f"{address}/{folder.name}/")
        for _ in range(2):
            assert re.search(message, page.evaluate(ERROR_SOON))
    page.close()


def test_what_is_no_text_has_no_known_word(tab: Tab) -> None:
    tab.page.wait_for_selector("#answer:not(:empty)")
    found = tab.page.evaluate("window.score", [None, "A fine film.", 5, {}])
    assert [each["label"] for each in found] == ["", "positive", "", ""]
    sent = tab.page.evaluate("window.score([() => 0, Symbol(), 'A fine film.'])")
    assert [each["label"] for each in sent] == ["", "", "positive"]


def test_long_texts_give_the_answer_of_the_whole(tab: Tab) -> None:
    tab.page.wait_for_selector("#answer:not(:empty)")
    texts = [*MEGABYTES.values(), "A fine film."] * 2
    found = tab.page.evaluate("window.score", texts)
    scores = shipped_scorer().score(texts)
    assert [each["label"] or None for each in found] == [score.sentiment for score in scores]


def test_typescript_knows_the_types(sources: Path) -> None:
    """Those of the package; a misspelled name is found."""
    _, _, call = (programs.EXAMPLES / "npm" / "README.md").read_text("utf-8").rpartition("```js\n")
    opening = call.partition("```")[0]
    own = f"""{opening}
        const [{{ label, probability, stars, knownTokens }}] = await model.score(["A fine film."]);
        export const line: string = `${{label.trim()}} ${{probability.toFixed(2)}}`;
        export const more: string = `${{stars?.toFixed(1)}} ${{knownTokens?.toFixed()}}`;
        // @ts-expect-error
        (await model.score([null]))[0].lable;
        // @ts-expect-error
        await open(file, {{ woker: new Worker() }});
        await model.close();
    """
    (sources / "own.ts").write_text(own, encoding="utf-8")
    run_npm("exec", "--", "tsc", "--version")  # of the lock file
    options = "--strict --noEmit --target es2024 --module esnext --moduleResolution bundler"
    command = ["node", str(WEB / "node_modules/typescript/bin/tsc"), *options.split()]
    done = programs.execute([*command, "--types", "vite/client", "own.ts"], sources)
    assert done.returncode == 0, done.stdout
    # In Node, without the types of web pages.
    own = """import { open } from "review-sentiment-toolkit";
        const model = await open("reviews-open", { maxTokens: 512 });
        export const found: number[] = (await model.score(["A"])).map((each) => each.probability);
    """
    (sources / "in_node.ts").write_text(own, encoding="utf-8")
    done = programs.execute([*command, "--lib", "es2024", "--types", "", "in_node.ts"], sources)
    assert done.returncode == 0, done.stdout


def test_the_webassembly_file_is_there_once(vite: Path) -> None:
    names = sorted(path.suffix for path in (vite / "assets").iterdir())
    assert names == [".js", ".onnx", ".wasm"]
