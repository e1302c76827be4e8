"""`toolkit export`: run folder → model files, or an error and nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pyarrow as pa
import pytest

from exported.shipping import shipped_vectors
from tests.cli.running import Command
from tests.data import PROJECT
from tests.export.conftest import CONFIG, REVIEWS, SmallModel
from tests.reference import SEPARATORS, as_people, known_as, normal, tokens_of
from toolkit.errors import ModelError, ParityError, UsageError
from toolkit.evaluation.behaviour import behaviour_of
from toolkit.export import export
from toolkit.export.convert import check_parity
from toolkit.model import ModelFile, RunFolder, Scorer, read_twin
from toolkit.model.facts import FORMAT_VERSION
from toolkit.model.training_facts import RunMetrics, Scores, TrainingData
from toolkit.text import Vocabulary, golden_texts


def files_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_files_and_facts(run: RunFolder) -> None:
    result = export(str(run.path))
    assert result.model == run.path / "conv1d.onnx"
    assert files_in(run.path) >= {"conv1d.onnx", "conv1d.ids.onnx", "conv1d.vocabulary.txt"}
    facts = ModelFile.load(result.model).facts
    assert (facts.preset, facts.max_tokens, facts.vocabulary_size) == ("conv1d", 12, 13)
    assert facts.data == TrainingData("four reviews")
    behaviour = behaviour_of(Scorer(result.model))
    assert len(behaviour.phenomena) > 10
    assert facts.metrics == RunMetrics(validation=Scores(accuracy=0.5), behaviour=behaviour)
    assert facts.parity is not None
    assert facts.parity.reviews == len(REVIEWS)
    assert facts.parity.label_flips == 0
    assert facts.parity.largest_difference <= 1e-5
    assert Scorer(result.model).score(REVIEWS)[0].probability is not None


@pytest.mark.parametrize("rule", [1, 2])
def test_a_run_keeps_its_token_rule_in_the_newest_format(run: RunFolder, rule: int) -> None:
    """Run folders that say nothing of it have the first one."""
    content = json.loads(run.config.read_text("utf-8"))
    content = {**content, "token_rule": rule} if rule > 1 else {
        key: value for key, value in content.items() if key != "token_rule"
    }  # fmt: skip
    run.config.write_text(json.dumps(content), "utf-8")
    result = export(run.path)
    facts = ModelFile.load(result.model).facts
    assert (facts.format_version, facts.token_rule) == (FORMAT_VERSION, rule)
    assert read_twin(result.twin).facts == facts
    plain, typed = Scorer(result.model).score(["the don't movie", "the\u2028don\u2019t\u2014movie"])
    assert (plain == typed) == (rule == 2)


def test_any_number_of_texts(small_model: SmallModel) -> None:
    session, twin = map(ort.InferenceSession, map(str, (small_model.text_in, small_model.ids_in)))
    names = ["label", "probability", "known_tokens"]
    for texts in ([], ["the"], ["the", "\U0001f994", ""]):
        label, probability, known = session.run(names, {"text": np.array(texts, object)})
        assert label.shape == probability.shape == known.shape == (len(texts),)
        assert known.tolist() == [1, 0, 0][: len(texts)]
        ids = np.zeros((len(texts), 12), np.int32)
        assert [each.shape for each in twin.run(None, {"token_ids": ids})] == [(len(texts),)] * 3


def test_the_same_run_gives_the_same_bytes(run: RunFolder, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        export(run.path, tmp_path / name / "m.onnx", golden=True)
    for name in files_in(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_golden_vectors_are_those_of_the_model(run: RunFolder) -> None:
    assert export(run.path).golden is None
    assert "conv1d.golden.jsonl" not in files_in(run.path)
    result = export(run.path, force=True, golden=True)
    assert result.golden == run.path / "conv1d.golden.jsonl"
    lines = [json.loads(line) for line in result.golden.read_text("ascii").splitlines()]
    scores = Scorer(result.model).score(line["text"] for line in lines)
    for line, score in zip(lines, scores, strict=True):
        expected = line["models"]["conv1d"]
        if score.probability is not None:  # a blank text has none
            assert score.sentiment == expected["label"]
            assert score.probability == pytest.approx(expected["probability"], abs=1e-6)


def test_model_is_valid_and_asks_for_no_new_operators(run: RunFolder) -> None:
    for path in (export(run.path).model, run.path / "conv1d.ids.onnx"):
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert model.ir_version <= 9
        versions = {entry.domain: entry.version for entry in model.opset_import}
        assert versions.pop("") == 18
        assert set(versions) <= {"ai.onnx.ml", "com.microsoft"}
    assert versions == {}  # the twin needs the standard operators only


@pytest.mark.parametrize(
    "taken", ["conv1d.onnx", "conv1d.ids.onnx", "conv1d.vocabulary.txt", "conv1d.golden.jsonl"]
)
def test_existing_files_are_refused_without_force(run: RunFolder, taken: str) -> None:
    (run.path / taken).write_text("mine")
    before = files_in(run.path)
    with pytest.raises(UsageError, match=f"{taken}: exists already"):
        export(run.path, golden=True)
    assert files_in(run.path) == before
    assert (run.path / taken).read_text() == "mine"
    export(run.path, force=True, golden=True)
    assert (run.path / taken).read_bytes() != b"mine"


def test_disagreement_leaves_nothing(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    # A tolerance below zero is the shortest way to a difference that is too large.
    monkeypatch.setattr("toolkit.export.convert.TOLERANCE", -1.0)
    before = files_in(run.path)
    with pytest.raises(ParityError, match="Nothing was exported"):
        export(run.path)
    assert files_in(run.path) == before


@pytest.mark.parametrize(
    "part", ["model.keras", "vocabulary.txt", "config.json", "metrics.json", "sample.parquet"]
)
def test_missing_part(run: RunFolder, part: str) -> None:
    (run.path / part).unlink()
    with pytest.raises(ModelError, match=f"an incomplete run folder, without {part}"):
        export(run.path)


@pytest.mark.parametrize(
    "part", ["model.keras", "vocabulary.txt", "config.json", "metrics.json", "sample.parquet"]
)
@pytest.mark.parametrize(
    ("content", "recorded"),
    [(b"nonsense", False), *((content, True) for content in (b"", b"nonsense", b"[1]"))],
)
def test_damaged_part(run: RunFolder, part: str, content: bytes, recorded: bool) -> None:
    """Whether or not the damage came before the fingerprints were taken."""
    (run.path / part).write_bytes(content)
    if recorded and part != "config.json":
        run.save_config(CONFIG)
    before = files_in(run.path)
    if recorded and part == "vocabulary.txt" and content:
        check_parity(export(run.path).parity)  # any lines are a vocabulary
        return
    with pytest.raises(ModelError, match=part):
        export(run.path)
    assert files_in(run.path) == before


def test_line_ends_changed_by_git(run: RunFolder) -> None:
    run.vocabulary.write_bytes(run.vocabulary.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(ModelError, match=r"vocabulary\.txt changed after the training"):
        export(run.path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("vocabulary_size", "many"), ("vocabulary_size", True), ("max_tokens", 10**9), ("preset", 5),
     ("preset", "../../evil"), ("preset", "x\n"), ("data", [1]), ("parts", None)],
)  # fmt: skip
def test_config_with_entries_of_the_wrong_kind(run: RunFolder, key: str, value: object) -> None:
    config = json.loads(run.config.read_text())
    run.config.write_text(json.dumps(config | {key: value}))
    with pytest.raises(ModelError, match=rf"config\.json: damaged: {key}"):
        export(run.path)


def test_config_of_another_version(run: RunFolder) -> None:
    config = json.loads(run.config.read_text())
    run.config.write_text(json.dumps(config | {"config_version": 99}))
    with pytest.raises(ModelError, match=r"config version 99, expected 1\. Train again"):
        export(run.path)


def test_vocabulary_of_another_run(run: RunFolder) -> None:
    Vocabulary(pa.array([f"word{n}" for n in range(10)])).save(run.vocabulary)
    run.save_config(CONFIG)
    with pytest.raises(ModelError, match="10 words, more than the network's 13 ids allow"):
        export(run.path)


def test_model_of_another_length(run: RunFolder) -> None:
    config = json.loads(run.config.read_text())
    run.config.write_text(json.dumps(config | {"max_tokens": 30}))
    with pytest.raises(ModelError, match=r"reads 12 tokens, but its config says 30"):
        export(run.path)


def test_no_run_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="found nothing there"):
        export(tmp_path / "none")
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="found a file"):
        export(tmp_path / "file")
    with pytest.raises(ModelError, match="an incomplete run folder"):
        export(tmp_path)


def test_output_must_end_in_onnx(run: RunFolder) -> None:
    with pytest.raises(UsageError, match=r"expected a file name that ends in \.onnx"):
        export(run.path, run.path / "model.bin")
    with pytest.raises(UsageError, match=r"model\.ids\.onnx: this ending is for twins"):
        export(run.path, run.path / "model.ids.onnx")


def test_golden_vectors_of_an_earlier_model_are_named(run: RunFolder) -> None:
    output = run.path / "model.onnx"
    assert not any("golden" in note for note in export(run.path, output, golden=True).notes)
    (note,) = [note for note in export(run.path, output, force=True).notes if "golden" in note]
    assert note.startswith(
        f"{output.with_suffix('.golden.jsonl')} was written for an earlier model. "
    )


def test_command(run: RunFolder, command: Command) -> None:
    first = command("export", run.path)
    assert (first.exit_code, first.err) == (0, "")
    assert "4 reviews" in first.out
    assert "0 label flips" in first.out
    assert "threshold 0.5 (default)" in first.out
    assert "conv1d.ids.onnx" in first.out
    command("export", run.path).failed_with("--force", 2)
    ran = command("export", run.path, "--force", "--optimize", "f1")
    ran.failed_with("no held-out reviews to choose a threshold on", 2)


def test_an_interrupted_export_leaves_nothing(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Vocabulary, "save", interrupt)
    before = files_in(run.path)
    with pytest.raises(KeyboardInterrupt):
        export(run.path)
    assert files_in(run.path) == before


EXPORTED = PROJECT / "exported"

GOLDEN = EXPORTED / "golden.jsonl"

MODELS = sorted(path for path in EXPORTED.glob("*.onnx") if not path.stem.endswith(".ids"))


def parsed(content: str) -> list[Any]:
    return [json.loads(line) for line in content.splitlines()]


def without_probabilities(lines: list[Any]) -> list[Any]:
    return [
        {**line, "models": {n: {**m, "probability": 0} for n, m in line["models"].items()}}
        for line in lines
    ]


@pytest.fixture(scope="module")
def shipped() -> list[Any]:
    return parsed(GOLDEN.read_text(encoding="ascii"))


@pytest.mark.slow
def test_shipped_file_can_be_made_again(shipped: list[Any]) -> None:
    again = parsed(shipped_vectors(MODELS))
    assert without_probabilities(again) == without_probabilities(shipped)
    for path in MODELS:
        before, now = (
            np.array([line["models"][path.stem]["probability"] for line in lines])
            for lines in (shipped, again)
        )
        np.testing.assert_allclose(now, before, rtol=0, atol=1e-6)


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_ids_are_those_of_the_reference(shipped: list[Any], path: Path) -> None:
    model = ModelFile.load(path)
    rule, most = model.facts.token_rule, model.facts.max_tokens
    words = model.vocabulary.words.to_pylist()
    ids = {word: place for place, word in enumerate(words, 4)}
    known = set(words)
    held = {*words, *model.vocabulary.spellings.strings.to_pylist()}

    def id_of(token: str) -> int:
        word = known_as(token, known, rule)
        # The file holds the names and places of the list that it was trained with; ours has more.
        is_newer = as_people(normal(token, 2)) != normal(token, 2) and token not in held
        return 2 if word is None or is_newer else ids[word]

    for line in shipped:
        row = [1, *map(id_of, tokens_of(line["text"], rule))][-most:]
        found = line["models"][path.stem]
        assert found["token_ids"] == row, line["name"]
        assert found["known_tokens"] == sum(number >= 4 for number in row)


def test_shipped_file_is_small_and_plain(shipped: list[Any]) -> None:
    assert GOLDEN.stat().st_size < 1_500_000
    assert len({line["name"] for line in shipped}) == len(shipped)
    for line in shipped:
        assert set(line["models"]) == {path.stem for path in MODELS}


def test_texts_hold_what_they_are_for() -> None:
    texts = golden_texts([100, 512])
    joined = "".join(texts.values())
    assert set(joined) >= SEPARATORS
    assert set(map(chr, range(0x20))) <= set(joined)
    assert set("\x7f\u2019\u02bc\u0130\u200d\u0301\u05e9") <= set(joined)
    lengths = [len(tokens_of(text)) for text in texts.values()]
    for most in (100, 512):  # the start of the review is an id, too
        assert {most - 2, most - 1, most, most + 1} <= set(lengths)
    assert max(lengths) == 10_000
    assert max(max(map(len, tokens_of(text)), default=0) for text in texts.values()) == 5000


def test_each_text_can_be_an_argument_or_a_line() -> None:
    for name, text in golden_texts([100]).items():
        assert not ("\0" in text and "\n" in text), name
        assert len(text.encode()) < 128 * 1024, name  # what Linux allows an argument
        assert text.encode().decode() == text
