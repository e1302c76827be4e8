"""`toolkit score` with a model of classes: columns, formats, and what it counts."""

from __future__ import annotations

import csv
import json
import pickle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.classes.tickets import TOPICS, model, tickets, write
from tests.cli.running import Command
from toolkit.errors import UsageError
from toolkit.model import Scorer

TEXTS = ["the parcel is late again", "my card was charged twice", "password reset code", "", "zq"]
FOUND = ["delivery", "billing, refunds", 'the "login"', None, None]
PROBABILITIES = [f"probability_{topic}" for topic in TOPICS]


@pytest.fixture
def source(command: Command) -> Path:
    path = command.folder / "a.jsonl"
    rows = ({"text": text} for text in TEXTS)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def rows_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_each_text_has_a_label_and_how_likely_it_is(command: Command, source: Path) -> None:
    ran = command("score", source, "-m", model(), "-o", "b.jsonl")
    assert ran.exit_code == 0, ran.err
    rows = rows_of(command.folder / "b.jsonl")
    assert list(rows[0]) == ["text", "predicted_label", "label_probability"]
    assert [row["predicted_label"] for row in rows] == FOUND
    expected = Scorer(model()).classify(TEXTS)
    assert [row["label_probability"] for row in rows] == pytest.approx(
        [each.probability for each in expected]
    )
    assert "delivery" in ran.err
    assert "positive" not in ran.err


@pytest.mark.parametrize("ending", ["csv", "tsv", "json", "jsonl.gz", "parquet"])
def test_every_format_has_the_same_columns(command: Command, source: Path, ending: str) -> None:
    options = ("--probabilities", "--top", "2", "-m", str(model()))
    ran = command("score", source, "-o", f"b.{ending}", *options)
    assert ran.exit_code == 0, ran.err
    names = ["predicted_label", "label_probability", "top_labels", *PROBABILITIES]
    renamed = [part for n, name in enumerate(names) for part in ("--names", f"{name}=again{n}")]
    again = command("score", f"b.{ending}", "-o", "c.jsonl", *renamed, *options)
    assert again.exit_code == 0, again.err
    rows = rows_of(command.folder / "c.jsonl")
    assert list(rows[0]) == ["text", *names, *(f"again{n}" for n in range(len(names)))]
    assert [row["again0"] for row in rows] == FOUND
    assert [row["predicted_label"] or None for row in rows] == FOUND
    for row in rows[:3]:
        shares = {topic: row[f"again{at}"] for at, topic in enumerate(TOPICS, 3)}
        assert sum(shares.values()) == pytest.approx(1, abs=1e-5)  # type: ignore[arg-type]
        assert row["again1"] == max(shares.values())  # type: ignore[type-var]
        first, second = str(row["again2"]).split("; ")
        assert first == f"{row['again0']} {row['again1']:.3f}"
        assert second.rpartition(" ")[0] in TOPICS
    assert rows[3]["again1"] is None
    assert rows[3]["again3"] is None
    if ending == "parquet":
        types = pq.read_schema(command.folder / "b.parquet")
        assert types.field("label_probability").type == pa.float32()
        assert types.field(PROBABILITIES[0]).type == pa.float32()


def test_what_is_not_likely_enough_has_no_label_or_another(command: Command, source: Path) -> None:
    def labels(*options: str) -> list[object]:
        ran = command("score", source, "-m", model(), "-o", "b.jsonl", "--force", *options)
        assert ran.exit_code == 0, ran.err
        return [row["predicted_label"] for row in rows_of(command.folder / "b.jsonl")]

    assert labels("--min-probability", "0") == FOUND
    assert labels("--min-probability", "1") == [None] * 5
    assert labels("--min-probability", "1", "--other", "a, b") == ["a, b"] * 3 + [None] * 2


def test_the_accuracy_is_that_of_the_labels(command: Command) -> None:
    rows = tickets(40, seed=9)
    wrong = [(text, topic if number else "app") for number, (text, topic) in enumerate(rows)]
    wrong[0] = (rows[0][0], next(topic for topic in TOPICS if topic != rows[0][1]).upper())
    source = write(command.folder / "t.csv", [*wrong, ("parcel", "no such topic")])
    ran = command("score", source, "-m", model(), "--label-column", "topic", "--report", "r.json")
    assert ran.exit_code == 0, ran.err
    report = json.loads((command.folder / "r.json").read_text())
    assert (report["labelled"], report["right"]) == (40, 39)
    assert report["accuracy"] == 39 / 40
    assert sum(report["classes"].values()) == 41
    assert "positive" not in report
    assert report["model"]["threshold"] is None


def test_shards_and_a_second_run_write_the_same_bytes(command: Command) -> None:
    source = write(command.folder / "t.csv", tickets(400, seed=3))
    (command.folder / "shards").mkdir()
    options = ("-m", str(model()), "--top", "3", "--probabilities")
    assert command("score", source, "-o", "one.csv", *options).exit_code == 0
    for number in range(3):
        place = ("--shard", f"{number}/3", "-o", "shards/out.csv")
        assert command("score", source, *place, *options).exit_code == 0
    assert command("finish", "shards/out.csv").exit_code == 0
    whole = (command.folder / "one.csv").read_bytes()
    assert (command.folder / "shards" / "out.csv").read_bytes() == whole
    with (command.folder / "one.csv").open(encoding="utf-8", newline="") as file:
        assert all(row["predicted_label"] == row["topic"] for row in csv.DictReader(file))


