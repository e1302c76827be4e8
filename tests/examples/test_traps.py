"""Every trap of the table in the guides is there, and its repair repairs it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pyarrow as pa
import pytest

from tests.data import PROJECT
from tests.examples import programs
from tests.examples.golden import TOLERANCE, golden_answers, golden_texts_of
from tests.examples.raw_texts import SOURCES, javascript, modified, raw_texts, run, web
from tests.models import CONV1D, MODEL, OLD_MODELS, shipped_scorer, text_in_session
from tests.scoring.foreign import FOREIGN
from toolkit import Scorer
from toolkit.text.token_ids import UNKNOWN_ID

pytestmark = pytest.mark.tools

EVERYWHERE = "everywhere"
# Where, name and repair, of the table of the page about them.
TRAPS = [
    row
    for page in [PROJECT / "examples" / "traps.md"]
    for row in re.findall(
        r"^\| (.+) \| \*\*(.+)\*\*: .+ \| (.+) \|$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
]
GOLDEN = list(golden_texts_of().values())
HALVES = ["good\ud83dbad film", "\udc4d a fine film", "Dull\ud83d\ud83d and long"]
WHOLE = ["good\ufffdbad film", "\ufffd a fine film", "Dull\ufffd\ufffd and long"]


# Half of the words are names that no model knows.
PRODUCTS = [
    "Upgraded from Pixel 6a to Nothing Phone (2a), camera great.",
    "Replaced my Sennheiser HD 599 with Beyerdynamic DT 770 Pro, love it",
    "Works with Makita DHP486Z and Bosch GSB 18V-55, great drill bits.",
    "Fits K\u00e4rcher WD3, Parkside PNTS 1500 and Einhell TC-VC 1820 perfectly",
    "The Thule Yepp Nexxt Maxi fits my Gazelle Ultimate C380, great",
    "Hoka Bondi 8 over Brooks Glycerin 20 and Asics Gel-Nimbus 25 any day",
]


def repair(name: str, where: str, place: int = 0) -> str:
    """The code of a trap's repair, as the table has it; of several, the one at a place."""
    (found,) = (
        code for places, trap, code in TRAPS if trap == name and where in places.split(", ")
    )
    return str(re.findall("`([^`]+)`", found)[place])


def probabilities(texts: list[Any]) -> list[float]:
    """What the binding of Python gives, in one batch."""
    batch = np.array(texts, dtype=object)
    found: list[float] = text_in_session().run(["probability"], {"text": batch})[0].tolist()
    return found


def known_tokens(texts: list[str]) -> list[int]:
    batch = np.array(texts, dtype=object)
    found: list[int] = text_in_session().run(["known_tokens"], {"text": batch})[0].tolist()
    return found


def test_other_languages() -> None:
    python, in_javascript = (repair("other languages", EVERYWHERE, place) for place in (0, 1))

    def unread(texts: list[str]) -> float:
        pairs = list(zip(texts, known_tokens(texts), strict=True))
        found = [eval(python, {"re": re, "text": t, "known_tokens": n}) for t, n in pairs]
        script = f"""
            const pairs = JSON.parse(require("fs").readFileSync(0, "utf8"));
            console.log(JSON.stringify(pairs.map(([text, knownTokens]) => {in_javascript})));
        """
        assert json.loads(run(["node", "-e", script], json.dumps(pairs).encode())) == found
        return float(np.mean(found))

    spanish = FOREIGN["Spanish"].splitlines()
    assert np.mean(np.array(known_tokens(spanish)) > 0) > 0.8  # they would have a label
    shares = {name: unread(text.splitlines()) for name, text in FOREIGN.items()}
    assert all(share >= 0.8 for name, share in shares.items() if name != "Hinglish")
    assert shares["Hinglish"] >= 0.6  # Indian shops have taught the model some of it
    assert np.mean(list(shares.values())) > 0.9
    everyday = PROJECT / "tests" / "everyday_reviews.jsonl"
    lines = everyday.read_text(encoding="utf-8").splitlines()
    assert unread([json.loads(line)["text"] for line in lines]) < 0.025
    assert unread(PRODUCTS) == 0
    unread(GOLDEN)
    unread(["A" * 200_000])  # in no time


def test_emoji_without_a_space() -> None:
    python, in_javascript = (repair("emoji without a space", EVERYWHERE, place) for place in (0, 1))
    glued = [
        "so good\U0001f60a\U0001f60a",
        "\U0001f44d\U0001f44d",
        "\U0001f44d\U0001f3fd",
        "bad\u2764\ufe0f!",
    ]
    apart = [
        "so good \U0001f60a \U0001f60a",
        "\U0001f44d \U0001f44d",
        "\U0001f44d \U0001f3fd",
        "bad \u2764\ufe0f !",
    ]
    assert known_tokens(glued) == known_tokens(apart)  # by token rule 3
    old = Scorer(CONV1D).vocabulary
    unknown = [(old.encode(pa.array(texts)).values == UNKNOWN_ID).sum() for texts in (glued, apart)]
    assert unknown[0] > 0
    repaired = [eval(python, {"re": re, "text": text}) for text in glued]
    assert probabilities(repaired) == probabilities(apart)
    assert known_tokens(apart) == [4, 2, 1, 2]
    words = [word for word in shipped_scorer().vocabulary.words.to_pylist() if not word.isascii()]
    words += [f"{word} {word}" for word in words]
    tokens = [eval(python, {"re": re, "text": word}).split() for word in words]
    assert tokens == [word.split() for word in words]
    texts = [*glued, *words, *GOLDEN]
    script = f"""
        const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
        console.log(JSON.stringify(texts.map((text) => {in_javascript})));
    """
    assert json.loads(run(["node", "-e", script], json.dumps(texts).encode())) == [
        eval(python, {"re": re, "text": text}) for text in texts
    ]


