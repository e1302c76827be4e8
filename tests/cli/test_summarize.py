"""`toolkit summarize`, as its users see it, and the rows that other commands write for people."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from tests.cli.running import KEYS, Command, in_its_own_process, write
from tests.evaluation.test_page import HOSTILE, Elements
from tests.examples.web_page import WEB, chromium, run_npm
from toolkit.errors import InputError
from toolkit.evaluation import SummaryOptions, scored_files, summarize
from toolkit.evaluation.scored_files import ScoredFiles
from toolkit.evaluation.summarize_files import SummaryRun
from toolkit.evaluation.summary import MOST_GROUPS, OTHER_GROUPS
from toolkit.model import Scorer
from toolkit.records import ReadOptions
from toolkit.scoring import input_files

GOOD = ["The staff were friendly.", "A lovely view, perfect.", "Clean and quiet, I love it."]
BAD = ["The shower was cold and dirty.", "Terrible noise at night.", "Rude, and the worst bed."]
NOUNS = [
    *(("door", "locked"), ("carpet", "wet"), ("lift", "broken"), ("towel", "torn")),
    *(("breakfast", "late"), ("pool", "closed"), ("bill", "wrong"), ("key", "lost")),
]
LIFT = "The lift was broken."
SCORES = [("negative", 0.1), ("positive", 0.9)]
HEADER = ("text", "city", "date", "predicted_sentiment", "positive_probability")


def rows(count: int, seed: int = 1, bad: float = 0.4, more: str = "") -> list[tuple[Any, ...]]:
    """Scored rows; some of the bad ones say more, and every twentieth has no score."""
    draw = random.Random(seed)
    found = []
    for number in range(count):
        is_bad = draw.random() < bad
        text = draw.choice(BAD if is_bad else GOOD) + f" Number {draw.randrange(10**6)}."
        text += more if is_bad and draw.random() < 0.3 else ""
        city, day = ("Rome", "Oslo")[draw.random() < 0.3], f"2026-03-{draw.randint(1, 28):02d}"
        probability = draw.uniform(0, 0.4) if is_bad else draw.uniform(0.6, 1)
        score = ("negative" if is_bad else "positive", f"{probability:.4f}")
        found.append((text, city, day, *(score if number % 20 else ("", ""))))
    return found


def write_rows(name: str, content: list[tuple[Any, ...]], header: tuple[str, ...] = HEADER) -> Path:
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *content])
    return Path(name)


def found_by(command: Command, *arguments: str | Path) -> dict[str, Any]:
    ran = command("summarize", *arguments, "--json")
    assert (ran.exit_code, ran.err) == (0, "")
    answer: dict[str, Any] = json.loads(ran.out)
    return answer


def test_shares_are_those_of_the_rows(command: Command) -> None:
    content = rows(400)
    options = ("--by", "city", "--date-column", "date", "--period", "day")
    found = found_by(command, write_rows("s.csv", content), *options)
    labels = Counter(row[3] for row in content)
    assert found["rows"] == 400
    assert found["without_score"] == labels[""] == 20
    assert {k: v["rows"] for k, v in found["total"]["labels"].items()} == {
        key: n for key, n in labels.items() if key
    }
    assert found["total"]["labels"]["negative"]["of"] == 380
    by_city = Counter((row[1], row[3]) for row in content)
    for each in found["by"]["city"]:
        assert each["labels"]["negative"]["rows"] == by_city[each["name"], "negative"]
    assert found["step"] == "day"
    by_day = Counter(row[2] for row in content if row[3] == "negative")
    assert {
        each["name"]: each["labels"]["negative"]["rows"]
        for each in found["over_time"]
        if "negative" in each["labels"]
    } == by_day


def test_what_people_see(command: Command) -> None:
    write_rows("s.csv", rows(400))
    ran = command("summarize", "s.csv", "--by", "city", "--date-column", "date")
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out.startswith("s.csv: 400 rows\n")
    assert re.search(r" negative +1\d\d \(\d\d\.\d% of scored, \d\d\.\d–\d\d\.\d\)", ran.out)  # noqa: RUF001
    assert re.search(r" without a score +20 rows", ran.out)
    assert "\nBy city\n" in ran.out
    assert "\nBy week\n" in ran.out
    complaints = ran.out[ran.out.index("Complaints: ") : ran.out.index("Praise: ")]
    assert re.search(r"\n  shower was cold +\d+ +\d+\.\d%", complaints)
    assert "staff" not in complaints
    assert re.search(r"\n\d\d\.\d% of 380 reviews are negative\.\nThe negative share adj", ran.out)
    assert re.search(r"\nTypical of negative reviews are “[\w ]+” \(\d+ reviews\)", ran.out)
    assert "\nMost negative\n  row " in ran.out


def test_a_theme_has_reviews_and_says_how_many(command: Command) -> None:
    content = [row for row in rows(400) if row[3]]
    stars = [(*row, 1 if "shower" in row[0] else 4) for row in content]
    found = found_by(command, write_rows("s.csv", stars, (*HEADER, "stars")))
    themes = {each["name"]: each for each in found["complaints"]}
    of_shower = [row for row in content if "shower" in row[0]]
    shower = themes["shower was cold"]
    assert shower["reviews"] == len(of_shower)
    negative = found["total"]["labels"]["negative"]["rows"]
    assert shower["share"] == pytest.approx(len(of_shower) / negative)
    assert shower["stars"] == pytest.approx(3 * len(of_shower) / len(content) - 3)
    for name, each in themes.items():
        assert 1 <= len(each["quotes"]) <= 3  # each sentence is shown once
        for quote in each["quotes"]:
            assert quote["text"] in content[quote["row"] - 1][0]
            assert quote["sentiment"] == "negative"
        assert name not in ("worst", "terrible")  # opinions alone


def test_themes_are_merged_and_named_as_people_write(command: Command) -> None:
    said = {
        "They closed my account": 30,
        "My account was closed": 20,
        "We waited 40 minutes": 40,
        "I had a wait of 30 minutes": 5,
        "It is not working": 12,
        "Horrible": 50,
    }
    texts = [text for text, count in said.items() for _ in range(count)]
    content = [(f"{text}.", "Rome", "", *SCORES[0]) for text in texts]
    content += [("I opened an account. It is working.", "Rome", "", *SCORES[1])] * 100
    found = found_by(command, write_rows("s.csv", content))
    themes = [(each["name"], each["reviews"]) for each in found["complaints"]]
    assert themes == [("closed my account", 50), ("waiting, 40 minutes", 45), ("not working", 12)]
    ran = command("summarize", "s.csv", "--page", "p.html", "--title", "Our <bank>")
    assert (
        "Typical of negative reviews are “closed my account” (50 reviews), “waiting, 40 minutes” "
        "(45) and “not working” (12)."
    ) in ran.out
    page = Path("p.html").read_text(encoding="utf-8")
    assert "<h1>Our &lt;bank&gt;</h1>" in page
    assert page.count("closed my account") > 1


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
def test_every_format_says_the_same(command: Command, ending: str) -> None:
    table = pyarrow.csv.read_csv(write_rows("s.csv", rows(100)))
    if ending == "parquet":  # with dates that are no text
        assert str(table.schema.field("date").type).startswith("date")
        pq.write_table(table, "s.parquet")
    elif ending == "arrow":
        feather.write_feather(table, "s.arrow", chunksize=30)
    else:
        lines = table.set_column(2, "date", table["date"].cast("string")).to_pylist()
        write("s.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    options = ("--by", "city", "--date-column", "date")
    found, expected = (found_by(command, f"s.{form}", *options) for form in (ending, "csv"))
    for each in (found, expected):
        for quotes in (each["most_negative"], each["surprising"], *terms_of(each)):
            for quote in quotes:
                assert quote.pop("file") in (f"s.{ending}", "s.csv")
        del each["files"]
    for key in ("total", "by", "over_time", "texts", "without_score", "most_negative"):
        assert found[key] == expected[key]


def terms_of(found: dict[str, Any]) -> list[list[dict[str, Any]]]:
    return [each["quotes"] for side in ("complaints", "praise") for each in found[side]]


def test_blocks_change_nothing(command: Command) -> None:
    del command  # which makes the folder
    write_rows("s.csv", rows(600))
    both = [
        summarize("s.csv", SummaryOptions(ReadOptions(block_bytes=size), by=("city",)))
        for size in (1 << 20, 1 << 10)
    ]
    for key in ("total", "by", "texts", "most_negative"):
        assert getattr(both[0], key) == getattr(both[1], key)
    names = [[(each.name, each.reviews) for each in found.complaints] for found in both]
    assert names[0] == names[1] != []


def test_random_rows_are_an_equal_part_of_each_group(command: Command) -> None:
    """However far the workers had read when they heard which rows are enough."""
    del command
    draw = random.Random(1)
    content = [
        (draw.choice(BAD + GOOD), draw.choice("abc"), "", *draw.choice(SCORES))
        for _ in range(60_000)
    ]
    write_rows("s.csv", content)
    options = SummaryOptions(ReadOptions(block_bytes=1 << 16), by=("city",))
    run = SummaryRun(options, Scorer())
    run.read(ScoredFiles.find("s.csv").files, lambda _: nullcontext())
    groups = Counter(run.kept.random["group"].to_pylist())
    assert groups == dict.fromkeys("abc", 6_666)


def test_each_input_is_looked_for_once(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    write_rows("now.csv", rows(400))
    write_rows("old.csv", rows(400))
    seen: list[str] = []
    look = input_files.look_for

    def counted(names: Sequence[str]) -> input_files.Found:
        seen.extend(names)
        return look(names)

    monkeypatch.setattr(scored_files, "look_for", counted)
    found_by(command, "now.csv", "--since", "old.csv")
    assert seen == ["now.csv", "old.csv"]


def test_rows_surprise_only_by_stars(command: Command) -> None:
    write_rows("s.csv", rows(400))
    found = found_by(command, "s.csv", "--by", "city")
    assert (found["surprising"], found["surprise"], found["given_stars"]) == ([], "", None)


@pytest.mark.parametrize(
    ("stars", "sentence"),
    [
        ((1, 5), "The stars agree: 40.0% of the reviewers gave 1 or 2 stars and 0.0% gave 3."),
        ((3, 5), "The stars agree: 0.0% of the reviewers gave 1 or 2 stars and 40.0% gave 3."),
        (
            (2, 10),
            "The stars agree: 40.0% of the reviewers gave 1 to 4 stars and 0.0% gave 5 or 6.",
        ),
        (
            (4, 5),
            "The stars disagree: 0.0% of the reviewers gave 1 or 2 stars and 0.0% gave 3. The "
            "model calls more reviews negative than the reviewers did: trust the stars",
        ),
        (
            (1, 2),
            "The stars disagree: 100.0% of the reviewers gave 1 or 2 stars and 0.0% gave 3. The "
            "model calls fewer reviews negative than the reviewers did: trust the stars for the",
        ),
    ],
)
def test_the_stars_of_reviewers_are_compared(
    command: Command, stars: tuple[int, int], sentence: str
) -> None:
    content = [(row[0], stars[0], *SCORES[0]) for row in rows(40)]
    content += [(row[0], stars[1], *SCORES[1]) for row in rows(60)]
    write_rows("s.csv", content, ("text", "Stars", *HEADER[3:]))
    assert f"\n{sentence}" in command("summarize", "s.csv").out


def test_stars_of_few_rows_are_said_to_be_of_few(command: Command) -> None:
    content = [(row[0], "5", *SCORES[0]) for row in rows(40)]
    content += [(row[0], "", *SCORES[1]) for row in rows(60)]
    write_rows("s.csv", content, ("text", "Stars", *HEADER[3:]))
    assert (
        "\nThe stars disagree: 0.0% of the reviewers gave 1 or 2 stars and 0.0% gave 3, in 40 "
        "reviews with stars. The model calls more of these negative (100.0%)"
    ) in command("summarize", "s.csv").out


def test_the_start_of_a_change_is_said(command: Command) -> None:
    content = [
        ("a", "Rome", f"2026-{month:02}-{day:02}", *SCORES[at >= (2 if month < 6 else 4)])
        for month in range(1, 11)
        for day in range(1, 29)
        for at in range(10)
    ]
    write_rows("s.csv", content)
    found = found_by(command, "s.csv", "--date-column", "date")
    assert found["turn"]["since"] == "2026-06"
    assert found["turn"]["before"]["share"] < found["turn"]["now"]["share"]
    ran = command("summarize", "s.csv", "--date-column", "date", "--page", "p.html")
    assert re.search(r"\nThe share has risen: \d\d\.\d% since 2026-06, ", ran.out)
    assert "the shares before 2026-06 and since" in Path("p.html").read_text(encoding="utf-8")


def test_the_worst_groups_are_first_in_tables(command: Command) -> None:
    cities = (("Large", 100, 10), ("Worst", 40, 20), ("Small", 3, 3), ("", 40, 39))
    content = [
        ("a", city, "", *SCORES[at >= bad]) for city, count, bad in cities for at in range(count)
    ]
    write_rows("s.csv", content)
    out = command("summarize", "s.csv", "--by", "city").out
    table = out[out.index("By city\n") :]
    names = re.findall(r"^ (Large|Worst|Small|\(empty\)|\(none\))", table, re.MULTILINE)
    assert [name for name in names if not name.startswith("(")] == ["Worst", "Large", "Small"]


def test_the_scale_of_stars_is_that_of_all_rows(command: Command) -> None:
    """A block may have none above five."""
    del command
    content = [
        (f"Text {stars} {at}", "negative" if stars < 6 else "positive", (stars - 1) / 9, stars)
        for stars in range(10, 0, -1)
        for at in range(40)
    ]
    write_rows("s.csv", content, ("text", *HEADER[3:], "stars"))
    found = summarize("s.csv", SummaryOptions(ReadOptions(block_bytes=1 << 10)))
    assert found.surprising == []


def test_a_wrong_value_is_where_it_is_said_to_be(command: Command) -> None:
    del command
    content = rows(600)
    content[457] = ("a", "Rome", "", "positive", "much")
    write_rows("s.csv", content)
    with pytest.raises(InputError, match=r"row 458: found .* with --names probability=NAME"):
        summarize("s.csv", SummaryOptions(ReadOptions(block_bytes=1 << 10)))


def test_many_groups_are_counted_together(command: Command) -> None:
    """As in a column of ids, which would take memory for each row."""
    count = 2 * MOST_GROUPS
    content = [(*row[:1], f"id {n}", *row[2:]) for n, row in enumerate(rows(count)) if row[3]]
    found = found_by(command, write_rows("s.csv", content), "--by", "city")
    slices = {each["name"]: each["rows"] for each in found["by"]["city"]}
    assert len(slices) == MOST_GROUPS + 1
    assert slices[OTHER_GROUPS] == len(content) - MOST_GROUPS


def test_standard_input_is_read(command: Command) -> None:
    del command  # which makes the folder
    with write_rows("s.csv", rows(40)).open(encoding="utf-8") as file:
        ran = in_its_own_process("summarize", "-", "--format", "csv", "--json", stdin=file)
    assert (ran.exit_code, ran.err) == (0, "")
    assert json.loads(ran.out)["rows"] == 40


def test_a_folder_has_scored_files_beside_others(command: Command) -> None:
    Path("data").mkdir()
    write("data/a.csv", "text\nA fine hotel.\nDirty.\n")
    write("data/b.csv", "text\nA fine hotel.\n")
    for name in ("a", "b"):
        assert command("score", f"data/{name}.csv").exit_code == 0
    found = found_by(command, "data")
    assert found["files"] == ["data/a.scored.csv", "data/b.scored.csv"]
    assert found["rows"] == 3


def test_what_could_not_be_scored_is_said(command: Command) -> None:
    write("a.csv", "id,text\n1,A fine hotel.\n2,\n3,ragged,x\n")
    assert command("score", "a.csv").exit_code == 3
    found = found_by(command, "a.scored.csv")
    assert found["set_aside"] == {"a.scored.csv.rejected.jsonl": 1}
    assert (found["without_score"], found["without_text"]) == (1, 1)
    write("b.csv", Path("a.scored.csv").read_text(encoding="utf-8") + "4,bad,x,y,z\n")
    ran = command("summarize", "b.csv")
    assert ran.exit_code == 3
    assert "cannot be read   1 record; first: b.csv: line 4: " in ran.out


def test_aspects_and_stars(command: Command) -> None:
    header = ("text", "rating", *HEADER[3:], "aspect_room", "aspect_ratio")
    content = [("Small room.", 1, "negative", 0.1, "negative", "1.33")]
    content += [("Fine.", 5, "positive", 0.9, "", "1.85")]
    content += [("Awful.", 5, "negative", 0.02, "mixed", "1.33")]
    found = found_by(command, write_rows("s.csv", content, header))
    (aspect,) = found["aspects"]
    assert (aspect["name"], aspect["rows"]) == ("room", 2)
    assert {label: each["rows"] for label, each in aspect["labels"].items()} == {
        "negative": 1,
        "mixed": 1,
    }
    assert [(each["row"], each["why"]) for each in found["surprising"]] == [(3, "5 stars")]
    assert found["total"]["stars"] == pytest.approx(11 / 3)


def test_what_has_changed(command: Command) -> None:
    write_rows("old.csv", rows(1_000))
    write_rows("same.csv", rows(1_000, seed=2))
    write_rows("new.csv", rows(1_000, seed=3, bad=0.6, more=" The lift was broken."))
    assert found_by(command, "same.csv", "--since", "old.csv", "--by", "city")["changes"] == []
    found = found_by(command, "new.csv", "--since", "old.csv", "--by", "city")
    changes = {(each["what"], each["name"]): each for each in found["changes"]}
    assert changes["label", "negative"]["difference"] == pytest.approx(0.2, abs=0.06)
    assert changes["complaints with", "lift was broken"]["before"]["rows"] == 0
    assert {("negative by city", "Rome"), ("negative by city", "Oslo")} <= {*changes}
    assert found["tests"] > found["changed"] == len(found["changes"])
    few = found_by(command, "new.csv", "--since", "old.csv", "--by", "city", "--show", "1")
    assert found["changed"] == few["changed"] > len(few["changes"])
    assert all(each["p_value"] <= each["adjusted"] <= 0.05 for each in found["changes"])
    ran = command("summarize", "new.csv", "--since", "old.csv")
    assert "complaints with lift was broken" in ran.out
    assert "Benjamini and Hochberg" in ran.out


def write_parts(content: list[tuple[Any, ...]], first: str) -> None:
    """Write rows of all days to all.csv; from a day on to later.csv, before it to before.csv."""
    dated = [row for row in content if row[2]]
    write_rows("all.csv", content)
    write_rows("later.csv", [row for row in dated if row[2] >= first])
    write_rows("before.csv", [row for row in dated if row[2] < first])


def without_places(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out what names files and rows."""
    same = {key: each for key, each in found.items() if key not in ("files", "since_date")}
    for quotes in ("most_negative", "surprising"):
        same[quotes] = [{**each, "file": "", "row": 0} for each in found[quotes]]
    for themes in ("complaints", "praise"):
        same[themes] = [{**each, "quotes": len(each["quotes"])} for each in found[themes]]
    return same | {"since": {**found["since"], "files": []}}


