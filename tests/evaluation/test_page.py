"""The page: whole by itself, and safe whatever the data hold."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.evaluation.conftest import WriteRows
from tests.models import MODEL, shipped_scorer
from tests.strategies import review_texts
from toolkit.evaluation import Evaluation, EvaluationOptions, evaluate
from toolkit.evaluation.evaluate_models import Mistake
from toolkit.evaluation.metrics import METRICS
from toolkit.evaluation.page import page, spans
from toolkit.records import Columns, ReadOptions

HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(1)> & $x_1$ \x00\x1b]0;\x07 \u202e'
VOID = {"meta", "path", "use", "br", "img"}


class Elements(HTMLParser):
    """Collects elements, and checks that each is closed where it should be."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(content)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag


@pytest.fixture
def hostile(write_rows: WriteRows) -> str:
    """A page about reviews, films and files whose names and texts are markup."""
    rows = [(f"{HOSTILE} awful {n}", n % 2, f"{HOSTILE} {n % 3}", n % 5) for n in range(40)]
    path = write_rows("<b>&r.csv", ("text", "label", "film", "stars"), rows)
    values = [[n / 40] for n in range(40)]
    others = write_rows("_$<i>p.csv", ("positive_probability",), values)
    options = EvaluationOptions(ReadOptions(Columns(group="film")))
    return page(evaluate(path, [MODEL], [others], options))


def test_nothing_of_the_data_is_markup(hostile: str) -> None:
    elements = Elements(hostile)
    assert not {name for name, _ in elements.found} & {"script", "img", "b"}
    attributes = {key for _, each in elements.found for key in each}
    assert not any(key.startswith("on") for key in attributes)
    assert "&lt;script&gt;alert(&#34;1&#34;)" in hostile
    assert "&lt;b&gt;&amp;r.csv" in hostile
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]", hostile)


def test_nothing_is_fetched(hostile: str) -> None:
    assert not re.search("https?:|@import", hostile)
    elements = Elements(hostile).found
    assert not {name for name, _ in elements} & {"link", "script", "img", "iframe", "object"}
    assert not any("src" in attributes for _, attributes in elements)
    links = re.findall(r'href="([^"]*)"', hostile) + re.findall(r"url\(([^)]*)\)", hostile)
    assert all(link.startswith("#") for link in links)
    names = re.findall(r'\sid="([^"]*)"', hostile)
    assert len(names) == len(set(names))
    assert {link[1:] for link in links} <= set(names)


def test_figures_have_the_colours_of_the_page(hostile: str) -> None:
    """They have no other colours, and the style sheet has each of them, light and dark."""
    figures = "".join(re.findall(r"<figure>.*?</figure>", hostile, re.DOTALL))
    assert figures.count("<svg") > 4
    colours = re.findall(r'(?:stroke|fill)="([^"]*)"', figures)
    assert len(colours) > 60
    assert all(each == "none" or each.startswith("var(--") for each in colours)
    style = hostile[: hostile.index("</style>")]
    used = set(re.findall(r"var\((--[\w-]+)\)", hostile)) - {"--e", "--o"}
    assert used == {name for name in used if f"{name}:" in style}
    dark = style[style.index("prefers-color-scheme: dark") : style.index("* {")]
    assert {name for name in used if f"{name}:" not in dark} == set()


def test_the_legend_names_every_model(hostile: str) -> None:
    legends = re.findall(r'<ul class="legend">(.*?)</ul>', hostile, re.DOTALL)
    assert len(legends) == 6  # five figures, and that of the groups
    for legend in legends:
        assert MODEL.stem in legend
        assert "_$&lt;i&gt;p" in legend


def test_one_model_needs_no_legend_and_no_comparison(reviews_csv: Path) -> None:
    content = page(evaluate(reviews_csv))
    assert 'class="legend"' not in content
    assert "Comparison" not in content
    assert content.count("<figure>") == 5
    Elements(content)


def test_the_same_gives_the_same_page(reviews_csv: Path) -> None:
    first, second = evaluate(reviews_csv), evaluate(reviews_csv)
    assert page(first) == page(replace(second, date=first.date))


