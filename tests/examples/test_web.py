"""The page of `examples/web`: typing, reading aloud, and doing without a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.examples.megabytes import MEGABYTES
from tests.examples.web_page import WEB, page_scores, run_npm
from tests.models import shipped_scorer

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
BLANK = ["", " \t\n\u3000\x1c\u0085"]


def test_its_code_passes_the_type_checker() -> None:
    run_npm("run", "check")


def test_probabilities_are_those_of_the_scorer(page: Any) -> None:
    found, labels = page_scores(page, [*TEXTS, *BLANK])
    expected = shipped_scorer().score([*TEXTS, *BLANK])
    assert labels == [score.sentiment for score in expected]
    assert found == pytest.approx(
        [float("nan") if s.probability is None else s.probability for s in expected],
        abs=1e-6,
        nan_ok=True,
    )


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
