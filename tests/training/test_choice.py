"""`toolkit train` without a preset: what is tried, which way is kept, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from tests.training.conftest import make_reviews
from tests.training.listening import Listener
from toolkit.cli.app import app
from toolkit.errors import ModelError, UsageError
from toolkit.model import RunFolder, training_facts
from toolkit.networks.network_files import load_keras
from toolkit.training import Reviews, SplitKind, TrainingOptions, train
from toolkit.training.choice import LIKELIER, baselines, presets_to_try
from toolkit.training.data import FitData
from toolkit.training.presets import NetworkSettings
from toolkit.training.tried import ADAPTING, TFIDF, Choice, Trial

LINEAR = "ngram-linear"


@pytest.fixture
def options(reviews_csv: Path, tmp_path: Path) -> TrainingOptions:
    return TrainingOptions(data=str(reviews_csv), output=tmp_path / "run")


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model to adapt, which takes seconds to load."""

    def missing(name: str) -> None:
        raise ModelError(f"{name}: no such model")

    monkeypatch.setattr("toolkit.training.choice.find_start", missing)


def chosen(*tried: Trial) -> Choice:
    return Choice.of(tried, 200)


BASELINE = Trial(TFIDF, 0.7, 0.5, 1, is_baseline=True)


def test_the_best_is_kept() -> None:
    choice = chosen(BASELINE, Trial(ADAPTING, 0.9, 0.2, 1), Trial(LINEAR, 0.894, 0.1, 1))
    assert choice.kept.name == ADAPTING
    assert choice.better_baseline is None
    assert choice.line == (
        "reviews, adapted is kept: balanced accuracy 90.0%, the best of 2 on 200 held-out reviews"
    )
    assert "it has already learned from the held-out reviews" in str(choice.note)


def test_of_about_equal_ways_the_surer_one_is_kept() -> None:
    choice = chosen(BASELINE, Trial(ADAPTING, 0.9, 0.2, 1), Trial(LINEAR, 0.896, 0.1, 1))
    assert choice.kept.name == LINEAR
    assert "about the best, with the lowest log loss, of 2" in choice.line


def test_a_baseline_that_is_as_good_is_named() -> None:
    choice = chosen(BASELINE, Trial(LINEAR, 0.7, 0.5, 1))
    assert choice.better_baseline == BASELINE
    assert choice.line.endswith("balanced accuracy 70.0% on 200 held-out reviews")
    assert choice.note is None


def test_of_equal_accuracies_the_log_loss_decides_whether_a_baseline_is_better() -> None:
    assert chosen(BASELINE, Trial(LINEAR, 0.7, 0.4, 1)).better_baseline is None
    assert chosen(BASELINE, Trial(LINEAR, 0.7, 0.6, 1)).better_baseline == BASELINE


@pytest.mark.parametrize(
    ("reviews", "names"),
    [(10, [LINEAR]), (19_999, [LINEAR]), (20_000, [LINEAR, "ngram-recurrent"])],
)
def test_presets_by_the_number_of_reviews(reviews: int, names: list[str]) -> None:
    assert presets_to_try(reviews) == names


def test_both_baselines() -> None:
    reviews = make_reviews(60)
    data = FitData(reviews.take(np.arange(40)), reviews.take(np.arange(40, 60)))
    likelier, regression = baselines(data, TrainingOptions())
    assert (likelier.name, likelier.balanced_accuracy) == (LIKELIER, 0.5)
    assert likelier.log_loss == pytest.approx(np.log(2))
    assert (regression.name, regression.balanced_accuracy) == (TFIDF, 1.0)


def test_the_regression_needs_words() -> None:
    texts = pa.chunked_array([["a", "b", "a", "b"]])
    reviews = Reviews("letters", texts, np.array([0, 1, 0, 1], np.int8))
    (only,) = baselines(FitData(reviews, reviews), TrainingOptions())
    assert only.name == LIKELIER


@pytest.mark.usefixtures("alone")
def test_what_is_kept_is_as_with_its_preset(options: TrainingOptions, tmp_path: Path) -> None:
    """It is not fitted again, and the run folder only adds what was tried."""
    listener = Listener()
    result = train(options, listener)
    named = train(replace(options, preset=LINEAR, output=tmp_path / "named"))
    (choice,) = listener.choices
    assert result.choice is choice
    assert [each.name for each in choice.tried] == [LIKELIER, TFIDF, LINEAR]
    assert choice.kept.name == LINEAR
    assert listener.with_words("reviews is not adapted: reviews: no such model")
    assert listener.stages.count("weights of words and pairs") == 1
    config, of_named = result.run.load_config(), named.run.load_config()
    for part in ("vocabulary.txt", "sample.parquet", "validation.parquet"):
        assert config.parts[part] == of_named.parts[part]
    assert result.run.history.read_bytes() == named.run.history.read_bytes()
    weights = [load_keras(run.model).get_weights() for run in (result.run, named.run)]
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))
    metrics = result.run.load_metrics()
    assert metrics.tried == choice.facts
    assert replace(metrics, tried=None) == named.run.load_metrics()
    assert metrics.tried[0] == training_facts.Tried(
        LIKELIER, 0.5, choice.tried[0].log_loss, is_baseline=True
    )


