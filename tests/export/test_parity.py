"""Keras and ONNX agree: on a small model with random weights, and on the shipped ones."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.data import PROJECT, shared_data
from tests.export.conftest import WORDS, SmallModel
from tests.models import EXPORTED
from tests.strategies import review_texts
from toolkit.errors import ParityError
from toolkit.export.convert import TOLERANCE, check_parity, compare
from toolkit.model import SHIPPED, Scorer, load_model
from toolkit.model.training_facts import Parity
from toolkit.networks.network_files import load_keras
from toolkit.text import golden_texts

# Every kind of row: full, ragged, empty, blank, of unknown words only, far too long.
MIXED = [
    "the good movie",
    "",
    "bad " * 30,
    "zzyzx qwxyz",
    "   ",
    "the " * 10_000 + "bad",
    "!?",
    "a good, good movie. " * 3,
]


def expected_of(model: SmallModel, texts: list[str]) -> Any:
    ids = model.vocabulary.encode(pa.array(texts, pa.string())).padded(model.facts.max_tokens)
    return model.network(ids, training=False).numpy()[:, 0]


def run_text_in(session: ort.InferenceSession, texts: list[str]) -> tuple[Any, Any]:
    probability, label = session.run(
        ["probability", "label"], {"text": np.array(texts, dtype=object)}
    )
    return probability, label


@pytest.fixture(scope="module")
def session(small_model: SmallModel) -> ort.InferenceSession:
    return ort.InferenceSession(str(small_model.text_in))


@pytest.mark.parametrize("batch_size", [1, 7, 256])
def test_every_batch_size_and_a_ragged_last_batch(
    small_model: SmallModel, session: ort.InferenceSession, batch_size: int
) -> None:
    texts = (MIXED * 34)[:257]  # 257 leaves a last batch of 1, 5 and 1
    expected = expected_of(small_model, texts)
    assert expected.std() > 0.1  # random weights that tell the texts apart
    found = [
        run_text_in(session, texts[start : start + batch_size])
        for start in range(0, len(texts), batch_size)
    ]
    probability, label = (np.concatenate(parts) for parts in zip(*found, strict=True))
    np.testing.assert_allclose(probability, expected, rtol=0, atol=TOLERANCE)
    assert label.tolist() == ["positive" if p >= 0.5 else "negative" for p in expected]


@settings(max_examples=50)
@given(texts=st.lists(review_texts, min_size=1, max_size=9))
def test_any_text(small_model: SmallModel, session: ort.InferenceSession, texts: list[str]) -> None:
    probability, _ = run_text_in(session, texts)
    np.testing.assert_allclose(probability, expected_of(small_model, texts), rtol=0, atol=TOLERANCE)


@given(neighbours=st.lists(st.sampled_from(MIXED), max_size=6), place=st.integers(0, 6))
def test_neighbours_and_padding_change_nothing(
    session: ort.InferenceSession, neighbours: list[str], place: int
) -> None:
    """A neighbour with more tokens makes the tokenizer pad this row wider."""
    text = "a good movie, the bad été"
    (alone,), _ = run_text_in(session, [text])
    batch = [*neighbours[:place], text, *neighbours[place:]]
    probability, _ = run_text_in(session, batch)
    assert abs(probability[min(place, len(neighbours))] - alone) <= TOLERANCE


def test_the_four_executions(small_model: SmallModel) -> None:
    report = compare(small_model.network, small_model.text_in, small_model.ids_in, MIXED)
    check_parity(report)
    assert report.reviews == len(MIXED)
    assert report.edge_texts == len(golden_texts([small_model.facts.max_tokens]))
    assert set(report.differences) == {"ids_in_graph", "text_in_graph", "vectorised_scorer"}


def test_other_weights_do_not_pass(small_model: SmallModel) -> None:
    import keras

    other = keras.models.clone_model(small_model.network)
    other.set_weights([weights * 1.01 for weights in small_model.network.get_weights()])
    report = compare(other, small_model.text_in, small_model.ids_in, MIXED)
    with pytest.raises(ParityError, match="Keras and ONNX disagree"):
        check_parity(report)


def test_another_text_rule_does_not_pass(
    small_model: SmallModel, tmp_path: Path, unchecked: None
) -> None:
    model = onnx.load(small_model.text_in)
    (normalizer,) = (n for n in model.graph.node if n.op_type == "StringNormalizer")
    (case,) = (a for a in normalizer.attribute if a.name == "case_change_action")
    case.s = b"NONE"
    onnx.save(model, tmp_path / "no_lowercase.onnx")
    report = compare(
        small_model.network, tmp_path / "no_lowercase.onnx", small_model.ids_in, ["THE MOVIE"]
    )
    assert report.token_id_differences
    with pytest.raises(ParityError, match="rows with different token ids"):
        check_parity(report)


@pytest.mark.parametrize(
    "worse",
    [
        {"largest_difference": 1.1e-5},
        {"largest_difference": float("nan")},
        {"label_flips": 1},
        {"token_id_differences": 1},
        {"largest_stars_difference": 0.011},
        {"largest_stars_difference": float("nan")},
    ],
)
def test_each_disagreement_alone_is_one(worse: dict[str, Any]) -> None:
    agreeing: dict[str, Any] = {
        "largest_difference": 9e-6,
        "label_flips": 0,
        "token_id_differences": 0,
        "largest_stars_difference": 0.009,
    }
    check_parity(Parity(1, 0, **agreeing))
    with pytest.raises(ParityError, match="Nothing was exported"):
        check_parity(Parity(1, 0, **(agreeing | worse)))


def shipped_report(name: str, reviews: list[str]) -> Parity:
    path = EXPORTED / f"{name}.onnx"
    network = load_keras(path.with_suffix(".keras"))
    return compare(network, path, path.with_suffix(".ids.onnx"), reviews)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_model_on_the_texts_here(name: str) -> None:
    with (PROJECT / "examples" / "reviews.csv").open(encoding="utf-8", newline="") as file:
        reviews = [row["text"] for row in csv.DictReader(file)]
    assert len(reviews) >= 20
    report = shipped_report(name, reviews)
    check_parity(report)
    assert (report.largest_stars_difference is None) == (load_model(name).facts.stars is None)


def test_other_stars_do_not_pass(tmp_path: Path, unchecked: None) -> None:
    """A file that gives other stars than its facts say."""
    for ending in (".onnx", ".ids.onnx"):
        model = onnx.load(EXPORTED / f"reviews-small{ending}")
        (biases,) = (each for each in model.graph.initializer if each.name == "stars/biases")
        biases.float_data[1] += 0.2
        onnx.save(model, tmp_path / f"m{ending}")
    network = load_keras(EXPORTED / "reviews-small.keras")
    texts = ["A fine room, but the street is loud.", "It works."]
    report = compare(network, tmp_path / "m.onnx", tmp_path / "m.ids.onnx", texts)
    with pytest.raises(ParityError, match="disagree on the stars: largest difference"):
        check_parity(report)


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["imdb", "reviews"])
@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_model_on_real_reviews(name: str, folder: str) -> None:
    """On the test reviews of films, and on as many of all other domains."""
    file = {"imdb": "test.parquet", "reviews": "reviews.parquet"}[folder]
    texts = pq.read_table(shared_data(folder) / file, columns=["text"])["text"]
    step = len(texts) // 25_000
    reviews = texts.to_pylist()[::step][:25_000]
    assert len(reviews) == 25_000
    report = shipped_report(name, reviews)
    assert report.label_flips == 0
    assert report.token_id_differences == 0
    assert report.largest_difference <= TOLERANCE


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_vocabulary_is_the_one_in_the_file(name: str) -> None:
    scorer = Scorer(EXPORTED / f"{name}.onnx")
    listed = (EXPORTED / f"{name}.vocabulary.txt").read_bytes().decode().split("\n")[:-1]
    assert scorer.vocabulary.words.to_pylist() == listed
    assert len(listed) + 4 == scorer.facts.vocabulary_size


def test_words_of_the_small_model_come_back(small_model: SmallModel) -> None:
    assert Scorer(small_model.text_in).vocabulary.words.to_pylist() == WORDS
