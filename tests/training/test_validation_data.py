"""Reviews that the user holds out, and kinds of product that are balanced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.training.conftest import make_rows
from tests.training.listening import Listener
from toolkit.errors import ToolkitError, UsageError
from toolkit.records import Columns, ReadOptions
from toolkit.training import SplitKind, TrainingOptions, train
from toolkit.training.calibration import fit_calibration
from toolkit.training.sources import load_labelled

HEADER = ("text", "label", "kind")


@pytest.fixture
def files(write_csv: Callable[..., Path]) -> tuple[Path, Path]:
    """Sixty reviews to train on and twenty others, of two kinds of product."""
    kinds = ("kettles", "tents", "tents")
    paths = []
    for name, count, seed in (("train.csv", 60, 7), ("valid.csv", 20, 8)):
        rows = [(*row, kinds[at % 3]) for at, row in enumerate(make_rows(count, seed))]
        paths.append(write_csv(*rows, header=HEADER, name=name))
    return paths[0], paths[1]


def test_the_given_reviews_are_held_out_and_no_others(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    data, held_out = files
    columns = ReadOptions(columns=Columns(balance="kind"))
    result = train(
        TrainingOptions(
            data=str(data),
            validation_data=held_out,
            preset="ngram-linear",
            output=tmp_path / "run",
            epochs=4,
            batch_size=4,
            reading=columns,
        )
    )
    config = result.run.load_config()
    assert (config.data.fitted, config.data.held_out) == (60, 20)
    assert config.data.validation is not None
    assert config.data.validation.source == "valid.csv"
    assert (config.training["split"], config.training["validation"]) == ("given", None)
    assert result.metrics.validation is not None
    assert result.metrics.validation.epoch == result.metrics.validation.best_epoch
    assert len(pq.read_table(result.run.validation)) == 20
    assert "is kept, with the lowest validation loss" in result.ending


@pytest.mark.slow
def test_copies_among_the_given_reviews_are_to_be_removed(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    """No groups keep them on one side: they are not split."""
    data = files[0]
    listener = Listener()
    options = TrainingOptions(
        data=str(data), preset="conv1d", validation_data=data, output=tmp_path / "run", epochs=1
    )
    train(options, listener)
    assert listener.warnings[0].startswith("60 held-out reviews have the same text as fitted ones")
    assert listener.warnings[0].endswith("Remove the copies.")


@pytest.mark.parametrize("other", [{"folds": 3}, {"split": SplitKind.RANDOM}])
def test_no_other_way_to_hold_out(files: tuple[Path, Path], other: dict[str, object]) -> None:
    data, held_out = files
    with pytest.raises(UsageError, match=r"--validation-data holds out reviews of its own"):
        TrainingOptions(data=str(data), validation_data=held_out, **other)  # type: ignore[arg-type]


def test_reviews_to_hold_out_that_are_not_there(files: tuple[Path, Path], tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.csv"
    options = TrainingOptions(data=str(files[0]), validation_data=missing, output=tmp_path / "run")
    with pytest.raises(ToolkitError, match=r"nowhere\.csv: no such file"):
        train(options)


def test_a_column_to_balance_that_is_not_there(files: tuple[Path, Path], tmp_path: Path) -> None:
    reading = ReadOptions(columns=Columns(balance="domain"))
    options = TrainingOptions(
        data=str(files[0]), preset="ngram-linear", output=tmp_path / "run", reading=reading
    )
    with pytest.raises(UsageError, match=r"no column 'domain' .*--balance-column"):
        train(options)


def test_reviews_without_a_kind_are_one_kind(write_csv: Callable[..., Path]) -> None:
    """Otherwise each would be a kind of its own, and count several times as much as others."""
    rows = [(f"text {at}", at % 2, kind) for at, kind in enumerate(["tents", "", " ", "tents", ""])]
    columns = Columns(balance="kind")
    found = load_labelled(
        write_csv(*rows, header=HEADER, name="blank.csv"), ReadOptions(columns=columns)
    )
    assert found.domains is not None
    first, *others = found.domains.tolist()
    assert others[2] == first
    assert others[0] == others[1] == others[3] != first


def test_the_calibration_counts_reviews_by_their_weights() -> None:
    """Reviews that weigh nothing do not move it; copies weigh as much as a weight of two."""
    random = np.random.default_rng(1)
    logits = random.normal(0, 2, 600)
    labels = (random.random(600) < 1 / (1 + np.exp(-0.5 * logits))).astype(np.int8)
    probability = (1 / (1 + np.exp(-logits))).astype(np.float32)
    plain = fit_calibration(labels[:400], probability[:400])
    weights = np.repeat([1.0, 0.0], [400, 200])
    weighted = fit_calibration(labels, probability, weights=weights)
    assert (weighted.scale, weighted.bias) == pytest.approx((plain.scale, plain.bias), abs=1e-3)
    twice = np.concatenate([np.arange(400), np.arange(100)])
    copied = fit_calibration(labels[twice], probability[twice])
    doubled = fit_calibration(labels[:400], probability[:400], weights=1.0 + (np.arange(400) < 100))
    assert (doubled.scale, doubled.bias) == pytest.approx((copied.scale, copied.bias), abs=1e-3)
