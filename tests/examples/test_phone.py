"""The tokenizers for phones give the ids of the toolkit, and what their page says works."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pytest

from tests.data import PROJECT
from tests.docs.markdown import blocks
from tests.examples import programs
from tests.examples.golden import TOLERANCE, golden_answers, golden_texts_of
from tests.models import EXPORTED
from tests.strategies import MARKED, PIECES
from tests.tools import need
from toolkit.model import SHIPPED, ModelFile

PHONE, MAINS = PROJECT / "examples" / "phone", Path(__file__).with_name("phone")
PAGE = PHONE / "README.md"
ORG_JSON = Path("/usr/share/java/com.android.json.jar")  # of Debian's libandroid-json-java
TEXTS = list(golden_texts_of().values())


@cache
def javascript() -> list[str]:
    need("node")
    return ["node", str(MAINS / "golden.mjs"), str(PHONE / "tokens.js")]


@cache
def kotlin() -> list[str]:
    """Compile with what npm has, where the program is not marked as one."""
    need("java")
    compiler = programs.own_or_of_npm("kotlinc", "kotlin-compiler/bin/kotlinc")
    if not ORG_JSON.is_file():
        pytest.skip(f"{ORG_JSON} is missing: apt install libandroid-json-java")
    folder = programs.copy("phone", "Tokens.kt")
    sources = ["Tokens.kt", str(MAINS / "Golden.kt")]
    classes = ["-cp", str(ORG_JSON), "-include-runtime", "-d", "tokens.jar"]
    programs.build(["bash", compiler, "-J-Xmx1g", "-Werror", *classes, *sources], folder)
    return ["java", "-cp", f"{folder / 'tokens.jar'}:{ORG_JSON}", "GoldenKt"]


@cache
def swift() -> list[str]:
    """Compile with `swiftc`, of Debian's swiftlang, which takes 2 GB."""
    if (compiler := shutil.which("swiftc")) is None:
        pytest.skip("swiftc is not installed")
    folder = programs.copy("phone", "Tokens.swift")
    sources = ["Tokens.swift", str(MAINS / "main.swift")]
    programs.build([compiler, "-O", "-warnings-as-errors", "-o", "tokens", *sources], folder)
    return [str(folder / "tokens")]


TOKENIZERS = {"JavaScript": javascript, "Kotlin": kotlin, "Swift": swift}


