"""The page of `examples/web`: typing, the models to choose from, doing without a network."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.examples.conftest import opened
from tests.examples.usage import MEGABYTES
from tests.examples.web_page import PATIENCE, WEB, open_page, page_scores, run_npm
from tests.models import EXPORTED, MODEL, shipped_scorer
from tests.tools import need
from toolkit import Scorer
from toolkit.model import SHIPPED

pytestmark = pytest.mark.tools

TEXTS = [
    "A fine film, superbly acted.",
    "Dull, and a waste of time.",
    "🎬 wonderful 😀😀, a joy",
    "İstanbul'da geçen kötü bir film, awful",
    "no\u00a0break\u00a0space, but great acting",
    "great\0film, NUL and all; boring\x01too",
    "İ CAFÉ Ünd ǅ ΣΑΣ ẞ: good",  # letters of both cases outside ASCII
    "\u2028terrible\u0085plot\ufeff",
    "half a pair \ud83d here, brilliant",
    "!!!",
    "very " * 400 + "bad",
]


def test_its_code_passes_the_type_checker() -> None:
    run_npm("run", "check")


def test_a_megabyte_has_the_label_of_the_scorer(page: Any) -> None:
    texts = list(MEGABYTES.values())
    _, labels = page_scores(page, texts)
    assert labels == [score.sentiment for score in shipped_scorer().score(texts)]


def shown(page: Any) -> float:
    return float(page.get_attribute("#verdict", "data-probability"))


@pytest.mark.parametrize("text", [TEXTS[0], TEXTS[3], TEXTS[4]])
def test_typing_moves_the_probability(page: Any, text: str) -> None:
    (expected,) = shipped_scorer().score([text])
    page.fill("#review", text)
    page.wait_for_selector("#verdict[data-probability]")
    assert shown(page) == pytest.approx(expected.probability, abs=1e-6)
    assert expected.sentiment is not None
    assert expected.sentiment in page.inner_text("#word").lower()
    (stars,) = shipped_scorer().stars([text])
    assert stars is not None
    assert page.inner_text("#stars") == f"{stars:.1f} of 5 stars"
    page.wait_for_selector(f"#spoken:has-text('{stars:.1f} of 5 stars')", state="attached")


def test_the_last_of_many_texts_is_shown(page: Any) -> None:
    """Long ones take longer: were answers taken as they come, one of them could be the last."""
    (expected,), _ = page_scores(page, [TEXTS[0]])
    page.evaluate(
        """async texts => {
            const review = document.getElementById("review");
            for (const text of texts) {
                review.value = text;
                review.dispatchEvent(new Event("input"));
                await new Promise(resolve => setTimeout(resolve, 90));
            }
        }""",
        ["awful " * (100_000 if place % 2 else 1) for place in range(6)] + [TEXTS[0]],
    )
    page.wait_for_selector(f"#verdict[data-probability='{expected!r}']")
    page_scores(page, ["whatever was asked before is answered now"])
    assert shown(page) == expected


def test_a_sample_replaces_the_text(page: Any) -> None:
    page.fill("#review", TEXTS[0])
    page.click("#sample-torn")
    (expected,) = shipped_scorer().score([page.input_value("#review")])
    page.wait_for_function(
        "p => Math.abs(document.querySelector('#verdict').dataset.probability - p) < 1e-6",
        arg=expected.probability,
    )


def test_as_one_file_it_is_opened_from_the_disk(page_of_one_file: Any) -> None:
    page = page_of_one_file
    page.context.set_offline(True)
    page.fill("#review", TEXTS[0])
    page.wait_for_selector("#verdict[data-side=positive]")
    (expected,) = shipped_scorer().score([TEXTS[0]])
    assert shown(page) == pytest.approx(expected.probability, abs=1e-6)
    file = {"name": "r.jsonl", "mimeType": "", "buffer": b'{"text": "A superb film."}\n'}
    page.set_input_files("#file", file)
    page.wait_for_selector("#result:not([hidden]) .histogram")


def test_the_page_for_a_server_says_so_when_opened_from_the_disk(browser: Any, built: Path) -> None:
    page = browser.new_page()
    page.goto((built / "index.html").as_uri())
    page.wait_for_selector("#stuck:visible:has-text('open review-sentiment.html')")
    assert page.locator("#state, #loading").evaluate_all(
        "all => all.map(each => getComputedStyle(each).visibility)"
    ) == ["hidden", "hidden"]
    page.close()


def test_without_javascript_the_page_says_only_that(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.is_visible("noscript p")
    for each in ("#state", "#stuck", "#loading"):
        assert page.is_hidden(each)
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_it(page: Any, theme: str) -> None:
    """No rule of axe-core is broken, with everything in view."""
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.fill("#review", TEXTS[0])
    page.wait_for_selector("#verdict[data-side=positive]")
    check_access(page)
    file = {"name": "r.csv", "mimeType": "", "buffer": b"body,n\nGood.,1\nBad.,2\nragged\n"}
    page.set_input_files("#file", file)
    page.wait_for_selector("#choose:not([hidden])")
    check_access(page)
    page.click("#choose [type=submit]")
    page.wait_for_selector("#result:not([hidden]) .rejected")
    page.click("summary")
    page.wait_for_selector(".rows tbody button")
    check_access(page)
    page.set_input_files("#file", {**file, "buffer": b""})
    page.wait_for_selector("#problem:not([hidden])")
    check_access(page)


def check_access(page: Any) -> None:
    # What was said of a former text is pale, until the answer for this one comes.
    page.wait_for_selector(".former:visible", state="detached")
    page.evaluate((WEB / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run().then(({ violations, passes }) => [violations, passes.length])")
    violations, passes = found
    assert [(each["id"], each["nodes"][0]["html"]) for each in violations] == []
    assert passes > 20


@pytest.mark.parametrize(("width", "letters"), [(360, "100%"), (320, "100%"), (390, "200%")])
def test_nothing_is_wider_than_a_phone(page: Any, width: int, letters: str) -> None:
    page.set_viewport_size({"width": width, "height": 740})
    page.evaluate("size => document.documentElement.style.fontSize = size", letters)
    page.click("#sample-torn")
    page.wait_for_selector("#weighed[data-state=done]")
    page.set_input_files(
        "#file", {"name": "x" * 90 + ".csv", "mimeType": "", "buffer": b"text\nGood.\n" + b"a,b\n"}
    )
    page.wait_for_selector("#result:not([hidden]) .rejected")
    page.wait_for_selector(".rows tbody button")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate("document.documentElement.style.fontSize = ''")


REVIEW = "Not bad, but the hero is dull."


def test_models_and_runtime_are_stored_compressed(built: Path) -> None:
    for name in SHIPPED:
        packed = built / f"{name}.onnx.gz"
        assert gzip.decompress(packed.read_bytes()) == (EXPORTED / f"{name}.onnx").read_bytes()
    first = (built / f"{MODEL.stem}.onnx.gz").stat().st_size
    # The small integers of a recurrent network fill their bytes.
    assert first < 0.9 * MODEL.stat().st_size
    assert first + (built / "ort.wasm.gz").stat().st_size < 18e6


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
    assert "92 % of 29,699 reviews that it did not learn from" in about
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


def printed(script: str) -> str:
    """What Node prints for a script in the folder of the page."""
    need("node")
    command = ["node", "--input-type=module", "--eval", script]
    return subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=True).stdout


def test_texts_that_were_overtaken_are_left_out() -> None:
    """Of those that came while one was scored, the last alone is."""
    script = """
        import { latestOnly } from "./src/latest.js";
        const [shown, answers] = [[], []];
        const score = latestOnly(
            () => new Promise(resolve => answers.push(resolve)), result => shown.push(result));
        for (const text of "abc") score(text);
        for (const result of "AC") {
            answers.shift()(result);
            await new Promise(resolve => setTimeout(resolve));
        }
        console.log(shown.join(), answers.length);
    """
    assert printed(script) == "A,C 0\n"


@pytest.mark.parametrize(
    ("threshold", "words"),
    [
        (0.5, "below \u22120.4 is bad, above +0.4 is good, the rest is neutral"),
        (0.05, "above \u22121.7 is good, the rest is neutral"),
        (0.95, "below +1.7 is bad, the rest is neutral"),
    ],
)
def test_a_threshold_near_an_end_has_one_limit(threshold: float, words: str) -> None:
    script = f"""
        import {{ limitsInWords }} from "./src/word_sum.js";
        const facts = {{ labels: ["bad", "good"], neutral: null, threshold: {threshold} }};
        console.log(limitsInWords(facts));
    """
    assert printed(script) == f"{words}\n"
