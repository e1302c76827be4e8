"""The rows of a scored file on the page of `examples/web`: sorted, paged, opened, written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest

from tests.examples.conftest import Tab, opened
from tests.examples.test_web import check_access
from tests.examples.web_files import downloaded, neutral_scorer, reviews, upload
from tests.models import shipped_scorer

pytestmark = pytest.mark.tools

ROWS = 1_010
AT_ONCE = 10


@pytest.fixture(scope="module")
def many(browser: Any, address: str) -> Iterator[Tab]:
    """A tab with a file of many rows, of which the first has no text."""
    with opened(browser, address) as tab:
        upload(
            tab.page, "many.csv", b"id,text,stars\n0,,\n" + reviews(ROWS - 1).partition(b"\n")[2]
        )
        tab.page.wait_for_selector(".rows tbody tr")
        yield tab
        tab.check()


@pytest.fixture
def rows(many: Tab) -> Any:
    order_by(many.page, "Order of the file")
    return many.page


def order_by(page: Any, words: str) -> None:
    page.click(f".rows button:text-is('{words}')")
    page.wait_for_selector(f".rows button[aria-pressed=true]:text-is('{words}')")


def probabilities(page: Any) -> list[float]:
    """Those of the rows that are shown and have one."""
    cells = page.locator(".rows tbody .sentiment[data-probability]")
    return [
        float(each) for each in cells.evaluate_all("all => all.map(a => a.dataset.probability)")
    ]


def numbers(page: Any) -> list[int]:
    cells = page.locator(".rows tbody td:first-child").all_inner_texts()
    return [int(cell.replace(",", "")) for cell in cells]


def position(page: Any) -> str:
    return str(page.inner_text(".pages [role=status]"))


def test_rows_are_those_of_the_file_with_their_scores(rows: Any) -> None:
    assert numbers(rows) == list(range(1, AT_ONCE + 1))
    assert rows.locator(".rows tbody tr").first.inner_text().split() == [
        *("1", "no", "score", "no", "text")
    ]
    texts = [row["text"] for row in csv.DictReader(io.StringIO(reviews(AT_ONCE).decode()))]
    expected = shipped_scorer().score(texts[: AT_ONCE - 1])
    assert probabilities(rows) == pytest.approx([score.probability for score in expected], abs=2e-6)
    second = rows.locator(".rows tbody tr").nth(1)
    label = neutral_scorer().score(texts[:1])[0].sentiment
    assert second.locator(".side").inner_text().lower() == label
    (stars,) = shipped_scorer().stars(texts[:1])
    assert second.locator("td").nth(2).inner_text() == f"{stars:.1f}"


def test_the_most_negative_come_first_at_a_click(rows: Any) -> None:
    order_by(rows, "Most negative first")
    first = probabilities(rows)
    assert len(first) == AT_ONCE
    assert first == sorted(first)
    rows.click(".pages button:text-is('Last')")
    rows.wait_for_selector(f".pages [role=status]:has-text('of {ROWS:,}'):has-text('1,001 to')")
    last = probabilities(rows)
    assert last == sorted(last)
    assert last[0] > first[-1]
    assert numbers(rows)[-1] == 1  # which has no score
    order_by(rows, "Most positive first")
    assert probabilities(rows)[: len(last)] == last[::-1]


def test_heads_sort_and_say_so(rows: Any) -> None:
    sentiment = rows.locator(".rows th", has_text="Sentiment")
    assert rows.locator(".rows th[aria-sort] button").all_inner_texts() == ["Row"]
    sentiment.locator("button").press("Enter")
    rows.wait_for_selector(".rows th[aria-sort=ascending]:has-text('Sentiment')")
    assert rows.locator(".rows th[aria-sort]").count() == 1
    sentiment.locator("button").press("Enter")
    rows.wait_for_selector(".rows th[aria-sort=descending]:has-text('Sentiment')")
    assert probabilities(rows) == sorted(probabilities(rows), reverse=True)
    rows.locator(".rows th", has_text="Stars").locator("button").click()
    rows.wait_for_selector(".rows th[aria-sort=ascending]:has-text('Stars')")
    stars = [float(each) for each in rows.locator(".rows td:nth-child(3)").all_inner_texts()]
    assert stars == sorted(stars)


def test_pages_are_turned_by_the_keyboard_and_the_focus_stays(rows: Any) -> None:
    assert position(rows) == f"Rows 1 to {AT_ONCE} of {ROWS:,}"
    forward = rows.locator(".pages button:text-is('Next')")
    forward.focus()
    for page in range(1, 4):
        rows.keyboard.press("Enter")
        start = page * AT_ONCE + 1
        rows.wait_for_selector(f".pages [role=status]:has-text('Rows {start} to')")
        assert numbers(rows) == list(range(start, start + AT_ONCE))
    rows.click(".pages button:text-is('Last')")
    rows.wait_for_selector(".pages [role=status]:has-text('Rows 1,001 to 1,010')")
    assert forward.get_attribute("aria-disabled") == "true"
    forward.press("Enter")
    assert rows.evaluate("document.activeElement.textContent") == "Next"
    assert position(rows).startswith("Rows 1,001 to")
    check_access(rows)


def test_a_row_is_opened_as_the_review_that_is_typed(rows: Any) -> None:
    (expected, *_) = csv.DictReader(io.StringIO(reviews(1).decode()))
    rows.locator(".rows tbody tr").nth(1).locator("button").press("Enter")
    rows.wait_for_selector("#weighed[data-state=done]")
    assert rows.input_value("#review") == expected["text"].replace("\r\n", "\n")
    assert rows.evaluate("document.activeElement.id") == "review"
    rows.press("#back", "Enter")
    assert rows.evaluate("document.activeElement.textContent").startswith(expected["text"][:50])
    assert rows.is_hidden("#back")
    shown = float(rows.get_attribute("#verdict", "data-probability"))
    assert shown == pytest.approx(probabilities(rows)[0], abs=1e-6)


def test_a_phone_shows_a_review_below_its_numbers(rows: Any) -> None:
    rows.set_viewport_size({"width": 390, "height": 844})
    first = rows.locator(".rows tbody tr").nth(1)
    number, review = (first.locator("td").nth(at).bounding_box() for at in (0, 3))
    assert review["y"] >= number["y"] + number["height"] - 1
    assert review["width"] > 250
    tree = rows.locator(".rows table").aria_snapshot()
    assert '- cell "2"' in tree
    assert '- columnheader "Sentiment likely positive"' in tree
    check_access(rows)
    rows.set_viewport_size({"width": 1280, "height": 800})


def test_the_visitor_chooses_what_is_written(page: Any) -> None:
    upload(page, "r.csv", b"text\ngood\nThe soup was cold and the room dark.\n")
    both = ",predicted_sentiment,positive_probability"
    saved = downloaded(page, "Download the scored file")[1].decode().splitlines()
    assert saved[0] == f"text{both},predicted_stars"
    page.get_by_label("a column of stars").uncheck()
    page.get_by_label("the label “neutral”").uncheck()
    page.wait_for_timeout(300)
    saved = downloaded(page, "Download the scored file")[1].decode().splitlines()
    assert saved[0] == f"text{both}"
    labels = [score.sentiment for score in shipped_scorer().score(["good", saved[2].split(",")[0]])]
    assert [line.split(",")[1] for line in saved[1:]] == labels