def ids_by(command: list[str], table: Path, texts: list[str]) -> list[list[int]]:
    done = subprocess.run(
        [*command, str(table)], input=json.dumps(texts), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: list[list[int]] = json.loads(done.stdout)
    return found


def noise(words: list[str]) -> list[str]:
    """Words, other spellings of them, and all that the rule looks at, in any order."""
    draw = random.Random(1)
    others = [*MARKED, *PIECES, "\r\n", "\ud83d", "Ñandú", "\u00b4", "\U0001f468\u200d\U0001f469"]

    def piece() -> str:
        found = draw.choice(others if draw.random() < 0.5 else words)
        return draw.choice([found, found, found.upper(), f"{found} ", chr(draw.randrange(0xD800))])

    return ["".join(piece() for _ in range(draw.randint(0, 30))) for _ in range(3000)]


@pytest.mark.tools
@pytest.mark.parametrize("model", SHIPPED)
@pytest.mark.parametrize("language", TOKENIZERS)
def test_a_tokenizer_gives_the_golden_ids(language: str, model: str) -> None:
    _, expected = golden_answers(EXPORTED / f"{model}.onnx")
    assert ids_by(TOKENIZERS[language](), EXPORTED / f"{model}.tokens.json", TEXTS) == expected


@pytest.mark.tools
@pytest.mark.parametrize("model", ["reviews", "conv1d"])
@pytest.mark.parametrize("language", ["JavaScript", "Kotlin", "Swift"])
def test_a_tokenizer_gives_the_ids_of_the_toolkit(language: str, model: str) -> None:
    file = ModelFile.load(EXPORTED / f"{model}.onnx")
    vocabulary = file.vocabulary
    texts = noise([*vocabulary.words.to_pylist(), *vocabulary.spellings.strings.to_pylist()])
    if language != "JavaScript":  # JSON of the others allows no half of a pair
        texts = [text.replace("\ud83d", "") for text in texts]
    whole = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
    rows = vocabulary.encode(pa.array(whole, pa.string())).padded(file.facts.max_tokens)
    expected = [row[row != 0].tolist() for row in rows]
    found = ids_by(TOKENIZERS[language](), EXPORTED / f"{model}.tokens.json", texts)
    assert found == expected


@pytest.mark.tools
@pytest.mark.parametrize("model", ["reviews-small", "conv1d"])
def test_the_lines_for_react_native_score(model: str) -> None:
    """In Node, whose ONNX Runtime has the same interface."""
    programs.node()
    folder = programs.copy("node") / "phone"
    folder.mkdir(exist_ok=True)
    shutil.copy(PHONE / "tokens.js", folder)
    (code,) = blocks(PAGE, "js")
    places = {
        '"onnxruntime-react-native"': '"onnxruntime-node"',
        '"./reviews.tokens.json";': f'"{EXPORTED / model}.tokens.json" with {{ type: "json" }};',
        "create(path)": f'create("{EXPORTED / model}.ids.onnx")',
    }
    for old, new in places.items():
        assert old in code
        code = code.replace(old, new)
    read = 'JSON.parse((await import("node:fs")).readFileSync(0, "utf8"))'
    (folder / "score.mjs").write_text(
        f"{code}\nconsole.log(JSON.stringify(await score({read})));", "utf-8"
    )
    done = subprocess.run(
        ["node", str(folder / "score.mjs")],
        input=json.dumps(TEXTS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check(model, json.loads(done.stdout))


def check(model: str, found: list[dict[str, Any]]) -> None:
    """Compare labels, "" for no opinion, and probabilities with the golden ones."""
    answers, _ = golden_answers(EXPORTED / f"{model}.onnx")
    assert [each["label"] or None for each in found] == answers.labels
    probabilities = np.array([each["probability"] for each in found])
    is_scored = np.array([label is not None for label in answers.labels])
    differences = np.abs(probabilities - answers.probabilities)[is_scored]
    assert differences.max() <= TOLERANCE


@pytest.mark.slow
def test_the_ort_format_gives_the_golden_answers(tmp_path: Path) -> None:
    """By the command of the page; no operator of it is one of text."""
    pytest.importorskip("onnx", reason="needs the extra 'train'")
    for model in ("reviews", "conv1d"):
        shutil.copy(EXPORTED / f"{model}.ids.onnx", tmp_path)
    (command,) = (line for line in PAGE.read_text("utf-8").splitlines() if "onnx_models_to" in line)
    done = subprocess.run(
        [sys.executable, *command.split()[1:]],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    config = (tmp_path / "ort" / "required_operators_and_types.config").read_text("utf-8")
    operators = [line for line in config.splitlines() if not line.startswith("#")]
    assert operators
    assert all(line.startswith("ai.onnx;") for line in operators)
    for model in ("reviews", "conv1d"):
        session = ort.InferenceSession(str(tmp_path / "ort" / f"{model}.ids.ort"))
        _, rows = golden_answers(EXPORTED / f"{model}.onnx")
        names = ["label", "probability", "known_tokens"]
        found = (session.run(names, {"token_ids": np.array([row], np.int32)}) for row in rows)
        answers = [
            {"label": label[0] if known[0] else "", "probability": probability[0]}
            for label, probability, known in found
        ]
        check(model, answers)


@pytest.mark.slow
def test_the_lines_for_litert_give_the_golden_probabilities(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="needs the extra 'train'")
    (code,) = blocks(PAGE, "python")
    (tmp_path / "exported").symlink_to(EXPORTED)
    answers, rows = golden_answers(EXPORTED / "reviews-small.onnx")
    padded = [[0] * (512 - len(row)) + row for row in rows]
    (tmp_path / "rows.json").write_text(json.dumps(padded), "utf-8")
    run = """
import json, numpy
interpreter = tf.lite.Interpreter("small.tflite")
runner = interpreter.get_signature_runner()
rows = json.loads(Path("rows.json").read_text())
found = [float(runner(token_ids=numpy.array([row], "int32"))["probability"][0]) for row in rows]
import keras
from toolkit.networks import ngram_linear, ngram_recurrent
assert keras.saving.load_model("exported/reviews.keras").count_params() > 10_000_000
Path("found.json").write_text(json.dumps(found))
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + run],
        cwd=tmp_path,
        env=programs.ENVIRONMENT | {"PYTHONPATH": str(PROJECT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = np.array(json.loads((tmp_path / "found.json").read_text("utf-8")))
    given = np.array([label is not None for label in answers.labels])
    assert np.abs(found - answers.probabilities)[given].max() <= TOLERANCE
