"""An int8 copy of a classifier folder: `toolkit export FOLDER --quantize`."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import helper

from tests.cli.running import Command
from tests.folders.making import EMOTIONS, KINDS, PLAIN, SENTENCES, STARS, Folder
from toolkit import Scorer
from toolkit.errors import ModelError, ParityError, UsageError
from toolkit.export import export_quantized
from toolkit.model.folder import ClassifierFolder
from toolkit.model.opened import open_model

INT8 = "MatMulInteger"
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "config.json")


def operators(network: Path) -> set[str]:
    """Return the operators of a network."""
    return {node.op_type for node in onnx.load(network).graph.node}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_a_copy_answers_alike(tmp_path: Path, kind: Folder) -> None:
    source = kind.write(tmp_path / "mine")
    before = (source / "model.onnx").read_bytes()
    found = export_quantized(source)
    assert found.folder == tmp_path / "mine-int8"
    assert (source / "model.onnx").read_bytes() == before
    assert {path.name for path in found.folder.iterdir()} == {"model.onnx", *TOKENIZER}
    for name in TOKENIZER:
        assert (found.folder / name).read_bytes() == (source / name).read_bytes()
    assert operators(found.folder / "model.onnx") >= {INT8, "DynamicQuantizeLinear"}
    assert found.has_embeddings
    assert found.bytes_before == len(before)
    assert found.bytes_after == (found.folder / "model.onnx").stat().st_size
    kept = {each.name for each in onnx.load(found.folder / "model.onnx").graph.initializer}
    assert not kept & {"pieces", "query", "answer"}
    copy = open_model(found.folder)
    assert isinstance(copy, ClassifierFolder)
    assert copy.network.one_by_one
    assert copy.sha256 != open_model(source).sha256
    both = [Scorer(each).class_probabilities(SENTENCES) for each in (source, found.folder)]
    differences = [
        abs(one[label] - other[label])
        for one, other in zip(*both, strict=True)
        if one is not None and other is not None
        for label in one
    ]
    assert 0 < max(differences) < 0.05
    assert 0 < found.largest_difference < 0.1
    assert found.texts > 800
    assert found.other_labels <= 0.05 * found.texts
    assert 0 < found.seconds_before < 1
    assert 0 < found.seconds_after < 1


def test_the_command_writes_a_model_for_score(command: Command) -> None:
    Folder().write(command.folder / "mine", "onnx/model.onnx")
    (command.folder / "mine" / "LICENSE").write_text("MIT", encoding="utf-8")
    (command.folder / "mine" / "pytorch_model.bin").write_bytes(b"weights")
    (command.folder / "mine" / "second-opinion.json").write_text("{}", encoding="utf-8")
    handlers = logging.getLogger().handlers[:]
    ran = command("export", "mine", "--quantize", "-o", "small")
    assert ran.exit_code == 0, ran.err
    assert "pre-processing" not in ran.out + ran.err
    assert logging.getLogger().handlers == handlers
    assert not logging.getLogger().filters
    lines = ran.out.splitlines()
    assert " texts: " in lines[0]
    assert "have another label; the largest difference of a probability is 0." in lines[0]
    assert lines[1].startswith("Size: ")
    assert "Written to small" in lines
    names = {path.name for path in Path("small").iterdir()}
    assert names == {"model.onnx", "LICENSE", *TOKENIZER}
    Path("a.csv").write_text("text\n" + "\n".join(f'"{each}"' for each in SENTENCES))
    assert command("score", "a.csv", "-m", "small", "-o", "b.csv").exit_code == 0
    answers = Path("b.csv").read_text(encoding="utf-8")
    assert answers.count("positive") + answers.count("negative") >= len(SENTENCES)
    second = ("--second", "small", "--unsure", "0:1", "--answered-by", "-o", "c.csv")
    assert command("score", "a.csv", *second).exit_code == 0
    assert Path("c.csv").read_text(encoding="utf-8").count("second") >= len(SENTENCES)
    again = command("export", "mine", "--quantize", "-o", "small")
    assert again.exit_code == 2
    assert "small: exists already" in again.err
    assert command("export", "mine", "--quantize", "-o", "small", "--force").exit_code == 0


def test_labels_that_rounding_loses_are_refused(tmp_path: Path) -> None:
    """A number that is far larger than all others takes the 8 bits for itself."""
    pieces = np.random.default_rng(1).normal(0, 0.4, (300, 16)).astype(np.float32)
    pieces[:, 0] = 5000
    rng = np.random.default_rng(2)
    matrices = {name: rng.normal(0, 0.4, (16, 16)) for name in ("query", "key", "value")}
    for matrix in matrices.values():
        matrix[0] = 0
    weights = {name: matrix.astype(np.float32) for name, matrix in matrices.items()}
    source = Folder(weights={"pieces": pieces, **weights}).write(tmp_path / "mine")
    with pytest.raises(ParityError, match=r"have another label, more than 5%. Nothing is written"):
        export_quantized(source)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_embeddings_stay_where_they_must(command: Command) -> None:
    """A row of the table that no text has is larger than all others."""
    pieces = np.random.default_rng(1).normal(0, 0.4, (300, 16)).astype(np.float32)
    pieces[1] = 5000  # padding
    Folder(weights={"pieces": pieces}).write(command.folder / "mine")
    ran = command("export", "mine", "--quantize")
    assert ran.exit_code == 0, ran.err
    assert "The embeddings stay in float32, as too many labels would differ." in ran.out
    kept = {each.name for each in onnx.load("mine-int8/model.onnx").graph.initializer}
    assert "pieces" in kept
    assert "query" not in kept


def test_several_labels_at_once_and_stars(tmp_path: Path) -> None:
    multiple = Folder(labels=EMOTIONS, problem="multi_label_classification")
    assert export_quantized(multiple.write(tmp_path / "a")).other_labels < 40
    found = export_quantized(Folder(labels=STARS).write(tmp_path / "b") / "model.onnx")
    stars = Scorer(found.folder).stars(SENTENCES)
    np.testing.assert_allclose(
        np.array(stars, float), np.array(Scorer(tmp_path / "b").stars(SENTENCES), float), atol=0.2
    )


def test_what_cannot_be_quantized_is_refused(tmp_path: Path) -> None:
    source = Folder().write(tmp_path / "mine")
    made = export_quantized(source).folder
    with pytest.raises(ModelError, match="is quantized already"):
        export_quantized(made)
    with pytest.raises(UsageError, match=r"^--quantize: reviews is not a folder with a text class"):
        export_quantized("reviews")
    half = onnx.load(source / "model.onnx")
    half.graph.initializer.append(
        helper.make_tensor("half", onnx.TensorProto.FLOAT16, [1], np.zeros(1, np.float16))
    )
    half.graph.node.append(helper.make_node("Identity", ["half"], ["unused_half"]))
    onnx.save(half, source / "model.onnx")
    with pytest.raises(ModelError, match="has weights in float16"):
        export_quantized(source, tmp_path / "other")
    variable = Folder().network()
    for node in variable.graph.node:
        if node.op_type == "MatMul" and node.input[1] in ("query", "key", "value", "answer"):
            node.input[1] = f"{node.input[1]}_again"
            copied = helper.make_node("Identity", [node.input[1][:-6]], [node.input[1]])
            variable.graph.node.insert(0, copied)
    onnx.save(variable, source / "model.onnx")
    with pytest.raises(ModelError, match="has no matrix of float32 weights to quantize"):
        export_quantized(source, tmp_path / "other")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("output", ["mine", ".", "mine/onnx", "s3://bucket/small"])
def test_the_source_is_not_replaced(command: Command, output: str) -> None:
    Folder().write(command.folder / "mine", "onnx/model.onnx")
    ran = command("export", "mine", "--quantize", "--force", "-o", output)
    assert ran.exit_code == 2
    assert "has the folder to quantize" in ran.err or "writes a folder of this machine" in ran.err
    assert Path("mine/onnx/model.onnx").is_file()
    assert len(Scorer("mine").predict(pa.array(SENTENCES))) == len(SENTENCES)


def test_other_folders_are_not_replaced(command: Command) -> None:
    Folder().write(command.folder / "mine")
    (command.folder / "letters").mkdir()
    (command.folder / "letters" / "a.txt").write_text("Dear", encoding="utf-8")
    ran = command("export", "mine", "--quantize", "--force", "-o", "letters")
    assert ran.exit_code == 2
    assert "letters: has something else than a text classifier" in ran.err
    assert Path("letters/a.txt").is_file()


def test_options_that_do_not_fit(command: Command) -> None:
    Folder("distilbert", inputs=PLAIN).write(command.folder / "mine")
    for more in (("--threshold", "0.4"), ("--golden",), ("--twin",), ("--hub", "there")):
        ran = command("export", "mine", "--quantize", *more)
        assert ran.exit_code == 2
        assert ": can be combined only with --output and --force." in ran.err
    ran = command("export", "mine")
    assert ran.exit_code == 2
    assert "mine: is a folder with a text classifier" in ran.err
    assert not Path("mine-int8").exists()
