from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from toolkit.cli.app import app
from toolkit.cli.train import show
from toolkit.errors import UsageError
from toolkit.model.facts import Calibration, Folds, Metrics, Spread
from toolkit.model.run_folder import RunFolder
from toolkit.model.typed_json import encode
from toolkit.training.result import TrainingResult


def test_the_command_shows_what_is_fitted_and_how_well(reviews_csv: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    arguments = [str(reviews_csv), "-o", str(run), "--test-data", str(reviews_csv)]
    settings = ["--epochs", "2", "--batch-size", "8", "--seed", "5", "--show-samples", "2"]
    result = CliRunner().invoke(app, ["train", *arguments, *settings], catch_exceptions=False)
    assert result.exit_code == 0
    assert "60 reviews (30 positive, 30 negative)" in result.output
    assert "x_train (48, 100) int32  y_train (48,) int8" in result.output
    assert "x_valid (12, 100) int32  y_valid (12,) int8" in result.output
    assert result.output.count("] <start> ") == 2
    assert "Total params: 152,593" in result.output
    assert "60 of 60 test reviews have the same text as reviews to train on" in result.stderr
    metrics = encode(RunFolder(run).load_metrics())
    for name in ("validation", "test"):
        scores = metrics[name]
        found = (
            f"accuracy {scores['accuracy']:.2%} (balanced {scores['balanced_accuracy']:.2%}, "
            f"majority baseline 50.00%), loss {scores['loss']:.4f} on "
        )
        assert found in " ".join(result.output.split())
    kept = metrics["validation"]["epoch"]
    end = f"all 2 epochs were run; epoch {kept} is kept, with the lowest validation loss"
    assert end in " ".join(result.output.split())
    calibration = result.stdout.split("  calibration", 1)[1].split("  training", 1)[0]
    assert "12 reviews are too few (calibration error 0." in " ".join(calibration.split())
    assert "before" not in calibration
    *_, plots, written, following = result.stdout.splitlines()
    assert plots.split(maxsplit=1)[1].strip() == "loss.png and accuracy.png, in the run folder"
    assert written == f"Written to {run}"
    assert following == f"Next: toolkit export {run}"
    training = RunFolder(run).load_config().training
    assert (training["seed"], training["epochs"], training["batch_size"]) == (5, 2, 8)


def test_folds_are_shown_one_by_one(reviews_csv: Path, tmp_path: Path) -> None:
    arguments = [str(reviews_csv), "-o", str(tmp_path / "run"), "--folds", "2", "--epochs", "1"]
    result = CliRunner().invoke(app, ["train", *arguments], catch_exceptions=False)
    assert "Fold 2 of 2" in result.output
    assert "Fold 2: loss " in result.output
    assert "Final fit on all 60 reviews, epochs: 1" in result.output
    assert "2 folds, split random" in " ".join(result.output.split())


def test_errors_go_to_whoever_turns_them_into_exit_codes(reviews_csv: Path) -> None:
    with pytest.raises(UsageError, match="--folds: expected 0 or at least 2, found 1"):
        CliRunner().invoke(app, ["train", str(reviews_csv), "--folds", "1"], catch_exceptions=False)


@pytest.mark.parametrize(
    ("scale", "folds", "note"),
    [
        (2, None, "; the held-out scores are before it"),
        (2, Folds(Spread(0, 0), Spread(1, 0)), "; the cross-validated scores are before it"),
        (1, None, ""),
    ],
)
def test_scores_before_a_calibration_are_named(
    capsys: pytest.CaptureFixture[str], scale: float, folds: Folds | None, note: str
) -> None:
    metrics = Metrics(calibration=Calibration(scale, 0, 99), folds=folds)
    show(TrainingResult(RunFolder(Path("run")), metrics))
    calibration = capsys.readouterr().out.split("  calibration", 1)[1].split("  training", 1)[0]
    text = " ".join(calibration.split())
    assert text == (
        f"logit · 2.000 +0.000, fitted on 99 held-out reviews{note}" if note else "none"
    )