@pytest.mark.parametrize(("since", "first"), [("2026-03-11", "2026-03-11"), ("2026-03", "2026-03")])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_date_compares_as_two_files_do(
    command: Command, since: str, first: str, seed: int
) -> None:
    content = rows(600, seed) + rows(400, seed + 9, bad=0.7, more=" The lift was broken.")
    for at in range(0, 1_000, 3):  # the month before
        text, city, day, *score = content[at]
        content[at] = (text, city, day.replace("-03-", "-02-"), *score)
    write_parts(content, first)
    options = ("--by", "city", "--date-column", "date", "--period", "day")
    by_date = found_by(command, "all.csv", *options, "--since", since)
    by_hand = found_by(command, "later.csv", *options, "--since", "before.csv")
    assert without_places(by_date) == without_places(by_hand)
    assert by_date["tests"] > 5
    assert (by_date["since_date"], by_hand["since_date"]) == (since, None)
    assert by_date["rows"] + by_date["since"]["rows"] == 1_000


@pytest.mark.parametrize("form", ["%d/%m/%Y", "%m/%d/%Y"])
def test_the_order_of_day_and_month_is_that_of_all_rows(command: Command, form: str) -> None:
    """No later row says whether 03/04/2026 begins with the month."""
    days = [date(2026, 2, 13 + at % 14) for at in range(60)] + [date(2026, 4, 3)] * 40
    content = [
        (row[0], row[1], day.strftime(form), *SCORES[at % 3 > 0])
        for at, (row, day) in enumerate(zip(rows(100), days, strict=True))
    ]
    write_rows("s.csv", content)
    found = found_by(command, "s.csv", "--date-column", "date", "--since", "2026-04-01")
    assert (found["rows"], found["since"]["rows"], found["without_date"]) == (40, 60, 0)
    assert [each["name"] for each in found["over_time"]] == ["2026-04-03"]


