"""A second model in an evaluation: its curve, the best range, and when it does not help."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from tests.cli.running import Command
from tests.evaluation.conftest import WriteRows
from tests.models import many_texts
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.evaluation import SUITE, EvaluationOptions, evaluate
from toolkit.evaluation.json import evaluation_as_dict
from toolkit.evaluation.metrics import log_loss
from toolkit.evaluation.page import page
from toolkit.evaluation.second_opinion import SHARES, SecondEvaluation, _is_odd, evaluate_second
from toolkit.evaluation.second_tables import (
    advice,
    curve_table,
    groups_sentence,
    groups_table,
    threshold_note,
    verdict,
    written,
)
from toolkit.model import DEFAULT_MODEL
from toolkit.model.ranges import parse_range
from toolkit.model.stars import sigmoid
from toolkit.records import Columns, ReadOptions

FIRST, SECOND = "reviews-small", "reviews"
WITH_SECOND = EvaluationOptions(second=SECOND, examples=0)
NAMES = ("first", "second")

Floats = npt.NDArray[np.float64]


class Fake:
    """A second model with known answers by text."""

    def __init__(self, answers: dict[str, float], threshold: float = 0.5) -> None:
        self._answers = answers
        self.threshold = np.float32(threshold)
        self.options = SimpleNamespace(model="my models/second")
        self.asked: list[list[str]] = []

    def probabilities(self, texts: pa.ChunkedArray) -> pa.FloatArray:
        """Answer texts, and remember them."""
        self.asked.append(texts.to_pylist())
        return pa.array([self._answers[text] for text in texts.to_pylist()], pa.float32())

    def identity(self) -> dict[str, Any]:
        """Return what names the model."""
        return {"name": "second", "path": "my models/second"}

    def check_sentiment(self, *_: str) -> None:
        """Accept the model."""


def made_up(
    rows: int, first: float, second: float, seed: int = 1
) -> tuple[npt.NDArray[np.int8], Floats, Floats]:
    """Return labels, and logits of two models that find them with some strength."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, rows).astype(np.int8)
    signs = 2.0 * labels - 1
    own = signs * first + rng.normal(0, 1.5, rows)
    other = signs * second + rng.normal(0, 1.5, rows)
    return labels, own, other


def measured(
    labels: npt.NDArray[np.int8],
    first: Floats,
    second: Floats,
    groups: list[str | None] | None = None,
    of_first: dict[str, Any] | None = None,
    **of_second: Any,
) -> SecondEvaluation:
    texts = [f"text {number}" for number in range(len(labels))]
    reviews: Any = SimpleNamespace(
        labels=labels,
        texts=pa.chunked_array([texts], pa.large_string()),
        groups=None if groups is None else pa.chunked_array([groups], pa.large_string()),
    )
    answers = dict(zip(texts, sigmoid(second).tolist(), strict=True))
    fake: Any = Fake(answers, **of_second)
    options: Any = SimpleNamespace(**{"model": None, "threshold": None, **(of_first or {})})
    threshold = 0.5 if options.threshold is None else options.threshold
    model: Any = SimpleNamespace(threshold=np.float32(threshold), options=options)
    return evaluate_second(
        model,
        fake,
        NAMES,
        reviews=reviews,
        probability=sigmoid(first).astype(np.float32),
        seconds=0.001,
    )


@pytest.fixture
def labelled(write_rows: WriteRows) -> Path:
    """Reviews whose labels are those of the second model, but for a few."""

    texts = [text for text in many_texts(150) if text.strip()]
    scores = Scorer(SECOND).score(texts)
    rows = [
        (text, int(score.sentiment == "positive") ^ (number % 20 == 0), f"film {number % 3}")
        for number, (text, score) in enumerate(zip(texts, scores, strict=True))
        if score.sentiment is not None
    ]
    return write_rows("labelled.csv", ("text", "label", "film"), rows)


