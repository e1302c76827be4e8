"""A new preset is one file and one entry: from there it is trained, exported and scored with."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.conftest import make_rows
from tests.training.new_preset import MEAN
from toolkit.export import export
from toolkit.model.scorer import Scorer
from toolkit.scoring import score_file
from toolkit.training.options import TrainingOptions
from toolkit.training.presets import PRESETS
from toolkit.training.train import train

pytest.importorskip("tensorflow", reason="needs the extra 'train'")


def test_a_preset_of_one_file_goes_all_the_way(
    write_csv: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(PRESETS, MEAN.name, MEAN)
    data = write_csv(*make_rows(120), name="reviews.csv")
    options = TrainingOptions(data=str(data), preset="mean", output=tmp_path / "run")
    result = train(options)
    validation = result.metrics.validation
    assert validation is not None
    assert (validation.accuracy or 0) > 0.9

    exported = export(result.run.path)
    assert exported.model == tmp_path / "run" / "mean.onnx"
    assert exported.parity.largest_difference < 1e-5
    assert exported.parity.label_flips == 0
    assert any("as tf2onnx converted it" in note for note in exported.notes)

    new = write_csv(("a superb film", "1"), ("a dull film", "0"), name="new.csv")
    scored = tmp_path / "new.scored.csv"
    score_file(Scorer(exported.model), new, scored)
    with scored.open(newline="") as file:
        found = [row["predicted_sentiment"] for row in csv.DictReader(file)]
    assert found == ["positive", "negative"]