def test_a_date_of_small_blocks_and_rows_without_scores(command: Command) -> None:
    del command
    content = rows(300)
    parts = {part: [row for row in content if (row[2] >= "2026-03-15") == part] for part in (0, 1)}
    write_rows("s.csv", [row[:3] for row in [*parts[0], *parts[1]]], HEADER[:3])
    reading = ReadOptions(block_bytes=1 << 10)  # some have rows of one part alone
    found = summarize("s.csv", SummaryOptions(reading, date_column="date", since=["2026-03-15"]))
    assert found.since is not None
    assert (found.rows, found.since.rows) == (len(parts[1]), len(parts[0]))
    assert (found.total.rows, found.since.total.rows) == (len(parts[1]), len(parts[0]))


def test_rows_without_a_date_are_counted_once(command: Command) -> None:
    content = rows(200)
    content[:3] = [(*row[:2], "", *row[3:]) for row in content[:3]]
    content[7] = (*content[7][:2], "soon", *content[7][3:])
    write_rows("s.csv", content)
    ran = command("summarize", "s.csv", "--date-column", "date", "--since", "2026-03-15")
    assert re.search(r" without a date +4 rows\b", ran.out)
    out = " ".join((ran.out + ran.err).split())
    assert out.count("1 value of 197 is not a date, and left out. The first is 'soon', row 8") == 1