def test_a_run_with_other_classes_is_not_the_same_job(command: Command, source: Path) -> None:
    first = ("score", source, "-m", model(), "-o", "b.jsonl", "--skip-existing")
    assert command(*first).exit_code == 0
    assert "skipped" in command(*first).err
    other = command(*first, "--min-probability", "0.4")
    assert other.exit_code != 0 or "skipped" not in other.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "0.4"], "--threshold: only for models of negative and positive"),
        (["--neutral"], "--neutral: only for models"),
        (["--by-sentence"], "--by-sentence: only for models"),
        (["--aspects", "hotels"], "--aspects: only for models"),
        (["--stars"], "--stars: only for models"),
        (["--page", "x.html"], "--page: only for models"),
        (["--top", "5"], "expected 1 to 4"),
        (["--other", "x"], "--other: needs --min-probability"),
        (["--min-probability", "0.4", "--other", "APP"], "is a class of the model"),
        (["--names", "sentiment=x"], "no such column, expected"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    command: Command, source: Path, options: list[str], message: str
) -> None:
    ran = command("score", source, "-m", model(), "-o", "b.jsonl", *options)
    assert ran.exit_code == 2
    assert message in ran.err
    assert ran.err.count("\n") == 1
    assert not (command.folder / "b.jsonl").exists()


@pytest.mark.parametrize(
    "options",
    [
        ["--top", "2"],
        ["--probabilities"],
        ["--min-probability", "0.4"],
        ["--names", "predicted_label=x"],
    ],
)
def test_a_model_of_sentiment_refuses_options_of_classes(
    command: Command, source: Path, options: list[str]
) -> None:
    ran = command("score", source, "-m", "conv1d", "-o", "b.jsonl", *options)
    assert ran.exit_code == 2
    assert "models of classes" in ran.err


@pytest.mark.parametrize(
    "call",
    [
        ["diff", "conv1d", "MODEL", "a.jsonl"],
        ["export", "RUN", "--hub", "hub"],
        ["train", "opinions.csv", "--from", "MODEL", "-o", "run"],
        ["train", "opinions.csv", "--from", "RUN", "-o", "run"],
    ],
)
def test_commands_without_classes_say_so_in_one_line(
    command: Command, source: Path, call: list[str]
) -> None:
    opinions = [(text, str(number % 2)) for number, (text, _) in enumerate(tickets(40))]
    write(command.folder / "opinions.csv", opinions, label="label")
    given = {"MODEL": str(model()), "RUN": str(model().parent)}
    ran = command(*(given.get(each, each) for each in call))
    assert ran.exit_code in (1, 2)
    assert "negative and positive" in ran.err
    assert ran.err.strip().count("\n") == 0


def test_info_shows_the_labels_and_no_threshold(command: Command) -> None:
    for path in (model(), model().parent, model().with_suffix(".ids.onnx")):
        ran = command("info", path)
        assert ran.exit_code == 0
        assert "delivery" in ran.out
        assert "threshold" not in ran.out
        assert "review" not in ran.out
    found = json.loads(command("info", model(), "--json").out)
    assert found["labels"] == [*TOPICS]
    assert found["threshold"] is None


def test_a_scorer_gives_labels_and_all_probabilities() -> None:
    scorer = Scorer(model(), min_probability=0.999999, other="other")
    shares = scorer.class_probabilities(TEXTS)
    assert shares[0] is not None
    assert next(iter(shares[0])) == "delivery"
    assert {*shares[0]} == {*TOPICS}
    assert shares[3] is None
    again = pickle.loads(pickle.dumps(scorer))
    assert again.classify(TEXTS) == scorer.classify(TEXTS)
    with pytest.raises(UsageError, match="Use classify"):
        scorer.score(TEXTS)
    for call in (scorer.score_array, scorer.probabilities):
        with pytest.raises(UsageError, match="classes of its own"):
            call(pa.array(TEXTS))


def test_a_table_gets_the_columns_of_classes() -> None:
    table = pa.table({"text": TEXTS})
    found = Scorer(model(), top=1, probabilities=True).score_batch(table, model_column="model")
    names = ["predicted_label", "label_probability", "top_labels", *PROBABILITIES, "model"]
    assert found.column_names == ["text", *names]
    assert found["predicted_label"].to_pylist() == FOUND
    assert pa.compute.sum(found["label_probability"]).as_py() > 1


def test_two_classes_are_a_case_of_the_same() -> None:
    scorer = Scorer("conv1d")
    texts = ["A superb film, the best of the year.", "Dull. Awful! A waste of time.", ""]
    scores, found = scorer.score(texts), scorer.classify(texts)
    assert [each.label for each in found] == ["positive", "negative", None]
    assert found[0].probability == scores[0].probability
    assert scores[1].probability is not None
    assert found[1].probability == 1 - scores[1].probability
    shares = scorer.class_probabilities(texts)
    assert shares[1] is not None
    assert [*shares[1]] == ["negative", "positive"]
    assert shares[2] is None
