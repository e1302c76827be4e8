"""When and where: trends, and groups that complain of something more often than others."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from tests.evaluation.conftest import WriteRows
from tests.evaluation.test_page import Elements
from toolkit.evaluation import SummaryOptions, summarize
from toolkit.evaluation.page import summary_page
from toolkit.evaluation.summary import Summary
from toolkit.evaluation.summary_rows import KEPT_ROWS, KeptRows
from toolkit.evaluation.summary_shades import shaded_tables
from toolkit.evaluation.summary_spread import aspects_of

HEADER = ("text", "city", "date", "predicted_sentiment", "positive_probability", "aspect_room")
USUAL = ("The towel was torn.", "The carpet was wet.", "Rude, and the worst bed.")
CITIES = ("Rome", "Oslo", "Bern", "Graz")
BROKEN = "The lift was broken."
OPTIONS = SummaryOptions(by=("city",), date_column="date", period="month")


def rows_of(count: int, grows: float, differs: float) -> list[tuple[str, ...]]:
    """Rows of a year; the lift breaks in the last quarter, or in Rome, with a probability."""
    draw = random.Random(1)
    found: list[tuple[str, ...]] = []
    for _ in range(count):
        city = draw.choice(CITIES)
        month = draw.randint(1, 12)
        date = f"2026-{month:02}-{draw.randint(1, 28):02}"
        if draw.random() > 0.5:
            found.append(("A lovely view.", city, date, "positive", "0.9", ""))
            continue
        chance = max(0.05, grows * (month > 9), differs * (city == "Rome"))
        is_broken = draw.random() < chance
        text = BROKEN if is_broken else draw.choice(USUAL)
        room = "negative" if is_broken else "neutral"
        found.append((text, city, date, "negative", "0.1", room))
    return found


@pytest.fixture
def summary(write_rows: WriteRows, request: pytest.FixtureRequest) -> Summary:
    """The summary of rows in which the lift breaks more often: later, and in Rome."""
    grows, differs = request.param
    return summarize(write_rows("s.csv", HEADER, rows_of(2_000, grows, differs)), OPTIONS)


@pytest.mark.parametrize("summary", [(0.4, 0.0)], indirect=True)
def test_what_grows_is_marked(summary: Summary) -> None:
    lift = next(each for each in summary.complaints if "lift" in each.name)
    assert lift.trend is not None
    assert lift.trend.turn is not None
    assert lift.trend.turn.since == "2026-10"
    points = lift.trend.points
    assert [each.since for each in points] == [f"2026-{month:02}" for month in range(1, 13)]
    assert sum(each.share.right for each in points) == lift.reviews
    assert sum(each.share.count for each in points) == summary.total.rows == summary.sampled
    (room,) = summary.aspects
    assert room.trend is not None
    assert room.trend.turn is not None
    assert sum(each.share.count for each in room.trend.points) == room.rows
    page = summary_page(summary)
    Elements(page)
    assert re.search(
        r"▲<span class=\"unseen\">risen</span> \d\d\.\d% of all reviews since 2026-10", page
    )
    assert "“lift was broken” has grown: " in page


@pytest.mark.parametrize("summary", [(0.0, 0.4)], indirect=True)
def test_a_group_that_differs_is_marked(summary: Summary) -> None:
    rome = {(each.group, each.name): each for each in summary.contrasts}["Rome", "lift was broken"]
    assert rome.is_sure
    content = rows_of(2_000, 0.0, 0.4)
    counts = Counter((row[1] == "Rome", row[0] == BROKEN) for row in content)
    assert (rome.here.right, rome.here.count) == (
        counts[True, True],
        counts[True, True] + counts[True, False],
    )
    assert rome.elsewhere.right == counts[False, True]
    aspects = {each.group: each for each in summary.contrasts if each.of == "aspect"}
    assert (aspects["Rome"].here, aspects["Rome"].is_sure) == (rome.here, True)
    themes, rooms = shaded_tables(summary)
    assert (themes.of, rooms.of, rooms.columns) == ("theme", "aspect", ("room",))
    of_rome = next(each for each in themes.rows if each.name == "Rome")
    shown = next(each for each in of_rome.cells if each.name == "lift was broken")
    assert (shown.way, shown.reviews) == ("more", rome.here.right)
    page = summary_page(summary)
    assert "Rome has more complaints about “lift was broken” (" in page
    for row in re.findall(r"<tr[^>]*><th[^>]*>Rome</th>.*?</tr>", page, re.DOTALL):
        for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL):
            assert re.search(r"\d|–|<svg", cell)  # noqa: RUF001 (no cell says something by colour alone)


def test_rows_with_a_wrong_date_are_in_no_trend(write_rows: WriteRows) -> None:
    """A date with slashes may be wrong in both orders, or be the day 0 of Excel."""
    rows = rows_of(2_000, 0.4, 0.0)
    wrong = ("31/02/2026", "30/12/1899", "2026-02-31", "")
    added = [(*row[:2], wrong[at % 4], *row[3:]) for at, row in enumerate(rows[:400])]
    found = summarize(write_rows("s.csv", HEADER, [*rows, *added]), OPTIONS)
    assert found.without_date == 400
    lift = next(each for each in found.complaints if "lift" in each.name)
    assert lift.trend is not None
    assert sum(each.share.count for each in lift.trend.points) == 2_000


@pytest.mark.parametrize("summary", [(0.0, 0.0)], indirect=True)
def test_chance_is_not_marked(summary: Summary) -> None:
    assert [each for each in summary.contrasts if each.is_sure] == []
    trends = [each.trend for each in summary.complaints + summary.praise]
    trends += [each.trend for each in summary.by["city"]]
    assert any(each is not None for each in trends)
    assert [each for each in trends if each is not None and each.turn is not None] == []
    page = summary_page(summary)
    assert "Complaints by city" not in page
    assert " has grown: " not in page


def test_a_trend_needs_enough_rows(write_rows: WriteRows) -> None:
    found = summarize(write_rows("s.csv", HEADER, rows_of(60, 0.0, 0.0)), OPTIONS)
    assert [each for each in found.complaints if each.trend is not None] == []
    assert found.contrasts == []
    page = summary_page(found)
    assert '<svg class="spark"' not in page
    assert '<figure class="small">' not in page


def test_few_rows_make_a_short_page(write_rows: WriteRows) -> None:
    found = summarize(write_rows("s.csv", HEADER, rows_of(12, 0.0, 0.0)), OPTIONS)
    page = summary_page(found)
    assert "<figure" not in page
    assert page.count("None has 10 reviews, so none is shown; all are in the JSON.") == 2
    assert '<details class="more" open>' in page


def table_of(groups: list[str], keys: list[float]) -> pa.Table:
    size = len(groups)
    numbers = pa.array(np.linspace(0, 1, size))
    return pa.table(
        {
            "key": pa.array(keys),
            "group": pa.array(groups, pa.large_string()),
            "row": pa.array(np.arange(size)),
            "probability": numbers,
            "gap of 5": numbers,
            "gap of 10": numbers,
            "text": pa.array(["a"] * size, pa.large_string()),
        }
    )


@pytest.mark.parametrize("large", [KEPT_ROWS - 300, 3 * KEPT_ROWS])
def test_small_groups_leave_their_part_to_others(large: int) -> None:
    """And all rows are kept if they fit."""
    groups = ["large"] * large + ["small"] * 300
    keys = np.random.default_rng(1).permutation(np.linspace(0, 1, len(groups))).tolist()
    rows = table_of(groups, keys)
    kept = KeptRows(10)
    for start in range(0, len(rows), 7_000):
        kept.add(kept.of(rows.slice(start, 7_000)), before=0, groups=["large", "small"])
    counts = Counter(kept.random["group"].to_pylist())
    assert counts == {"large": KEPT_ROWS - 300, "small": 300}
    of_all = kept.are_of_all()
    drawn = Counter(np.array(kept.random["group"].to_pylist())[of_all].tolist())
    assert drawn["large"] == counts["large"]
    if large < KEPT_ROWS:
        assert drawn["small"] == 300
    else:
        assert 0.5 < drawn["small"] / (300 * counts["large"] / large) < 1.5


def test_rows_that_say_nothing_of_an_aspect_stay_rows() -> None:
    """Arrow's join leaves out a row of nulls if it is to skip them."""
    words = pa.array(["negative", None, ""], pa.large_string())
    rows = pa.RecordBatch.from_pydict({"aspect aspect_room": words, "aspect aspect_bed": words})
    assert [bool(each.strip("\x1f")) for each in aspects_of(rows).to_pylist()] == [
        True,
        False,
        False,
    ]
    none = pa.RecordBatch.from_pydict({"sentiment": words})
    assert aspects_of(none).to_pylist() == [""] * 3


def test_the_page_is_light(write_rows: WriteRows) -> None:
    found = summarize(write_rows("s.csv", HEADER, rows_of(2_000, 0.4, 0.4)), OPTIONS)
    assert len(summary_page(found).encode()) < 300_000
