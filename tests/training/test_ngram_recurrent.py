"""What came before a word counts; and freezing changes little."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from toolkit.export.convert import convert, run_keras
from toolkit.networks.bigrams import Bigrams
from toolkit.networks.ngram_recurrent import RecurrentNetwork
from toolkit.training import PRESETS, Reviews, TrainingObserver, TrainingOptions
from toolkit.training.data import FitData, FitTask
from toolkit.training.result import Fit, review_probabilities
from toolkit.training.run import fit as run_fit

PRESET = PRESETS["ngram-recurrent"]

PLAIN = ["the", "film", "was", "and", "a", "story", "with", "its", "actors", "music"]


def reviews_of(count: int, seed: int = 1) -> Reviews:
    """All have the same words; what comes last, some words later, is what is meant."""
    draw = random.Random(seed)
    texts = []
    for number in range(count):
        first, last = ("dull", "superb") if number % 2 else ("superb", "dull")
        words = draw.choices(PLAIN, k=12)
        place = draw.randrange(2, 6)
        words[place], words[place + draw.randrange(3, 7)] = first, last
        texts.append(" ".join(words))
    return Reviews("made up", pa.chunked_array([texts]), np.arange(count, dtype=np.int8) % 2)


@pytest.fixture(scope="module")
def trained() -> tuple[Fit, RecurrentNetwork]:
    """A network of the order of words, frozen and as it was trained."""
    kept: list[RecurrentNetwork] = []
    freeze = RecurrentNetwork.freeze

    def remembered(network: RecurrentNetwork, bigrams: Bigrams) -> Any:
        kept.append(network)
        return freeze(network, bigrams)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RecurrentNetwork, "freeze", remembered)
        options = TrainingOptions(preset=PRESET.name, batch_size=32, epochs=12)
        data = FitData(reviews_of(600), reviews_of(200, seed=2))
        found = run_fit(FitTask(PRESET, data, options, TrainingObserver()))
    return found, kept[0]


def test_the_order_of_words_is_learned(trained: tuple[Fit, RecurrentNetwork]) -> None:
    validation = trained[0].validation
    assert validation is not None
    assert validation.accuracy.value > 0.95


def rows_of(frozen: Any, fit: Fit, texts: pa.ChunkedArray) -> tuple[Any, Any]:
    """Ids of reviews, padded, and the rows of their pairs."""
    from toolkit.training.fit_ragged import rows_of as tokens_of

    layer = frozen.layers[-1]
    tokens = tokens_of(fit.vocabulary, texts, PRESET.max_tokens)
    bigrams = Bigrams(fit.vocabulary_size, np.array([-1]), np.array(layer.slots))
    rows = np.arange(len(tokens))
    return tokens.padded_rows(rows), tokens.padded_rows(rows, bigrams.rows(tokens))


def test_freezing_changes_little(trained: tuple[Fit, RecurrentNetwork]) -> None:
    fit, network = trained
    ids, rows = rows_of(fit.network, fit, reviews_of(100, seed=3).texts)
    logits = network([ids, rows], training=False).numpy()[:, 0]
    found, expected = run_keras(fit.network, ids), 1 / (1 + np.exp(-logits))
    assert expected.std() > 0.2
    assert np.abs(found - expected).max() < 0.05
    assert np.abs(found - expected).mean() < 0.01


def test_padding_in_front_changes_nothing_while_training(
    trained: tuple[Fit, RecurrentNetwork],
) -> None:
    """Widths that are of whole chunks, and others."""
    fit, network = trained
    ids, rows = rows_of(fit.network, fit, reviews_of(20, seed=4).texts)
    expected = network([ids, rows], training=False).numpy()
    for more in (1, 3, 19, 32, 500):
        wider = [np.pad(each, [(0, 0), (more, 0)]) for each in (ids, rows)]
        found = network(wider, training=False).numpy()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_graph_gives_what_was_measured(trained: tuple[Fit, RecurrentNetwork]) -> None:
    import onnxruntime as ort

    fit, _ = trained
    texts = reviews_of(60, seed=5).texts
    ids, _ = rows_of(fit.network, fit, texts)
    graph = convert(fit.network, PRESET.max_tokens).model
    found = ort.InferenceSession(graph.SerializeToString()).run(None, {"token_ids": ids})[0]
    expected = review_probabilities(fit.network, PRESET, fit.vocabulary, texts)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("is_backward", [False, True])
@pytest.mark.parametrize("tokens", [16, 48, 512])
def test_memories_in_chunks_are_those_of_a_loop(tokens: int, is_backward: bool) -> None:
    from toolkit.networks.ngram_recurrent import _memories

    draw = np.random.default_rng(tokens)
    keep = draw.random((3, tokens, 4), np.float32)
    write = draw.normal(size=keep.shape).astype(np.float32)
    expected, memory = np.zeros_like(write), np.zeros((3, 4), np.float32)
    for at in reversed(range(tokens)) if is_backward else range(tokens):
        expected[:, at] = memory
        memory = keep[:, at] * memory + write[:, at]
    found = _memories(keep, write, is_backward).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_units_come_in_fours() -> None:
    vectors = np.zeros((9, 4), np.float32)
    with pytest.raises(ValueError, match="units: expected a multiple of 4, received 6"):
        RecurrentNetwork(vectors, vectors, units=6)


def test_end_to_end(tmp_path: Path) -> None:
    """A run folder, its model file, the same answers with and without the core, and a start."""
    from toolkit.export import export
    from toolkit.model import ModelFile
    from toolkit.model.network import Network
    from toolkit.training import train
    from toolkit.training.adapt_fit import load_start

    reviews = reviews_of(80)
    rows = zip(reviews.texts.to_pylist(), reviews.labels.tolist(), strict=True)
    data = tmp_path / "reviews.csv"
    data.write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    run = tmp_path / "run"
    train(TrainingOptions(data=str(data), preset=PRESET.name, output=run, epochs=1))
    export(run)
    model = ModelFile.load(next(path for path in run.glob("*.onnx") if ".ids" not in path.name))
    both, whole = Network(model.network, model), Network(model.network, model)
    whole.__dict__["_split"] = None
    ids = model.vocabulary.encode(reviews.texts, last=PRESET.max_tokens)
    found = both.run_all(ids)
    assert all(np.array_equal(values, whole.run_all(ids)[name]) for name, values in found.items())
    # `toolkit train --from` begins with the network of the file, or with that of the run folder.
    for path in (model.path, run):
        start = load_start(str(path))
        encoded = start.encode(start.vocabulary, reviews.texts).padded_rows(np.arange(80))
        assert run_keras(start.network, encoded) == pytest.approx(
            found["probability"], rel=0, abs=1e-6
        )
