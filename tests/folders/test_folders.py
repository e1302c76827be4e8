"""Classifier folders: answers, batches, labels, and folders that are refused."""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from tests.folders.making import (
    EMOTIONS,
    KINDS,
    MOST_TOKENS,
    PLAIN,
    SENTENCES,
    SENTIMENT,
    STARS,
    Folder,
)
from toolkit import Scorer
from toolkit.errors import MissingExtraError, ModelError, UsageError
from toolkit.model import find_model, open_model
from toolkit.model.folder import ClassifierFolder
from toolkit.model.folder_network import FolderNetwork

tokenizers = pytest.importorskip("tokenizers", reason="needs the extra transformers")

ODD = [
    "",
    "   ",
    "!!!",
    "\uff21 \ufb01ne \ufb01lm",
    "👍🏽",
    "a\x00b",
    "中文",
    "good " * 400,
    "x" * 3000,
    "\u200b",
]


def texts(count: int = 60) -> list[str]:
    """Return texts of many lengths, and odd ones."""
    chosen = random.Random(1)
    words = " ".join(SENTENCES).split()
    long = [" ".join(chosen.choices(words, k=chosen.randint(1, 30))) for _ in range(count)]
    return [*long, *ODD, *SENTENCES[:6]]


def naive(path: Path, given: list[str]) -> npt.NDArray[Any]:
    """Return softmax of the logits, text by text, as a loop of a few lines would."""
    tokenizer = tokenizers.Tokenizer.from_file(str(path / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    session = ort.InferenceSession(str(path / "model.onnx"))
    names = [each.name for each in session.get_inputs()]
    rows = []
    for text in given:
        ids = np.array([tokenizer.encode(text).ids])
        every = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        (logits,) = session.run(["logits"], {name: every[name] for name in names})
        raised = np.exp(logits[0] - logits[0].max())
        rows.append(raised / raised.sum())
    return np.array(rows)


@pytest.mark.parametrize("folder", KINDS, ids=lambda folder: folder.kind)
def test_answers_are_those_of_a_plain_loop(folder: Folder, tmp_path: Path) -> None:
    path = folder.write(tmp_path / "mine")
    given = texts()
    expected = naive(path, given)
    model = open_model(path)
    assert isinstance(model, ClassifierFolder)
    found = model.network.run(model.pieces.encode(given))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert len({*found[:, 0].tolist()}) > 30
    scorer = Scorer(path)
    assert scorer.max_tokens == MOST_TOKENS
    answers = scorer.classify(given)
    unanswered = [text for text, answer in zip(given, answers, strict=True) if answer.label is None]
    assert {"", "   "} <= {*unanswered} <= {*ODD}


@pytest.mark.parametrize("folder", KINDS, ids=lambda folder: folder.kind)
def test_answers_do_not_depend_on_the_texts_beside(folder: Folder, tmp_path: Path) -> None:
    scorer = Scorer(folder.write(tmp_path / "mine"))
    given = texts()
    assert scorer._folder.network.one_by_one is False
    together = scorer.predict(pa.array(given), with_reading=True)
    alone = [scorer.predict(pa.array([text]), with_reading=True) for text in given]
    assert pa.Table.from_batches(alone).combine_chunks().equals(pa.Table.from_batches([together]))
    backwards = scorer.predict(pa.array(given[::-1]), with_reading=True)
    assert backwards.take(pa.array(range(len(given)))[::-1]).equals(together)


# Nodes that let the answer of a text depend on the others of its batch.
MEAN = [
    helper.make_node("ReduceMean", ["scores"], ["middle"], axes=[0], keepdims=1),
    helper.make_node("Sub", ["scores", "middle"], ["moved"]),
    helper.make_node("Add", ["scores", "moved"], ["logits"]),
]
DYNAMIC = [
    helper.make_node("DynamicQuantizeLinear", ["scores"], ["bytes", "scale", "nothing"]),
    helper.make_node("DequantizeLinear", ["bytes", "scale", "nothing"], ["logits"]),
]


@pytest.mark.parametrize("nodes", [MEAN, DYNAMIC], ids=["mean", "dynamic"])
def test_texts_are_run_one_by_one_where_a_batch_changes_them(
    nodes: list[onnx.NodeProto], tmp_path: Path
) -> None:
    path = Folder(nodes=tuple(nodes)).write(tmp_path / "mine")
    scorer = Scorer(path)
    assert scorer._folder.network.one_by_one is True
    given = SENTENCES[:6]
    found = scorer.probabilities(pa.array(given)).to_numpy()
    np.testing.assert_allclose(found, naive(path, given)[:, 1], atol=1e-6)


def test_batches_hold_texts_of_one_length_and_few_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scorer = Scorer(Folder().write(tmp_path / "mine"))
    shapes = []
    run = FolderNetwork._logits

    def noted(self: FolderNetwork, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        shapes.append(rows.shape)
        return run(self, rows)

    monkeypatch.setattr(FolderNetwork, "_logits", noted)
    given = texts(40) * 50
    scorer.predict(pa.array(given))
    lengths = np.diff(scorer._folder.pieces.encode(given).bounds)
    assert sum(rows for rows, _ in shapes) == len(given)
    assert sum(rows * length for rows, length in shapes) == lengths.sum()  # nothing is padded
    assert max(rows * length for rows, length in shapes) <= 1024
    assert len(shapes) < len(given) / 20


def test_long_texts_are_cut_at_the_end_and_counted(tmp_path: Path) -> None:
    path = Folder().write(tmp_path / "mine")
    long = " ".join(SENTENCES[:3])
    found = Scorer(path).predict(pa.array([long, "good"]), with_reading=True)
    assert found["cut_to_length"].to_pylist() == [True, False]
    words = long.split()
    others = [*words[:30], "other", "words"]
    scorer = Scorer(path)
    assert scorer.reads_start
    assert scorer.probabilities(pa.array([long, " ".join(others)])).to_pylist() == 2 * [
        found["probability"][0].as_py()
    ]
    left = Folder(tokenizer_config={"truncation_side": "left"}).write(tmp_path / "left")
    ends = Scorer(left)
    assert not ends.reads_start
    assert ends.probabilities(pa.array([long, f"other words {long}"])).to_pylist() == 2 * [
        ends.probabilities(pa.array([long]))[0].as_py()
    ]


@pytest.mark.parametrize(
    ("limits", "expected"), [(10**30, MOST_TOKENS), (16, 16), (None, MOST_TOKENS)]
)
def test_the_smaller_of_both_limits_counts(
    limits: int | None, expected: int, tmp_path: Path
) -> None:
    settings = {} if limits is None else {"model_max_length": limits}
    path = Folder(tokenizer_config=settings).write(tmp_path / "mine")
    assert Scorer(path).max_tokens == expected


# Labels.


def test_labels_of_sentiment_are_found_in_any_order(tmp_path: Path) -> None:
    path = Folder(labels=("pos", "neg")).write(tmp_path / "mine")
    scorer = Scorer(path)
    assert scorer.facts.labels == ("negative", "positive")
    expected = naive(path, SENTENCES[:6])[:, 0]
    found = scorer.score(SENTENCES[:6])
    assert [each.probability for each in found] == pytest.approx(expected.tolist(), abs=1e-6)
    assert [each.sentiment for each in found] == [
        ("negative", "positive")[int(share >= 0.5)] for share in expected
    ]


def test_five_stars_are_stars(tmp_path: Path) -> None:
    path = Folder("xlm-roberta", STARS, inputs=PLAIN).write(tmp_path / "mine")
    scorer = Scorer(path)
    shares = naive(path, SENTENCES[:6])
    expected = shares @ np.arange(1, 6)
    assert scorer.stars(SENTENCES[:6]) == pytest.approx(expected.round(2).tolist(), abs=0.011)
    positive = shares @ [0, 0, 0.5, 1, 1]
    found = scorer.probabilities(pa.array(SENTENCES[:6])).to_pylist()
    assert found == pytest.approx(positive.tolist(), abs=1e-6)


def test_labels_that_may_be_true_together_have_a_sigmoid_each(tmp_path: Path) -> None:
    folder = Folder("roberta", EMOTIONS, "multi_label_classification", PLAIN)
    path = folder.write(tmp_path / "mine")
    (found,) = Scorer(path).class_probabilities(SENTENCES[:1])
    assert found is not None
    shares = naive(path, SENTENCES[:1])[0]
    logits = {name: np.log(share / (1 - share)) for name, share in found.items()}
    for one in EMOTIONS[1:]:
        expected = np.log(shares[EMOTIONS.index(one)] / shares[0])
        assert logits[one] - logits["anger"] == pytest.approx(expected, abs=1e-4)


def test_other_labels_are_classes(tmp_path: Path) -> None:
    scorer = Scorer(Folder(labels=("LABEL_0", "LABEL_1")).write(tmp_path / "mine"))
    assert scorer.facts.has_classes
    assert scorer.facts.labels == ("LABEL_0", "LABEL_1")


# Where a folder is a model.


def test_a_pickled_scorer_opens_the_folder_again(tmp_path: Path) -> None:
    scorer = Scorer(Folder().write(tmp_path / "mine"))
    other = pickle.loads(pickle.dumps(scorer))
    assert other.score(SENTENCES[:3]) == scorer.score(SENTENCES[:3])
    assert other.identity() == scorer.identity()
    Folder(labels=("POSITIVE", "NEGATIVE")).write(tmp_path / "mine")
    assert pickle.loads(pickle.dumps(scorer)).score(SENTENCES[:3]) != scorer.score(SENTENCES[:3])


@pytest.mark.parametrize("part", ["tokenizer.json", "config.json", "model.onnx"])
def test_each_file_is_part_of_the_identity(part: str, tmp_path: Path) -> None:
    path = Folder().write(tmp_path / "mine")
    before = Scorer(path).sha256
    assert Scorer(path).sha256 == before
    changed = path / part
    if part == "model.onnx":
        onnx.save(Folder(labels=SENTIMENT[::-1]).but(kind="mpnet").network(), changed)
    else:
        changed.write_text(changed.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert Scorer(path).sha256 != before


def test_the_network_may_be_in_a_folder_of_its_own_or_be_named(tmp_path: Path) -> None:
    path = Folder().write(tmp_path / "mine", "onnx/model.onnx")
    assert find_model(path) == path / "onnx" / "model.onnx"
    (path / "onnx" / "model.onnx").rename(path / "onnx" / "model_fp32.onnx")
    assert Scorer(path).identity()["name"] == "mine-model_fp32"
    onnx.save(Folder(nodes=tuple(DYNAMIC)).network(), path / "onnx" / "model_quantized.onnx")
    with pytest.raises(
        ModelError, match=r"has several networks: onnx/model_fp32\.onnx, onnx/model_q"
    ):
        Scorer(path)
    named = Scorer(path / "onnx" / "model_quantized.onnx")
    assert named.identity()["name"] == "mine-model_quantized"
    assert named._folder.network.one_by_one


@pytest.mark.parametrize(
    "options", [{"by_sentence": True}, {"aspects": "hotels"}, {"reasons": 3}], ids=str
)
def test_what_needs_words_is_refused(options: dict[str, Any], tmp_path: Path) -> None:
    path = Folder().write(tmp_path / "mine")
    with pytest.raises(UsageError, match=r"for models of this toolkit, which know words\. mine is"):
        Scorer(path, **options)
    with pytest.raises(UsageError, match="explain: for models of this toolkit"):
        Scorer(path).explain("A fine film.")


def test_the_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Folder().write(tmp_path / "mine")
    monkeypatch.setattr("toolkit.errors.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"'tokenizers'.*pip install .*tokenizers"):
        Scorer(path)


# Folders that are refused.

_Change = Callable[[Path], object]


def _without(name: str) -> _Change:
    return lambda path: (path / name).unlink()


def _with(name: str, content: bytes) -> _Change:
    return lambda path: (path / name).write_bytes(content)


def _set(**entries: object) -> _Change:
    def change(path: Path) -> None:
        file = path / "config.json"
        file.write_text(json.dumps(json.loads(file.read_bytes()) | entries), encoding="utf-8")

    return change


def _graph(change: Callable[[onnx.ModelProto], object]) -> _Change:
    def changed(path: Path) -> None:
        model = onnx.load(path / "model.onnx")
        change(model)
        (path / "model.onnx").write_bytes(model.SerializeToString())

    return changed


def _outside(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value="/etc/passwd")


def _claims(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[:] = [10 << 28, 1]


def _input(name: str, shape: list[Any]) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        (given,) = (each for each in model.graph.input if each.name == "input_ids")
        given.CopyFrom(helper.make_tensor_value_info(name, TensorProto.INT64, shape))

    return change


def _rename_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(model.graph.output[0])
    for each, name in zip(model.graph.output, ("attended", "pooled"), strict=True):
        each.name = name


REFUSED: dict[str, tuple[_Change, str]] = {
    "no network": (_without("model.onnx"), "without model.onnx. Write it with: optimum-cli"),
    "no tokenizer": (_without("tokenizer.json"), "without tokenizer.json. Write it with"),
    "no config": (_without("config.json"), "without config.json. Copy it"),
    "config is a list": (_with("config.json", b"[]"), "expected a JSON object, found list"),
    "config is no JSON": (_with("config.json", b"{"), "config.json: not JSON"),
    "config of 2 MB": (_with("config.json", b" " * (2 << 20)), "expected a model file of 1 MiB"),
    "no labels": (_set(id2label=None), "has no id2label"),
    "one label": (_set(id2label={"0": "x"}), "has 1 labels, expected 2 to 1,000"),
    "labels with a gap": (_set(id2label={"0": "x", "2": "y"}), "expected a different printable"),
    "equal labels": (_set(id2label={"0": "x", "1": "x"}), "expected a different printable line"),
    "a label of two lines": (_set(id2label={"0": "x\ny", "1": "z"}), "expected a different print"),
    "more labels": (_set(id2label=dict(enumerate("abc"))), "gives the shape|gives 2 numbers"),
    "regression": (_set(problem_type="regression"), "the problem_type is 'regression'"),
    "no size": (_set(vocab_size="many"), "the vocab_size is 'many'"),
    "fewer ids than pieces": (_set(vocab_size=20), "It belongs to another network"),
    "no position": (_set(max_position_embeddings=-3), "the number of tokens is -3"),
    "one position": (_set(max_position_embeddings=1), "reads 1 tokens of a text, expected 8"),
    "too many positions": (_set(max_position_embeddings=100), "does not run on 100 ids"),
    "tokenizer is no JSON": (_with("tokenizer.json", b"{}"), "not a tokenizer, or damaged"),
    "tokenizer is no text": (_with("tokenizer.json", b"\xff"), "not a tokenizer, or damaged"),
    "network is no ONNX": (_with("model.onnx", b"PK\x03\x04"), "not an ONNX model"),
    "network is empty": (_with("model.onnx", b""), "not an ONNX model"),
    "weights outside": (_graph(_outside), "are stored outside the file"),
    "a claim of 10 GB": (_graph(_claims), "ONNX Runtime cannot load it"),
    "an input too many": (
        _graph(_input("position_ids", ["b", "s"])),
        "has the inputs position_ids",
    ),
    "a fixed length": (_graph(_input("input_ids", ["b", 12])), "reads exactly 12 ids of each text"),
    "no logits": (_graph(_rename_output), "has the outputs attended, pooled, and none is logits"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_folder_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    change, expected = REFUSED[name]
    path = Folder().write(tmp_path / "mine")
    change(path)
    with pytest.raises(ModelError, match=expected) as caught:
        Scorer(path)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_custom_operator_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Reverse", ["scores"], ["logits"], domain="com.mine")
    path = Folder(nodes=(node,)).write(tmp_path / "mine")
    with pytest.raises(ModelError, match=r"the operator 'com\.mine\.Reverse' is not in stock"):
        Scorer(path)


def _with_bytes(path: Path, old: bytes, new: bytes) -> None:
    content = (path / "model.onnx").read_bytes()
    assert old in content
    (path / "model.onnx").write_bytes(content.replace(old, new))


@pytest.mark.parametrize("name", [b"sequence", b"ReduceMean"])
def test_a_name_that_is_not_utf_8_is_an_error(
    name: bytes, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = Folder(nodes=tuple(MEAN)).write(tmp_path / "mine")
    _with_bytes(path, name, b"\xd3" + name[1:])
    capfd.readouterr()
    with pytest.raises(ModelError, match=r"not UTF-8|utf-8|not in stock"):
        Scorer(path)
    assert capfd.readouterr().out == ""


def test_a_network_that_cannot_be_loaded_prints_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    node = helper.make_node("Reshape", ["scores"], ["logits"], name="broken")
    path = Folder(nodes=(node,)).write(tmp_path / "mine")
    _with_bytes(path, b"broken", b"\xd3roken")
    capfd.readouterr()
    with pytest.raises(ModelError, match="ONNX Runtime cannot load it"):
        Scorer(path)
    assert capfd.readouterr() == ("", "")


def test_a_run_folder_is_no_classifier(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"config_version": 1}', encoding="utf-8")
    (tmp_path / "onnx").mkdir()
    with pytest.raises(ModelError, match=r"damaged|config version"):
        Scorer(tmp_path)
