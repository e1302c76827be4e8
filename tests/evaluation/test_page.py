"""The page: whole by itself, and safe whatever the data hold."""

from __future__ import annotations

import re
import unicodedata
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.conftest import WriteRows
from tests.models import MODEL, shipped_scorer
from tests.strategies import review_texts
from toolkit.evaluation import EvaluationColumns, EvaluationOptions, evaluate
from toolkit.evaluation.markup import text
from toolkit.evaluation.mistake_markup import review_markup
from toolkit.evaluation.mistakes import Mistake, effects
from toolkit.evaluation.page import page

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
    options = EvaluationOptions(EvaluationColumns(group="film"))
    return page(evaluate(path, [MODEL], [others], options))


def test_nothing_of_the_data_is_markup(hostile: str) -> None:
    elements = Elements(hostile)
    assert not {name for name, _ in elements.found} & {"script", "img", "b"}
    attributes = {key for _, each in elements.found for key in each}
    assert not any(key.startswith("on") for key in attributes)
    assert "&lt;script&gt;alert(&quot;1&quot;)" in hostile
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
    """Those that stand for variables are all replaced, and every variable is defined."""
    figures = "".join(re.findall(r"<figure>.*?</figure>", hostile, re.DOTALL))
    assert figures.count("<svg") > 5
    assert not re.search(r"#00[0-9a-f]{4}\b", figures)
    assert not re.search(r"(?:stroke|fill): *#(?!fff)", figures)
    style = hostile[: hostile.index("</style>")]
    used = set(re.findall(r"var\((--[\w-]+)\)", hostile)) - {"--e"}
    assert used == {name for name in used if f"{name}:" in style}
    dark = style[style.index("prefers-color-scheme: dark") : style.index("* {")]
    assert {name for name in used if f"{name}:" not in dark} == set()


def test_the_legend_names_every_model(hostile: str) -> None:
    legends = re.findall(r'<ul class="legend">(.*?)</ul>', hostile, re.DOTALL)
    assert len(legends) == 5
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
    assert page(evaluate(reviews_csv)) == page(evaluate(reviews_csv))


def test_misleading_words_are_marked(write_rows: WriteRows) -> None:
    path = write_rows("r.csv", ("text", "label"), [("It is awful & <dull>.", 1), ("superb", 1)])
    content = page(evaluate(path))
    marked = re.findall(r'<mark class="w"[^>]*>([^<]*)</mark>', content)
    assert {"awful", "dull"} <= {word.lower() for word in marked}
    assert "</mark> &amp; &lt;<mark" in content


@pytest.mark.parametrize("rows", [[("fine", 1)], [("fine", 1), ("bad", 1), ("!!!", 1)]])
def test_few_reviews_make_a_page(write_rows: WriteRows, rows: list[tuple[str, int]]) -> None:
    content = page(evaluate(write_rows("r.csv", ("text", "label"), rows)))
    assert content.count("<figure>") == 4  # no ROC curve: all reviews have one label
    Elements(content)


@given(st.text(), st.text(alphabet="<>&'\"x \x00"))
def test_escaped_text_reads_as_it_was(first: str, second: str) -> None:
    for content in (first, second):
        escaped = text(content)
        assert not set(escaped) & set("<>\"'")
        expected = "".join("\ufffd" if is_control(each) else each for each in content)
        assert unescape(escaped) == expected


def is_control(character: str) -> bool:
    kept = character in "\t\n\r"
    number = ord(character)
    return (unicodedata.category(character) in ("Cc", "Cs") and not kept) or (
        number in range(0xFDD0, 0xFDF0) or number in (0xFFFE, 0xFFFF)
    )


@given(review_texts.filter(lambda content: bool(content.strip())))
def test_a_marked_review_reads_as_it_was(content: str) -> None:
    words = tuple(effects(shipped_scorer(), content, 1))
    marked = review_markup(Mistake(1, 0, 0.9, content, words))
    expected = unescape(text(content))
    assert unescape(re.sub("<[^>]*>", "", marked)) == expected


def test_what_is_not_read_is_counted() -> None:
    content = "<first> " * 30 + "last " * shipped_scorer().facts.max_tokens
    words = tuple(effects(shipped_scorer(), content, 1))
    marked = review_markup(Mistake(1, 0, 0.9, content, words))
    assert marked.startswith('<span class="unread">[30 words before this are not read] </span>')
    assert "first" not in marked