def test_a_date_is_said_where_shares_are_compared(command: Command) -> None:
    content = [
        ("a", "Rome", f"2026-0{month}-01", *SCORES[at >= bad])
        for month, bad in ((1, 20), (2, 90))
        for at in range(200)
    ]
    write_rows("s.csv", content)
    options = ("--date-column", "date", "--since", "2026-02", "--page", "p.html")
    out = command("summarize", "s.csv", *options).out
    page = Path("p.html").read_text(encoding="utf-8")
    assert out.startswith("s.csv: 200 rows from 2026-02 on\n")
    for shown in (out, page):
        assert "45.0% of 200 reviews are negative, 35.0 points more than before 2026-02." in shown
        assert "Since 2026-02" in shown


def test_a_file_named_as_a_date_is_a_file(command: Command) -> None:
    write_rows("s.csv", rows(60))
    write_rows("2026-03", rows(40))
    options = ("--format", "csv", "--date-column", "date")
    found = found_by(command, "s.csv", *options, "--since", "2026-03")
    assert (found["since"]["files"], found["since_date"]) == (["2026-03"], None)


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (["2026-03-15"], "--since 2026-03-15: a date needs --date-column NAME.", 2),
        (
            ["2026-04", "--date-column", "date"],
            "--since 2026-04: no row is from then on. The dates in s.csv: column 'date' go from "
            "2026-03-02 to 2026-03-27.",
            2,
        ),
        (
            ["2026-03-02", "--date-column", "date"],
            "--since 2026-03-02: no row is before it. The dates in s.csv: column 'date' go from "
            "2026-03-02 to 2026-03-27.",
            2,
        ),
        (["2026-02-30", "--date-column", "date"], "--since 2026-02-30: is neither a file nor", 2),
        (["2026-13", "--date-column", "date"], "--since 2026-13: is neither a file nor a date", 2),
        (["2026-03-15", "--since", "s.csv"], "--since 2026-03-15: a date must be the only", 2),
        (["2026-03-15", "--date-column", "none"], "no row has a date. Name another with", 1),
        (["2026-03-15", "--date-column", "city"], "'Rome' is not a date as expected", 1),
        (["2026-03-15", "--date-column", "day"], "no column 'day'", 2),
        (
            ["2026-03-27", "--date-column", "date"],
            "no row from 2026-03-27 on has a score: the column 'predicted_sentiment' is empty.",
            1,
        ),
    ],
)
def test_a_wrong_date(command: Command, options: list[str], message: str, code: int) -> None:
    days = (("2026-03-02", "0.9"), ("2026-03-09", "0.8"), ("2026-03-27", ""))
    content = [("a", "Rome", day, "positive" if score else "", score, "") for day, score in days]
    write_rows("s.csv", content, (*HEADER, "none"))
    command("summarize", "s.csv", "--since", *options).failed_with(message, code)


