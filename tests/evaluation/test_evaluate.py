"""What an evaluation reads, and what it finds, from files to results."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from tests.evaluation.conftest import WriteRows
from tests.models import MODEL, shipped_scorer
from tests.reference import tokens_of
from tests.scoring.test_prior import PRAISE
from tests.scoring.test_prior import reviews as made_up
from toolkit.errors import InputError, ToolkitError, UsageError
from toolkit.evaluation import EvaluationOptions, evaluate
from toolkit.evaluation.json import evaluation_as_dict
from toolkit.evaluation.tables import (
    metrics_table,
    prior_note,
    prior_table,
    summary_of,
    warnings_of,
)
from toolkit.records import Columns, ReadOptions

FILM = EvaluationOptions(ReadOptions(Columns(group="film")))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def opposite(write_rows: WriteRows, reviews: Path, name: str = "opposite.csv") -> Path:
    """Predictions that say the contrary of the shipped model."""
    scores = shipped_scorer().score(row["text"] for row in rows_of(reviews))
    values = [[1 - score.probability] for score in scores if score.probability is not None]
    return write_rows(name, ("positive_probability",), values)


def test_the_answers_of_the_model_are_evaluated(reviews_csv: Path) -> None:
    found = evaluate(reviews_csv, [MODEL])
    rows = rows_of(reviews_csv)
    scores = shipped_scorer().score(row["text"] for row in rows)
    right = [
        (score.sentiment == "positive") == (row["label"] == "1")
        for score, row in zip(scores, rows, strict=True)
    ]
    (model,) = found.models
    assert (model.metrics.accuracy.right, model.metrics.accuracy.count) == (sum(right), len(rows))
    assert model.probability.tolist() == [score.probability for score in scores]
    scorer = shipped_scorer()
    assert (model.name, model.sha256) == (MODEL.stem, scorer.sha256)
    assert model.preset == scorer.facts.preset
    assert found.comparisons == ()
    assert 0 < len(model.mistakes) <= 10
    for mistake in model.mistakes:
        row = rows[mistake.row - 1]
        assert (mistake.text, str(mistake.label)) == (row["text"], row["label"])
        assert not right[mistake.row - 1]


def test_without_a_model_the_default_one_is_evaluated(reviews_csv: Path) -> None:
    found = evaluate(reviews_csv)
    assert found.models[0].name == MODEL.stem
    assert found.models[0].metrics == evaluate(reviews_csv, [MODEL]).models[0].metrics


def test_parts_by_length_stars_and_group(reviews_csv: Path) -> None:
    found = evaluate(reviews_csv, options=FILM)
    rows = rows_of(reviews_csv)
    parts = {each.key: {p.name: p for p in each.slices} for each in found.breakdowns}
    assert set(parts) == {"length", "stars", "groups"}
    assert sum(part.reviews for part in parts["length"].values()) == len(rows)
    lengths = [len(tokens_of(row["text"])) for row in rows]
    assert parts["length"]["under 25"].reviews == sum(length < 25 for length in lengths)
    assert parts["length"]["25–99"].reviews == sum(25 <= length < 100 for length in lengths)  # noqa: RUF001
    assert list(parts["stars"]) == ["1", "5"]
    assert parts["stars"]["5"].positive == parts["stars"]["5"].reviews
    films = [row["film"] for row in rows]
    assert {n: p.reviews for n, p in parts["groups"].items()} == {
        film: films.count(film) for film in films
    }
    for kind in parts.values():
        assert (
            sum(p.metrics[0].accuracy.right for p in kind.values())
            == found.models[0].metrics.accuracy.right
        )


@pytest.mark.parametrize(
    ("tokens", "name"),
    [(24, "under 25"), (25, "25–99"), (99, "25–99"), (100, "100–199"), (199, "100–199"),  # noqa: RUF001
     (200, "200–512"), (512, "200–512"), (513, "over 512")],  # noqa: RUF001
)  # fmt: skip
def test_bounds_of_the_lengths(write_rows: WriteRows, tokens: int, name: str) -> None:
    path = write_rows("r.csv", ("text", "label"), [(" a." * tokens, 1)])
    (length,) = evaluate(path).breakdowns
    assert [part.name for part in length.slices] == [name]


def test_predictions_of_others_are_compared(
    write_rows: WriteRows, reviews_csv: Path, tmp_path: Path
) -> None:
    found = evaluate(reviews_csv, [MODEL], [opposite(write_rows, reviews_csv)])
    ours, theirs = found.models
    assert (theirs.preset, theirs.labels, theirs.toolkit_version) == (None, None, None)
    assert theirs.sha256 == sha256((tmp_path / "opposite.csv").read_bytes()).hexdigest()
    assert ours.metrics.accuracy.right + theirs.metrics.accuracy.right == found.data.reviews
    (comparison,) = found.comparisons
    assert comparison.only_reference_right == found.models[found.best].metrics.accuracy.right
    assert comparison.only_reference_right + comparison.only_model_right == found.data.reviews
    assert comparison.reference == found.models[found.best].name
    assert all(not mistake.words for mistake in theirs.mistakes)
    alone = evaluate(reviews_csv, [], [opposite(write_rows, reviews_csv)])
    assert [model.metrics for model in alone.models] == [theirs.metrics]


def test_files_of_one_name_have_different_names(
    write_rows: WriteRows, reviews_csv: Path, tmp_path: Path
) -> None:
    name = f"{MODEL.stem}.csv"
    for folder in ("one", "other"):
        (tmp_path / folder).mkdir()
    first, second = (
        opposite(write_rows, reviews_csv, f"{folder}/{name}") for folder in ("one", "other")
    )
    names = [m.name for m in evaluate(reviews_csv, [MODEL, MODEL], [first, second]).models]
    assert len(set(names)) == 4


def test_the_threshold_is_for_all(write_rows: WriteRows, reviews_csv: Path) -> None:
    options = EvaluationOptions(threshold=0.0)
    found = evaluate(reviews_csv, [MODEL], [opposite(write_rows, reviews_csv)], options)
    assert [model.metrics.recall for model in found.models] == [1.0, 1.0]
    assert [model.metrics.true_negatives for model in found.models] == [0, 0]


def test_rows_without_text_or_label_are_counted(write_rows: WriteRows) -> None:
    rows = [("fine", 1), (" ", 1), ("bad", ""), ("", ""), ("dull", "neg"), ("bad", "  ")]
    path = write_rows("r.csv", ("text", "label"), rows)
    others = write_rows(
        "p.csv", ("positive_probability",), [[0.9], [""], ["x"], [""], [0.8], ["nan"]]
    )
    data = evaluate(path, [], [others]).data
    assert (data.rows, data.reviews, data.positive) == (6, 2, 1)
    assert (data.without_text, data.without_label) == (2, 2)


@pytest.mark.parametrize(
    ("content", "message", "kind"),
    [
        ("text,label\na,1\nb,13\nc,14\n",
         r"'label', row 2: found the label '13' \(1 more .*\), expected 0 or 1, neg", InputError),
        ("text,label\na,3\nb,3\nc,neutral\n", r"'label', row 1: found the label '3'", InputError),
        ("text,label\na,3\nb,3\n", "'label': all labels are neutral", InputError),
        ("text,label\n,1\nb,\n", "none of its 2 rows has both a text and a label", InputError),
        ("text,label\n", "none of its 0 rows has both", InputError),
        ("text,opinion\na,1\n", "no column 'label' or 'sentiment'.*--label-column", UsageError),
        ("plot,label\na,1\n", "no column 'text' or 'review'.*--text-column", UsageError),
        ('text,label\n"a,1\n', "line 2: a quote that is opened here is never closed", InputError),
    ],
)  # fmt: skip
def test_data_that_cannot_be_used(
    tmp_path: Path, content: str, message: str, kind: type[ToolkitError]
) -> None:
    path = tmp_path / "r.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(kind, match=message):
        evaluate(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[0.5]], r"p.csv: 1 rows, but .*r.csv has 2\. Give a prediction for each row"),
        ([[0.5], [1.5]], "row 2: found the probability '1.5', expected .* from 0 to 1"),
        ([[0.5], ["x"]], "row 2: found the probability 'x', expected"),
        ([[" "], ["NaN"]], "no labelled review has a probability. Choose the column"),
    ],
)
def test_predictions_that_cannot_be_used(
    write_rows: WriteRows, rows: list[list[object]], message: str
) -> None:
    path = write_rows("r.csv", ("text", "label"), [("a", 1), ("b", 0)])
    others = write_rows("p.csv", ("positive_probability",), rows)
    with pytest.raises(InputError, match=message):
        evaluate(path, [], [others])


def test_predictions_of_no_review_in_common(write_rows: WriteRows) -> None:
    path = write_rows("r.csv", ("text", "label"), [("a", 1), ("b", 0)])
    first = write_rows("p.csv", ("id", "probability"), [(1, 0.5), (2, "")])
    second = write_rows("q.csv", ("id", "probability"), [(1, ""), (2, 0.5)])
    with pytest.raises(InputError, match=r"no labelled review has a score from every model"):
        evaluate(path, [], [first, second])


def test_reviews_without_a_prediction_are_left_out_and_counted(write_rows: WriteRows) -> None:
    """Such as those of which a model knew no word."""
    path = write_rows("r.csv", ("text", "label"), [("good", 1), ("\u597d", 1), ("bad", 0)])
    others = write_rows("p.csv", ("positive_probability",), [[0.75], [""], [0.25]])
    found = evaluate(path, [], [others])
    assert (found.data.reviews, found.data.without_score) == (2, 1)
    assert found.models[0].metrics.accuracy.value == 1


def test_predictions_for_other_texts_are_refused(write_rows: WriteRows) -> None:
    path = write_rows("r.csv", ("text", "label"), [("a", 1), ("b", 0)])
    header = ("text", "p")
    options = EvaluationOptions(reading=ReadOptions(Columns(probability="p")))
    same = write_rows("same.csv", header, [("a", 0.5), ("b", 0.5)])
    assert evaluate(path, [], [same], options).models[0].name == "same"
    turned = write_rows("turned.csv", header, [("b", 0.5), ("a", 0.5)])
    with pytest.raises(InputError, match=r"row 1: the text differs from row 1 of .*r\.csv"):
        evaluate(path, [], [turned], options)
    with pytest.raises(UsageError, match=r"no column 'q'.*--probability-column"):
        evaluate(path, [], [same], replace(options, reading=ReadOptions(Columns(probability="q"))))


def test_many_values_are_no_ratings(write_rows: WriteRows) -> None:
    rows = [("fine", 1, n, n % 3) for n in range(30)]
    path = write_rows("r.csv", ("text", "label", "stars", "mark"), rows)
    found = evaluate(path)
    assert "stars" not in found.data.columns
    assert [each.key for each in found.breakdowns] == ["length"]
    with pytest.raises(InputError, match="'stars': expected stars, 1 to 5 or 1 to 10"):
        evaluate(path, options=EvaluationOptions(ReadOptions(Columns(stars="stars"))))


def test_what_is_found_can_be_written_as_json(write_rows: WriteRows, reviews_csv: Path) -> None:
    found = evaluate(reviews_csv, [MODEL], [opposite(write_rows, reviews_csv)], FILM)
    facts = json.loads(json.dumps(evaluation_as_dict(found), allow_nan=False))
    assert set(facts) == {
        "format_version", "toolkit_version", "date", "data", "best", "warnings", "models",
        "breakdowns", "macro_mean", "comparisons", "doubtful", "second",
    }  # fmt: skip
    model = facts["models"][0]
    assert model["metrics"]["accuracy"] == found.models[0].metrics.accuracy.value
    low, high = model["metrics"]["accuracy_interval"]
    assert low < model["metrics"]["accuracy"] < high
    worst = model["mistakes"][0]
    sign = -1 if worst["label"] else 1
    effects = [sign * word["contribution"] for word in worst["causes"]]
    assert effects == sorted(effects, reverse=True)
    assert effects[-1] > 0
    for word in worst["causes"]:
        assert worst["text"][word["start"] : word["end"]] == word["text"]
    assert set(facts["breakdowns"]["stars"][0]["models"]) == {m["name"] for m in facts["models"]}
    assert len(facts["comparisons"][0]["interval"]) == 2
    assert [each["threshold"] for each in model["thresholds"]] == [n / 10 for n in range(1, 10)]
    best = model["best_thresholds"]["f1"]
    assert best["f1"] >= max(model["metrics"]["f1"], *(each["f1"] for each in model["thresholds"]))
    assert [each["recall"] >= 0.5 for each in model["precision_at_recall"]] == [True] * 6
    low, high = model["metrics"]["average_precision_interval"]
    assert low < model["metrics"]["average_precision"] < high
    assert facts["data"]["sha256"] == sha256(reviews_csv.read_bytes()).hexdigest()
    assert facts["date"].endswith("+00:00")
    explained = shipped_scorer().explain(worst["text"]).as_dict()
    assert worst["causes"][0] in explained["words"]
    assert np.isclose(sum(b["reviews"] for b in model["reliability"]), facts["data"]["reviews"])


def test_a_model_is_compared_with_a_constant(write_rows: WriteRows) -> None:
    """Nine of ten are positive; predictions that are always right, and ones that are not."""
    labels = [int(n % 10 != 0) for n in range(100)]
    path = write_rows("r.csv", ("text", "label"), [("a", label) for label in labels])
    values = {
        "right": labels,
        "constant": [1] * 100,
        "worse": [label if n < 60 else 0 for n, label in enumerate(labels)],
    }
    files = [
        write_rows(f"{name}.csv", ("positive_probability",), [[each] for each in found])
        for name, found in values.items()
    ]
    found = evaluate(path, [], files)
    assert [model.metrics.majority_accuracy for model in found.models] == [0.9] * 3
    right, constant, worse = (model.baseline for model in found.models)
    assert right is not None
    assert constant is not None
    assert worse is not None
    assert right.reference == "always positive"
    assert right.difference == pytest.approx(0.1)
    assert (right.only_model_right, right.only_reference_right) == (10, 0)
    assert (constant.difference, constant.p_value) == (0, 1)
    assert worse.interval[1] < 0
    first, second, third = evaluation_as_dict(found)["warnings"]
    assert first.startswith(
        "constant is not clearly better than always answering positive on these reviews: its "
        "accuracy is 90.00%, and the constant answer has 90.00%"
    )
    assert first.endswith(
        "Balanced accuracy: 50.00%, 95% interval 48.0–63.9 (a constant: 50%)."  # noqa: RUF001
    )
    assert second.startswith(
        "worse recognizes both labels on these reviews. Balanced accuracy: 80.00%, 95% interval "
    )
    assert (
        "(a constant: 50%). By accuracy it is worse than always answering positive, because most "
        "reviews are positive: its accuracy is 64.00%, and the constant answer has 90.00%"
    ) in second
    assert third.startswith(
        "90.0% of these reviews are positive, but constant expects 100.0% (mean probability; by "
        "chance 100.0–100.0%), worse expects 54.0% (mean probability; by chance 54.0–54.0%). To "  # noqa: RUF001
    )


def test_a_share_of_positives_that_the_model_expects_is_not_warned_of(
    write_rows: WriteRows,
) -> None:
    """Chance explains 26 of 50 where 25 are expected; of 5,000, 4.8 points are too little."""
    for reviews, extra, is_warned in ((50, 1, False), (5000, 240, False), (5000, 260, True)):
        positives = reviews // 2 + extra
        rows = [("a", int(n < positives)) for n in range(reviews)]
        data = write_rows("r.csv", ("text", "label"), rows)
        values = [[0.9 if n < reviews // 2 else 0.1] for n in range(reviews)]
        others = write_rows("p.csv", ("positive_probability",), values)
        warnings = evaluation_as_dict(evaluate(data, [], [others]))["warnings"]
        assert ["p expects 50.0%" in each for each in warnings] == [True] * is_warned


def test_reviews_of_one_label_are_warned_of(write_rows: WriteRows) -> None:
    path = write_rows("r.csv", ("text", "label"), [("fine", 0), ("bad", 0)])
    found = evaluate(path)
    assert found.models[0].baseline is None
    assert found.models[0].metrics.auc is found.models[0].metrics.balanced_accuracy is None
    (warning,) = evaluation_as_dict(found)["warnings"]
    assert warning.startswith("All reviews are negative: these figures do not show whether")


def test_parts_have_a_baseline_and_a_balanced_accuracy(write_rows: WriteRows) -> None:
    rows = [("superb, a delight", 1, "x")] * 3 + [("dull, awful", 0, "x"), ("superb", 0, "x")]
    path = write_rows("r.csv", ("text", "label", "film"), [*rows * 5, ("superb", 1, "y")])
    parts = evaluation_as_dict(evaluate(path, options=FILM))["breakdowns"]["groups"]
    (x, y) = parts
    assert (x["majority_accuracy"], y["majority_accuracy"]) == (0.6, 1.0)
    assert x["models"][MODEL.stem]["accuracy"] == 0.8
    assert x["models"][MODEL.stem]["balanced_accuracy"] == pytest.approx((1 + 1 / 2) / 2)
    assert y["models"][MODEL.stem]["balanced_accuracy"] is None


def test_a_run_folder_is_a_model(reviews_csv: Path, tmp_path: Path) -> None:
    """By the file that `toolkit export` writes into it; it is called by the name of the folder."""
    run = tmp_path / "runs" / "v1.2"
    run.mkdir(parents=True)
    config = {"preset": "ngram-cnn", "vocabulary_size": 30_000, "max_tokens": 512, "data": {}}
    (run / "config.json").write_text(json.dumps(config | {"config_version": 1}), encoding="utf-8")
    (run / "ngram-cnn.onnx").write_bytes(MODEL.read_bytes())
    (model,) = evaluate(reviews_csv, [run]).models
    assert (model.name, model.path) == ("v1.2", str(run / "ngram-cnn.onnx"))
    assert model.metrics == evaluate(reviews_csv).models[0].metrics
    assert [each.name for each in evaluate(reviews_csv, [run, MODEL]).models] == [
        "v1.2",
        MODEL.stem,
    ]


def test_one_model_and_one_file_of_predictions_need_no_list(write_rows: WriteRows) -> None:
    path = write_rows("r.csv", ("text", "label"), [("fine", 0.9), ("bad", 0), ("so", "0.25")])
    content = b"positive_probability\n0.9\n0.2\n0.1\n"
    Path(path.parent, "p.csv.gz").write_bytes(gzip.compress(content))
    found = evaluate(str(path), MODEL.stem, str(path.parent / "p.csv.gz"))
    assert [model.name for model in found.models] == [MODEL.stem, "p"]
    assert found.data.soft_labels == 2
    assert summary_of(found.data) == "3 reviews (1 positive, 2 negative, 2 soft labels, rounded)"


def test_the_best_thresholds_are_shown(write_rows: WriteRows) -> None:
    data = write_rows("r.csv", ("text", "label"), [("a", n % 2) for n in range(8)])
    values = [[0.1], [0.25], [0.1], [0.75], [0.1], [0.75], [0.5625], [0.75]]
    others = write_rows("p.csv", ("positive_probability",), values)
    rows = {row[0].text: row[1] for row in metrics_table(evaluate(data, [], [others])).rows}
    best = rows["F1, at best threshold"]
    assert (best.text, best.note) == ("88.89%", "at 0.175")
    best = rows["balanced, at best threshold"]
    assert (best.text, best.note) == ("87.50%", "at 0.6562")


def test_a_threshold_has_the_digits_that_it_needs(write_rows: WriteRows) -> None:
    data = write_rows("r.csv", ("text", "label"), [("a", n % 2) for n in range(4)])
    values = [[0.9999951], [0.9999961], [0.9999951], [1]]
    others = write_rows("p.csv", ("positive_probability",), values)
    assert "0.999996" in metrics_table(evaluate(data, [], [others])).rows[-1][1].note


def test_a_model_that_is_too_sure_is_not_said_to_expect_another_share(
    write_rows: WriteRows,
) -> None:
    data = write_rows("r.csv", ("text", "label"), [("a", int(n < 50)) for n in range(100)])
    values = [[int(n < 46 or n >= 92)] for n in range(100)]  # 4 and 8 errors
    others = write_rows("p.csv", ("positive_probability",), values)
    assert not any("expects" in each for each in warnings_of(evaluate(data, [], [others])))


def test_what_a_prior_would_change(write_rows: WriteRows) -> None:
    """As `toolkit score --prior auto`, on reviews of which most are positive."""
    texts = made_up(600, 0.9)
    labels = [int("really" in text and any(word in text for word in PRAISE)) for text in texts]
    rows = [[text, label] for text, label in zip(texts, labels, strict=True)]
    found = evaluate(write_rows("even.csv", ("text", "label"), rows), [MODEL])
    (model,) = found.models
    assert model.prior is not None
    expected = shipped_scorer().with_prior(model.prior.share).score(texts)
    positive = sum(each.sentiment == "positive" for each in expected)
    metrics = model.prior.metrics
    assert metrics.true_positives + metrics.false_positives == positive
    told = evaluation_as_dict(found)["models"][0]["prior"]
    assert (told["share"], told["scores"]) == (model.prior.share, 600)
    assert told["metrics"]["log_loss"] == metrics.log_loss < model.metrics.log_loss
    table = prior_table(found)
    assert table is not None
    assert [row[0].text for row in table.rows] == ["reviews", "reviews, adjusted"]
    assert "by reviews. By the labels of all reviews, it is 90.0%" in prior_note(found)
    few = evaluate(write_rows("few.csv", ("text", "label"), rows[:12]), [MODEL])
    assert few.models[0].prior is None
    assert prior_table(few) is None
