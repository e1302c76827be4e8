"""How the page of `examples/web` is loaded, and the models that the visitor chooses from."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import opened
from tests.examples.test_web import check_access
from tests.examples.web_page import PATIENCE, open_page, page_scores
from tests.models import EXPORTED, MODEL
from toolkit import Scorer
from toolkit.model.shipped import SHIPPED

pytestmark = pytest.mark.tools

REVIEW = "Not bad, but the hero is dull."


def test_models_and_runtime_are_stored_compressed(built: Path) -> None:
    for name in SHIPPED:
        packed = built / f"{name}.onnx.gz"
        assert gzip.decompress(packed.read_bytes()) == (EXPORTED / f"{name}.onnx").read_bytes()
    first = (built / f"{MODEL.stem}.onnx.gz").stat().st_size
    assert first < 0.45 * MODEL.stat().st_size
    assert first + (built / "ort.wasm.gz").stat().st_size < 10e6


def test_only_the_chosen_model_is_loaded_and_the_page_is_there_before_it(
    browser: Any, address: str
) -> None:
    context = browser.new_context()
    page = context.new_page()
    asked: list[str] = []
    held: list[Any] = []

    def hold(route: Any) -> None:
        asked.append(route.request.url.rpartition("/")[2])
        held.append(route)

    page.route("**/*.gz", hold)
    page.goto(address)
    page.wait_for_selector("#state:text-matches('Loading the model reviews … [0-9.]+ MB')")
    assert page.is_visible("#loading")
    page.click("#sample-torn")
    assert "waiter kind" in page.input_value("#review")
    assert page.inner_text("#word") == "The score comes when the model is loaded"
    assert page.inner_text("#lowest") == "negative"
    assert page.inner_text("#about").startswith("Model")
    assert page.evaluate("performance.getEntriesByName('first-contentful-paint').length") == 1
    while len(held) < 2:
        page.wait_for_timeout(20)
    assert sorted(asked) == ["ort.wasm.gz", "reviews.onnx.gz"]
    for route in held:
        route.continue_()
    page.wait_for_selector("#verdict[data-probability]")
    assert page.is_hidden("#loading")
    context.close()


def test_the_visitor_changes_the_model(page: Any) -> None:
    for name in ("reviews-small", "conv1d", "reviews"):
        page.fill("#review", REVIEW)
        page.select_option("#model", name)
        page.wait_for_selector(f"html[data-state=ready] #state:text-is('Ready: {name}')")
        page.wait_for_selector("#model:enabled")
        (expected,) = Scorer(EXPORTED / f"{name}.onnx").score([REVIEW])
        assert page_scores(page, [REVIEW])[0] == [pytest.approx(expected.probability, abs=1e-6)]
        page.wait_for_selector("#weighed[data-state=done]")
        shown = float(page.get_attribute("#verdict", "data-probability"))
        assert shown == pytest.approx(expected.probability, abs=1e-6)
        assert page.is_visible("#starred") == (name != "conv1d")
        assert page.locator("#about dd").first.inner_text().startswith(name)
    check_access(page)


def test_the_page_says_what_the_model_says_of_itself(page: Any) -> None:
    facts = Scorer(MODEL).facts
    about = page.inner_text("#about")
    assert f"{facts.data.reviews:,} reviews" in about
    assert f"the last {facts.max_tokens} words" in about
    assert "91 % of 29,699 reviews that it did not learn from" in about
    for said in (facts.release.model_version, facts.release.domain, facts.release.licence):
        assert said is None or said in about
    assert page.inner_text("#use") == (facts.release.intended_use or "")


def test_a_model_that_cannot_be_loaded_leaves_the_one_before(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    open_page(page, address)
    page.route("**/conv1d.onnx.gz", lambda route: route.fulfill(status=404))
    page.select_option("#model", "conv1d")
    page.wait_for_selector("html[data-state=failed] #state:has-text('conv1d could not be loaded')")
    page.wait_for_selector("#model:enabled")
    assert page.input_value("#model") == "reviews"
    assert page.inner_text("#state").endswith("; reviews is still used")
    (expected,) = Scorer(MODEL).score([REVIEW])
    assert page_scores(page, [REVIEW])[0] == [pytest.approx(expected.probability, abs=1e-6)]
    context.close()


def test_a_review_may_be_in_the_address(browser: Any, address: str) -> None:
    with opened(browser, f"{address}?model=conv1d#review=A%20superb%20film") as tab:
        tab.page.wait_for_selector("#verdict[data-side=positive]")
        assert tab.page.input_value("#review") == "A superb film"
        assert not any("superb" in url for url in tab.asked[1:])
        tab.page.goto(f"{address}?model=conv1d#review=A%20dull%20film")  # the page stays open
        tab.page.wait_for_selector("#verdict[data-side=negative]")


def test_long_texts_take_little_more_than_what_is_read_of_them(page: Any) -> None:
    """Many short texts beside one of 20,000 words, as one request; cut, it gives the same."""
    texts = ["A fine film."] * 500 + ["zzz " * 5_000 + "good bad plot " * 5_000]
    found, labels = page_scores(page, texts)
    expected = Scorer(MODEL).score(texts)
    assert labels == [score.sentiment for score in expected]
    assert found == pytest.approx([score.probability for score in expected], abs=1e-6)
    giant = " ".join(["x" * 5_000] * 300 + ["a superb film"])
    (answer,) = page_scores(page, [giant])[0]
    assert answer == pytest.approx(Scorer(MODEL).score([giant])[0].probability, abs=1e-6)


def fail_first(page: Any, address: str, body: bytes | None) -> None:
    """Open the page where its first model cannot be loaded; None: there is no such file."""
    answer = {"status": 404} if body is None else {"body": body}
    page.route("**/reviews.onnx.gz", lambda route: route.fulfill(**answer))
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("html[data-state=failed] #state:has-text('reviews could not be loaded')")
    page.unroute("**/reviews.onnx.gz")
    page.wait_for_selector("#model:enabled")
    assert page.inner_text("#word") == "There is no score without a model"


def test_another_model_where_the_first_cannot_be_loaded(browser: Any, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    fail_first(page, address, None)
    page.fill("#review", REVIEW)
    page.select_option("#model", "conv1d")
    page.wait_for_selector("#verdict[data-probability]")
    (expected,) = Scorer("conv1d").score([REVIEW])
    assert page_scores(page, [REVIEW])[0] == [pytest.approx(expected.probability, abs=1e-6)]
    assert "conv1d" in page.inner_text("#about")
    assert page.is_hidden("#again")
    page.select_option("#model", "reviews-small")
    page.wait_for_selector("#state:text-is('Ready: reviews-small')")
    context.close()


@pytest.mark.parametrize("damage", ["cut", "html"])
def test_a_damaged_model_is_loaded_again(
    browser: Any, address: str, built: Path, damage: str
) -> None:
    packed = (built / "reviews.onnx.gz").read_bytes()
    context = browser.new_context()
    page = context.new_page()
    fail_first(page, address, packed[:100_000] if damage == "cut" else b"<html>not found</html>")
    assert "reviews.onnx.gz is " in page.inner_text("#state")
    page.click("#again")
    page.wait_for_selector("html[data-state=ready]")
    page.click("#sample-cross")
    page.wait_for_selector("#verdict[data-side=negative]")
    context.close()


@pytest.mark.parametrize("stopped", [False, True])
def test_a_file_that_comes_before_the_model_waits_for_it(
    browser: Any, address: str, stopped: bool
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route("**/reviews.onnx.gz", hold)
    page.goto(address)
    while not held:
        page.wait_for_timeout(20)
    file = {"name": "early.csv", "mimeType": "", "buffer": b"text\na superb film\n"}
    page.set_input_files("#file", file)
    page.wait_for_selector("#done:text-is('Waiting for the model')")
    if stopped:
        page.click("#stop")
        page.wait_for_selector("#progress", state="hidden")
    held.pop().continue_()
    page.wait_for_selector("html[data-state=ready]")
    if stopped:
        page_scores(page, ["asked after the file"])
        assert page.is_hidden("#progress")
        assert page.is_hidden("#result")
        page.set_input_files("#file", file)
    page.wait_for_selector("#result h3:has-text('early.csv')")
    context.close()