def test_a_date_needs_rows_that_can_be_read_again(command: Command) -> None:
    path = write_rows("s.csv", rows(60))
    options = ("--format", "csv", "--date-column", "date", "--since", "2026-03-15")
    with path.open(encoding="utf-8") as file:
        ran = in_its_own_process("summarize", "-", *options, stdin=file)
    assert ran.exit_code == 2
    assert "--since 2026-03-15: standard input and pipes can be read only once." in ran.err


def test_the_rest_of_many_groups_is_not_compared(command: Command) -> None:
    """They are other groups in each file; and a group may have the name of the rest."""
    named = [*BAD[:1], GOOD[0]]
    many = [(named[n % 5 > 0], f"id {n}", "", *SCORES[n % 5 > 0]) for n in range(MOST_GROUPS)]
    rest = [
        [(named[is_good], f"{when} {n}", "", *SCORES[is_good]) for n in range(400)]
        for when, is_good in (("old", 1), ("new", 0))
    ]
    real = [(GOOD[0], OTHER_GROUPS, "", *SCORES[1])] * 3
    write_rows("old.csv", [*real, *many, *rest[0]])
    write_rows("new.csv", [*real, *many, *rest[1]])
    found = found_by(command, "new.csv", "--since", "old.csv", "--by", "city")
    assert [each["name"] for each in found["changes"] if each["what"].endswith("by city")] == []
    slices = [each for each in found["by"]["city"] if each["name"] == OTHER_GROUPS]
    assert [(each["is_group"], each["rows"]) for each in slices] == [(False, 401), (True, 3)]
    ran = command("summarize", "new.csv", "--by", "city", "--show", "1")
    assert re.search(r"^ \(others\) +401 ", ran.out, re.MULTILINE)


def test_new_groups_and_another_mix_are_said(command: Command) -> None:
    def city(name: str, bad: int, good: int) -> list[tuple[Any, ...]]:
        return [
            (text, name, "", *score)
            for text, score, count in ((BAD[0], SCORES[0], bad), (GOOD[0], SCORES[1], good))
            for _ in range(count)
        ]

    write_rows(
        "old.csv", [*city("Rome", 500, 500), *city("Oslo", 400, 3_600), *city("Bern", 5, 95)]
    )
    write_rows(
        "new.csv", [*city("Rome", 1_800, 2_200), *city("Oslo", 80, 920), *city("Graz", 9, 91)]
    )
    found = found_by(command, "new.csv", "--since", "old.csv", "--by", "city")
    assert found["notes"] == [
        "New in city: Graz (100 rows).",
        "Gone from city: Bern (100 rows).",
        "negative has risen overall, but fallen in every city: the share of rows per city has "
        "changed.",
    ]
    assert (
        "Graz (100 rows)"
        in command("summarize", "new.csv", "--since", "old.csv", "--by", "city").out
    )
    assert found_by(command, "old.csv", "--since", "old.csv", "--by", "city")["notes"] == []


def test_scores_that_do_not_fit_together_are_told(command: Command) -> None:
    content = [row for row in rows(60) if row[3]]
    confidence = [(*row[:4], max(float(row[4]), 1 - float(row[4]))) for row in content]
    write_rows("s.csv", confidence)
    (warning,) = found_by(command, "s.csv")["warnings"]
    bad = [number for number, row in enumerate(content, 1) if row[3] == "negative"]
    worst = max(bad, key=lambda number: float(confidence[number - 1][4]))
    assert f"s.csv row {worst} is negative with a probability" in warning
    assert "--names probability=NAME" in warning
    assert found_by(command, write_rows("t.csv", content))["warnings"] == []
    names = [f"{name} 1 sha256-{'0' * 16}" for name in ("a", "b")]
    header = (*HEADER, "model")
    write_rows("m.csv", [(*row, names[at > 30]) for at, row in enumerate(content)], header)
    (warning,) = found_by(command, "m.csv")["warnings"]
    assert warning.startswith("The rows were scored by 2 models: ")
    assert f"{names[1]} ({len(content) - 31} rows, first: m.csv row 32)" in warning
    write_rows("one.csv", [(*row, names[0]) for row in content], header)
    assert "words are counted by reviews " in found_by(command, "one.csv")["warnings"][0]
    write("h.csv", "text\nA fine hotel.\nDirty.\n")
    command("score", "h.csv", "-o", "h.parquet", "--names", "model=m", "--quiet")
    assert found_by(command, "h.parquet")["warnings"] == []
    assert found_by(command, "h.parquet", "--names", "model=m")["warnings"] == []


def test_a_share_is_corrected_by_labelled_rows(command: Command) -> None:
    write_rows("s.csv", rows(1_000, bad=0.4))
    labelled = [
        (*row, 1 if row[3] == "positive" else n % 4 == 0) for n, row in enumerate(rows(400))
    ]
    labelled = [(*row[:5], int(row[5])) for row in labelled if row[3]]
    write_rows("l.csv", labelled, (*HEADER, "label"))
    found = found_by(command, "s.csv", "--corrected", "l.csv")
    corrected = found["corrected"]
    missed = sum(row[5] for row in labelled if row[3] == "negative")
    positive = sum(row[5] for row in labelled)
    assert corrected["sensitivity"]["share"] == pytest.approx(1 - missed / positive)
    assert corrected["share"] == pytest.approx(
        corrected["counted"] / corrected["sensitivity"]["share"]
    )
    assert "Rogan and Gladen" in command("summarize", "s.csv", "--corrected", "l.csv").out
    wrong = [(*row[:5], int(row[3] == "negative" and n % 3 > 0)) for n, row in enumerate(labelled)]
    write_rows("wrong.csv", wrong, (*HEADER, "label"))
    chance = command("summarize", "s.csv", "--corrected", "wrong.csv")
    chance.failed_with("no better than chance on these rows")
    far = [(*row[:5], int(n % 10 < 9)) for n, row in enumerate(labelled) if row[3] == "positive"]
    far += [(*row[:5], 0) for row in labelled if row[3] == "negative"]
    write_rows("far.csv", far, (*HEADER, "label"))
    write_rows("bad.csv", rows(1_000, bad=0.99))
    message = (
        "wrong.csv: these labelled rows do not represent the scored files. By their errors, the "
        "model labels "
    )
    command("summarize", "bad.csv", "--corrected", "far.csv").failed_with(
        message.replace("wrong", "far")
    )
    write_rows("one.csv", [row for row in labelled if row[5]], (*HEADER, "label"))
    command("summarize", "s.csv", "--corrected", "one.csv").failed_with("of one label only")


