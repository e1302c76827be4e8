"""The twin of a model, and the table that makes its ids: `toolkit export MODEL --twin`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from runpy import run_module
from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pytest

from exported.shipping import with_tables_of_tokens
from tests.cli.running import Command
from tests.examples.golden import TOLERANCE, golden_answers, golden_texts_of
from tests.models import CONV1D, EXPORTED, OLD_MODELS
from toolkit.export import export_twin
from toolkit.model import SHIPPED, ModelFile, Scorer, read_twin

TABLE = ".tokens.json"


def answers_of(twin: Path, rows: list[list[int]]) -> dict[str, Any]:
    """Score rows of ids one by one, as each has a width of its own."""
    session = ort.InferenceSession(str(twin))
    names = [output.name for output in session.get_outputs()]
    found = (session.run(names, {"token_ids": np.array([row], np.int32)}) for row in rows)
    return dict(zip(names, map(np.array, zip(*found, strict=True)), strict=True))


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_has_the_shipped_twin(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Write them again with `python -m exported.make --twins`."""
    monkeypatch.chdir(tmp_path)
    twin, table = export_twin(name)
    assert (twin, table) == (Path(f"{name}.ids.onnx"), Path(f"{name}{TABLE}"))
    for path in (twin, table):
        assert path.read_bytes() == (EXPORTED / path).read_bytes()


@pytest.mark.parametrize("name", ["conv1d", "reviews-small"])
def test_padding_and_width_do_not_matter(name: str) -> None:
    answers, rows = golden_answers(EXPORTED / f"{name}.onnx")
    most = 100 if name == "conv1d" else 512
    full = [row for row in rows if len(row) == most]
    assert len(full) > 5
    ways = {
        "as they are": rows,
        "in front": [[0] * 9 + row for row in rows],
        "at the end": [row + [0] * 9 for row in rows],
        "both": [[0] * 9 + row + [0] * 600 for row in rows],
        "too long": [[1] + [2] * 600 * (len(row) == most) + row for row in rows],
    }
    for way, padded in ways.items():
        chosen = range(len(rows)) if way != "too long" else [rows.index(row) for row in full]
        found = answers_of(EXPORTED / f"{name}.ids.onnx", [padded[i] for i in chosen])
        expected = answers.probabilities[[*chosen]]
        given = ~np.isnan(expected)
        differences = np.abs(found["probability"][:, 0] - expected)[given]
        assert differences.max() <= TOLERANCE, way


def test_a_twin_gives_what_the_model_gives() -> None:
    path = EXPORTED / "reviews-small.ids.onnx"
    lines = [
        json.loads(line) for line in (EXPORTED / "golden.jsonl").read_text("utf-8").splitlines()
    ]
    wanted = [line["models"]["reviews-small"] for line in lines]
    found = answers_of(path, [answer["token_ids"] for answer in wanted])
    assert found["label"][:, 0].tolist() == [answer["label"] for answer in wanted]
    assert found["known_tokens"][:, 0].tolist() == [answer["known_tokens"] for answer in wanted]
    np.testing.assert_allclose(
        found["stars"][:, 0], [a["stars"] for a in wanted], rtol=0, atol=0.01
    )
    neutral = read_twin(path).facts.neutral
    assert neutral is not None
    np.testing.assert_array_equal(found["neutral"][0], np.array(neutral.ends, np.float32))
    assert "neutral" not in answers_of(CONV1D.with_suffix(".ids.onnx"), [[1]])


@pytest.mark.parametrize("path", sorted(OLD_MODELS.glob("*.onnx")), ids=lambda path: path.stem)
def test_models_of_older_formats_have_twins(path: Path, tmp_path: Path) -> None:
    twin, table = export_twin(path, tmp_path / "old.ids.onnx")
    model = ModelFile.load(path)
    assert json.loads(table.read_bytes())["token_rule"] == model.facts.token_rule
    texts = ["A fine film, superbly acted.", "Dull \u2013 and \u201cfar\u201d too long.", "it's"]
    rows = model.vocabulary.encode(pa.array(texts)).padded(30)
    found = answers_of(twin, rows.tolist())["probability"][:, 0]
    expected = [score.probability for score in Scorer(path).score(texts)]
    np.testing.assert_allclose(found, np.array(expected, np.float32), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", SHIPPED)
def test_the_table_has_every_string_of_the_model(name: str) -> None:
    table = json.loads((EXPORTED / f"{name}{TABLE}").read_text("ascii"))
    model = ModelFile.load(EXPORTED / f"{name}.onnx")
    assert table["words"] == model.vocabulary.words.to_pylist()
    spellings = dict(zip(table["spellings"], table["spelling_ids"], strict=True))
    assert not spellings.keys() & {*table["words"]}
    for strings, ids in ((table["words"][::97], None), ([*spellings][::97], spellings)):
        found = model.vocabulary.encode(pa.array(strings, pa.string()))
        numbers = [ids[each] if ids else table["words"].index(each) + 4 for each in strings]
        assert found.values.tolist() == numbers
    assert table["max_tokens"] == model.facts.max_tokens
    assert table["labels"] == [*model.facts.labels]


def test_the_page_has_the_code_points_of_the_rule() -> None:
    """Write them with `python -m exported.make --cards`."""
    page = (EXPORTED / "TOKENS.md").read_text(encoding="utf-8")
    assert with_tables_of_tokens(page) == page
    assert f"{len(golden_texts_of())} texts" in page


def test_command(command: Command) -> None:
    ran = command("export", "conv1d", "--twin", "-o", "small.ids.onnx")
    assert (ran.exit_code, ran.err) == (0, "")
    assert ran.out == "small.ids.onnx  0.62 MB\nsmall.tokens.json  0.10 MB\n"
    again = ("export", "conv1d", "--twin", "-o", "small.ids.onnx")
    command(*again).failed_with("small.ids.onnx: exists already. ", 2)
    assert command(*again, "--force").exit_code == 0
    command("export", "conv1d", "--twin", "-o", "small.onnx").failed_with(
        "small.onnx: expected a file name that ends in .ids.onnx", 2
    )
    command("export", "conv1d", "--twin", "--golden").failed_with(
        "--twin: can be combined only with --output and --force", 2
    )
    command("export", "nothing", "--twin").failed_with("nothing: no such model file")


def test_the_package_onnx_is_enough(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.startswith(("toolkit.export", "exported.hub"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("toolkit.errors.find_spec", lambda name: None)
    ran = command("export", "conv1d", "--twin")
    ran.failed_with("needs the package 'onnx', which is not installed. Install it with: pip ins")
    assert ran.err.rstrip().endswith("pip install onnx")
    with pytest.raises(SystemExit, match=r"'onnx', .*: pip install onnx$"):
        run_module("exported.hub", run_name="__main__")
