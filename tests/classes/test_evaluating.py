"""`toolkit evaluate` with a model of classes, and its metrics beside those of scikit-learn."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as peers

from tests.classes.tickets import TOPICS, as_model, model, tickets, weaker_model, write
from tests.cli.running import Command
from tests.evaluation.test_page import Elements
from toolkit.errors import UsageError
from toolkit.evaluation.class_comparison import _compare, compare_classes
from toolkit.evaluation.class_evaluate import ClassEvaluation, ClassMistake, evaluate_classes
from toolkit.evaluation.class_metrics import confidence_error, measure_classes
from toolkit.evaluation.class_tables import matrix_of
from toolkit.evaluation.page import class_page
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions


def test_the_metrics_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(1)
    numbers = random.choice(4, 500, p=[0.6, 0.2, 0.15, 0.05])
    logits = random.normal(0, 1, (500, 5)) + 1.5 * np.eye(5)[numbers]
    shares = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    called = shares.argmax(axis=1)
    found = measure_classes(numbers, shares, ("a", "b", "c", "d", "never"))
    assert found.accuracy.value == peers.accuracy_score(numbers, called)
    assert found.balanced_accuracy == pytest.approx(
        np.mean(peers.recall_score(numbers, called, average=None, labels=range(4)))
    )
    own = peers.precision_recall_fscore_support(numbers, called, labels=range(5), zero_division=0)
    for at, each in enumerate(found.classes):
        assert [each.precision or 0, each.recall or 0, each.f1 or 0, each.support] == pytest.approx(
            [column[at] for column in own]
        )
    assert found.macro_f1 == pytest.approx(np.mean(own[2][:4]))
    assert found.weighted_f1 == pytest.approx(np.average(own[2][:4], weights=own[3][:4]))
    assert found.log_loss == pytest.approx(
        -np.mean(np.log(shares[np.arange(500), numbers].astype(np.float64)))
    )
    assert found.top_accuracy == pytest.approx(
        peers.top_k_accuracy_score(numbers, shares, k=3, labels=range(5))
    )
    assert (
        found.confusion.tolist()
        == peers.confusion_matrix(numbers, called, labels=range(5)).tolist()
    )
    assert (found.constant, found.constant_accuracy) == ("a", np.mean(numbers == 0))
    most = found.confused(1)[0]
    assert most.count == max(
        count
        for a, row in enumerate(found.confusion.tolist())
        for b, count in enumerate(row)
        if a != b
    )


def test_the_calibration_error_is_of_the_label_that_is_given() -> None:
    shares = np.array([[0.9, 0.1]] * 10, np.float32)
    assert confidence_error(np.array([0] * 9 + [1]), shares) == pytest.approx(0, abs=1e-6)
    assert confidence_error(np.array([0] * 5 + [1] * 5), shares) == pytest.approx(0.4, abs=1e-6)


def test_the_terminal_shows_classes_and_what_is_confused(command: Command) -> None:
    rows = tickets(80, seed=4)
    first = rows[0]
    wrong = next(topic for topic in TOPICS if topic != first[1])
    more = [("parcel late", ""), ("", "app"), ("zq zq", "app"), ("parcel", "weather")]
    data = write(command.folder / "t.csv", [(first[0], wrong), *rows[1:], *more])
    ran = command("evaluate", model(), data, "--label-column", "topic", "--report", "r.json")
    assert ran.exit_code == 0, ran.err
    assert "80 texts of 4 classes" in ran.out
    assert "('weather') left out" in ran.out
    for label in TOPICS:
        assert label in ran.out
    assert f"row 1: {wrong} → {first[1]}" in ran.out
    found = json.loads((command.folder / "r.json").read_text())
    assert found["kind"] == "classes"
    assert found["metrics"]["accuracy"]["value"] == 79 / 80
    assert found["data"]["other_labels"] == {"weather": 1}
    assert (found["data"]["without_label"], found["data"]["without_answer"]) == (1, 1)
    assert found["confused"] == [{"label": wrong, "called": first[1], "count": 1}]
    assert found["mistakes"][0]["text"] == first[0]
    assert (
        json.loads(command("evaluate", model(), data, "--label-column", "topic", "--json").out)[
            "confusion"
        ]
        == found["confusion"]
    )


def rows_of_many(folder: Path, size: int) -> tuple[ClassEvaluation, str]:
    """Return made-up results of some classes, one of them with markup as its name, as a page."""
    names = ("<em>&", *(f"class {at}" for at in range(1, size)))
    random = np.random.default_rng(2)
    numbers = random.integers(size, size=40 * size)
    logits = random.normal(0, 1, (len(numbers), size)) + 2.5 * np.eye(size)[numbers]
    shares = (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32)
    metrics = measure_classes(numbers, shares, names)
    mistake = ClassMistake(3, "<script>x</script>\x00", "<em>&", "class 1", 0.5)
    found = replace(
        evaluate_classes(write_once(), model(), ReadOptions(Columns(label="topic"))),
        metrics=metrics,
        confused=metrics.confused(),
        mistakes=[mistake],
    )
    return found, class_page(found)


@pytest.mark.parametrize("size", [3, 20, 100])
def test_the_page_is_whole_at_any_number_of_classes(tmp_path: Path, size: int) -> None:
    found, written = rows_of_many(tmp_path, size)
    elements = Elements(written).found
    assert not {name for name, _ in elements} & {"script", "em", "img", "link"}
    assert "&lt;script&gt;" in written
    assert "\x00" not in written
    matrix = matrix_of(found)
    shown = min(size, 30)
    assert len(matrix.rows) == shown
    assert len(matrix.columns) == shown + (size > shown)
    assert ("with the most mistakes" in written) is (size > shown)
    for label, cells in matrix.rows:
        support = next(e.support for e in found.metrics.classes if e.label == label)
        assert sum(cell.count for cell in cells) == support
        assert sum(cell.share for cell in cells) == pytest.approx(1)


def test_sure_answers_are_counted() -> None:
    found, _ = rows_of_many(Path(), 3)
    counts = [each.texts for each in found.metrics.sure]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == found.metrics.accuracy.count  # three shares: one is above 0.3
    assert all(each.right <= each.texts for each in found.metrics.sure)


def test_a_report_is_a_page(command: Command) -> None:
    data = write(command.folder / "t.csv", tickets(40, seed=4))
    ran = command("evaluate", model(), data, "--label-column", "topic", "--report", "r.html")
    assert ran.exit_code == 0, ran.err
    written = (command.folder / "r.html").read_text("utf-8")
    assert "billing, refunds" in written
    assert "Confusion matrix" in written
    assert "40 texts of 4 classes" in written


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--threshold", "0.4"], "--threshold: only for models of negative and positive"),
        (["--target-accuracy", "0.9"], "--target-accuracy: only for models"),
        (["--positive", "app"], "--positive, --negative: only for models"),
    ],
)
def test_what_is_not_for_classes_is_refused(
    command: Command, options: list[str], message: str
) -> None:
    data = write(command.folder / "t.csv", tickets(8))
    given = [] if "--label-column" in options else ["--label-column", "topic"]
    ran = command("evaluate", model(), data, *given, *options)
    assert ran.exit_code in (1, 2)
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_a_file_without_classes_of_the_model_is_an_error(command: Command) -> None:
    data = write(command.folder / "t.csv", [("parcel", "sport"), ("card", "art")])
    ran = command("evaluate", model(), data, "--label-column", "topic")
    assert ran.exit_code == 1
    found = f"a class of {model()} (found: 'sport', 'art'; the model has: app, 'billing, refunds', "
    assert found in ran.err


def test_the_model_without_a_class_of_the_file_is_named(command: Command) -> None:
    data = write(command.folder / "t.csv", tickets(20, seed=24))
    other = as_model("other.onnx", [(text, f"x{label}") for text, label in tickets(80)])
    ran = command("evaluate", model(), other, data, "--label-column", "topic")
    assert ran.exit_code == 1
    assert f"no text has a label that is a class of {other} (found: " in ran.err


def test_two_spellings_of_a_class_are_one_row(command: Command) -> None:
    data = write(command.folder / "t.csv", tickets(60, seed=25))
    rows = [(text, label.replace("app", "App")) for text, label in tickets(80, seed=5, wrong=0.4)]
    upper = as_model("upper.onnx", rows)
    options = ("--label-column", "topic", "--report", "r.json")
    ran = command("evaluate", model(), upper, data, *options)
    assert ran.exit_code == 0, ran.err
    table = ran.out.split("F1 of each class")[1]
    assert [line.split()[0] for line in table.splitlines() if "app" in line.lower()] == ["app"]
    (test,) = json.loads((command.folder / "r.json").read_text())["comparisons"]
    assert test["texts"] == 60
    spelled = {name for each in test["differing"] for name in (each["best"], each["other"])}
    assert spelled
    assert "App" not in spelled
    assert "Texts are left out" not in ran.out


def test_texts_that_are_left_out_of_a_comparison_are_mentioned(command: Command) -> None:
    data = write(command.folder / "t.csv", tickets(60, seed=26))
    fewer = as_model("fewer.onnx", [row for row in tickets(120) if row[1] != "app"])
    options = ("--label-column", "topic", "--report", "r.json")
    ran = command("evaluate", model(), fewer, data, *options)
    assert ran.exit_code == 0, ran.err
    (test,) = json.loads((command.folder / "r.json").read_text())["comparisons"]
    assert test["texts"] == 45
    assert "Texts are left out if their label is not a class of both" in " ".join(ran.out.split())


def test_it_is_a_function_of_python() -> None:
    reading = ReadOptions(Columns(label="topic"))
    found = evaluate_classes(write_once(), model(), reading, examples=2)
    assert found.metrics.accuracy.count == 40
    assert found.mistakes == []


def write_once() -> str:
    path = model().parent.parent / "held-out.csv"
    return str(write(path, tickets(40, seed=11)))


def test_two_models_are_compared_on_the_same_texts(command: Command) -> None:
    data = write(command.folder / "t.csv", [*tickets(200, seed=21), ("zq", "app"), ("x", "sea")])
    options = ("--label-column", "topic")
    ran = command("evaluate", weaker_model(), model(), data, *options, "--report", "r.json")
    assert ran.exit_code == 0, ran.err
    found = json.loads((command.folder / "r.json").read_text())
    better, weaker = (
        json.loads(command("evaluate", each, data, *options, "--json").out)
        for each in (model(), weaker_model())
    )
    assert [each["metrics"] for each in found["models"].values()] == [
        weaker["metrics"],
        better["metrics"],
    ]
    (name, best) = found["models"]
    assert found["best"] == best
    (test,) = found["comparisons"]
    assert (test["model"], test["reference"], test["texts"]) == (name, best, 200)
    right = [each["metrics"]["accuracy"]["value"] * test["texts"] for each in (better, weaker)]
    alone = test["only_reference_right"] - test["only_model_right"]
    assert alone == round(right[0] - right[1])
    assert alone > 0
    assert test["p_value"] < 0.05
    changed = test["differing"]
    assert sum(each["best_right"] for each in changed) <= test["only_reference_right"]
    assert all(each["best"] != each["other"] for each in changed)
    assert all(each["best_right"] + each["other_right"] <= each["texts"] for each in changed)
    assert f"Where {name} and {best} differ"[:40] in ran.out
    assert f"{weaker_model().parent}"[:20] in name  # both files are called ngram-linear.onnx


def test_models_that_spell_classes_in_two_ways_are_compared() -> None:
    """Capitals alone make no other class, and no text is left out for them."""
    rows = np.arange(4)

    def evaluated(labels: list[str], called: list[str]) -> Any:
        found = {"labels": np.array(labels, object), "called": np.array(called, object)}
        return SimpleNamespace(rows=rows, classes=(labels[0], "sea"), **found)

    lower = evaluated(["app", "app", "sea", "sea"], ["app", "sea", "sea", "sea"])
    mixed = evaluated(["App", "App", "sea", "sea"], ["App", "App", "sea", "App"])
    found = _compare("lower", lower, best_name="mixed", best=mixed)
    assert found.texts == 4
    assert [(each.best, each.other, each.texts) for each in found.differing] == [("App", "sea", 2)]


def test_the_page_of_two_models_is_escaped(command: Command) -> None:
    data = write(command.folder / "<b>.csv", tickets(60, seed=22))
    options = ("--label-column", "topic", "--report", "r.html")
    ran = command("evaluate", weaker_model(), model(), data, *options)
    assert ran.exit_code == 0, ran.err
    written = (command.folder / "r.html").read_text("utf-8")
    assert "<b>.csv" not in written
    for said in ("Comparison", "F1 of each class", "McNemar", "the &#34;login&#34;"):
        assert said in written


def test_groups_of_one_model_and_of_two(command: Command) -> None:
    path = command.folder / "g.csv"
    rows = tickets(120, seed=23)
    lines = [f'"{t.replace(chr(34), chr(34) * 2)}"' for _, t in rows]
    text = [
        f"{text},{label},{'' if at < 6 else 'web' if at % 3 else 'phone'}"
        for at, ((text, _), label) in enumerate(zip(rows, lines, strict=True))
    ]
    path.write_text("\n".join(["text,topic,channel", *text]) + "\n", encoding="utf-8")
    options = ("--label-column", "topic", "--group-column", "channel", "--json")
    one = json.loads(command("evaluate", weaker_model(), path, *options).out)
    groups = {each["name"]: each for each in one["groups"]}
    assert {name: each["texts"] for name, each in groups.items()} == {
        "web": 76,
        "phone": 38,
        "(none)": 6,
    }
    right = sum(each["texts"] * each["accuracy"] for each in groups.values())
    assert right == pytest.approx(120 * one["metrics"]["accuracy"]["value"])
    accuracies = [each["accuracy"] for each in one["groups"]]
    assert accuracies == sorted(accuracies)
    shown = command("evaluate", weaker_model(), model(), path, *options[:-1]).out
    assert "Accuracy by group" in shown
    assert "phone" in command("evaluate", model(), path, *options[:-1]).out
    without = json.loads(command("evaluate", model(), path, *options[:2], "--json").out)
    assert "groups" not in without


def test_models_of_two_kinds_are_not_compared(command: Command) -> None:
    data = write(command.folder / "t.csv", tickets(8))
    ran = command("evaluate", model(), "reviews", data, "--label-column", "topic")
    assert ran.exit_code == 2
    assert "reviews: is a model of negative and positive" in ran.err
    with pytest.raises(UsageError, match="is a model of negative and positive"):
        compare_classes(data, [model(), "reviews"])