def test_no_input_is_replaced(command: Command) -> None:
    write_rows("s.csv", rows(60))
    before = write_rows("old.json", rows(60)).read_bytes()
    for since in ("old*.json", "old.json"):
        ran = command("summarize", "s.csv", "--since", since, "--report", "old.json", "--force")
        ran.failed_with("old.json: is an input", 2)
    assert Path("old.json").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "options", "message", "code"),
    [
        ("text,positive_probability\na,1\n", [], "s.csv: no column 'predicted_sentiment'", 2),
        ("text,positive_probability\na,1\n", [], "score the file first: toolkit score FILE", 2),
        ("text,predicted_sentiment\na,x\n", [], "s.csv: no column 'positive_probability'", 2),
        ("text\na\n", ["--names", "sentiment=s"], "s.csv: no column 's'", 2),
        (None, ["--date-format", "%d.%m.%Y"], "--date-format: needs --date-column", 2),
        (None, ["--period", "week"], "--period: needs --date-column NAME", 2),
        (None, ["--format", "jsonl"], "no record can be read; first: s.csv: line 1: ", 1),
        (None, ["--label-column", "text"], "need --corrected FILE", 2),
        (None, ["--by", "town"], "no column 'town' (found: text, city, date,", 2),
        (None, ["--date-column", "city"], "column 'city': 'Rome' is not a date as expected", 1),
        (
            None,
            ["--date-column", "date", "--date-format", "day"],
            "--date-format: expected a format such as %d.%m.%Y",
            2,
        ),
        (None, ["--page", "page.txt"], "--page page.txt: expected a name that ends in .html", 2),
        (None, ["--page", "s.csv"], "expected a name that ends in .html", 2),
        (None, ["--title", "x"], "--title: needs --page FILE.html", 2),
        (None, ["--since", "no.csv"], "no.csv: ", 1),
        (
            None,
            ["--names", "stars=s"],
            "--names: expected sentiment, probability, model or aspect",
            2,
        ),
        ("text,predicted_sentiment,positive_probability\na,,\n", [], "no row has a score", 1),
        (
            "text,predicted_sentiment,positive_probability\na,good,1\n",
            [],
            "has the labels 'good'",
            2,
        ),
        ("text,predicted_sentiment,positive_probability\na,positive,x\n", [], "'x'", 1),
    ],
)
def test_a_wrong_call(
    command: Command, content: str | None, options: list[str], message: str, code: int
) -> None:
    if content is None:
        write_rows("s.csv", [("a", "Rome", "2026-03-01", "positive", 0.9)])
    else:
        write("s.csv", content)
    command("summarize", "s.csv", *options).failed_with(message, code)
    assert [path.name for path in Path().iterdir()] == ["s.csv"]


@pytest.mark.parametrize(
    "days",
    [
        ["2026-03-14", "2026-04-02"],
        ["2026-03-14T10:00:00Z", "2026-04-02 23:59:59+02:00"],
        ["14.03.2026", "02.04.2026"],
        ["03/14/2026", "04/02/2026"],
        ["14/03/2026", "02/04/2026"],
        ["March 14, 2026", "April 2, 2026"],
        ["20260314", "20260402"],
    ],
)
def test_dates_are_read(command: Command, days: list[str]) -> None:
    content = [("a", "Rome", day, "positive", 0.9) for day in days]
    none = ("", "0001-01-01", "9999-12-31", "1899-12-30")
    content += [
        ("a", "Rome", day, "positive", 0.9) for day in none[: 4 if "-03-" in days[0] else 1]
    ]
    options = ("--date-column", "date", "--period", "day")
    found = found_by(command, write_rows("s.csv", content), *options)
    filled = [each["name"] for each in found["over_time"] if each["rows"]]
    assert filled == ["2026-03-14", "2026-04-02"]
    assert found["without_date"] == len(content) - 2


@pytest.mark.parametrize(
    ("day", "message", "exit_code", "form", "found"),
    [
        ("14.03.26", "'14.03.26' is not a date as expected", 1, "%d.%m.%y", "2026-03-14"),
        (
            "03/04/2026",
            "'03/04/2026' may begin with the month or with the day",
            2,
            "%d/%m/%Y",
            "2026-04-03",
        ),
    ],
    ids=["a year of two digits", "a month or a day first"],
)
def test_an_unclear_date_is_asked_about(
    command: Command, day: str, message: str, exit_code: int, form: str, found: str
) -> None:
    write_rows("s.csv", [("a", "Rome", day, "positive", 0.9)])
    ran = command("summarize", "s.csv", "--date-column", "date")
    ran.failed_with(message, exit_code)
    options = ("--date-column", "date", "--date-format", form, "--period", "day")
    said = found_by(command, "s.csv", *options)
    assert said["over_time"][0]["name"] == found


def test_the_page_is_whole_and_safe(command: Command) -> None:
    content = [(f"{row[0]} dirty {HOSTILE}", f"<b>{row[1]}", *row[2:]) for row in rows(200)] + [
        ("\u202eawful " + "x" * 10_000, "Oslo", "2026-03-01", "negative", 0.01)
    ]
    write_rows("<i>s&.csv", content)
    ran = command(
        "summarize", "<i>s&.csv", "--by", "city", "--date-column", "date", "--page", "p.html"
    )
    assert (ran.exit_code, ran.err) == (0, "")
    page = Path("p.html").read_text(encoding="utf-8")
    found = Elements(page).found
    assert not {name for name, _ in found} & {"script", "img", "link"}
    attributes = {key for _, each in found for key in each}
    assert not any(key == "src" or key.startswith("on") for key in attributes)
    assert all((each.get("href") or "#").startswith("#") for _, each in found)
    assert "<b>Rome" not in page
    assert "&lt;b&gt;Rome" in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f]|https?:|@import", page)
    assert page.count("<figure") == 2
    assert "What they complain about" in page