@pytest.mark.usefixtures("alone")
def test_a_network_that_is_no_better_is_called_so(
    options: TrainingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    best = Trial(TFIDF, 1.0, 0.0, 0, is_baseline=True)
    monkeypatch.setattr("toolkit.training.run.baselines", lambda *_: (best,))
    listener = Listener()
    train(options, listener)
    assert any(
        warning.startswith(f"no network is better than {TFIDF} on the held-out reviews")
        for warning in listener.warnings
    )


@pytest.mark.usefixtures("alone")
def test_folds_are_of_the_network_that_is_kept(options: TrainingOptions) -> None:
    result = train(replace(options, folds=2))
    assert result.choice is not None
    assert result.choice.reviews == 12
    assert result.metrics.folds is not None
    assert result.metrics.folds.each[0].reviews == 30
    assert result.metrics.tried == result.choice.facts


@pytest.mark.usefixtures("alone")
def test_what_was_fitted_is_not_fitted_again_when_resumed(
    options: TrainingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("toolkit.training.run.try_fitted", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(options)
    with pytest.raises(UsageError, match="an earlier training is unfinished"):
        train(options)
    with pytest.raises(UsageError, match="an earlier training is unfinished"):
        train(replace(options, preset="conv1d"))
    listener = Listener()
    train(replace(options, resume=True), listener)
    assert listener.with_words("resumed after epoch")
    assert not listener.with_words("no unfinished training")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"epochs": 3},
            r"--epochs: only works with one network, .*--preset \(conv1d, ngram-linear, ngram-rec",
        ),
        ({"early_stopping": False}, "--early-stopping, --no-early-stopping: only works with"),
        (
            {"network": NetworkSettings(dropout=0.2)},
            r"--dropout: only works with one network, and without --preset .*\(conv1d\)",
        ),
    ],
)
def test_options_of_one_network(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainingOptions(**given)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"split": SplitKind.LAST}, "--split last: for networks that are trained from scratch"),
        (
            {"class_weight": "balanced"},
            "--class-weight: for networks that are trained from scratch",
        ),
    ],
)
def test_what_adapting_cannot_do_leaves_it_out(
    options: TrainingOptions, given: dict[str, Any], why: str
) -> None:
    listener = Listener()
    train(replace(options, validation=0.3, **given), listener)
    assert listener.with_words(f"reviews is not adapted: {why}")
    assert listener.choices[0].kept.name == LINEAR


def test_the_folder_is_named_best() -> None:
    assert TrainingOptions().run == Path("runs/best")


@pytest.mark.slow
def test_other_languages_are_not_adapted(write_csv: Callable[..., Path], tmp_path: Path) -> None:
    opinions = {"0": "ужасно скучно и глупо", "1": "прекрасно и очень интересно"}
    rows = [
        (f"фильм {number} был {opinions[label]}", label) for number in range(30) for label in "01"
    ]
    listener = Listener()
    train(TrainingOptions(data=str(write_csv(*rows)), output=tmp_path / "run"), listener)
    assert listener.with_words("reviews is not adapted: most of the reviews do not look like Engl")
    assert listener.choices[0].kept.name == LINEAR


@pytest.mark.slow
def test_an_adapted_model_is_that_of_from(
    write_csv: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few reviews, most of whose words no network can have learned from the others."""
    monkeypatch.chdir(tmp_path)
    good = (
        "superb",
        "lovely",
        "great",
        "excellent",
        "wonderful",
        "brilliant",
        "perfect",
        "charming",
    )
    bad = ("awful", "dull", "terrible", "boring", "dreadful", "broken", "useless", "rude")
    rows = [
        (f"a {word} place to be", str(label))
        for label, words in enumerate((bad, good))
        for word in words
    ]
    data = write_csv(*rows, name="mine.csv")
    ran = CliRunner().invoke(app, ["train", str(data)], catch_exceptions=False)
    assert f"{ADAPTING} is kept: balanced accuracy 100.0%, the best of 2" in ran.output
    assert "Note: reviews has learned from public reviews" in ran.output
    assert "Written to runs/best" in ran.output
    CliRunner().invoke(app, ["train", str(data), "--from", "reviews"], catch_exceptions=False)
    best, of_from = (RunFolder(Path("runs") / name) for name in ("best", "adapted"))
    assert best.load_metrics().tried is not None
    assert replace(best.load_metrics(), tried=None) == of_from.load_metrics()
    assert replace(best.load_config(), parts={}) == replace(of_from.load_config(), parts={})
    assert best.vocabulary.read_bytes() == of_from.vocabulary.read_bytes()
    weights = [load_keras(run.model).get_weights() for run in (best, of_from)]
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))
