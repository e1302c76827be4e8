"""`toolkit diff` of two models of classes."""

from __future__ import annotations

import csv
import json

import pytest

from tests.classes.tickets import TOPICS, model, tickets, weaker_model, write
from tests.cli.running import Command
from toolkit import Scorer
from toolkit.evaluation.comparison import compare_counts


def test_counts_pairs_and_who_is_right(command: Command) -> None:
    rows = [*tickets(300, seed=41), ("zq", "app"), ("late parcel", "weather"), ("late parcel", "")]
    data = write(command.folder / "t.csv", rows)
    options = (weaker_model(), model(), data, "--label-column", "topic")
    ran = command("diff", *options, "--json", "--output", "changed.csv")
    assert ran.exit_code == 0, ran.err
    found = json.loads(ran.out)["data"]
    texts = [text for text, _ in rows]
    old, new = (
        [each.label for each in Scorer(path).classify(texts)] for path in (weaker_model(), model())
    )
    labels = [label if label in TOPICS else None for _, label in rows]
    both = [*zip(old, new, labels, strict=True)]
    changed = [each for each in both if each[0] != each[1]]
    assert (found["rows"], found["answered"], found["changed"]) == (303, 302, len(changed))
    assert changed
    assert "to_positive" not in found
    assert (found["labelled"], found["labelled_without_score"]) == (300, 1)
    only_old = sum(a == label != b for a, b, label in both if label and a)
    only_new = sum(b == label != a for a, b, label in both if label and a)
    assert (found["only_old_right"], found["only_new_right"]) == (only_old, only_new)
    expected = compare_counts(
        model="NEW", reference="OLD", only_model=only_new, only_reference=only_old, reviews=300
    )
    assert found["p_value"] == expected.p_value
    assert found["verdict"].startswith("NEW is better")
    assert sum(each["rows"] for each in found["pairs"]) == len(changed)
    for pair in found["pairs"]:
        own = [each for each in changed if each[:2] == (pair["old"], pair["new"])]
        assert pair["rows"] == len(own)
        assert pair["old_right"] == sum(each[0] == each[2] for each in own)
        assert pair["new_right"] == sum(each[1] == each[2] for each in own)
    first = found["most_changed"][0]
    assert first["old"]["label"] != first["new"]["label"]
    with (command.folder / "changed.csv").open(encoding="utf-8", newline="") as file:
        written = [*csv.DictReader(file)]
    assert [(each["old_label"], each["new_label"]) for each in written] == [
        each[:2] for each in changed
    ]
    shown = command("diff", *options).out
    assert f"{len(changed)} of 302 labels change" in shown
    assert "to positive" not in shown
    assert "labelled training texts" in shown
    assert "app, 'billing, refunds', delivery" not in shown  # the labels are the same
    assert "review" not in shown
    assert "NEW right" in shown
    assert "NEW is better" in shown


def test_the_same_model_changes_nothing(command: Command) -> None:
    ran = command("diff", model(), model())
    assert ran.exit_code == 0, ran.err
    assert "0 of" in ran.out
    assert "same file" in ran.out


def test_checks_for_ci(command: Command) -> None:
    data = write(command.folder / "t.csv", tickets(300, seed=42))
    options = ("--label-column", "topic", "--quiet")
    ran = command("diff", model(), weaker_model(), data, *options, "--fail-if-worse")
    assert ran.exit_code == 1
    assert "--fail-if-worse: NEW is worse" in ran.err
    ran = command("diff", model(), weaker_model(), data, *options, "--max-changed", "0")
    assert ran.exit_code == 1
    assert "labels change" in ran.err
    ran = command("diff", weaker_model(), model(), data, *options, "--fail-if-worse")
    assert ran.exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["reviews", "MODEL", "t.csv"], "one is a model of negative and positive"),
        (["MODEL", "MODEL", "t.csv", "--threshold", "0.4"], "--threshold: only for models"),
        (["MODEL", "MODEL", "t.csv", "--positive", "app"], "--positive, --negative: only for"),
        (["MODEL", "MODEL", "t.csv", "--positive-from", "1"], "--positive-from: only for models"),
        (
            ["MODEL", "MODEL", "t.csv", "--text-column", "topic", "--label-column", "text"],
            "column 'text': no label is a class of both models (found: '",
        ),
    ],
)
def test_what_cannot_be_compared(command: Command, arguments: list[str], message: str) -> None:
    write(command.folder / "t.csv", tickets(8))
    ran = command("diff", *(model() if each == "MODEL" else each for each in arguments))
    assert ran.exit_code in (1, 2)
    assert message in ran.err
    assert ran.err.strip().count("\n") == 0