def test_nothing_turns_the_direction_of_the_page(command: Command) -> None:
    write("a.csv", "text\nA \u202edirty\u2066 hotel \u200f.\n")
    command("score", "a.csv", "--page", "a.html")
    page = Path("a.html").read_text(encoding="utf-8")
    assert "A \ufffddirty\ufffd hotel \u200f." in page


@pytest.mark.parametrize(
    ("text", "said"), [("Dirty and loud.", "negative"), ("A lovely hotel.", "not negative")]
)
def test_a_single_review(command: Command, text: str, said: str) -> None:
    stars = 1 if said == "not negative" else 5
    write("a.csv", f"text,stars\n{text},{stars}\n")
    command("score", "a.csv")
    ran = command("summarize", "a.scored.csv")
    assert f"\nThe only review is {said}.\n" in ran.out
    assert f"({'1 star' if stars == 1 else '5 stars'})" in ran.out


def test_scoring_makes_the_page_at_once(command: Command) -> None:
    write("hotels.csv", "id,body\n1,A lovely hotel.\n2,Dirty and loud.\n")
    ran = command("score", "hotels.csv", "--text-column", "body", "--page", "hotels.html")
    assert (ran.exit_code, ran.out) == (0, "")
    assert ran.err.endswith("Written to hotels.html\n")
    page = Path("hotels.html").read_text(encoding="utf-8")
    assert "50.0% of 2 reviews are negative." in page
    assert "Dirty and loud." in page
    Path("hotels.html").unlink()
    assert command("score", "hotels.csv", "--page", "hotels.html", "--skip-existing").exit_code == 0
    assert "Dirty and loud." in Path("hotels.html").read_text(encoding="utf-8")
    again = command("score", "hotels.csv", "--page", "hotels.html", "-o", "new.csv")
    again.failed_with("hotels.html: exists already", 2)
    plain = command("score", "hotels.csv", "--page", "h.html", "--no-header", "-o", "x.csv")
    plain.failed_with("--page: needs column names", 2)
    stdout = command("score", "hotels.csv", "--page", "h.html", "-o", "-")
    stdout.failed_with("--page: needs scored files", 2)
    assert command.files() == ["hotels.csv", "hotels.html", "hotels.scored.csv"]


def test_columns_have_other_names_and_files_another_form(command: Command) -> None:
    write("h.csv", "Kommentar;Ort\nA lovely hotel.;Rome\nDirty, très.;Oslo\n".encode("latin-1"))
    names = ("--names", "sentiment=s,probability=p,stars=st", "--stars", "--delimiter", ";")
    options = (*names, "--encoding", "latin-1", "--text-column", "Kommentar")
    ran = command("score", "h.csv", *options, "--page", "h.html")
    assert ran.exit_code == 0
    assert "très" in Path("h.html").read_text(encoding="utf-8")
    write("r.csv", "text\nThe room was dirty.\n")
    named = ("--names", "aspect_room=Zimmer")
    command("score", "r.csv", "--aspects", "hotels", *named, "--page", "r.html", "--quiet")
    assert ">Zimmer" not in (page := Path("r.html").read_text(encoding="utf-8"))
    assert "about cleanliness (1 review) and room (1)" in page
    (room, *_) = found_by(command, "r.scored.csv", *named)["aspects"][::-1]
    assert (room["name"], room["rows"]) == ("room", 1)


def test_a_file_without_scores_is_scored(command: Command) -> None:
    """With the numbers that `toolkit score` writes, rounded alike."""
    content = [(*row[:3], 5) for row in rows(200)] + [("", "Rome", "2026-03-01", "")]
    write_rows("r.csv", content, (*HEADER[:3], "Stars"))
    assert command("score", "r.csv").exit_code == 0
    options = ("--by", "city", "--date-column", "date")
    found = found_by(command, "r.csv", *options)
    expected = found_by(command, "r.scored.csv", *options)
    assert found["scored_here"] == ["r.csv"]
    assert found["scored_by"].startswith("reviews ")
    assert (expected["scored_here"], expected["scored_by"]) == ([], None)
    same = ("total", "by", "over_time", "texts", "given_stars", "without_text", "without_score")
    for key in (*same, "adjusted"):
        assert found[key] == expected[key]
    ran = command("summarize", "r.csv", "--page", "p.html")
    sentence = " has scored r.csv, which has no scores, for this summary."
    assert sentence in ran.out
    assert sentence in Path("p.html").read_text(encoding="utf-8")
    both = command("summarize", "r.csv", "r.csv", "r.scored.csv", "--quiet")
    assert (both.exit_code, both.err) == (0, "")


def test_a_workbook_is_summarized_at_once(command: Command) -> None:
    pytest.importorskip("openpyxl")
    from openpyxl import Workbook

    book = Workbook()
    for row in (("Review text", "Rating"), ("Dirty and loud.", 1), ("A lovely hotel.", 5)):
        book.active.append(row)
    book.save("reviews.xlsx")
    ran = command("summarize", "reviews.xlsx", "--page", "p.html")
    assert (ran.exit_code, ran.err) == (0, "")
    assert "<h1>reviews.xlsx</h1>" in Path("p.html").read_text(encoding="utf-8")
    assert "50.0% of 2 reviews are negative." in ran.out


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_columns_are_found_as_shops_export_them(command: Command, mark: str) -> None:
    lines = (("Review text", "Stars"), ("Dirty and loud.", "1"), ("A lovely hotel.", "5"))
    write("r.csv", "".join(mark.join(line) + "\n" for line in lines))
    assert command("score", "r.csv").exit_code == 0
    found = found_by(command, "r.scored.csv")
    assert (found["columns"]["text"], found["columns"]["stars"]) == ("Review text", "Stars")
    assert found["total"]["stars"] == 3


