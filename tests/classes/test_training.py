"""`toolkit train` with labels of one's own, and what `toolkit export` makes of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.classes.tickets import TOPICS, Heard, learned, model, tickets, trained, write
from toolkit.errors import InputError, ToolkitError, TrainingError, UsageError
from toolkit.export import export, export_to_hub
from toolkit.model import ModelFile, RunFolder, Scorer, load_model, read_twin
from toolkit.records.columns import Columns
from toolkit.records.options import LabelNames, ReadOptions
from toolkit.training import TrainingOptions, train
from toolkit.training.class_calibration import fit_temperature
from toolkit.training.class_data import class_split, load_classes
from toolkit.training.options import SplitKind
from toolkit.training.presets import NetworkSettings

READING = ReadOptions(Columns(label="topic"))


def test_the_labels_are_found_counted_and_learned(tmp_path: Path) -> None:
    found = RunFolder(trained()).load_config()
    assert found.classes == TOPICS
    assert found.data.classes is not None
    assert sum(found.data.classes.values()) == 480
    scores = RunFolder(trained()).load_metrics().validation
    assert scores is not None
    assert scores.accuracy is not None
    assert scores.accuracy > 0.8
    assert scores.macro_f1 == pytest.approx(scores.accuracy, abs=0.05)
    heard = Heard()
    data = write(tmp_path / "more.csv", tickets())
    load_classes(TrainingOptions(data=str(data), reading=READING), heard)
    assert heard.lines[0] == "more.csv: 240 texts (4 classes)"
    assert heard.lines[1].startswith("  classes: app 60, 'billing, refunds' 60")


def test_the_same_texts_give_the_same_model(tmp_path: Path) -> None:
    data = write(tmp_path / "tickets.csv", learned())
    again = tmp_path / "again"
    train(TrainingOptions(data=str(data), output=again, reading=READING, preset="ngram-linear"))
    first = RunFolder(trained()).fingerprints()
    assert RunFolder(again).fingerprints() == first


def test_a_rare_label_is_an_error_that_names_it(tmp_path: Path) -> None:
    rows = [*tickets(), ("my parcel is late", "delivry")]
    options = TrainingOptions(
        data=str(write(tmp_path / "t.csv", rows)), output=tmp_path / "run", reading=READING
    )
    with pytest.raises(InputError, match=r"'delivry' \(1, like 'delivery'\)"):
        train(options)
    assert not (tmp_path / "run").exists()
    leaves_out = ReadOptions(Columns(label="topic"), labels=LabelNames(skip_wrong=True))
    found = load_classes(TrainingOptions(data=options.data, reading=leaves_out), Heard())
    assert len(found.reviews) == 240
    assert found.reviews.without_label == 1


@pytest.mark.parametrize(
    "given",
    [
        {"start": "reviews", "folds": 3},
        {"folds": 3},
        {"epochs": 2, "preset": "ngram-linear"},
        {"network": NetworkSettings(max_tokens=20), "preset": "conv1d", "resume": True},
        {"unlabelled": (Path("more.csv"),), "preset": "ngram-linear"},
    ],
)
def test_what_is_not_for_classes_is_refused_in_one_line(
    tmp_path: Path, given: dict[str, Any]
) -> None:
    data = write(tmp_path / "t.csv", tickets())
    options = TrainingOptions(
        data=str(data), output=tmp_path / "run", reading=READING, classes=True, **given
    )
    with pytest.raises(UsageError) as error:
        train(options)
    assert "\n" not in str(error.value)
    assert "classes of your own" in str(error.value)


def two_labels(folder: Path, app: str, other: str) -> TrainingOptions:
    rows = [(text, app if topic == "app" else other) for text, topic in tickets()]
    data = str(write(folder / "t.csv", rows))
    return TrainingOptions(data=data, output=folder / "run", reading=READING, preset="ngram-linear")


def test_two_labels_that_are_no_opinions_are_classes(tmp_path: Path) -> None:
    options = two_labels(tmp_path, "ham", "spam")
    heard = Heard()
    train(options, heard)
    assert RunFolder(tmp_path / "run").load_config().classes == ("ham", "spam")
    assert heard.hints == [
        "'ham' and 'spam' are learned as classes of your own. If they are opinions, say which is "
        "which, for example: --positive 'ham' --negative 'spam'"
    ]
    asked = Heard()
    load_classes(replace(options, classes=True), asked)
    assert not asked.hints


@pytest.mark.parametrize("labels", [("yes", "no"), ("good", "bad"), ("positive", "negatve")])
def test_two_labels_that_may_be_opinions_are_refused(
    tmp_path: Path, labels: tuple[str, str]
) -> None:
    with pytest.raises(InputError, match="--positive and --negative"):
        train(two_labels(tmp_path, *labels))


def test_one_opinion_among_topics_is_a_class(tmp_path: Path) -> None:
    rows = [(text, "positive" if topic == "app" else topic) for text, topic in tickets()]
    data = str(write(tmp_path / "t.csv", rows))
    options = TrainingOptions(
        data=data, output=tmp_path / "run", reading=READING, preset="ngram-linear"
    )
    train(options)
    found = RunFolder(tmp_path / "run").load_config().classes
    assert found == ("billing, refunds", "delivery", "positive", 'the "login"')


def test_a_word_for_missing_values_is_named(tmp_path: Path) -> None:
    rows = [(text, "None" if topic == "app" else topic) for text, topic in tickets()]
    data = write(tmp_path / "t.csv", rows)
    options = TrainingOptions(data=str(data), reading=READING, classes=True)
    message = r"found 'None', which stands for a missing label \(60 such rows\)"
    with pytest.raises(InputError, match=message):
        load_classes(options, Heard())


def test_groups_stay_whole_and_each_class_is_fitted(tmp_path: Path) -> None:
    rows = tickets(400)
    path = tmp_path / "t.csv"
    lines = [
        f'"{text}","{topic.replace(chr(34), chr(34) * 2)}",g{n % 40}'
        for n, (text, topic) in enumerate(rows)
    ]
    path.write_text("\n".join(["text,topic,shop", *lines]))
    reading = ReadOptions(Columns(label="topic", group="shop"))
    reviews = load_classes(TrainingOptions(data=str(path), reading=reading), Heard()).reviews
    split = class_split(reviews, 0.2, seed=1)
    groups = reviews.groups
    assert groups is not None
    assert not {*groups[split.fitted]} & {*groups[split.held_out]}
    assert {*reviews.labels[split.fitted]} == {0, 1, 2, 3}
    random = class_split(reviews, 0.2, 1, SplitKind.RANDOM)
    assert np.bincount(reviews.labels[random.held_out]).tolist() == [20] * 4


def test_a_split_without_a_class_is_refused(tmp_path: Path) -> None:
    rows = sorted(tickets(40), key=lambda row: row[1])
    data = write(tmp_path / "t.csv", rows)
    reviews = load_classes(TrainingOptions(data=str(data), reading=READING), Heard()).reviews
    with pytest.raises(TrainingError, match="holds out all texts of 'the \"login\"'"):
        class_split(reviews, 0.3, 1, SplitKind.LAST)


def test_a_temperature_lowers_the_log_loss_and_has_a_bound() -> None:
    random = np.random.default_rng(1)
    logits = random.normal(0, 1, (2000, 5))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    numbers = np.array([random.choice(5, p=row) for row in shares])
    dull = shares**0.5 / (shares**0.5).sum(axis=1, keepdims=True)
    found = fit_temperature(numbers, dull.astype(np.float32))
    assert found.scale == pytest.approx(2.0, rel=0.15)
    assert found.log_loss is not None
    assert found.log_loss_before is not None
    assert found.log_loss < found.log_loss_before
    sure = fit_temperature(shares.argmax(axis=1), shares.astype(np.float32))
    assert sure.scale <= 5.0


def test_all_executions_agree_on_all_outputs() -> None:
    run = trained()
    loaded = load_model(run)
    assert loaded.facts.labels == TOPICS
    assert loaded.facts.format_version == 4
    parity = loaded.facts.parity
    assert parity is not None
    assert parity.largest_difference < 1e-6
    assert parity.label_flips == parity.token_id_differences == 0
    texts = [text for text, _ in tickets(40, seed=5)]
    session = ort.InferenceSession(str(model()))
    label, probability, probabilities, known = session.run(
        ["label", "probability", "probabilities", "known_tokens"],
        {"text": np.array(texts, object)},
    )
    assert probabilities.shape == (40, 4)
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.array_equal(probability, probabilities.max(axis=1))
    assert label.tolist() == [TOPICS[place] for place in probabilities.argmax(axis=1)]
    assert (known > 0).all()
    found = Scorer(run).classify(texts)
    assert [each.label for each in found] == label.tolist()
    assert [each.probability for each in found] == pytest.approx(probability.tolist(), abs=1e-6)


def test_an_empty_batch_and_texts_without_a_word_have_answers() -> None:
    session = ort.InferenceSession(str(model()))
    label, probabilities = session.run(["label", "probabilities"], {"text": np.array([], object)})
    assert label.shape == (0,)
    assert probabilities.shape == (0, 4)
    assert Scorer(trained()).classify(["", None, "qqq zzz"]) == [(None, None)] * 3


def test_the_twin_and_the_golden_vectors_belong_to_it() -> None:
    run = trained()
    twin = read_twin(run / "ngram-linear.ids.onnx")
    assert twin.facts.labels == TOPICS
    lines = (run / "ngram-linear.golden.jsonl").read_text("utf-8").splitlines()
    session = ort.InferenceSession(str(run / "ngram-linear.ids.onnx"))
    for line in map(json.loads, lines[:40]):
        (expected,) = line["models"].values()
        if not expected["token_ids"]:
            continue
        ids = np.array([expected["token_ids"]], np.int32)
        (found, label) = session.run(["probabilities", "label"], {"token_ids": ids})
        assert found[0].tolist() == pytest.approx(expected["probabilities"], abs=1e-6)
        assert label[0] == expected["label"]
    tokens = json.loads((run / "ngram-linear.tokens.json").read_text("ascii"))
    assert tokens["labels"] == [*TOPICS]
    assert tokens["threshold"] is None


def test_what_export_has_for_sentiment_alone_is_refused(tmp_path: Path) -> None:
    options: list[dict[str, Any]] = [{"threshold": 0.4}, {"optimize": "f1"}]
    for option in options:
        with pytest.raises(UsageError, match="a model of classes has no threshold"):
            export(trained(), tmp_path / "m.onnx", **option)
    with pytest.raises(UsageError, match="--hub: only for models of negative"):
        export_to_hub(trained(), tmp_path / "hub")
    with pytest.raises(ToolkitError, match="only models of negative and positive"):
        train(TrainingOptions(data="x.csv", start=str(model()), output=tmp_path / "run"))


def test_damaged_labels_are_refused(tmp_path: Path) -> None:
    made = onnx.load(model())
    entry = next(each for each in made.metadata_props if each.key == "format_version")
    entry.value = "3"
    path = tmp_path / "old.onnx"
    onnx.save(made, path)
    with pytest.raises(ToolkitError, match="labels is"):
        ModelFile.load(path)
