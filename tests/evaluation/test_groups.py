"""What an evaluation says of groups: their figures, their mean, and which of many are shown."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.conftest import WriteRows
from tests.models import MODEL, shipped_scorer
from toolkit import Scorer
from toolkit.evaluation import Evaluation, EvaluationOptions, evaluate
from toolkit.evaluation.groups import (
    FEWEST_OF_LABEL,
    MOST_SHOWN,
    NO_GROUP,
    Breakdown,
    GroupFigures,
    groups_note,
    shown_groups,
)
from toolkit.evaluation.json import evaluation_as_dict
from toolkit.evaluation.metrics import Metrics, calibration_error, measure
from toolkit.evaluation.page import page
from toolkit.evaluation.tables import balanced_table, group_table
from toolkit.records import Columns, ReadOptions

DOMAIN = EvaluationOptions(ReadOptions(Columns(group="domain")), examples=0)
GOOD, BAD = "superb, a delight", "awful, dull"


def of_domains(
    write_rows: WriteRows, rows: Sequence[tuple[str, int, str]], *predictions: Path
) -> Evaluation:
    path = write_rows("r.csv", ("text", "label", "domain"), rows)
    return evaluate(path, [MODEL], predictions, DOMAIN)


def groups_of(evaluation: Evaluation) -> Breakdown:
    assert evaluation.groups is not None
    return evaluation.groups


def slice_of(name: str, right: int, of_each: int) -> GroupFigures:
    """A group with this number of reviews of each label, of which some are right."""
    labels = np.repeat([0, 1], of_each).astype(np.int8)
    called = np.tile(np.arange(of_each) < right, 2) == labels
    return GroupFigures.of(name, labels, [(called.astype(np.float32), 0.5)])


def test_each_group_has_the_figures_of_its_reviews_alone(
    write_rows: WriteRows, reviews_csv: Path
) -> None:
    options = EvaluationOptions(ReadOptions(Columns(group="film")))
    found = evaluate(reviews_csv, [MODEL, "conv1d"], options=options)
    with reviews_csv.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    scorers = [shipped_scorer(), Scorer("conv1d")]
    # Reviews that a model gives no score are left out for both.
    scored = [all(each.score([row["text"]])[0].sentiment for each in scorers) for row in rows]
    films = np.array([row["film"] for row in rows])[scored]
    assert found.data.without_score == scored.count(False)
    assert {part.name for part in groups_of(found).slices} == {*films}
    for part in groups_of(found).slices:
        chosen = films == part.name
        assert part.metrics == tuple(
            measure(found.labels[chosen], model.probability[chosen], model.threshold)
            for model in found.models
        )


def test_the_hardest_group_comes_first_and_those_of_one_label_last(write_rows: WriteRows) -> None:
    rows = [(GOOD, 1, "easy"), (BAD, 0, "easy")] * 5
    rows += [(GOOD, 1, "hard"), (GOOD, 0, "hard")] * 5
    rows += [(GOOD, 1, "alone")] * 9 + [(GOOD, 1, "few"), (BAD, 0, "few")] * 4
    found = of_domains(write_rows, rows)
    assert [part.name for part in groups_of(found).slices][:2] == ["hard", "easy"]
    assert {part.name for part in groups_of(found).slices[2:]} == {"alone", "few"}
    table = group_table(found, groups_of(found), 0)
    cells = [[cell.text for cell in row] for row in table.rows]
    shown = {row[0]: dict(zip(table.columns, row, strict=True)) for row in cells}
    assert shown["hard"]["accuracy"] == shown["hard"]["balanced"] == "50.00%"
    assert shown["hard"]["majority"] == "50.0%"
    assert shown["alone"]["balanced"] == shown["few"]["balanced"] == "–"  # noqa: RUF001
    assert shown["alone"]["accuracy"] == "100.00%"
    assert shown["alone"]["cal. error *"] == "–"  # noqa: RUF001
    assert shown["mean of 2 groups"]["balanced"] == "75.00%"


def test_reviews_without_a_group_are_one(write_rows: WriteRows) -> None:
    found = of_domains(write_rows, [(GOOD, 1, ""), (BAD, 0, " "), (GOOD, 1, "x")])
    assert {part.name: part.reviews for part in groups_of(found).slices} == {NO_GROUP: 2, "x": 1}


def test_the_mean_counts_every_group_of_both_labels_once(write_rows: WriteRows) -> None:
    rows = [(GOOD, 1, "large"), (BAD, 0, "large")] * 50
    rows += [(GOOD, 1, "small"), (GOOD, 0, "small")] * FEWEST_OF_LABEL
    rows += [(BAD, 1, "alone")] * 20
    found = of_domains(write_rows, rows)
    mean = found.macro_mean
    assert mean is not None
    assert mean.groups == 2
    assert mean.models[0].balanced_accuracy == pytest.approx(0.75)
    both = [part for part in groups_of(found).slices if part.name != "alone"]
    losses = [part.metrics[0].log_loss for part in both]
    assert mean.models[0].log_loss == pytest.approx(sum(losses) / 2)
    assert of_domains(write_rows, [(GOOD, 1, "x")]).macro_mean is None


def test_without_the_column_there_are_no_groups(write_rows: WriteRows) -> None:
    path = write_rows("r.csv", ("text", "label", "domain"), [(GOOD, 1, "x"), (BAD, 0, "x")])
    found = evaluate(path, [MODEL])
    assert (found.groups, found.macro_mean) == (None, None)
    assert "<h2>Groups</h2>" not in page(found)


def test_of_many_groups_the_weakest_are_shown() -> None:
    """A large weak group comes before a small one, which may be weak by chance."""
    weak = [slice_of("large", 50, 100), *(slice_of(f"weak {n}", 2, 20) for n in range(29))]
    lucky = slice_of("small", 2, 5)
    good = [slice_of(f"good {n}", 17, 20) for n in range(9)]
    slices = (*weak[9:], lucky, *good, *weak[:9], *(slice_of(f"few {n}", 0, 1) for n in range(9)))
    breakdown = Breakdown("groups", "", slices)
    assert shown_groups(breakdown, 0) == (*weak[9:], *weak[:9])
    assert f"of {len(slices)} groups" in groups_note(breakdown)
    assert "JSON has all" in groups_note(breakdown)
    few = Breakdown("groups", "", slices[:MOST_SHOWN])
    assert shown_groups(few, 0) == few.slices
    assert "JSON" not in groups_note(few)


def test_many_groups_of_one_label_are_shown_by_accuracy() -> None:
    labels = np.ones(5, np.int8)
    metrics = [measure(labels, np.full(5, p, np.float32), 0.5) for p in (0.1, 0.9)]
    slices = tuple(GroupFigures(f"{n}", (metrics[n % 2],)) for n in range(50))
    shown = shown_groups(Breakdown("groups", "", slices), 0)
    assert [each.metrics[0].accuracy.value for each in shown].count(0.0) == 25


def test_the_json_has_every_group(write_rows: WriteRows) -> None:
    rows = [(GOOD, 1, f"d{n}") for n in range(60)] + [(BAD, 0, "d0"), (GOOD, 1, "d0")] * 5
    found = of_domains(write_rows, rows)
    facts = json.loads(json.dumps(evaluation_as_dict(found), allow_nan=False))
    groups = {each["name"]: each["models"][MODEL.stem] for each in facts["breakdowns"]["groups"]}
    assert set(groups) == {f"d{n}" for n in range(60)}
    assert groups["d1"]["balanced_accuracy"] is groups["d1"]["balanced_accuracy_interval"] is None
    low, high = groups["d0"]["balanced_accuracy_interval"]
    assert low < groups["d0"]["balanced_accuracy"] == 1.0 == high
    assert facts["macro_mean"]["groups"] == 1
    figures = facts["macro_mean"]["models"][MODEL.stem]
    assert figures == {key: groups["d0"][key] for key in figures}
    assert facts["models"][0]["metrics"]["balanced_accuracy_interval"] is not None


def test_the_page_shows_groups_and_their_plot(write_rows: WriteRows) -> None:
    rows = [(GOOD, 1, "<b>x"), (BAD, 0, "<b>x")] * 5 + [(GOOD, 1, "alone")]
    others = write_rows("p.csv", ("positive_probability",), [[0.5]] * 11)
    found = of_domains(write_rows, rows, others)
    content = page(found)
    assert "<h2>Groups</h2>" in content
    assert content.count('<figure class="tall">') == 1
    assert "Balanced accuracy by domain" in content
    assert "&lt;b&gt;x (10)" in content
    assert "<h3>All figures of p</h3>" in content
    table = balanced_table(found, groups_of(found))
    assert [row[0].text for row in table.rows] == ["<b>x", "alone", "mean of 1 group"]
    assert [cell.is_best for cell in table.rows[0][3:]] == [True, False]
    assert table.rows[1][3].note == "accuracy 100.0%"
    alone = of_domains(write_rows, [(GOOD, 1, "alone")])
    assert '<figure class="tall">' not in page(alone)


COUNTS = st.tuples(*[st.integers(0, 60)] * 4).filter(lambda n: n[0] + n[1] > 0 and n[2] + n[3] > 0)


def metrics_of(tp: int, fn: int, fp: int, tn: int) -> Metrics:
    labels = np.repeat([1, 1, 0, 0], [tp, fn, fp, tn]).astype(np.int8)
    called = np.repeat([1, 0, 1, 0], [tp, fn, fp, tn]).astype(np.float32)
    return measure(labels, called, 0.5)


@given(COUNTS)
def test_the_interval_holds_the_balanced_accuracy(counts: tuple[int, int, int, int]) -> None:
    metrics = metrics_of(*counts)
    interval, balanced = metrics.balanced_accuracy_interval, metrics.balanced_accuracy
    assert interval is not None
    assert balanced is not None
    assert 0 <= interval[0] <= balanced <= interval[1] <= 1
    more = metrics_of(*(9 * count for count in counts)).balanced_accuracy_interval
    assert more is not None
    assert more[1] - more[0] < interval[1] - interval[0]


def test_the_interval_holds_the_true_value_in_19_of_20_cases() -> None:
    draw = np.random.default_rng(1)
    positives, negatives, sensitivity, specificity = 60, 25, 0.9, 0.75
    hits = 0
    for _ in range(1000):
        tp, tn = draw.binomial(positives, sensitivity), draw.binomial(negatives, specificity)
        interval = metrics_of(tp, positives - tp, negatives - tn, tn).balanced_accuracy_interval
        assert interval is not None
        hits += interval[0] <= (sensitivity + specificity) / 2 <= interval[1]
    assert 930 <= hits <= 970


@given(st.integers(1, 8), st.integers(1, 8), st.data())
def test_class_balanced_calibration_is_that_of_as_many_reviews_of_either_label(
    positives: int, negatives: int, data: st.DataObject
) -> None:
    """Repeating every review until both labels are as frequent gives the same."""
    probability = st.floats(0, 1, width=32)
    chances = [
        data.draw(st.lists(probability, min_size=count, max_size=count))
        for count in (positives, negatives)
    ]
    labels = np.repeat([1, 0], [positives, negatives]).astype(np.int8)
    values = np.array([*chances[0], *chances[1]], np.float32)
    repeats = np.where(labels == 1, negatives, positives)
    expected = calibration_error(np.repeat(labels, repeats), np.repeat(values, repeats))
    found = measure(labels, values, 0.5).balanced_calibration_error
    assert found == pytest.approx(expected, abs=1e-9)


def test_class_balanced_calibration_needs_both_labels() -> None:
    found = measure(np.ones(3, np.int8), np.full(3, 0.5, np.float32), 0.5)
    assert found.balanced_calibration_error is None
    assert found.balanced_accuracy_interval is None


def test_figures_name_groups_in_any_script(write_rows: WriteRows) -> None:
    rows = [(text, label, "漢字") for text, label in ((GOOD, 1), (BAD, 0)) for _ in range(5)]
    assert ">漢字 (10)</text>" in page(of_domains(write_rows, rows))
