"""Files that are dropped on the page of `examples/web`: what is kept, rejected and shown."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.data import PROJECT
from tests.examples.conftest import Tab, opened
from tests.examples.test_web import check_access
from tests.examples.web_page import (
    ADDED,
    TILES,
    check_csv,
    count,
    downloaded,
    neutral_scorer,
    problem,
    rejected,
    reviews,
    scored,
    upload,
)
from tests.models import shipped_scorer
from toolkit.records import Columns, ReadOptions
from toolkit.scoring import ScoringOptions, score_file

pytestmark = pytest.mark.tools


def test_ten_rows_that_are_dropped(page: Any) -> None:
    content = reviews(10)
    data = page.evaluate_handle(
        """base64 => {
            const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
            const data = new DataTransfer();
            data.items.add(new File([bytes], "ten.csv"));
            return data;
        }""",
        base64.b64encode(content).decode(),
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": data})
    page.wait_for_selector("#result h3:has-text('ten.csv')")
    check_csv(content, downloaded(page, "Download the scored file")[1])
    assert sum(count(page, name) for name in TILES) == 10


def test_the_texts_of_the_examples_are_scored(page: Any) -> None:
    """And not the names of the films, which stand before them."""
    content = (PROJECT / "examples" / "reviews.csv").read_bytes()
    check_csv(content, scored(page, "reviews.csv", content))


# How many different shares of the work a timer of the page sees: none, if the page itself scored.
WATCH = """() => {
    const shares = new Set();
    const timer = setInterval(() => shares.add(document.getElementById("bar").value), 10);
    const end = () => {
        clearInterval(timer);
        return shares.size;
    };
    window.watch = { end };
}"""


def test_ten_thousand_rows_leave_the_page_responsive(page: Any) -> None:
    content = reviews(10_000)
    page.evaluate(WATCH)
    page.set_input_files("#file", {"name": "many.csv", "mimeType": "", "buffer": content})
    page.wait_for_selector("#progress:not([hidden])")
    page.fill("#review", "A fine film.")
    page.wait_for_selector("#verdict[data-probability]")
    assert page.is_visible("#progress")  # what is typed need not wait for the file
    page.wait_for_selector("#result h3:has-text('many.csv')")
    assert page.evaluate("document.activeElement.id") == "review"  # and may go on being typed
    assert page.evaluate("window.watch.end()") > 10
    # Of so many, some are at the far end of what the order of additions changes.
    check_csv(content, downloaded(page, "Download the scored file")[1], tolerance=2e-6)
    assert sum(count(page, name) for name in TILES) == 10_000
    page.click("summary")
    bars = page.locator(".histogram td").all_inner_texts()
    assert sum(int(bar.replace(",", "")) for bar in bars) == 10_000 - count(page, TILES[-1])


CSV_FILES = {
    "quoted": (b'id,text\r\n007,"He said ""good"",\r\nand left"\r\n8,bad\r\n', ","),
    "mark": (b"\xef\xbb\xbftext,id\ngood,1\n,2\n", ","),
    "semicolons": ('"id";"review";"e, f"\n1;Schön, gut;3,5\n'.encode(), ";"),
    "tabs": (b"id\ttext\n1\tgood, very\n", "\t"),
    "one_column": (b'text\n"good, good"\n"bad"', ","),
    "mixed_line_ends": (b'id,text\r\n1,"good"\n2,bad\r\n3,"fine"\r\n', ","),
    "header_only": (b"id,text\r\n", ","),
    "emoji": ("text,n\n😀 İ \u00a0 \u2028 good,1\n".encode(), ","),
}


@pytest.mark.parametrize("name", CSV_FILES)
def test_the_download_is_what_the_toolkit_writes(page: Any, name: str, tmp_path: Path) -> None:
    """But for the last digit of a number, to the byte."""
    content, delimiter = CSV_FILES[name]
    found = scored(page, "r.csv", content)
    column = "review" if b"review" in content else "text"
    check_csv(content, found, column, delimiter)
    assert [line.split(delimiter.encode())[:-2] for line in found.splitlines()] == [
        line.split(delimiter.encode())[:-2] for line in by_toolkit(tmp_path, content, delimiter)
    ]


def by_toolkit(folder: Path, content: bytes, delimiter: str) -> list[bytes]:
    source = folder / "r.csv"
    source.write_bytes(content)
    columns = Columns(adds=(*Columns().adds, "stars"))
    options = ScoringOptions(reading=ReadOptions(delimiter=delimiter, columns=columns))
    score_file(neutral_scorer(), source, folder / "out.csv", options)
    return (folder / "out.csv").read_bytes().splitlines()


def test_ragged_rows_and_open_quotes_cost_no_other_row(page: Any) -> None:
    content = (
        b'id,text\n1,good\n2,bad,more\n3\n4,"a "quote" inside"\n5,fine\n6,"never closed\n'
        b'\n7,"dull, but\nclosed"\n8,awful\n9,"open\nto the end'
    )
    rows = csv.reader(io.StringIO(scored(page, "r.csv", content).decode(), newline=""))
    assert [row[0] for row in rows if row] == ["id", "1", "5", "7", "8"]
    assert [(each["line"], each["raw"]) for each in rejected(page)] == [
        (3, "2,bad,more"),
        (4, "3"),
        (5, '4,"a "quote" inside"'),
        (7, '6,"never closed'),
        (12, '9,"open'),
        (13, "to the end"),
    ]
    reasons = [each["reason"] for each in rejected(page)]
    assert reasons[:2] == ["3 fields, expected 2", "1 field, expected 2"]
    assert "continues after" in reasons[2]
    assert "continues after" in reasons[3]  # as the next quote would close it
    assert "never closed" in reasons[4]
    assert (count(page, "Not readable"), count(page, "Without text")) == (6, 0)


def test_bytes_that_are_no_utf8_cost_their_row(page: Any) -> None:
    content = "text,id\nschön,1\n".encode() + b"sch\xf6n,2\n" + "😀 good,3\n".encode()
    found = scored(page, "r.csv", content)
    check_csv("text,id\nschön,1\n😀 good,3\n".encode(), found)
    (record,) = rejected(page)
    assert record["line"] == 3
    assert base64.b64decode(record["raw_base64"]) == b"sch\xf6n,2"


def test_utf16_becomes_utf8(page: Any) -> None:
    content = "text,n\nschön,1\n"
    for encoding in ("utf-16-le", "utf-16-be"):
        data = ("\ufeff" + content).encode(encoding)
        check_csv(content.encode(), scored(page, f"{encoding}.csv", data))


def test_json_lines(page: Any) -> None:
    lines = [
        '{"id": 12345678901234567890, "text": "good \\ud83d\\ude00", "a": {"b": [1.10]}}',
        '{"text": "half \\ud800 pair"}\r',
        "",
        '  {"review": "other key"} ',
        "{}",
        '{"text": null}',
    ]
    bad = [
        '{"text": "cut',
        "[1]",
        '{"text": 5}',
        '{"text": "x", "positive_probability": 1}',
        "text",
    ]
    content = "\n".join([*lines[:2], *bad, *lines[2:]]).encode()
    found = scored(page, "r.jsonl", content).decode().split("\n")
    assert len(found) == len(lines) + 1
    assert found[0].startswith(lines[0][:-1] + ', "predicted_sentiment": "')
    assert found[1].endswith("}\r")
    assert found[2] == ""
    records = [json.loads(line) for line in found if line]
    texts = ["good 😀", "half \ufffd pair", None, None, None]
    expected = zip(neutral_scorer().score(texts), neutral_scorer().stars(texts), strict=True)
    for record, (score, stars) in zip(records, expected, strict=True):
        assert record[ADDED[0]] == score.sentiment
        assert record[ADDED[1]] == pytest.approx(score.probability, abs=1e-6)
        assert record[ADDED[2]] == pytest.approx(stars, abs=0.011)
    aside = rejected(page)
    assert [each["line"] for each in aside] == [3, 4, 5, 6, 7]
    assert [each["raw"] for each in aside] == bad
    assert [each["reason"].split()[0] for each in aside] == [
        "no",
        "expected",
        "expected",
        "there",
        "no",
    ]


def test_the_visitor_chooses_a_column(page: Any) -> None:
    content = b"body;note\na superb, touching film;a\nawful, a waste;b\n"
    upload(page, "r.csv", content)
    assert page.locator("#column option").all_inner_texts() == ["body", "note"]
    page.select_option("#column", "body")
    page.click("#choose [type=submit]")
    page.wait_for_selector("#result h3:has-text('r.csv')")
    assert page.evaluate("document.activeElement.id") == "result"
    page.wait_for_selector(
        "#news:has-text('1 positive, 0 neutral, 1 negative, 0 without')", state="attached"
    )
    check_csv(content, downloaded(page, "Download the scored file")[1], "body", ";")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("e.csv", b"", "the file is empty"),
        ("b.csv", b"\n\r\n", "only blank lines"),
        ("x.xlsx", b"PK\x03\x04" + bytes(range(256)), "Save it as CSV"),
        ("n.csv", bytes(5000), "not text"),
        ("p.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture"),
        ("z.csv", bytes(range(1, 256)) * 9, "not text"),
        ("t.csv", b"text,positive_probability\na,1\n", "“positive_probability” already"),
        ("two.csv", b"text,text\na,b\n", "several columns are called “text”"),
        ("a.json", b'[{"text": "a"}]', "one JSON array"),
        ("l.jsonl", b"no\nJSON\n", "no line is a JSON object"),
        ("mac.csv", b"id,text\r1,good\r", "carriage return alone"),
        ("q.csv", b'"text\nnever,closed\n', "quotes of the header"),
    ],
)
def test_files_that_are_of_no_use_are_refused(
    page: Any, name: str, content: bytes, words: str
) -> None:
    shown = problem(page, name, content)
    assert shown.startswith(f"{name}: ")
    assert words in shown


ROWS = 1_010
AT_ONCE = 10


@pytest.fixture(scope="module")
def many(browser: Any, address: str) -> Iterator[Tab]:
    """A tab with a file of many rows, of which the first has no text."""
    header, line_end, others = reviews(ROWS - 1).partition(b"\r\n")
    without_text = b"," * header.count(b",")
    with opened(browser, address) as tab:
        upload(tab.page, "many.csv", line_end.join([header, without_text, others]))
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
