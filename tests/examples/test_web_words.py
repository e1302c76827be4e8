"""The page of `examples/web` shows the share of each word and sentence in the score of a review."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations, permutations
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest

from tests.examples.conftest import Tab, opened
from tests.examples.test_web import check_access
from tests.examples.web_page import build_page, page_scores, served
from tests.models import CONV1D, EXPORTED, MODEL, shipped_scorer, text_in_session
from toolkit import Scorer

pytestmark = pytest.mark.tools

SMALL = EXPORTED / "reviews-small.onnx"

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
    """The page with the network of 100 tokens, and with the one that is a sum."""
    folder = build_page(tmp_path_factory.mktemp("conv1d"), CONV1D, SMALL)
    with served(folder) as address, opened(browser, address) as tab:
        yield tab
        tab.check()


@pytest.fixture(scope="module")
def small(conv1d: Tab, browser: Any) -> Iterator[Any]:
    with opened(browser, f"{conv1d.address}?model=reviews-small") as tab:
        yield tab.page


@cache
def scorer(model: Path) -> Scorer:
    return Scorer(model)


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
def test_words_have_the_shares_that_the_toolkit_gives_them(small: Any, text: str) -> None:
    """Of a model that is a sum over words and pairs of neighbours."""
    explanation = scorer(SMALL).explain(text)
    assert explanation.method == "exact"
    expected = [(w.text, w.contribution) for w in explanation.words if w.state != "unread"]
    found = marked(small, text)
    assert [word.replace("\ud83d", "\ufffd") for word, _ in found] == [word for word, _ in expected]
    differences = [abs(ours[1] - theirs[1]) for ours, theirs in zip(found, expected, strict=True)]
    assert max(differences) < 1e-4
    assert max(abs(contribution) for _, contribution in expected) > 0.1


def graph_logit(text: str) -> float:
    """Run the graph, which also answers for "at", a text that says nothing."""
    (probability,) = text_in_session().run(["probability"], {"text": np.array([text], object)})[0]
    return math.log(probability / (1 - probability))


def test_words_of_other_models_have_their_shapley_values(page: Any) -> None:
    """The mean over all orders, of which the page tries some."""
    words = ["Not", "bad", "at", "all"]
    logits = {frozenset[int](): shipped_scorer().explain(" ".join(words)).baseline}
    for size in range(1, len(words) + 1):
        for shown in map(frozenset, combinations(range(len(words)), size)):
            text = " ".join(word if at in shown else "\ufffc" for at, word in enumerate(words))
            logits[shown] = graph_logit(text)
    gains: dict[int, list[float]] = {place: [] for place in range(len(words))}
    for order in permutations(range(len(words))):
        for step, place in enumerate(order):
            before = frozenset(order[:step])
            gains[place].append(logits[before | {place}] - logits[before])
    shares = [mean(gains[place]) for place in range(len(words))]
    assert [share for _, share in marked(page, " ".join(words))] == pytest.approx(shares, abs=0.3)
    assert max(shares) > 1.5


@pytest.mark.parametrize("text", [*TEXTS[:4], "very " * 400 + "bad"])
@pytest.mark.parametrize("name", ["page", "small"])
def test_the_numbers_add_up_to_the_score(
    text: str, name: str, request: pytest.FixtureRequest
) -> None:
    """Those that are shown, too."""
    page = request.getfixturevalue(name)
    words = marked(page, text)
    items = page.eval_on_selector_all("#sum li", "all => all.map(each => each.dataset.value)")
    *parts, total = map(float, items)
    assert len(parts) == 3
    assert sum(parts) == pytest.approx(total, abs=1e-9)
    assert sum(share for _, share in words) == pytest.approx(total - parts[0], abs=0.151)
    probability = float(page.get_attribute("#verdict", "data-probability"))
    assert 1 / (1 + math.exp(-total)) == pytest.approx(probability, abs=0.013)
    assert (total > 0) == (probability > 0.5)


@pytest.mark.parametrize(
    ("text", "side"),
    [
        (TEXTS[0], "positive"),
        ("The plot was awful, and the actors did nothing.", "negative"),
        ("The food was ok.", "neutral"),
    ],
)
@pytest.mark.parametrize("name", ["page", "small"])
def test_the_sum_says_what_the_verdict_says(
    text: str, side: str, name: str, request: pytest.FixtureRequest
) -> None:
    page = request.getfixturevalue(name)
    marked(page, text)
    assert page.get_attribute("#verdict", "data-side") == side
    limits = page.inner_text("#limits").replace("\u2212", "-")
    low, high = map(float, re.findall(r"[-+]\d\.\d", limits))
    total = float(page.get_attribute("#sum li:last-child", "data-value"))
    assert side == ("negative" if total < low else "positive" if total > high else "neutral")


def test_only_the_words_that_are_read_are_marked(conv1d: Tab) -> None:
    assert len(marked(conv1d.page, TEXTS[3])) == 100
    assert "last 100 words" in conv1d.page.inner_text("#cut")
    assert len(marked(conv1d.page, NEGATIVE)) == 11
    assert conv1d.page.inner_text("#cut") == ""


SENTENCES = [
    "The camera is excellent but the battery is terrible. I like it.",
    "Nothing but joy! Even though it's long; fish &amp; chips. Costs 3.5 in the U.S. for two\nBad",
    "One.<br /><br />Two is awful.<br/>However, it ends well… though. But also dull, but also fun",
    "It is good, however bad; although he can't help but cry. Even so, even though sad, we go on",
    "“Superb” (really). Dull?! “Awful!” she said\u2028 and left: as if\x85it were over, except him",
    "A superb film.",
    "good. " + "fine film; " * 300,
]


@pytest.mark.parametrize("text", SENTENCES)
def test_sentences_are_those_of_the_toolkit(page: Any, text: str) -> None:
    expected = by_sentence().explain(text)
    assert expected.sentences is not None
    found = page.evaluate(
        'async text => (await (await import("./page.js")).scorer).sentences(text)', text
    )
    assert [text[each["start"] : each["end"]] for each in found["sentences"]] == [
        sentence.text for sentence in expected.sentences
    ]
    assert [each["probability"] for each in found["sentences"]] == pytest.approx(
        [sentence.probability for sentence in expected.sentences], abs=1e-5
    )
    assert found["isMixed"] == (expected.sentiment == "mixed")


@cache
def by_sentence() -> Scorer:
    return Scorer(MODEL, by_sentence=True)


def test_a_mixed_review_says_so_and_has_a_line_for_each_sentence(page: Any) -> None:
    page.fill("#review", SENTENCES[0])
    page.wait_for_selector("#sentences li:nth-child(3)")
    lines = page.locator("#sentences li").all_inner_texts()
    assert [line.split(",")[0] for line in lines] == ["Positive", "Negative", "Positive"]
    assert page.inner_text("#mixed").startswith("Mixed: some sentences are clearly positive")
    assert page.inner_text("#word").startswith("Mixed, leaning ")
    check_access(page)
    page.fill("#review", SENTENCES[0] + " So")  # what is shown stays until others come
    assert page.get_attribute("#by-sentence", "class") == "stack former"
    assert page.locator("#sentences li").all_inner_texts() == lines
    page.wait_for_selector("#by-sentence:not(.former)")
    page.fill("#review", SENTENCES[5])
    page.wait_for_selector("#weighed[data-state=done]")
    assert page.inner_text("#mixed") == ""
    assert "Mixed" not in page.inner_text("#word")
    assert page.is_hidden("#by-sentence")
    page.fill("#review", SENTENCES[0])
    page.wait_for_selector("#sentences li:nth-child(3)")
    page.fill("#review", "")
    page.wait_for_selector("#by-sentence", state="hidden")


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
    assert conv1d.page.is_hidden("#weighed")


def test_a_stopped_explanation_has_no_words_and_a_file_goes_on_beside_it(page: Any) -> None:
    stopped, whole, rows = page.evaluate(
        """async text => {
            const scorer = await (await import("./page.js")).scorer;
            const going = scorer.explain(text);
            going.stop();
            const whole = scorer.explain(text).answer;
            const csv = "text\\n" + `${text}\\n`.repeat(300);
            const file = scorer.scoreFile(new File([csv], "r.csv"), null, () => {}).answer;
            const weighed = (await whole).words.length;
            return [await going.answer, weighed, (await file).probabilities.length];
        }""",
        "a fairly dull film " * 128,
    )
    assert (stopped, whole, rows) == (None, 512, 300)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everybody_can_use_the_marks(page: Any, theme: str) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": 360, "height": 740})
    marked(page, NEGATIVE + " A lovely, wonderful end. " + "x" * 200)
    assert page.locator("#sum li").count() == 4
    check_access(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