def test_the_curve_has_what_score_gives(labelled: Path) -> None:
    found = evaluate(labelled, [FIRST], options=WITH_SECOND)
    assert found.second is not None
    assert len(found.second.curve) == len(SHARES)

    with labelled.open(encoding="utf-8", newline="") as file:
        rows = [*csv.DictReader(file)]
    labels = np.array([int(row["label"]) for row in rows], np.int8)
    tried = 0
    for point in found.second.curve[1:]:
        for takes_mean in (False, True):
            assert point.unsure is not None
            scorer = Scorer(FIRST, second=SECOND, unsure=point.unsure, second_mean=takes_mean)
            scores = scorer.score(row["text"] for row in rows)
            shares = np.array([each.probability for each in scores], np.float32)
            assert not np.isnan(shares).any()
            accuracy = point.mean_accuracy if takes_mean else point.accuracy
            loss = point.mean_log_loss if takes_mean else point.log_loss
            assert accuracy == np.mean((shares >= 0.5) == labels)
            assert loss == pytest.approx(log_loss(labels, shares), abs=1e-9)
            tried += 1
    assert tried == 2 * (len(SHARES) - 1)
    alone = found.second.curve[0]
    assert (alone.share, alone.unsure) == (0, None)
    assert alone.accuracy == found.models[0].metrics.accuracy.value
    assert found.second.curve[-1].share == 1


def test_shares_and_times_grow() -> None:
    labels, first, second = made_up(3000, 1.5, 2.5)
    found = measured(labels, first, second)
    shares = [each.share for each in found.curve]
    np.testing.assert_allclose(shares, SHARES, atol=0.006)
    times = [each.seconds for each in found.curve]
    assert times == sorted(times)
    assert times[0] == 0.001
    for each in found.curve[1:]:
        assert each.unsure == parse_range(written(each.unsure))


def test_each_text_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    labels, first, second = made_up(500, 1.5, 2.5)
    asked: list[str] = []
    original = Fake.probabilities

    def probabilities(self: Fake, texts: pa.ChunkedArray) -> pa.FloatArray:
        asked.extend(texts.to_pylist())
        return original(self, texts)

    monkeypatch.setattr(Fake, "probabilities", probabilities)
    measured(labels, first, second)
    assert sorted(asked) == sorted(f"text {number}" for number in range(500))


def test_a_better_model_helps() -> None:
    labels, first, second = made_up(4000, 2.5, 2.5)
    found = measured(labels, first, second)
    best = found.best
    assert best.helps
    assert best.unsure is not None
    assert best.unsure[0] < 0.5 < best.unsure[1]
    assert 0 < best.share < 1
    assert best.accuracy > best.accuracy_alone + 0.02
    assert best.log_loss < best.log_loss_alone
    assert found.curve[0].seconds < best.seconds <= found.curve[-1].seconds
    assert verdict(found).startswith("The second model helps: asked for ")
    mean = " --second-mean" if best.takes_mean else ""
    assert advice(found) == f"--second 'my models/second' --unsure {written(best.unsure)}{mean}"


@pytest.mark.parametrize("seed", range(5))
def test_a_worse_model_does_not_help(seed: int) -> None:
    labels, first, second = made_up(2000, 1.5, 0.0, seed)
    found = measured(labels, first, second)
    assert not found.best.helps
    assert found.best.unsure is None
    assert not found.best.takes_mean
    assert verdict(found).startswith("The second model does not help here: ")
    assert advice(found) == ""


def test_equal_models_do_not_help() -> None:
    labels, first, _ = made_up(1000, 1.5, 0.0)
    found = measured(labels, first, first)
    assert found.best.share == 0
    assert found.best.of_halves == (None, None)
    assert verdict(found) == (
        "The second model does not help here: no range makes the answers more accurate."
    )


def test_a_half_does_not_choose_by_the_labels_that_measure_it() -> None:
    """With the labels of one half turned, its own choice changes, and not that of the other."""
    labels, first, second = made_up(2000, 1.5, 3.0)
    groups: list[str | None] = [f"film {number % 97}" for number in range(2000)]
    before = measured(labels, first, second, groups)

    in_second = np.array([_is_odd(str(group)) for group in groups])
    assert 0.3 < in_second.mean() < 0.7
    turned = np.where(in_second, 1 - labels, labels).astype(np.int8)
    after = measured(turned, first, second, groups)
    assert after.best.of_halves[0] == before.best.of_halves[0] is not None
    assert after.best.of_halves[1] != before.best.of_halves[1]
    assert after.groups == ()


