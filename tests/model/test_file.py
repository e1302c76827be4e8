"""Reading model files, and files that are not models."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from tests.data import PROJECT
from tests.models import NGRAM_POOL, OLD_MODELS
from toolkit.errors import ModelError
from toolkit.model import ModelFile, Scorer
from toolkit.model.facts import NEWEST_VERSION, ModelFacts
from toolkit.model.training_facts import Calibration
from toolkit.text import RULES, Spellings

SHIPPED = PROJECT / "exported" / "conv1d.onnx"


@pytest.fixture
def model() -> onnx.ModelProto:
    return onnx.load(SHIPPED)


def load(model: onnx.ModelProto, folder: Path) -> ModelFile:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return ModelFile.load(path)


def set_fact(model: onnx.ModelProto, key: str, value: str) -> None:
    (entry,) = (entry for entry in model.metadata_props if entry.key == key)
    entry.value = value


def test_network_is_cut_at_the_token_ids() -> None:
    network = ModelFile.load(SHIPPED).network
    assert [value.name for value in network.graph.input] == ["token_ids"]
    assert [value.name for value in network.graph.output] == ["probability"]
    assert not {node.domain for node in network.graph.node}.difference({"", "ai.onnx"})


@dataclass(frozen=True, kw_only=True)
class _NewerFacts(ModelFacts):
    a_new_fact: str | None = None


def test_a_new_fact_that_is_none_changes_no_file() -> None:
    """Otherwise, exporting a model again would give other bytes."""
    facts = ModelFile.load(NGRAM_POOL).facts
    values = {each.name: getattr(facts, each.name) for each in fields(ModelFacts)}
    assert _NewerFacts(**values).as_dict() == facts.as_dict()
    assert _NewerFacts(**values, a_new_fact="x").as_dict()["a_new_fact"] == "x"


def test_facts_survive_the_file() -> None:
    file = ModelFile.load(SHIPPED)
    file.facts.write_to(file.graph)
    assert type(file.facts).read_from(file.graph, SHIPPED) == file.facts


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no protobuf", b"\x00" * 100, b"text,id\n"])
def test_no_onnx(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.onnx: not an ONNX model"):
        ModelFile.load(path)


def test_foreign_onnx(model: onnx.ModelProto, tmp_path: Path) -> None:
    del model.metadata_props[:]
    with pytest.raises(ModelError, match="not written by `toolkit export`"):
        load(model, tmp_path)


def test_another_format_version(model: onnx.ModelProto, tmp_path: Path) -> None:
    set_fact(model, "format_version", str(NEWEST_VERSION + 1))
    with pytest.raises(
        ModelError, match=f"version {NEWEST_VERSION + 1}, but this toolkit reads versions up to"
    ):
        load(model, tmp_path)


def test_a_file_of_version_1_still_works() -> None:
    """Of the network of `conv1d` with random weights."""
    path = PROJECT / "tests" / "frozen_files" / "version_1.onnx"
    facts = ModelFile.load(path).facts
    assert (facts.format_version, facts.max_tokens, facts.calibration) == (1, 12, None)
    scores = Scorer(path).score(["the good movie", "bad, bad movie", "a movie", "don't " * 20])
    assert [score.sentiment for score in scores] == ["negative", "positive", "positive", "positive"]
    expected = [0.0016313, 0.9999998, 0.9032010, 0.9988731]
    assert [score.probability for score in scores] == pytest.approx(expected, rel=0, abs=1e-6)


def test_a_file_of_a_former_preset_keeps_its_answers() -> None:
    """Of `ngram-pool`, by the toolkit and by ONNX Runtime alone; trained on made-up texts."""
    cases = json.loads(NGRAM_POOL.with_suffix(".json").read_text(encoding="utf-8"))
    texts, expected = [case["text"] for case in cases], [case["probability"] for case in cases]
    scores = Scorer(NGRAM_POOL).score(texts)
    found_here = [score.probability for score in scores]
    (silent,) = (place for place, score in enumerate(found_here) if score is None)
    assert texts[silent] == "no word of it"  # of which it knows function words alone
    del found_here[silent]
    assert found_here == pytest.approx(expected[:silent] + expected[silent + 1 :], rel=0, abs=1e-6)
    session = ort.InferenceSession(str(NGRAM_POOL), providers=["CPUExecutionProvider"])
    (found,) = session.run(["probability"], {"text": np.array(texts, object)})
    assert found == pytest.approx(expected, rel=0, abs=1e-6)


def test_files_of_version_2_keep_their_rule() -> None:
    model = ModelFile.load(OLD_MODELS / "ngram-linear.onnx")
    assert (model.facts.format_version, model.facts.token_rule) == (2, 1)
    assert model.vocabulary.rule == RULES[1]
    assert not len(model.vocabulary.spellings.strings)
    plain, typed = Scorer(model.path).score(["I don't like it", "I don\u2019t like it"])
    assert plain != typed


def test_other_spellings_are_read_from_the_file() -> None:
    vocabulary = ModelFile.load(SHIPPED).vocabulary
    of_rule = Spellings.of(vocabulary.words, vocabulary.rule)
    assert vocabulary.spellings.strings.equals(of_rule.strings)
    assert vocabulary.spellings.ids.tolist() == of_rule.ids.tolist()
    assert len(of_rule.ids) > 100


@pytest.mark.parametrize("number", [2, 3, 10_000])
def test_spellings_of_no_word(model: onnx.ModelProto, tmp_path: Path, number: int) -> None:
    (encoder,) = (node for node in model.graph.node if node.op_type == "LabelEncoder")
    (ids,) = (entry for entry in encoder.attribute if entry.name == "values_int64s")
    ids.ints[-1] = number
    with pytest.raises(ModelError, match="not in order"):
        _ = load(model, tmp_path).vocabulary


def test_version_3_counts_known_tokens(model: onnx.ModelProto, tmp_path: Path) -> None:
    (output,) = (value for value in model.graph.output if value.name == "known_tokens")
    model.graph.output.remove(output)
    with pytest.raises(ModelError, match="incomplete, the output 'known_tokens' is missing"):
        load(model, tmp_path)


def test_more_outputs_are_ignored_and_stars_are_numbers(
    model: onnx.ModelProto, tmp_path: Path
) -> None:
    one = onnx.helper.make_tensor("one", onnx.TensorProto.FLOAT, [], [1])
    model.graph.initializer.append(one)
    for name in ("stars", "another"):
        model.graph.node.append(onnx.helper.make_node("Add", ["probability", "one"], [name]))
        model.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["batch"])
        )
    texts = ["a superb film", "\U0001f994"]
    load(model, tmp_path)
    assert Scorer(tmp_path / "model.onnx").score(texts) == Scorer(SHIPPED).score(texts)
    (stars,) = (value for value in model.graph.output if value.name == "stars")
    stars.type.tensor_type.elem_type = onnx.TensorProto.STRING
    with pytest.raises(ModelError, match="the output 'stars' has the wrong type"):
        load(model, tmp_path)


def test_an_unknown_token_rule(model: onnx.ModelProto, tmp_path: Path) -> None:
    set_fact(model, "token_rule", "99")
    with pytest.raises(ModelError, match="damaged metadata: token_rule is 99"):
        load(model, tmp_path)


def test_facts_that_version_1_lacked(model: onnx.ModelProto, tmp_path: Path) -> None:
    facts = replace(
        ModelFile.load(SHIPPED).facts, format_version=2, calibration=Calibration(0.5, 0)
    )
    facts.write_to(model)
    assert load(model, tmp_path).facts == facts
    set_fact(model, "calibration", "1")
    with pytest.raises(ModelError, match="damaged metadata: calibration is 1"):
        assert load(model, tmp_path).facts.calibration


def test_damaged_facts(model: onnx.ModelProto, tmp_path: Path) -> None:
    set_fact(model, "threshold", "0,5")
    with pytest.raises(ModelError, match="damaged metadata"):
        load(model, tmp_path)
    set_fact(model, "threshold", "0.5")
    kept = [entry for entry in model.metadata_props if entry.key != "labels"]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    with pytest.raises(ModelError, match="damaged metadata: labels is missing"):
        load(model, tmp_path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("threshold", '"half"'), ("threshold", "true"), ("labels", "[1]"), ("labels", '["a", "a"]'),
     ("labels", '["a,", "b"]'), ("labels", '["a\\n", "b"]'), ("labels", '["", "b"]'),
     ("max_tokens", "-1"), ("max_tokens", '"x"'),
     ("vocabulary_size", "null"), ("threshold", "NaN"), ("model_name", '"a b"'),
     ("model_version", '"1\\n"'), ("neutral", '{"low": 0.9, "high": 0.2}')],
)  # fmt: skip
def test_facts_of_the_wrong_kind(
    model: onnx.ModelProto, tmp_path: Path, key: str, value: str
) -> None:
    set_fact(model, key, value)
    with pytest.raises(ModelError, match=f"damaged metadata: {key}"):
        load(model, tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "found"),
    [
        ("data", "[]", "data is"),
        ("data", "[" * 100_000, "JSON is nested more than 100 levels"),
        ("metrics", '{"unsure": 2}', "metrics.unsure is 2"),
        ("metrics", '{"folds": 3}', "metrics.folds is 3"),
        ("parity", "{", "parity is not JSON"),
        ("threshold_choice", "1", "threshold_choice is 1"),
        ("date", "1", "date is 1"),
    ],
)
def test_facts_that_only_describe_the_model_are_checked_when_asked_for(
    model: onnx.ModelProto, tmp_path: Path, key: str, value: str, found: str
) -> None:
    set_fact(model, key, value)
    path = tmp_path / "model.onnx"
    path.write_bytes(model.SerializeToString())
    # All that scoring does with a file, but for the share of unsure answers, goes without them.
    assert Scorer(path).score(["a superb film"]) == Scorer(SHIPPED).score(["a superb film"])
    facts = ModelFile.load(path).facts
    with pytest.raises(ModelError, match=re.escape(f"{path}: damaged metadata: {found}")):
        getattr(facts, "release" if key == "date" else key)


@pytest.mark.parametrize("key", ["data", "metrics", "parity"])
def test_facts_that_are_missing(model: onnx.ModelProto, tmp_path: Path, key: str) -> None:
    kept = [entry for entry in model.metadata_props if entry.key != key]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    with pytest.raises(ModelError, match=f"damaged metadata: {key} is missing"):
        load(model, tmp_path)


def test_twin_is_not_the_model() -> None:
    with pytest.raises(ModelError, match=r"the input 'text' is missing .*an ids-in twin"):
        ModelFile.load(SHIPPED.with_suffix(".ids.onnx"))


def test_without_vocabulary(model: onnx.ModelProto, tmp_path: Path) -> None:
    (encoder,) = (node for node in model.graph.node if node.op_type == "LabelEncoder")
    encoder.op_type = "Scaler"
    with pytest.raises(ModelError, match="as the LabelEncoder"):
        _ = load(model, tmp_path).vocabulary


def test_words_out_of_order(model: onnx.ModelProto, tmp_path: Path) -> None:
    (encoder,) = (node for node in model.graph.node if node.op_type == "LabelEncoder")
    (ids,) = (entry for entry in encoder.attribute if entry.name == "values_int64s")
    ids.ints[100], ids.ints[101] = ids.ints[101], ids.ints[100]
    with pytest.raises(ModelError, match="not in order"):
        _ = load(model, tmp_path).vocabulary


def test_facts_are_json(model: onnx.ModelProto) -> None:
    for entry in model.metadata_props:
        json.loads(entry.value)


def test_format_version_is_a_number(model: onnx.ModelProto, tmp_path: Path) -> None:
    set_fact(model, "format_version", "true")
    with pytest.raises(ModelError, match="model format version True"):
        load(model, tmp_path)


def test_another_length_than_the_network(model: onnx.ModelProto, tmp_path: Path) -> None:
    set_fact(model, "max_tokens", "50")
    with pytest.raises(ModelError, match="reads 100 tokens, its metadata say 50"):
        load(model, tmp_path)


def test_more_words_than_ids(model: onnx.ModelProto, tmp_path: Path) -> None:
    set_fact(model, "vocabulary_size", "9000")
    with pytest.raises(ModelError, match=r"more words than token ids .9,000"):
        _ = load(model, tmp_path).vocabulary


def test_a_word_that_is_no_text(model: onnx.ModelProto, tmp_path: Path) -> None:
    (encoder,) = (node for node in model.graph.node if node.op_type == "LabelEncoder")
    (words,) = (entry for entry in encoder.attribute if entry.name == "keys_strings")
    words.strings[100] = b"\xff"
    with pytest.raises(ModelError, match="a word of the LabelEncoder is not UTF-8"):
        _ = load(model, tmp_path).vocabulary


def test_networks_that_do_not_work_are_found_at_once(
    model: onnx.ModelProto, tmp_path: Path
) -> None:
    path = tmp_path / "model.onnx"
    set_fact(model, "vocabulary_size", "20000")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="its network fails"):
        Scorer(path)
    set_fact(model, "vocabulary_size", "10000")
    for weights in model.graph.initializer:
        if weights.name.startswith("network/") and weights.data_type == onnx.TensorProto.FLOAT:
            weights.raw_data = np.full(len(weights.raw_data) // 4, np.nan, np.float32).tobytes()
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match="expected a probability"):
        Scorer(path)
