"""The page of `examples/web` shows what each word of a typed review adds to its score."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.examples.conftest import Tab, opened
from tests.examples.test_web import check_access
from tests.examples.web_page import build_page, page_scores, served
from tests.models import CONV1D
from toolkit import Scorer

NEGATIVE = "The plot was awful, and the actors did what they could."
TEXTS = [
    "A superb film, İ and not a dull one!\n<br />Don't miss it.",
    NEGATIVE,
    "🎬 wonderful 😀😀, zzyzx é\u00a0joy\u2028terrible\x01plot \ud83d here",
    "it was a good story of a man and his dog, who lived in the town; "
    * 30,  # more than the model reads
    "\u00a0 " * 120,  # blank
    "good " + "zzyzx " * 120,  # what is read is unknown
    "!!!",
]


@pytest.fixture(scope="module")
def conv1d(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """The page with the network of 100 tokens."""
    folder = build_page(tmp_path_factory.mktemp("conv1d"), CONV1D)
    with served(folder) as address, opened(browser, address) as tab:
        yield tab
        tab.check()


@cache
def scorer() -> Scorer:
    return Scorer(CONV1D)


def marked(page: Any, text: str) -> list[tuple[str, float]]:
    """Type a text, and give the words that the page has weighed."""
    page.fill("#review", text)
    page.wait_for_selector("#weighed[data-state=done]")
    return [
        (word, float(contribution))
        for word, contribution in page.eval_on_selector_all(
            "#marked [data-contribution]",
            "all => all.map(each => [each.textContent, each.dataset.contribution])",
        )
    ]


@pytest.mark.parametrize("text", TEXTS[:4])
def test_words_add_what_the_scorer_says(conv1d: Tab, text: str) -> None:
    explanation = scorer().explain(text)
    assert explanation.method == "occlusion"
    expected = [(w.text, w.contribution) for w in explanation.words if w.state != "unread"]
    found = marked(conv1d.page, text)
    assert [word.replace("\ud83d", "\ufffd") for word, _ in found] == [word for word, _ in expected]
    differences = [abs(ours[1] - theirs[1]) for ours, theirs in zip(found, expected, strict=True)]
    assert max(differences) < 1e-3
    assert max(abs(contribution) for _, contribution in expected) > 0.1
    is_cut = len(found) < len(explanation.words)
    assert ("last 100 words" in conv1d.page.inner_text("#cut")) == is_cut


def test_the_strongest_word_of_a_negative_review_is_underlined_as_negative(conv1d: Tab) -> None:
    found = dict(marked(conv1d.page, NEGATIVE))
    word = min(found, key=lambda each: found[each])
    assert word == "awful"
    mark = conv1d.page.locator("#marked [data-level='3']")
    assert mark.inner_text() == word
    assert mark.get_attribute("title").endswith(", towards negative")
    style = mark.evaluate("each => getComputedStyle(each).textDecorationStyle")
    assert style == "wavy"
    assert "Towards negative: awful" in conv1d.page.inner_text("#strongest")
    assert conv1d.page.locator("#strongest li").count() <= 2


@pytest.mark.parametrize("text", TEXTS[4:])
def test_texts_without_a_known_word_have_no_score_and_no_marks(conv1d: Tab, text: str) -> None:
    conv1d.page.fill("#review", NEGATIVE)
    conv1d.page.wait_for_selector("#verdict[data-probability]")
    conv1d.page.fill("#review", text)
    conv1d.page.wait_for_selector("#verdict[data-side=none]")
    page_scores(conv1d.page, ["whatever was asked before is answered now"])
    assert conv1d.page.locator("#marked [data-contribution]").count() == 0
    expected = "The model knows no word of this" if text.strip() else "Nothing to score yet"
    assert conv1d.page.inner_text("#word") == expected
    assert conv1d.page.is_hidden("#weighed") == (text != TEXTS[5])


def test_marks_of_a_text_go_when_it_changes(page: Any) -> None:
    """At once, and those of a text that was overtaken do not come."""
    assert marked(page, NEGATIVE)
    long = "a fairly dull film " * 200
    page.fill("#review", long)
    assert page.locator("#marked [data-contribution]").count() == 0
    page.wait_for_timeout(350)  # its words are being weighed
    assert [word for word, _ in marked(page, "A fine film.")] == ["A", "fine", "film"]


def test_a_stopped_explanation_has_no_words_and_a_file_goes_on_beside_it(page: Any) -> None:
    stopped, whole, rows = page.evaluate(
        """async text => {
            const scorer = await (await import("./page.js")).scorer;
            const going = scorer.explain(text, 512);
            going.stop();
            const whole = scorer.explain(text, 512).answer;
            const csv = "text\\n" + `${text}\\n`.repeat(300);
            const file = scorer.scoreFile(new File([csv], "r.csv"), null, () => {}).answer;
            return [await going.answer, (await whole).length, (await file).probabilities.length];
        }""",
        "a fairly dull film " * 128,
    )
    assert (stopped, whole, rows) == (None, 512, 300)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_the_marks(page: Any, theme: str) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 740})
    marked(page, NEGATIVE + " A lovely, wonderful end. " + "x" * 200)
    assert page.locator("#strongest li").count() == 2
    check_access(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