def test_groups_have_ranges_of_their_own() -> None:
    labels, first, second = made_up(3000, 1.5, 3.0)
    _, _, noise = made_up(3000, 1.5, 0.0, 2)
    is_film = np.arange(3000) % 3 == 0
    groups: list[str | None] = ["films" if film else "books" for film in is_film]
    groups[:40] = [None] * 40
    found = measured(labels, first, np.where(is_film, noise, second), groups)
    by_name = {each.name: each for each in found.groups}
    assert [*by_name] == ["books", "films"]
    assert by_name["books"].helps
    assert not by_name["films"].helps
    assert by_name["books"].reviews + by_name["films"].reviews == 2960
    table = groups_table(found)
    assert table is not None
    assert [row[-1].text for row in table.rows][1] == "–"  # noqa: RUF001
    assert "in 1 group of 2: films." in groups_sentence(found)


def test_the_threshold_of_the_second_is_not_used() -> None:
    labels, first, second = made_up(500, 1.5, 3.0)
    usual = measured(labels, first, second)
    other = measured(labels, first, second, threshold=0.7)
    assert usual.threshold_of_second is None
    assert other.threshold_of_second == pytest.approx(0.7)
    assert [each.accuracy for each in other.curve] == [each.accuracy for each in usual.curve]
    assert threshold_note(usual) == ""
    assert threshold_note(other) == "The threshold of second, 0.7, is not used: that of first is."


def test_the_advice_has_the_model_and_the_threshold() -> None:
    labels, first, second = made_up(4000, 1.5, 3.0)
    asked = {"model": "my models/a.onnx", "threshold": 0.6}
    found = measured(labels, first, second, of_first=asked, threshold=0.7)
    assert found.best.helps
    assert advice(found).startswith(
        "--model 'my models/a.onnx' --threshold 0.6 --second 'my models/second' --unsure "
    )
    assert threshold_note(found) == "The threshold of second, 0.7, is not used: 0.6 is."
    usual = measured(labels, first, second, of_first={"model": DEFAULT_MODEL})
    assert advice(usual).startswith("--second 'my models/second' --unsure ")


def test_equal_ranges_are_one_row() -> None:
    labels, first, second = made_up(1000, 1.5, 3.0)
    found = measured(labels, np.where(first > 0, 1.25, -1.25), second)
    assert [each.share for each in found.curve] == [0, 1]
    some = np.where(np.arange(1000) < 150, 0.1, first + 3 * np.sign(first))
    found = measured(labels, some, second)
    np.testing.assert_allclose(
        [each.share for each in found.curve], [0, 0.15, 0.2, 0.3, 0.5, 1], atol=0.02
    )
    assert curve_table(found).rows[1][0].text == "15.0%"


def test_without_a_second_model_nothing_is_shown(labelled: Path) -> None:
    found = evaluate(labelled, [FIRST], options=EvaluationOptions(examples=0))
    assert found.second is None
    assert evaluation_as_dict(found)["second"] is None
    assert "second model" not in page(found)


def test_the_terminal_the_page_and_the_json(command: Command, labelled: Path) -> None:
    ran = command(
        *("evaluate", FIRST, labelled, "--second", SECOND, "--group-column", "film"),
        *("--report", "r.html", "--report", "r.json"),
    )
    assert ran.exit_code == 0, ran.err
    assert f"{SECOND} where {FIRST} is unsure" in ran.out
    assert "accuracy, log loss" in ran.out
    content = Path("r.html").read_text(encoding="utf-8")
    assert "Accuracy by share asked" in content
    found = json.loads(Path("r.json").read_text(encoding="utf-8"))["second"]
    assert (found["first"], found["second"], found["option"]) == (FIRST, SECOND, SECOND)
    assert len(found["curve"]) == len(SHARES)
    assert found["curve"][3]["unsure"][0] < 0.5 < found["curve"][3]["unsure"][1]
    table = curve_table(evaluate(labelled, [FIRST], options=WITH_SECOND).second)  # type: ignore[arg-type]
    assert [row[0].text for row in table.rows][-1] == "100.0%"


def test_it_needs_one_first_model(labelled: Path) -> None:
    with pytest.raises(UsageError, match=r"^--second: needs one first model alone"):
        evaluate(labelled, [FIRST, SECOND], options=WITH_SECOND)
    with pytest.raises(UsageError, match=r"^--second: needs one first model alone"):
        evaluate(labelled, [], [labelled], options=WITH_SECOND)
    with pytest.raises(UsageError, match=r"^--second: needs labelled reviews"):
        evaluate(SUITE, [FIRST], options=WITH_SECOND)
    options = replace(WITH_SECOND, reading=ReadOptions(Columns(group="film")))
    found = evaluate(labelled, [FIRST], options=options).second
    assert found is not None
    assert found.groups == ()  # too few reviews
