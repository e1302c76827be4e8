"""The C library: what it gives, what it refuses, threads."""

from __future__ import annotations

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from release.golden import OTHER_LANGUAGE, SAYS_NOTHING
from tests.examples import programs
from tests.examples.c_functions import LibraryError
from tests.examples.golden import TOLERANCE, golden_texts_of
from tests.examples.library import Opened, library
from tests.examples.programs import EXAMPLES, build, execute
from tests.models import CONV1D, MODEL, OLD_MODELS, shipped_scorer

pytestmark = pytest.mark.tools

GOLDEN = [text for text in golden_texts_of().values() if text not in SAYS_NOTHING]


@pytest.fixture(scope="module")
def opened() -> Iterator[Opened]:
    with library().open(MODEL) as found:
        yield found


def test_what_it_gives(opened: Opened) -> None:
    scorer = shipped_scorer()
    expected, stars = scorer.score(GOLDEN), scorer.stars(GOLDEN)
    answers = zip(GOLDEN, opened.score(GOLDEN), expected, stars, strict=True)
    for text, found, score, star in answers:
        if score.sentiment is None and text in OTHER_LANGUAGE:
            continue  # the file alone answers
        assert (found.label or None) == score.sentiment
        assert (found.known_tokens > 0) == (score.sentiment is not None)
        if score.sentiment is not None:
            assert found.probability == pytest.approx(score.probability, abs=TOLERANCE)
            assert found.stars == pytest.approx(star, abs=0.0051)  # which is rounded
        else:
            assert math.isnan(found.probability)
            assert math.isnan(found.stars)
    assert opened.score([]) == []


def test_a_text_ends_at_nul(opened: Opened) -> None:
    cut, whole = opened.score(["A bad\0good film", "A bad"])
    assert cut == whole


def test_a_model_in_memory(opened: Opened) -> None:
    with library().open(MODEL.read_bytes()) as in_memory:
        assert str(in_memory.score(GOLDEN)) == str(opened.score(GOLDEN))  # NaN is not NaN


def test_models_without_some_outputs() -> None:
    for model, known in ((CONV1D, 1), (OLD_MODELS / "conv1d.onnx", -1)):
        with library().open(model) as found:
            (score,) = found.score(["good"])
        assert (score.label, score.known_tokens) == ("positive", known)
        assert math.isnan(score.stars)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Path("missing.onnx"), "^missing.onnx: No such file or directory$"),
        (Path(__file__), "test_library.py: not an ONNX model, or one that was cut short$"),
        (
            Path("\u00e9/" * 150, "not-here.onnx"),  # would be cut within a letter
            "^/(\u00e9/)+not-here.onnx: No such file or directory$",
        ),
        (Path(__file__).parent, ": Is a directory$"),
        (MODEL.with_suffix(".ids.onnx"), "reviews.ids.onnx: not a model of texts; .*: token_ids$"),
        (b"", "^the model: not an ONNX model, or one that was cut short$"),
        (b"no model", "^the model: not an ONNX model, or one that was cut short$"),
    ],
    ids=["missing", "other", "long path", "folder", "twin", "empty", "bytes"],
)
def test_what_is_not_a_model(model: Path | bytes, message: str) -> None:
    with pytest.raises(LibraryError, match=message), library().open(model):
        pass


@pytest.mark.parametrize("before", [0, 1, 40])
def test_bytes_that_are_not_utf_8_are_found(opened: Opened, before: int) -> None:
    texts: list[str | bytes] = [*["good"] * before, b"bad \xed\xa0\xbd film"]
    with pytest.raises(LibraryError, match=f"^text {before + 1} is not UTF-8: byte 5 is 0xed$"):
        opened.score(texts)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=6) | st.text(max_size=4).map(str.encode))
@example(b"\xc0\x80")
@example(b"\xe0\x9f\xbf")
@example(b"\xf0\x8f\xbf\xbf")
@example(b"\xf4\x90\x80\x80")
@example(b"\xed\xa0\x80")
@example(b"\xf5\x80\x80\x80")
@example(b"ab\xe2\x82")
def test_utf_8_is_what_python_takes_for_it(opened: Opened, content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        with pytest.raises(LibraryError, match=f"not UTF-8: byte {error.start + 1} "):
            opened.score([content])
    else:
        assert len(opened.score([content])) == 1


def test_threads(opened: Opened) -> None:
    expected = repr(opened.score(GOLDEN))  # NaN, which some texts have, is not equal to itself
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(opened.score, [GOLDEN] * 12):
            assert repr(found) == expected


def test_a_program_that_links_it_may_use_all_other_names() -> None:
    """A function of the program, such as `read_file`, would otherwise take the place of ours."""
    library()
    listed = execute(["nm", "-g", "--defined-only", "libsentiment.a"], programs.c_library()).stdout
    names = [line.split()[2] for line in listed.splitlines() if line.count(" ") == 2]
    assert len(names) > 3
    assert [name for name in names if not name.startswith("sentiment_")] == []


def test_it_is_installed_for_pkg_config(tmp_path: Path) -> None:
    library()
    folder = programs.c_library()
    build(["make", "install", f"PREFIX={tmp_path}"], folder)
    ours = f"PKG_CONFIG_LIBDIR={tmp_path}/lib/pkgconfig pkg-config"  # knows no ONNX Runtime
    flags = f"{ours} --cflags --libs sentiment && {ours} --static --libs sentiment"
    shared, static = execute(["sh", "-c", flags], tmp_path).stdout.splitlines()
    assert "-lonnxruntime" not in shared
    assert "-lonnxruntime" in static
    command = ["cc", str(EXAMPLES / "c" / "embed.c"), "-D_GNU_SOURCE", "-o", "embed"]
    build([*command, *shared.split(), f"-Wl,-rpath,{tmp_path}/lib"], tmp_path)
    found = programs.score((str(tmp_path / "embed"),), MODEL, GOLDEN[:2])
    assert found == programs.score(programs.c(), MODEL, GOLDEN[:2])