def test_labels_that_look_wrong_are_found(command: Command) -> None:
    content = [(text, int(row[3] == "positive")) for row in rows(200) if row[3] for text in row[:1]]
    flipped = {at for at, (text, _) in enumerate(content) if "worst" in text or "lovely" in text}
    flipped = set(sorted(flipped)[:3])
    content = [(t, 1 - n if at in flipped else n) for at, (t, n) in enumerate(content)]
    write_rows("l.csv", content, ("text", "label"))
    ran = command("evaluate", "l.csv", "--doubtful", "d.csv", "--report", "e.html")
    assert ran.exit_code == 0
    with Path("d.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert {int(row["row"]) - 1 for row in found[:3]} == flipped
    assert all(row["label"] != row["model_says"] for row in found)
    assert f"{len(found)} labels may be wrong" in ran.out
    assert Path("e.html").read_text(encoding="utf-8").count("This label may be wrong.") >= 3
    both = command("evaluate", "l.csv", "--doubtful", "a.json", "--report", "a.json")
    both.failed_with("a.json: is the file of both --doubtful and --report", 2)
    command("evaluate", "l.csv", "--doubtful", "-").failed_with("--doubtful: cannot go to", 2)


@pytest.mark.tools
@pytest.mark.parametrize("count", [2, 400])
def test_everybody_can_use_the_page(command: Command, count: int) -> None:
    """In Chromium: no rule of axe-core is broken, and nothing is wider than a phone."""
    del command
    run_npm("ls", "axe-core")
    long = f"{'x' * 3_000} \u0639\u0631\u0628\u064a {HOSTILE}"
    content = [
        (f"{row[0]} {LIFT * ((row[1], row[3]) == ('Rome', 'negative'))} {long}", *row[1:])
        for row in rows(count + 1)
    ]
    write_rows("s.csv", content[1:])
    from toolkit.evaluation.page import summary_page

    options = SummaryOptions(by=("city",), date_column="date", period="day")
    page_file = write("p.html", summary_page(summarize("s.csv", options)))
    shown = page_file.read_text(encoding="utf-8")
    assert ('<td class="more"' in shown) == ('<svg class="spark"' in shown) == (count > 2)
    with chromium() as browser:
        for theme in ("light", "dark"):
            page = browser.new_page(viewport={"width": 360, "height": 740}, color_scheme=theme)
            page.goto(page_file.resolve().as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= 360
            page.evaluate((WEB / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"))
            found = page.evaluate("axe.run().then(({ violations }) => violations)")
            assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
            page.close()


@pytest.mark.tools
def test_the_page_prints_on_three_pages(command: Command) -> None:
    content = [
        (f"{row[0]} The {noun} was {what}.", f"City {number % 9}", *row[2:])
        for number, row in enumerate(rows(900))
        for noun, what in (NOUNS[number % len(NOUNS)],)
    ]
    write_rows("s.csv", content)
    ran = command("summarize", "s.csv", "--by", "city", "--date-column", "date", "--page", "p.html")
    assert (ran.exit_code, ran.err) == (0, "")
    with chromium() as browser:
        page = browser.new_page()
        page.goto(Path("p.html").resolve().as_uri())
        printed = page.pdf(format="A4", prefer_css_page_size=True, print_background=True)
    assert 1 <= len(re.findall(rb"/Type\s*/Page[^s]", printed)) <= 3


def test_every_key_of_the_json_is_described(command: Command) -> None:
    write_rows("s.csv", rows(100))
    found = found_by(command, "s.csv", "--by", "city", "--since", "s.csv")
    reference = KEYS.read_text(encoding="utf-8")
    part = reference[
        reference.index("The result of `summarize`") : reference.index("## Which model")
    ]
    described = {*re.findall(r"`(\w+)`", part)}
    (term, *_), (quote, *_) = found["complaints"], found["most_negative"]
    for keys in (found, term, quote, found["total"], found["texts"]):
        assert {*keys} - {"toolkit_version"} <= described


def test_changes_between_models_are_warned_of(command: Command) -> None:
    write("a.csv", "text\n" + "a superb film\nit was dull and slow\n" * 30)
    for model in ("conv1d", "reviews-small"):
        call = ("score", "a.csv", "-o", f"{model}.csv", "--names", "model=model", "-m", model)
        assert command(*call, "-q").exit_code == 0
    ran = command("summarize", "conv1d.csv", "--since", "reviews-small.csv", "--model", "conv1d")
    found = " ".join((ran.out + ran.err).split())
    assert "The earlier rows were scored by reviews-small " in found
    assert "What has changed may be the model: score both with one." in found
    ran = command("summarize", "conv1d.csv", "--since", "conv1d.csv", "--model", "conv1d")
    assert "The earlier rows" not in ran.out + ran.err


def test_two_rows_do_not_tell_a_change(command: Command) -> None:
    write_rows("two.csv", [("a", "Rome", "2026-01-01", "negative", 0.1)] * 2)
    both = [("a", "Rome", "2026-01-01", *score) for score in (("negative", 0.1), ("positive", 0.9))]
    write_rows("big.csv", both * 50)
    out = " ".join(command("summarize", "two.csv", "--since", "big.csv").out.split())
    assert "are negative. Too few rows to tell whether that has changed." in out
    assert "100 rows before. Too few rows to tell what has changed." in out
    assert "about as many" not in out
    assert "differ from before" not in out


def test_groups_beyond_the_limit_are_said_to_be_left_out(command: Command) -> None:
    rows = [("a", f"city {at}", "2026-01-01", "positive", 0.9) for at in range(1005)]
    write_rows("many.csv", rows)
    write_rows("few.csv", rows[:900])
    found = found_by(command, "many.csv", "--since", "few.csv", "--by", "city")
    (note,) = (each for each in found["notes"] if "more than" in each)
    assert note == (
        "city has more than 1,000 groups. Only groups among the 1,000 largest at both times were "
        "compared; the others have 5 rows now, 0 before."
    )


@pytest.mark.parametrize("ending", [".parquet", ".arrow", ".csv"])
def test_scores_with_a_prior_are_not_adjusted_again(command: Command, ending: str) -> None:
    """CSV has no place to say so."""
    write("a.csv", "text\n" + "a superb film\nit was dull and slow\n" * 30)
    for prior in ([], ["--prior", "0.9"]):
        call = ("score", "a.csv", "-o", f"b{ending}", "--force", "-q", *prior)
        assert command(*call).exit_code == 0
        is_adjusted = found_by(command, f"b{ending}")["adjusted"] is not None
        assert is_adjusted == (not prior or ending == ".csv")
