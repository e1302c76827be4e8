"""Labels that are probabilities: read, rounded, fitted and put on record."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.conftest import make_rows
from toolkit.errors import InputError
from toolkit.model.typed_json import encode
from toolkit.networks import import_keras
from toolkit.records.options import ReadOptions
from toolkit.training.options import TrainingOptions
from toolkit.training.reviews import Reviews
from toolkit.training.sources import load
from toolkit.training.train import train

if TYPE_CHECKING:
    from toolkit.training.fit_padded import Encoded

WriteCsv = Callable[..., Path]


def read(path: Path) -> Reviews:
    return load(str(path), ReadOptions())


@settings(max_examples=50)
@given(st.lists(st.floats(0, 1, width=32), min_size=1))
def test_formats_agree_on_probabilities(
    tmp_path_factory: pytest.TempPathFactory, probabilities: list[float]
) -> None:
    folder = tmp_path_factory.mktemp("soft")
    with (folder / "r.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *(("a", str(p)) for p in probabilities)])
    lines = [json.dumps({"text": "a", "label": p}) + "\n" for p in probabilities]
    (folder / "r.jsonl").write_text("".join(lines))
    for name, kind in (("f", pa.float32()), ("d", pa.float64())):
        table = pa.table({"text": ["a"] * len(lines), "label": pa.array(probabilities, kind)})
        pq.write_table(table, folder / f"{name}.parquet")
    expected = np.array(probabilities, np.float32)
    found = [read(folder / name) for name in ("r.csv", "r.jsonl", "f.parquet", "d.parquet")]
    for reviews in found:
        assert reviews.targets.dtype == np.float32
        assert reviews.targets.tolist() == expected.tolist()
        assert reviews.labels.tolist() == [int(p >= 0.5) for p in probabilities]
        assert reviews.soft_count == sum(0 < p < 1 for p in probabilities)
    assert len({reviews.sha256 for reviews in found}) == 1


def test_words_and_probabilities_may_be_mixed(write_csv: WriteCsv) -> None:
    labels = ["pos", " NEG ", "0.5", ".25", "1e-3", "1"]
    reviews = read(write_csv(*[("a", label) for label in labels]))
    assert reviews.targets.tolist() == np.array([1, 0, 0.5, 0.25, 0.001, 1], np.float32).tolist()
    assert reviews.labels.tolist() == [1, 0, 1, 0, 0, 1]
    assert reviews.soft_count == 3


def test_the_fingerprint_of_hard_labels_is_what_it_was(write_csv: WriteCsv) -> None:
    """Of the rule before there were soft labels: length, text, label."""
    import hashlib

    content = b"".join(
        len(text).to_bytes(8, "little") + text + label
        for text, label in ((b"ab", b"\1"), (b"c\xc3\xa9", b"\0"))
    )
    reviews = read(write_csv(("ab", "1.0"), ("cé", "negative")))
    assert reviews.soft_labels is None
    assert reviews.sha256 == hashlib.sha256(content).hexdigest()


def test_the_fingerprint_changes_with_a_soft_label(write_csv: WriteCsv) -> None:
    found = {read(write_csv(("a", label), ("b", "0"))).sha256 for label in ("1", "0.9", "0.8")}
    assert len(found) == 3


@pytest.mark.parametrize(
    "label",
    ["1.5", "-0.1", "nan", "inf", "1e400", "0,5", "0_1", "\u0660", "50%", "1.0000001", "0x1"],
)
def test_what_is_no_probability_is_refused(write_csv: WriteCsv, label: str) -> None:
    with pytest.raises(InputError, match=r"column 'label', row 2: found (the|no) label.* 0 to 1,"):
        read(write_csv(("a", "0.5"), ("b", label)))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.25])
def test_parquet_numbers_that_are_no_probabilities(tmp_path: Path, value: float) -> None:
    path = tmp_path / "r.parquet"
    pq.write_table(pa.table({"text": ["a", "b", "c"], "label": [0.5, 1.0, value]}), path)
    with pytest.raises(InputError, match=r"column 'label', row 3: found (the|no) label"):
        read(path)


def test_percentages_are_told_how_to_become_labels(write_csv: WriteCsv) -> None:
    rows = [("a", str(percentage)) for percentage in (1, 50, 30, 40)]
    with pytest.raises(InputError, match=r"row 2: found the label '50' \(3 such rows\).*-from"):
        read(write_csv(*rows))
    with pytest.raises(InputError, match=r"name labels with --positive and --negative\.$"):
        read(write_csv(("a", "bad")))


def soft_rows(count: int, seed: int = 7) -> list[tuple[str, str]]:
    """Positive reviews have 0.9 and 0.6 in turns, negative ones 0.1 and 0.4."""
    return [
        (text, {"1": ("0.9", "0.6"), "0": ("0.1", "0.4")}[label][number // 2 % 2])
        for number, (text, label) in enumerate(make_rows(count, seed))
    ]


def test_taken_reviews_keep_what_belongs_to_them(write_csv: WriteCsv) -> None:
    rows = [("a", "0.7", "x"), (" ", "1", "y"), ("c", "0.2", "z"), ("d", "1", "")]
    reviews = read(write_csv(*rows, header=("text", "label", "id")))
    with_teacher = replace(reviews, teacher=np.array([0.1, np.nan, 0.3], np.float32))
    taken = with_teacher.take(np.array([2, 0]))
    assert taken.texts.to_pylist() == ["d", "a"]
    assert taken.targets.tolist() == np.array([1, 0.7], np.float32).tolist()
    assert taken.ids is not None
    assert taken.ids.to_pylist() == ["", "x"]
    assert taken.teacher is not None
    assert taken.teacher.tolist() == np.array([0.3, 0.1], np.float32).tolist()
    kept = with_teacher.with_text()
    assert (len(kept), kept.soft_count) == (3, 2)


def test_soft_labels_are_fitted_and_measured_rounded(
    write_csv: WriteCsv, options: TrainingOptions, encodings: list[Encoded]
) -> None:
    """No prediction equals a soft label: the accuracy of Keras would be 0 in every epoch."""
    data = write_csv(*soft_rows(200), name="soft.csv")
    test = write_csv(*soft_rows(20, seed=8), name="test.csv")
    result = train(replace(options, data=str(data), test_data=test, epochs=12))
    part = encodings[0].fitted
    assert part.targets is not None
    assert sorted(set(part.targets.tolist())) == np.array([0.1, 0.4, 0.6, 0.9], "f4").tolist()
    assert encodings[0].held_out is not None
    assert encodings[0].held_out.targets is None
    with result.run.history.open(newline="") as file:
        epochs = list(csv.DictReader(file))
    assert float(epochs[-1]["accuracy"]) > 0.8
    validation = encode(result.metrics)["validation"]
    best = epochs[validation["best_epoch"] - 1]
    assert validation["accuracy"] == pytest.approx(float(best["val_accuracy"]))
    assert validation["accuracy"] > 0.8
    assert encode(result.metrics)["test"]["accuracy"] > 0.8
    config = result.run.load_config()
    assert config.data.soft_labels == 200
    assert encode(config.data)["test"]["soft_labels"] == 20
    sample = pq.read_table(result.run.sample)
    assert set(sample["label"].to_pylist()) == {0, 1}


def test_a_network_that_was_fitted_on_soft_labels_is_saved_like_others(
    write_csv: WriteCsv, options: TrainingOptions, tmp_path: Path
) -> None:
    data = write_csv(*soft_rows(60), name="soft.csv")
    configs = []
    for number, source in enumerate((str(data), options.data)):
        output = tmp_path / f"run {number}"
        run = train(replace(options, data=source, epochs=1, output=output)).run
        network = import_keras().saving.load_model(run.model)
        configs.append((network.get_compile_config(), network.optimizer.iterations.numpy()))
    assert configs[0] == configs[1]
    assert configs[0][1] == 6


def test_hard_labels_have_no_entry(options: TrainingOptions, encodings: list[Encoded]) -> None:
    config = train(replace(options, epochs=1)).run.load_config()
    assert encodings[0].fitted.targets is None
    assert set(encode(config.data)) == {
        "source", "reviews", "positive", "without_text", "sha256", "fitted", "held_out"
    }  # fmt: skip
