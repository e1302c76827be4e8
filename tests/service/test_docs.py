"""The page `/docs` of `toolkit serve`, in Chromium."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.classes.tickets import TOPICS, learned, model, run_of
from tests.examples.web_page import WEB, chromium, run_npm
from tests.service.test_service import Service, started

TOKEN = "a-token-0123456789"
URL = re.compile(r"https?://(?!localhost|127\.0\.0\.1|www\.w3\.org)")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that asks for a token."""
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    path.write_text(TOKEN, encoding="ascii")
    with started("--token-file", str(path)) as service:
        yield service


def test_the_page_loads_nothing_but_itself(guarded: Service) -> None:
    status, headers, content = guarded.answer(path="/docs", method="GET")
    assert status == 200
    assert headers["content-type"] == "text/html; charset=utf-8"
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert not URL.search(content.decode())


def test_the_description_names_the_token(guarded: Service) -> None:
    _, described = guarded.ask(path="/openapi.json", method="GET")
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    asks = {
        path: ["security" in operation for operation in methods.values()]
        for path, methods in described["paths"].items()
    }
    closed = {"/score", "/explain", "/metrics"}
    assert asks == {path: [path in closed] for path in described["paths"]}
    with started() as anybody:
        _, described = anybody.ask(path="/openapi.json", method="GET")
    assert "security" not in json.dumps(described)


@contextmanager
def opened(service: Service, **options: Any) -> Iterator[Any]:
    """The page in a tab; a message of the console is an error, but for statuses of answers."""
    problems: list[str] = []
    with chromium() as browser:
        page = browser.new_page(**options)
        page.on("console", lambda message: problems.append(message.text))
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"http://127.0.0.1:{service.port}/docs")
        page.wait_for_selector("section")
        yield page
        page.close()
    assert [problem for problem in problems if "401" not in problem] == []


@pytest.mark.tools
def test_people_try_it(guarded: Service) -> None:
    with opened(guarded) as page:
        assert "positive" in page.text_content("#about")
        score = page.locator("section", has_text="POST /score")
        assert "by_sentence" in score.text_content()
        assert "one of “negative”, “positive”, “neutral”, “mixed”, or null" in score.text_content()
        shell = score.locator("pre").last.text_content()
        assert '-H "Authorization: Bearer $TOKEN"' in shell
        score.locator("button").click()
        answer = score.locator("[aria-live]")
        answer.filter(has_text="401").wait_for()
        page.fill("#token", TOKEN)
        score.locator("button").click()
        answer.filter(has_text="200").wait_for()
        scores = json.loads(answer.text_content().partition("\n")[2])["scores"]
        assert [each["sentiment"] for each in scores] == ["positive", "negative"]


@pytest.mark.tools
def test_everybody_can_use_it(guarded: Service) -> None:
    """No rule of axe-core is broken, and nothing is wider than a phone."""
    run_npm("ls", "axe-core")
    source = (WEB / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")
    for theme in ("light", "dark"):
        size = {"width": 360, "height": 740}
        with opened(guarded, viewport=size, color_scheme=theme, bypass_csp=True) as page:
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            page.evaluate(source)
            found = page.evaluate("axe.run().then(({ violations }) => violations)")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []


@pytest.mark.tools
def test_a_model_of_classes() -> None:
    with started("--model", str(model())) as service, opened(service) as page:
        for topic in TOPICS:
            assert topic in page.text_content("#about")
            assert topic in page.text_content("section")
        assert "probabilities" in page.text_content("section")
        assert "Authorization" not in page.text_content("main")
        assert page.locator("#token").count() == 0


@pytest.mark.tools
def test_a_page_of_long_classes_is_no_wider_than_the_window() -> None:
    rows = [(text, topic[0] * 300) for text, topic in learned()]
    path = run_of(rows) / "ngram-linear.onnx"
    with started("--model", str(path)) as service, opened(service) as page:
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= page.viewport_size["width"]
