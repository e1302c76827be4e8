"""A model file that would say one thing here and another in an application is refused."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

from tests.cli.running import Command
from tests.models import CONV1D, EXPORTED, FILM, MODEL, NGRAM_POOL, OLD_MODELS
from toolkit.errors import ModelError
from toolkit.model import SHIPPED, Scorer, checked_files, native_network
from toolkit.model.file import PROBABILITY

SMALL = EXPORTED / "reviews-small.onnx"  # of rule 3, with stars
Change = Callable[[onnx.ModelProto], None]


def constant(name: str, values: Any) -> Change:
    def change(model: onnx.ModelProto) -> None:
        (entry,) = (each for each in model.graph.initializer if each.name == name)
        kind = onnx.helper.tensor_dtype_to_np_dtype(entry.data_type)
        entry.CopyFrom(numpy_helper.from_array(np.array(values, kind), name))

    return change


def attribute(operator: str, name: str, value: Any, at: int = 0) -> Change:
    def change(model: onnx.ModelProto) -> None:
        node = [each for each in model.graph.node if each.op_type == operator][at]
        kept = [each for each in node.attribute if each.name != name]
        del node.attribute[:]
        node.attribute.extend([*kept, helper.make_attribute(name, value)])

    return change


def fact(key: str, value: Any) -> Change:
    def change(model: onnx.ModelProto) -> None:
        (entry,) = (each for each in model.metadata_props if each.key == key)
        entry.value = json.dumps(value)

    return change


def reading(name: str, *nodes: onnx.NodeProto) -> Change:
    """Put nodes before those that read a tensor: they make ``NAME/changed`` of it."""

    def change(model: onnx.ModelProto) -> None:
        at = min(place for place, node in enumerate(model.graph.node) if name in node.input)
        for node in model.graph.node:
            node.input[:] = [f"{each}/changed" if each == name else each for each in node.input]
        listed = [*model.graph.node[:at], *nodes, *model.graph.node[at:]]
        del model.graph.node[:]
        model.graph.node.extend(listed)

    return change


def another_id(model: onnx.ModelProto) -> None:
    """One word of 30,000 counts as another one in the graph alone."""
    whole = numpy_helper.from_array(np.array(20_000, np.int64), "trap/word")
    other = numpy_helper.from_array(np.array(20, np.int64), "trap/other")
    model.graph.initializer.extend([whole, other])
    name = "front_end/found_ids"
    reading(
        name,
        helper.make_node("Equal", [name, "trap/word"], ["trap/is_word"]),
        helper.make_node("Where", ["trap/is_word", "trap/other", name], [f"{name}/changed"]),
    )(model)


def other_label(model: onnx.ModelProto) -> None:
    """The label is that of the opposite probability."""
    model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), "trap/one"))
    (node,) = (node for node in model.graph.node if node.op_type == "GreaterOrEqual"
               and PROBABILITY in node.input)  # fmt: skip
    node.input[0] = "trap/opposite"
    at = [*model.graph.node].index(node)
    model.graph.node.insert(
        at, helper.make_node("Sub", ["trap/one", PROBABILITY], ["trap/opposite"])
    )


def other_count(model: onnx.ModelProto) -> None:
    constant("known/first_id", 400)(model)


CHANGES: dict[str, tuple[Change, str]] = {
    "labels of the graph": (
        constant("label/names", ["positive", "negative"]),
        r"its graph has the labels \('positive', 'negative'\), its metadata "
        r"\('negative', 'positive'\)",
    ),
    "labels of the metadata": (fact("labels", ["positive", "negative"]), "has the labels"),
    "threshold of the graph": (constant("label/threshold", 0.9), "threshold 0.9, its metadata 0.5"),
    "threshold of the metadata": (fact("threshold", 0.9), "threshold 0.5, its metadata 0.9"),
    "label of another number": (other_label, "does not compute labels from the probability and a "
                                             "threshold"),
    "columns": (constant("front_end/most_columns", [5]), "reads 5 tokens, its metadata say 512"),
    "stars": (constant("stars/biases", [[1, 1, 1, 1]]), "the biases of the stars in its graph"),
    "tokens": (attribute("Tokenizer", "tokenexp", "[a-z]+"), "does not split texts by token rule"),
    "mark-up": (attribute("Tokenizer", "separators", ["x"], 1), "does not split texts by token "
                                                                "rule"),
    "capitals": (
        attribute("StringNormalizer", "case_change_action", "NONE"),
        "does not convert to lower case",
    ),
    "stop words": (
        attribute("StringNormalizer", "stopwords", ["good"]),
        "does not convert to lower case, or drops words",
    ),
    "unknown words": (attribute("LabelEncoder", "default_int64", 4), "the id of unknown words, "
                                                                     "differs"),
    "second table": (
        lambda model: (
            attribute("LabelEncoder", "keys_strings", ["", "good"], 1)(model),
            attribute("LabelEncoder", "values_int64s", [0, 7], 1)(model),
        )[0],
        "the vocabulary in its graph",
    ),
    "one word": (another_id, "its graph gives '.+' the token id 20, this toolkit 20000"),
    "known tokens": (other_count, r"'known_tokens' of the text '.*' is \d, in this toolkit \d"),
}  # fmt: skip


def changed(tmp_path: Path, change: Change, source: Path = SMALL) -> Path:
    model = onnx.load(source)
    change(model)
    path = tmp_path / "model.onnx"
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("name", CHANGES)
def test_it_is_refused_with_what_differs(tmp_path: Path, name: str) -> None:
    change, message = CHANGES[name]
    path = changed(tmp_path, change)
    with pytest.raises(ModelError, match=message) as caught:
        Scorer(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(
        f"{path}: its graph and this toolkit would give different answers"
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_a_number_is_refused(tmp_path: Path, value: float) -> None:
    """Of one rare word: texts without it have answers."""

    def change(model: onnx.ModelProto) -> None:
        (entry,) = (each for each in model.graph.initializer if each.name == "network/weights_1")
        weights = numpy_helper.to_array(entry).copy()
        weights[333, 5] = value
        entry.CopyFrom(numpy_helper.from_array(weights, entry.name))

    path = changed(tmp_path, change, CONV1D)
    with pytest.raises(ModelError, match=r"the weights 'network/weights_1' have a .* at \[333, 5]"):
        Scorer(path)


def test_the_application_would_have_said_the_opposite(tmp_path: Path) -> None:
    path = changed(tmp_path, CHANGES["labels of the graph"][0])
    (label,) = ort.InferenceSession(str(path)).run(["label"], {"text": np.array([FILM], object)})
    assert label.tolist() == ["negative"]
    assert [score.sentiment for score in Scorer(SMALL).score([FILM])] == ["positive"]


@pytest.mark.parametrize("verb", ["info", "evaluate", "score"])
def test_commands_refuse_it_in_one_line(verb: str, command: Command, tmp_path: Path) -> None:
    path = changed(tmp_path, CHANGES["labels of the metadata"][0])
    reviews = tmp_path / "reviews.csv"
    reviews.write_text("text,label\nA fine film.,1\nA dull film.,0\n")
    found = command(verb, *([] if verb == "info" else [reviews]), "--model", path)
    assert found.exit_code == 1
    assert found.err.count("\n") == 1
    assert "has the labels" in found.err


def test_the_twin_is_checked(command: Command, tmp_path: Path) -> None:
    twin = changed(tmp_path, constant("neutral/ends", [0, 1]), EXPORTED / "reviews.ids.onnx")
    found = command("info", twin)
    assert found.exit_code == 1
    assert "the neutral range in its graph are [0.0, 1.0], in its metadata" in found.err


@pytest.mark.parametrize(
    "path", [*sorted(OLD_MODELS.glob("*.onnx")), NGRAM_POOL, OLD_MODELS.with_name("version_1.onnx")]
)
def test_old_files_agree(path: Path) -> None:
    assert Scorer(path).score([FILM])


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose whole graph is opened; nothing counts as checked before."""
    found: list[Path] = []
    monkeypatch.setattr(checked_files, "_checked", set())
    whole = native_network.open_whole_graph

    def open_whole_graph(model: Any) -> Any:
        found.append(model.path)
        return whole(model)

    monkeypatch.setattr(native_network, "open_whole_graph", open_whole_graph)
    return found


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_are_known(name: str, opened: list[Path]) -> None:
    Scorer(name)
    assert not opened


@pytest.mark.parametrize("path", [MODEL, CONV1D], ids=lambda path: path.stem)
def test_shipped_files_agree(
    path: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked_files, "_shipped", frozenset)
    Scorer(path)
    assert opened == [path]


def test_a_file_is_checked_once(tmp_path: Path, opened: list[Path]) -> None:
    path = tmp_path / "own.onnx"
    shutil.copy(NGRAM_POOL, path)
    scorer = Scorer(path)
    assert opened == [path]
    scorer.with_labels(by_sentence=True)
    Scorer(path, 0.7)
    assert opened == [path]


def test_who_gets_a_scorer_does_not_check_again(
    tmp_path: Path, opened: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.onnx"
    shutil.copy(NGRAM_POOL, path)
    sent = pickle.dumps(Scorer(path))
    monkeypatch.setattr(checked_files, "_checked", set())  # as in another process
    assert pickle.loads(sent).score([FILM])
    assert opened == [path]
    # Another file at that place is another model.
    shutil.copy(changed(tmp_path, constant("label/threshold", 0.9), NGRAM_POOL), path)
    with pytest.raises(ModelError, match=r"threshold 0\.9"):
        pickle.loads(sent)
