"""`toolkit train --from`: a run folder that exports, explains and scores like any other."""

from __future__ import annotations

import csv
import json
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from tests.cli.running import Command
from tests.models import EXPORTED, NGRAM_POOL
from toolkit.errors import UsageError
from toolkit.model import SHIPPED, ModelFile, Release, RunFolder, Scorer
from toolkit.model.stars import sigmoid
from toolkit.networks.network_files import load_keras
from toolkit.training import Reviews, TrainingOptions, train
from toolkit.training.adapt_fit import (
    AS_IT_IS,
    SCALE_AND_BIAS,
    UNLABELLED,
    WORDS,
    ChosenFit,
    Floats,
    LabelledVectors,
    Prior,
    adapt_network,
    border_of,
    choose,
    fit,
    learn_words,
    load_start,
    losses,
    positive_share,
)
from toolkit.training.epochs import Checkpoints
from toolkit.training.split import folds_for_few

# Words that no start knows, and one that means the opposite of what it usually means.
_GOOD, _BAD = ("zorgly", "terrible"), ("blurpish", "quonk")

_PLAIN = ("the", "device", "was", "and", "a", "story", "with", "its", "people", "here")


def make_rows(count: int, share: float = 0.5, seed: int = 1) -> list[dict[str, Any]]:
    """Reviews whose words say their label; each belongs to a group of four."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        label = int(number % 20 < 20 * share)
        words = [*draw.choices(_PLAIN, k=8), *draw.choices(_GOOD if label else _BAD, k=2)]
        draw.shuffle(words)
        rows.append({"text": " ".join(words), "label": label, "shop": f"shop {number // 4}"})
    return rows


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    with path.open("w", newline="") as file:
        lines = csv.DictWriter(file, rows[0])
        lines.writeheader()
        lines.writerows(rows)
    return path


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return write(tmp_path / "mine.csv", make_rows(120))


def test_the_border_stays_at_a_half(tmp_path: Path, command: Command) -> None:
    """A rare label moves the logit; adapting again to the same reviews does not move it again."""
    write(tmp_path / "rare.csv", make_rows(300, share=0.95))
    command("train", "rare.csv", "--from", "reviews-small", "-o", "first")
    command("export", "first")
    again = command("train", "rare.csv", "--from", "first/ngram-linear.onnx", "-o", "unused")
    # Labels are read before Keras is imported, which finds this.
    assert again.out == "rare.csv: 300 reviews (285 positive, 15 negative)\n"
    replace(again, out="").failed_with("first/ngram-linear.onnx: its network cannot be adapted")
    command("train", "rare.csv", "--from", "first", "-o", "second")
    first, second = (RunFolder(tmp_path / name) for name in ("first", "second"))
    for run in (first, second):
        assert run.load_config().threshold is None
    moved = first.load_metrics().adaptation
    assert moved is not None
    assert moved.border == pytest.approx(0.95, abs=0.01)
    shown = " ".join(command("info", "first/ngram-linear.onnx").out.split())
    assert f"threshold 0.5: the log-odds of the share of positives, {moved.border:g}," in shown
    kept = second.load_metrics().adaptation
    assert kept is not None
    as_it_is = kept.candidates[0]
    assert as_it_is.balanced_accuracy is not None
    assert as_it_is.balanced_accuracy > 0.9


def test_a_start_with_a_threshold_of_its_own_loses_it() -> None:
    """Older versions moved the threshold, and no logit. The labels stay those of that threshold."""
    older = replace(load_start("reviews-small"), threshold=0.9)
    texts = pa.chunked_array([[f"a good device {number}" for number in range(40)]])
    ids = older.encode(older.vocabulary, texts)
    before = older.network(ids.padded_rows(np.arange(40)), training=False).numpy()[:, 0]
    labels = (np.arange(40) < before.sum().round()).astype(np.int8)  # as the start expects them
    reviews = Reviews("r", texts, labels)
    made = adapt_network(older, reviews, folds_for_few(reviews, 5, 1))
    assert made.choice.kept.name == AS_IT_IS
    assert made.border == 0.9
    odds = before / (1 - before) / 9
    np.testing.assert_allclose(made.probabilities(texts), odds / (1 + odds), rtol=1e-5)


def test_the_border_has_digits_where_a_label_is_very_rare() -> None:
    targets = np.append(np.ones(20_000), 0.0)
    examples = LabelledVectors(np.zeros(20_001), None, targets)
    share = border_of("words", None, examples)  # type: ignore[arg-type] # only kept starts count
    assert 0.9998 < share < 0.9999
    assert share == round(share, 7)


def test_reviews_that_the_start_cannot_read_are_warned_of(tmp_path: Path, command: Command) -> None:
    rows = [{"text": "ужасно" + " жук" * n, "label": n % 2} for n in range(40)]
    write(tmp_path / "mine.csv", rows)
    ran = command("train", "mine.csv", "--from", "reviews-small", "-o", "run")
    assert "warning: mine.csv: reviews-small knows no word in" in ran.err
    assert "Train from scratch" in ran.err
    shown = command("info", "run").out
    assert "calibration" not in shown


def test_copies_of_a_text_are_in_one_fold() -> None:
    texts = [f"review {number % 20}" for number in range(200)]
    labels = np.array([number % 20 < 12 for number in range(200)], np.int8)
    reviews = Reviews("r", pa.chunked_array([texts]), labels)
    for split in folds_for_few(reviews, 5, 1):
        fitted, held_out = ({texts[row] for row in rows} for rows in (split.fitted, split.held_out))
        assert held_out
        assert not fitted & held_out


@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=[pytest.mark.slow] * (each != "reviews-small")) for each in SHIPPED],
)
def test_from_each_shipped_model_to_scores(name: str, mine: Path, command: Command) -> None:
    write(mine.with_name("new.csv"), make_rows(60, seed=2))
    shown = command("train", "mine.csv", "--from", name, "-o", "run", "--test-data", "new.csv").out
    assert f"Adapting {name}: 10 folds, split random" in shown
    run = RunFolder(mine.with_name("run"))
    metrics, config = run.load_metrics(), run.load_config()
    assert metrics.adaptation is not None
    assert metrics.adaptation.kept == "words"
    losses = [candidate.loss for candidate in metrics.adaptation.candidates]
    assert losses[2] < losses[1] < losses[0]
    assert metrics.test is not None
    assert metrics.test.accuracy is not None
    assert metrics.test.accuracy > 0.9
    start = ModelFile.load(EXPORTED / f"{name}.onnx")
    assert config.data.start is not None
    assert (config.data.start.name, config.data.start.sha256) == (name, start.sha256)
    words = run.load_vocabulary(config).words.to_pylist()
    assert words[: len(start.vocabulary.words)] == start.vocabulary.words.to_pylist()
    assert {"zorgly", "blurpish", "quonk"} <= set(words[len(start.vocabulary.words) :])

    command("export", "run", "--golden")
    assert f"adapted from    {name} (" in command("info", "run").out
    found = json.loads(command("explain", "--model", "run", "zorgly device", "--json").out)
    assert found["sentiment"] == "positive"
    assert found["words"][0]["state"] == "read"
    assert found["words"][0]["contribution"] > 0
    command("score", "new.csv", "--model", "run", "-o", "scored.csv")
    evaluated = json.loads(command("evaluate", "run", "new.csv", "--json").out)
    assert evaluated["models"][0]["metrics"]["log_loss"] == pytest.approx(metrics.test.loss)


def test_from_a_run_folder(mine: Path, tmp_path: Path, command: Command) -> None:
    """Also from one that was adapted itself: weights keep what they were fitted to."""
    for start, run in (("conv1d", "first"), ("first", "second")):
        assert command("train", mine, "--from", start, "-o", run).exit_code == 0
    origin = RunFolder(tmp_path / "second").load_config().data.start
    assert origin is not None
    assert (origin.name, origin.preset) == ("first", "conv1d")
    exported = command("export", "second", "--model-version", "3")
    learned = Scorer("conv1d").facts.release
    assert learned.data_sets
    said = f"It was adapted from conv1d-{learned.model_version}, so the file also lists"
    assert said in " ".join(exported.out.split())
    assert ModelFile.load(Path("second/conv1d.onnx")).facts.release == Release(
        "conv1d", "3", language="en", data_sets=learned.data_sets, teachers=learned.teachers
    )
    # Another licence hides neither the terms of what the start learned from nor its licence.
    Path("release.toml").write_text('licence = "Apache-2.0"\n', encoding="utf-8")
    assert command("export", "second", "--release", "release.toml", "--force").exit_code == 0
    shown = " ".join(command("info", "second/conv1d.onnx").out.split())
    assert "licence Apache-2.0 (of the weights) in a company ask a lawyer first, as 1 of 1" in shown
    assert re.search(r"adapted from first \(conv1d, SHA-256 \w+…, licence MIT\)", shown)


def test_an_unfinished_training_is_in_no_way(mine: Path, tmp_path: Path, command: Command) -> None:
    """What is there instead is made; only --force drops the progress, as where one starts over."""
    options = TrainingOptions(data=str(mine), preset="conv1d", output=tmp_path / "run")
    saved = Checkpoints(options).of_fit(0)
    saved.save({}, {})
    call = ("train", mine, "--from", "conv1d", "-o", "run")
    assert command(*call).exit_code == 0
    assert saved.path.exists()
    mine.write_text(mine.read_text() + "odd,?,shop\n" * 3)
    reading = "--skip-wrong-labels", "--strip-ending", "MORE"
    assert command(*call, "--force", *reading).exit_code == 0
    data = RunFolder(tmp_path / "run").load_config().data
    assert (data.without_label, data.strip_endings) == (3, ("MORE",))
    assert not saved.path.parent.exists()


def test_reviews_without_labels_are_learned_from(mine: Path, command: Command) -> None:
    """Words that only they have are known then; reviews that are tested on are left out."""
    rows = [{"text": f"{row['text']} {'superb' if row['label'] else 'awful'} bezel"}
            for row in make_rows(200, seed=7)]  # fmt: skip
    others = write(mine.with_name("others.csv"), rows)
    tested = write(
        mine.with_name("tested.csv"), [{**row, "label": at % 2} for at, row in enumerate(rows[:30])]
    )
    options = ("--from", "reviews-small", "-o", "run", "--unlabelled", str(others))
    shown = command("train", "mine.csv", *options, "--test-data", str(tested)).out
    assert "others.csv: 200 unlabelled reviews" in shown
    assert "30 unlabelled reviews left out: held out or tested on" in shown
    assert "without a teacher" not in shown
    run = RunFolder(mine.with_name("run"))
    adaptation, config = run.load_metrics().adaptation, run.load_config()
    assert adaptation is not None
    names = [candidate.name for candidate in adaptation.candidates]
    assert names == ["as it is", "scale and bias", "unlabelled", "words"]
    assert "bezel" in run.load_vocabulary(config).words.to_pylist()
    assert config.data.unlabelled is not None
    assert (config.data.unlabelled.reviews, config.data.unlabelled.left_out) == (200, 30)
    command("export", "run")
    assert "and on" in command("info", "run").out


def test_groups_stay_together_and_the_run_says_so(mine: Path, command: Command) -> None:
    options = ["--group-column", "shop", "--folds", "3", "-o", "run"]
    shown = command("train", "mine.csv", "--from", "conv1d", *options).out
    assert "Adapting conv1d: 3 folds, split group" in shown
    write(mine, [{**row, "shop": "one"} for row in make_rows(40)])
    failed = command("train", "mine.csv", "--from", "conv1d", *options, "--force")
    assert failed.exit_code == 1
    assert "mine.csv: all 40 reviews are of one group" in failed.err


def test_validation_data_is_held_out(mine: Path, tmp_path: Path, command: Command) -> None:
    call = ("train", "mine.csv", "--from", "conv1d", "-o", "run", "--validation-data", "mine.csv")
    assert "120 held-out reviews have the same text as fitted ones" in command(*call).err
    found = RunFolder(tmp_path / "run").load_metrics().validation
    assert found is not None
    assert (found.reviews, found.split) == (120, "given")


@pytest.mark.parametrize(("share", "count"), [(0.95, 300), (0.9, 20), (0.05, 60)])
def test_rare_labels_do_not_make_a_constant(share: float, count: int, tmp_path: Path) -> None:
    from toolkit.export import export

    data = write(tmp_path / "mine.csv", make_rows(count, share))
    run = tmp_path / "run"
    result = train(TrainingOptions(data=str(data), start="reviews", output=run))
    assert result.metrics.adaptation is not None
    made = export(run)
    # The words are made up, so that only what the labels say tells the reviews apart.
    if result.metrics.adaptation.kept == "words":
        assert result.metrics.adaptation.border == pytest.approx(share, abs=0.1)
    assert made.threshold.choice.chosen == "default"
    assert made.threshold.value == 0.5
    assert made.threshold.warning is None
    new = make_rows(40, seed=5)
    found = Scorer(made.model).probabilities(pa.array([row["text"] for row in new])).to_numpy()
    called = found >= made.threshold.value
    assert 0 < called.sum() < len(new)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network(mine: Path, tmp_path: Path) -> None:
    runs = [tmp_path / name for name in ("a", "b")]
    for run in runs:
        train(TrainingOptions(data=str(mine), start="conv1d", output=run, seed=4))
    configs = [RunFolder(run).load_config().parts for run in runs]
    for part in ("vocabulary.txt", "sample.parquet", "validation.parquet"):
        assert configs[0][part] == configs[1][part]
    weights = [load_keras(RunFolder(run).model).get_weights() for run in runs]
    assert all(np.array_equal(one, other) for one, other in zip(*weights, strict=True))


@pytest.mark.parametrize(
    "other",
    [
        {"preset": "ngram-recurrent"},
        {"epochs": 3},
        {"batch_size": 8},
        {"early_stopping": False},
        {"preset": "conv1d"},  # also the default one
        {"teacher_weight": 0.5},
        {"class_weight": "balanced"},
        {"teachers": (Path("teacher.csv"),)},
        {"validation": 0.3},
    ],
)
def test_options_of_training_from_scratch(other: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=r"--.*: cannot be combined with --from reviews"):
        TrainingOptions(data="mine.csv", start="reviews", **other)


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("nothing", "nothing: no such model file"),
        ("mine.csv", "mine.csv: not an ONNX model"),
        (".", "a folder, expected a model file or the run folder"),
    ],
)
def test_no_start(start: str, message: str, mine: Path, command: Command) -> None:
    command("train", "mine.csv", "--from", start).failed_with(message)
    assert not mine.with_name("runs").exists()


def test_a_model_of_a_former_preset_is_no_start(mine: Path, command: Command) -> None:
    found = command("train", "mine.csv", "--from", str(NGRAM_POOL))
    found.failed_with(f"{NGRAM_POOL}: its network cannot be adapted: this version of the toolkit ")
    found.failed_with("no preset 'ngram-pool'. Choose with --from one of reviews, reviews-small, ")


def test_logits_do_not_depend_on_other_reviews(mine: Path) -> None:
    from toolkit.training.adapt_fit import examples_of
    from toolkit.training.sources import load

    start = load_start("reviews")
    reviews = load(str(mine), TrainingOptions().reading)
    together = examples_of(start, start.vocabulary, reviews)
    rows = np.array([7, 3])
    two = examples_of(start, start.vocabulary, reviews.take(rows))
    np.testing.assert_allclose(two.start, together.start[rows], rtol=0, atol=1e-6)
    assert np.array_equal(two.words.toarray(), together.words[rows].toarray())


IDS = 30


def make_examples(
    count: int, scale: float = 1.0, bias: float = 0.0, words: Floats | None = None, seed: int = 1
) -> LabelledVectors:
    """Reviews whose labels are drawn from a known scale, bias and weights of words."""
    random = np.random.default_rng(seed)
    start = random.normal(0, 2, count)
    present = sparse.csr_matrix(random.random((count, IDS)) < 0.2).astype(np.float64)
    logits = scale * start + bias + (present @ words if words is not None else 0)
    return LabelledVectors(
        start, present, (random.random(count) < sigmoid(logits)).astype(np.float64)
    )


def chosen(examples: LabelledVectors, folds: int = 5) -> ChosenFit:
    texts = pa.chunked_array([pa.array(["a"] * len(examples))])
    reviews = Reviews("some", texts, examples.targets.astype(np.int8))
    return choose(examples, folds_for_few(reviews, folds, seed=1))


def test_scale_and_bias_are_found() -> None:
    examples = make_examples(20_000, scale=0.5, bias=-1.5)
    found = fit(examples, Prior(expects_share=True))
    assert found.scale == pytest.approx(0.5, abs=0.05)
    assert found.bias == pytest.approx(-1.5, abs=0.1)
    assert not found.words.any()
    assert chosen(examples.take(np.arange(2000))).kept.name == SCALE_AND_BIAS


def test_words_are_found() -> None:
    words = np.zeros(IDS)
    words[[5, 7]] = 3.0, -3.0
    examples = make_examples(3000, words=words)
    choice = chosen(examples)
    assert choice.kept.name == WORDS
    assert choice.weights.words[5] > 2
    assert choice.weights.words[7] < -2
    assert np.abs(np.delete(choice.weights.words, [5, 7])).max() < 1


def test_words_learn_from_reviews_without_labels() -> None:
    """They say what the start says, and so tell it of words that it does not know."""
    words = np.zeros(IDS)
    words[[5, 7]] = 3.0, -3.0
    others = make_examples(4000, words=words, seed=2)
    logits = others.start + others.words @ words
    found, bias = learn_words(others.words, sigmoid(logits))
    assert found[5] > 1
    assert found[7] < -1
    assert np.abs(np.delete(found, [5, 7])).max() < 0.5
    assert abs(bias) < 0.2
    few = make_examples(60, words=words)
    few = replace(few, taught=few.words @ found + bias)
    choice = chosen(few)
    assert choice.kept.name in (UNLABELLED, WORDS)
    new = make_examples(2000, words=words, seed=3)
    taught = replace(new, taught=new.words @ found + bias)
    before = losses(new.start, new.targets).mean()
    after = losses(choice.weights.logits(taught), new.targets).mean()
    assert after < before - 0.02
    in_one = choice.weights.with_taught(found, bias)
    np.testing.assert_allclose(in_one.logits(new), choice.weights.logits(taught), atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(("count", "least"), [(20, 2), (100, 3), (1000, 3)])
def test_labels_as_the_start_expects_them_keep_it(count: int, least: int) -> None:
    """By chance, another is better on some labels; then, it changes little."""
    choices = [chosen(make_examples(count, seed=seed)) for seed in range(6)]
    assert sum(choice.kept.name == AS_IT_IS for choice in choices) >= least
    new = make_examples(4000, seed=100)
    before = losses(new.start, new.targets).mean()
    after = [losses(choice.weights.logits(new), new.targets).mean() for choice in choices]
    assert np.mean(after) < before + 0.02


def test_few_labels_change_little() -> None:
    """However much the labels contradict the start."""
    examples = make_examples(20)
    contradicting = LabelledVectors(
        examples.start, examples.words, (examples.start < 0).astype(np.float64)
    )
    found = fit(contradicting, Prior(expects_share=False))
    assert 0 < found.scale < 1
    none = LabelledVectors(np.zeros(0), sparse.csr_matrix((0, IDS)), np.zeros(0))
    found = fit(none, Prior(expects_share=True, words=0.8))
    assert (found.scale, found.bias) == (1.0, 0.0)


@pytest.mark.parametrize(("count", "negatives"), [(300, 4), (20, 2), (20, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_rare_labels_are_still_found(count: int, negatives: int, seed: int) -> None:
    """The border, the share of positives, cuts the start near where it was cut before."""
    random = np.random.default_rng(seed)
    labels = np.ones(count)
    labels[:negatives] = 0
    start = random.normal(0, 1, count) + np.where(labels, 2.0, -2.0)
    words = sparse.csr_matrix(random.random((count, IDS)) < 0.2).astype(np.float64)
    examples = LabelledVectors(start, words, labels)
    choice = chosen(examples, folds=10)
    threshold = 0.5 if choice.kept.name == AS_IT_IS else positive_share(labels)
    new = np.linspace(-6, 6, 401)
    others = LabelledVectors(new, sparse.csr_matrix((401, IDS)), np.zeros(401))
    probability = sigmoid(choice.weights.logits(others))
    first = new[np.argmax(probability >= threshold)]
    assert -1.5 < first < 1.5
    assert abs(probability.mean() - 0.5) < 0.49


def test_the_gradient_is_that_of_the_loss() -> None:
    """Any other weights near by are less likely."""
    examples = make_examples(200, scale=0.7, bias=1.0)
    prior = Prior(expects_share=True, words=0.8)
    found = fit(examples, prior)

    def cost(scale: float, bias: float, words: Floats) -> float:
        logits = scale * examples.start + bias + examples.words @ words
        share = positive_share(examples.targets)
        away = ((scale - 1) / 0.25) ** 2 + ((bias - np.log(share / (1 - share))) / 0.25) ** 2
        away += (words**2).sum() / 0.8**2
        loss = np.logaddexp(0, logits) - examples.targets * logits
        return float(loss.sum() + 0.5 * away)

    least = cost(found.scale, found.bias, found.words)
    random = np.random.default_rng(1)
    for _ in range(20):
        near = random.normal(0, 0.05, 2 + IDS)
        assert cost(found.scale + near[0], found.bias + near[1], found.words + near[2:]) > least