def test_mistakes_of_either_kind_have_a_heading(write_rows: WriteRows) -> None:
    texts = [("superb", 0), ("awful", 1), ("superb, a delight", 0), ("superb", 1), ("awful", 0)]
    content = page(evaluate(write_rows("r.csv", ("text", "label"), texts)))
    headings = re.findall("<h3>((?:False|Row).*?)</h3>", content)
    assert headings[0] == "False positives (negative, predicted positive): 2 of 2"
    assert headings[3] == "False negatives (positive, predicted negative): 1 of 1"
    assert re.fullmatch(r"Row 2, probability of positive 0\.0\d\d", headings[4])
    assert len(headings) == 5


def test_words_that_caused_a_mistake_are_marked(write_rows: WriteRows) -> None:
    path = write_rows("r.csv", ("text", "label"), [("Dreadful & <awful.", 1), ("superb", 1)])
    content = page(evaluate(path))
    marked = re.findall(r'<mark class="w"[^>]*>([^<]*)</mark>', content)
    assert {"awful", "dreadful"} <= {word.lower() for word in marked}
    assert "</mark> &amp; &lt;<mark" in content


@pytest.mark.parametrize("rows", [[("fine", 1)], [("fine", 1), ("bad", 1), ("!!!", 1)]])
def test_few_reviews_make_a_page(write_rows: WriteRows, rows: list[tuple[str, int]]) -> None:
    content = page(evaluate(write_rows("r.csv", ("text", "label"), rows)))
    assert content.count("<figure>") == 3  # no ROC curve: all reviews have one label
    Elements(content)


@pytest.mark.slow
@settings(max_examples=50)  # each makes a page
@given(content=st.text(min_size=1) | st.text(alphabet="<>&'\"x \x00", min_size=1))
def test_escaped_text_reads_as_it_was(found: Evaluation, content: str) -> None:
    mistake = Mistake(1, 0, 0.9, content, ())
    models = (replace(found.models[0], mistakes=(mistake,)),)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("toolkit.evaluation.page.plots", lambda _: {})  # slow
        written = page(replace(found, models=models))
    (shown,) = re.findall(r'<p class="review" dir="auto">(.*?)</p>', written, re.DOTALL)
    assert not set(shown) & set("<>\"'")
    expected = "".join("\ufffd" if is_control(each) else each for each in content)
    assert unescape(shown) == expected


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Evaluation:
    path = tmp_path_factory.mktemp("page") / "r.csv"
    path.write_text("text,label\nfine,1\nbad,0\nfine,0\n", encoding="utf-8")
    return evaluate(path)


def is_control(character: str) -> bool:
    kept = character in "\t\n\r"
    number = ord(character)
    return (unicodedata.category(character) in ("Cc", "Cs") and not kept) or (
        number in range(0xFDD0, 0xFDF0) or number in (0xFFFE, 0xFFFF)
    )


@given(review_texts.filter(lambda content: bool(content.strip())))
def test_a_marked_review_reads_as_it_was(content: str) -> None:
    assume(shipped_scorer().score([content])[0].sentiment is not None)
    words = shipped_scorer().explain(content).words
    marked = list(spans(Mistake(1, 0, 0.9, content, words)))
    assert "".join(span.text for span in marked) == content
    assert all(span.text in {word.text for word in words} for span in marked if span.effect)


def test_what_is_not_read_is_counted(found: Evaluation) -> None:
    content = "first> " * 30 + "last " * shipped_scorer().facts.max_tokens
    mistake = Mistake(1, 0, 0.9, content, shipped_scorer().explain(content).words)
    written = page(replace(found, models=(replace(found.models[0], mistakes=(mistake,)),)))
    assert '<span class="unread">[30 words before this not read] </span>' in written
    assert "first" not in "".join(span.text for span in spans(mistake))


def test_date_and_hashes_are_told(found: Evaluation) -> None:
    written = page(found)
    assert found.date.strftime("%Y-%m-%d") in written
    assert sha256(found.data.path.read_bytes()).hexdigest() in written
    assert sha256(MODEL.read_bytes()).hexdigest() in written


def test_every_metric_is_shown_and_explained(found: Evaluation) -> None:
    written = unescape(page(found))
    for metric in METRICS:
        assert f'<th scope="row">{metric.title}</th>' in written
        assert re.search(f"<dt>{metric.title}</dt>\n<dd>.{{20}}", written, re.IGNORECASE)


def test_a_model_that_is_no_better_than_a_constant_is_warned_of(found: Evaluation) -> None:
    assert f"{MODEL.stem} is not clearly better than always answering" in page(found)
