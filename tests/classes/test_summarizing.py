"""`toolkit summarize` of files that a model of classes scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.classes.tickets import TOPICS, WORDS, model, tickets
from tests.cli.running import Command, in_its_own_process
from toolkit.evaluation.class_summarize import summarize_classes
from toolkit.evaluation.scored_files import ScoredFiles, SummaryOptions


def scored(folder: Path, name: str, counts: dict[str, int]) -> Path:
    """Write a file as `toolkit score` does, with so many texts of each topic, and a blank one."""
    rows = ["text,predicted_label,label_probability,city,day,stars"]
    texts = {topic: [text for text, own in tickets(800) if own == topic] for topic in TOPICS}
    for topic, count in counts.items():
        for at in range(count):
            city = "Oslo" if topic == "app" or at % 2 else "Rome"
            label = '"' + topic.replace('"', '""') + '"'
            probability = 0.4 if at == 0 else 0.9
            day = f"2026-01-{1 + at % 9:02}"
            rows.append(f"{texts[topic][at]},{label},{probability},{city},{day},{1 + at % 5}")
    path = folder / name
    path.write_text("\n".join([*rows, ",,,Rome,2026-01-01,"]) + "\n", encoding="utf-8")
    return path


COUNTS = dict(zip(TOPICS, (60, 40, 20, 10), strict=True))


def test_shares_words_groups_and_days(command: Command) -> None:
    path = scored(command.folder, "a.csv", COUNTS)
    ran = command("summarize", path, "--by", "city", "--date-column", "day", "--json")
    assert ran.exit_code == 0, ran.err
    found = json.loads(ran.out)
    assert found["kind"] == "classes"
    assert (found["rows"], found["without_label"], found["without_text"]) == (131, 1, 1)
    assert [(each["label"], each["rows"]) for each in found["classes"]] == [*COUNTS.items()]
    for each in found["classes"]:
        assert each["unsure"] == 1
        mean = (0.9 * (each["rows"] - 1) + 0.4) / each["rows"]
        assert each["probability"] == pytest.approx(mean)
        first = [word["word"] for word in each["words"][:3]]
        assert {*first} <= {*WORDS[each["label"]]}
    assert found["total"]["labels"]["app"]["share"] == pytest.approx(60 / 130)
    cities = {each["name"]: each for each in found["by"]["city"]}
    assert cities["Oslo"]["labels"]["app"]["rows"] == 60
    assert "app" not in cities["Rome"]["labels"]
    assert found["step"] == "day"
    assert sum(each["rows"] for each in found["over_time"]) == 130


def test_the_terminal_and_the_page_say_the_same(command: Command) -> None:
    path = scored(command.folder, "a.csv", COUNTS)
    ran = command("summarize", path, "--by", "city", "--page", "p.html")
    assert ran.exit_code == 0, ran.err
    page = (command.folder / "p.html").read_text("utf-8")
    for said in ("130 texts of 4 classes. Most frequent: app (46.2%)", "By city", "Oslo"):
        assert said in ran.out
        assert said in page
    assert "the &#34;login&#34;" in page
    assert "<script" not in page


def test_changes_since_earlier_files(command: Command) -> None:
    before = scored(command.folder, "before.csv", dict(zip(TOPICS, (10, 40, 60, 0), strict=True)))
    now = scored(command.folder, "now.csv", COUNTS)
    ran = command("summarize", now, "--since", before, "--json")
    found = json.loads(ran.out)
    changed = {each["name"]: each for each in found["changes"] if each["what"] == "label"}
    assert changed["app"]["difference"] == pytest.approx(60 / 130 - 10 / 110)
    assert changed["delivery"]["difference"] < 0
    assert "billing, refunds" not in changed
    assert found["notes"] == ['New: the "login" (10).']
    assert found["since"]["rows"] == 111


def test_changes_since_a_date_are_those_of_two_files(command: Command) -> None:
    path = scored(command.folder, "a.csv", COUNTS)
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    days = [(next(part for part in line.split(",") if part[:5] == "2026-"), line) for line in lines]
    for name, is_later in (("later.csv", True), ("before.csv", False)):
        own = [line for day, line in days if (day >= "2026-01-04") == is_later]
        (command.folder / name).write_text("\n".join([header, *own]) + "\n", encoding="utf-8")
    options = ("--by", "city", "--date-column", "day", "--json")
    ran = command("summarize", path, "--since", "2026-01-04", *options)
    by_date = json.loads(ran.out)
    by_hand = json.loads(command("summarize", "later.csv", "--since", "before.csv", *options).out)
    assert by_date["since_date"] == "2026-01-04"
    assert by_date["tests"] > 2
    for found in (by_date, by_hand):
        found |= {"files": [], "since_date": None}
        found["since"]["files"] = []
    assert by_date == by_hand


def test_standard_input_is_read_where_a_column_is_named(command: Command) -> None:
    path = scored(command.folder, "a.csv", COUNTS)
    options = ("--format", "csv", "--json", "--names", "predicted_label=predicted_label")
    with path.open(encoding="utf-8") as file:
        ran = in_its_own_process("summarize", "-", *options, stdin=file)
    assert (ran.exit_code, ran.err) == (0, "")
    found = json.loads(ran.out)
    assert (found["kind"], found["rows"]) == ("classes", 131)


def test_a_file_of_classes_from_standard_input_names_the_option(command: Command) -> None:
    path = scored(command.folder, "a.csv", COUNTS)
    with path.open(encoding="utf-8") as file:
        ran = in_its_own_process("summarize", "-", "--format", "csv", stdin=file)
    assert ran.exit_code == 2
    assert "--names predicted_label=predicted_label" in ran.err


def test_a_file_without_labels_is_scored_here(command: Command) -> None:
    path = command.folder / "new.csv"
    path.write_text(
        "text,city\n" + "".join(f"{text},Oslo\n" for text, _ in tickets(40, seed=3)) + ",Rome\n",
        encoding="utf-8",
    )
    assert command("score", path, "--model", model()).exit_code == 0
    scored_first = json.loads(command("summarize", "new.scored.csv", "--json").out)
    ran = command("summarize", path, "--model", model(), "--json")
    assert ran.exit_code == 0, ran.err
    found = json.loads(ran.out)
    assert found["scored_here"] == [str(path)]
    assert (found["rows"], found["without_label"]) == (41, 1)
    assert [each["rows"] for each in found["classes"]] == [10] * 4
    assert found["total"] == scored_first["total"]
    probabilities = [
        [each["probability"] for each in of["classes"]] for of in (found, scored_first)
    ]
    assert probabilities[0] == pytest.approx(probabilities[1], abs=1e-4)
    shown = command("summarize", path, "--model", model()).out
    assert f"has scored {path}, which has no scores, for this summary." in shown


def test_the_period_is_as_asked_for(command: Command) -> None:
    path = scored(command.folder, "a.csv", COUNTS)
    ran = command("summarize", path, "--date-column", "day", "--period", "week", "--json")
    found = json.loads(ran.out)
    assert found["step"] == "week"
    assert [each["name"] for each in found["over_time"]] == ["2025-12-29", "2026-01-05"]


def summarize_texts(command: Command, content: str, *options: str | Path) -> str:
    """Summarize a file, and return what the command prints, in one line."""
    (command.folder / "s.csv").write_text(content, encoding="utf-8")
    ran = command("summarize", "s.csv", *options)
    return " ".join((ran.out + ran.err).split())


SCORED = "text,predicted_label,label_probability\n"


def test_a_label_without_probability_is_counted(command: Command) -> None:
    content = SCORED + "a,app,\nb,app,nan\n" + "c,app,0.4\n" * 3 + "d,app,0.9\n"
    shown = summarize_texts(command, content)
    assert "labelled 6 rows" in shown
    assert "unsure 3 (75.0% of the 4 rows with a probability, which is below 0.5)" in shown
    found = json.loads(command("summarize", "s.csv", "--json").out)
    (only,) = found["classes"]
    assert (only["rows"], only["with_probability"], only["unsure"]) == (6, 4, 3)
    assert only["probability"] == pytest.approx((3 * 0.4 + 0.9) / 4)
    shown = summarize_texts(command, SCORED + "a,app,0.4\nb,app,0.9\n")
    assert "unsure 1 (50.0%, with a probability below 0.5)" in shown


def test_rows_of_files_without_probabilities_are_not_sure(command: Command) -> None:
    (command.folder / "b.csv").write_text("text,predicted_label\n" + "b,app\n" * 5)
    shown = summarize_texts(command, SCORED + "a,app,0.4\n" * 5, "b.csv")
    assert "unsure 5 (100.0% of the 5 rows with a probability" in shown


@pytest.mark.parametrize("word", ["maybe", "1.5", "positive"])
def test_a_wrong_probability_of_a_label(command: Command, word: str) -> None:
    shown = summarize_texts(command, SCORED + f"a,app,0.5\nb,app,{word}\n")
    assert f"row 2: found the probability '{word}', expected the probability of the label" in shown


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("text,x\n", ["MODEL"], "s.csv: there is no row."),
        ("text\nzq zq\n", ["MODEL"], "no row has a label: the model ngram-linear knows no word"),
        (SCORED + ",,\n", [], "no row has a label: the column 'predicted_label' is empty. Name"),
    ],
)
def test_files_without_a_label(
    command: Command, content: str, options: list[str], message: str
) -> None:
    given: list[str | Path] = ["--model", model()] if options else []
    assert message in summarize_texts(command, content, *given)


def test_what_cannot_be_compared_is_not_counted(command: Command) -> None:
    (command.folder / "old.csv").write_text(SCORED + "b,app,0.9\n" * 40)
    shown = summarize_texts(command, SCORED + "a,app,0.9\n" * 40, "--since", "old.csv")
    assert "40 rows before. Too few rows to tell what has changed." in shown
    assert "No share of a class has changed" not in shown
    half = SCORED + "b,app,0.9\nc,box,0.9\n" * 40
    (command.folder / "old.csv").write_text(half)
    shown = summarize_texts(command, half, "--since", "old.csv")
    assert "80 rows before. 2 shares were compared, and none has changed beyond chance." in shown


def test_words_that_tell_nothing_are_not_typical(tmp_path: Path) -> None:
    rows = [f"this is a parcel {at},delivery\n" for at in range(40)]
    rows += [f"my card was charged {at},billing\n" for at in range(40)]
    path = tmp_path / "a.csv"
    path.write_text("text,predicted_label\n" + "".join(rows), encoding="utf-8")
    found = summarize_classes(ScoredFiles.find(path))
    words = {each.label: {word.word for word in each.words} for each in found.classes}
    assert "parcel" in words["delivery"]
    assert not {"this", "is", "a"} & words["delivery"]


def test_two_files_count_as_one(tmp_path: Path) -> None:
    path = scored(tmp_path, "a.csv", COUNTS)
    again = scored(tmp_path, "b.csv", COUNTS)
    one = summarize_classes(ScoredFiles.find([path, again]), SummaryOptions(model=model()))
    assert one.total.labels == {topic: 2 * count for topic, count in COUNTS.items()}
    assert one.classes[0].words[0].texts % 2 == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--corrected", "a.csv"], "--corrected: for files with scores of a model of sentiment"),
        (["--names", "label_probability=text"], "--names label_probability=NAME"),
        (["--names", "predicted_label=topic"], "no column 'topic'"),
    ],
)
def test_what_is_not_for_classes_is_refused(
    command: Command, options: list[str], message: str
) -> None:
    path = scored(command.folder, "a.csv", COUNTS)
    ran = command("summarize", path, *options)
    assert ran.exit_code in (1, 2)
    assert message in ran.err
    assert ran.err.strip().count("\n") == 0