@pytest.mark.parametrize("value", [None, 5])
def test_missing_values_in_javascript(value: object) -> None:
    program = programs.PROGRAMS["Node"]()
    package = Path(program[-1]).parent / "node_modules/onnxruntime-node/dist/index.js"
    (found,) = javascript(package, MODEL, [["A fine film.", value]])
    assert "must be a string" in found["error"]
    code = repair("missing values", "Node.js")
    script = f"const text = {json.dumps(value)}; console.log(JSON.stringify({code}))"
    assert json.loads(run(["node", "-e", script], b"")) == ""


@pytest.mark.parametrize(("value", "word"), [(None, "None"), (float("nan"), "nan")])
def test_missing_values_in_python(value: object, word: str) -> None:
    assert probabilities([value]) == probabilities([word])
    assert round(probabilities(["nan"])[0], 2) == 0.51
    assert eval(repair("missing values", "Python"), {"text": value}) == ""
    assert not text_in_session().run(["known_tokens"], {"text": np.array([""], dtype=object)})[0]


def test_bytes_in_python() -> None:
    given = b"A fine film."
    assert probabilities([given]) == probabilities([str(given)]) != probabilities(["A fine film."])
    text = eval(repair("bytes", "Python"), {"text": given})
    assert text == "A fine film."
    assert Scorer(CONV1D).score([given]) == Scorer(CONV1D).score([text])  # type: ignore[list-item]


def test_half_a_surrogate_pair_in_python() -> None:
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        probabilities(["A fine film.", HALVES[0]])
    code = repair("lone surrogates", "Python")
    assert [eval(code, {"text": text}) for text in HALVES] == WHOLE
    assert [eval(code, {"text": text}) for text in GOLDEN] == GOLDEN


def test_invalid_utf_8_fails_a_batch() -> None:
    texts = [b"A fine film.", b"bad\xff good", b"Dull."]
    (found,) = raw_texts(texts, batch=3)
    assert found.startswith("error: ")
    assert "2" not in re.sub(r"0x\w+|\.cc:\d+", "", found)  # which text it is
    found_alone = raw_texts(texts, batch=1)
    assert [line.startswith("error: ") for line in found_alone] == [False, True, False]


def test_modified_utf_8_of_java() -> None:
    """As the binding hands it over, which JNI's GetStringUTFChars makes."""
    found_alone = raw_texts(modified("modified", GOLDEN), batch=1)
    fails = [line.startswith("error: ") for line in found_alone]
    needs_repair = re.compile("[\0\U00010000-\U0010ffff]")
    assert fails == [needs_repair.search(text) is not None for text in GOLDEN]
    assert 10 < sum(fails) < 40
    assert repair("emoji and NUL", "Java") in (SOURCES / "Traps.java").read_text(encoding="utf-8")
    repaired = raw_texts(modified("repaired", GOLDEN), batch=32)
    as_floats = [float(line.split()[0]) for line in repaired]
    golden, _ = golden_answers(MODEL)
    differ = np.abs(np.array(as_floats) - golden.probabilities) > TOLERANCE
    # What emoji say is lost; nothing else changes.
    changed = [text for text, differs in zip(GOLDEN, differ, strict=True) if differs]
    assert all(needs_repair.search(text) for text in changed)
    assert 0 < len(changed) < 15


def test_nul_in_node() -> None:
    """Models of token rule 2 end a text at NUL, too; the first rule makes it a part of a word."""
    program = programs.PROGRAMS["Node"]()
    package = Path(program[-1]).parent / "node_modules/onnxruntime-node/dist/index.js"
    texts = ["A bad\0good film", "A bad", "A bad\x01good film"]
    (found,) = javascript(package, OLD_MODELS / "conv1d.onnx", [texts])
    old = ort.InferenceSession(str(OLD_MODELS / "conv1d.onnx"))
    (expected,) = old.run(["probability"], {"text": np.array(texts, dtype=object)})
    assert found["probability"][0] == found["probability"][1]
    assert expected[0] == expected[2] != expected[1]
    assert found["probability"][2] == pytest.approx(expected[0], abs=TOLERANCE)
    (found,) = javascript(package, MODEL, [texts])
    assert found["probability"] == pytest.approx(probabilities(texts), abs=TOLERANCE)
    assert probabilities(texts[:1]) == probabilities(texts[1:2])


def test_half_a_surrogate_pair_and_capitals_in_webassembly() -> None:
    kelvin = "\u212aing"
    batches = [[*HALVES, "good"], WHOLE, [kelvin, "king", "\ue000ing"]]
    broken, repaired, capitals = javascript(web("ort.wasm.min.mjs"), MODEL, batches)
    assert "surrogate" in broken["error"]
    assert repaired["probability"] == pytest.approx(probabilities(WHOLE), abs=TOLERANCE)
    script = f"console.log(JSON.stringify({json.dumps(HALVES)}.map(text => text.toWellFormed())))"
    assert json.loads(run(["node", "-e", script], b"")) == WHOLE
    assert capitals["known"] == [1, 1, 0]
    assert shipped_scorer().score([kelvin])[0].sentiment is None


def test_the_build_for_webgpu() -> None:
    """To open a model in it takes minutes here, so look at what it has."""
    operator = b"onnxruntime::ml::LabelEncoder"
    for kind, has_operator in (("webgpu", False), ("wasm", True)):
        script = web(f"ort.{kind}.min.mjs").read_bytes()
        (name,) = set(re.findall(rb"(ort-wasm[\w.-]+)\.mjs", script))
        assert (operator in web(f"{name.decode()}.wasm").read_bytes()) == has_operator
