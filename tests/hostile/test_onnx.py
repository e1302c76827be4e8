"""ONNX files that reach beyond themselves, and damaged ones: one clear error each."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.cli.running import Command
from tests.data import PROJECT
from tests.hostile.makers import HUNGRY, REFUSED, SMALL, Maker, changed, with_network
from toolkit.errors import ModelError
from toolkit.model import Scorer
from toolkit.model.describe import describe
from toolkit.model.onnx import MOST_BYTES

_WHOLE = SMALL.read_bytes()

# Peak memory that is allowed above that of a model that works, in MiB.
_MORE = 1000


@pytest.fixture
def folder(command: Command) -> Path:
    """The working folder, with what hostile files would like to read."""
    secret = command.folder.parent / "secret"
    secret.write_bytes(b"\0" * 4096)
    (command.folder / "link").symlink_to(secret)
    (command.folder / "a.csv").write_text("text,label\na fine film,1\nbad,0\n", encoding="utf-8")
    return command.folder


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_no_model_has_is_refused(
    command: Command, folder: Path, make: Maker, message: str
) -> None:
    (folder / "m.onnx").write_bytes(make())
    before = command.files()
    ran = command("score", "a.csv", "--model", "m.onnx")
    ran.failed_with(message)
    command("evaluate", "m.onnx", "a.csv").failed_with(message)
    if message != "cannot load its network":  # which nothing but a run finds out
        command("info", "m.onnx").failed_with(message)
    assert command.files() == before


def test_what_is_no_file(command: Command, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "link to a pipe").symlink_to(folder / "pipe")
    (folder / "empty").touch()
    (folder / "circle").symlink_to("circle")
    with (folder / "huge").open("wb") as huge:
        huge.truncate(MOST_BYTES + 1)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
    expected = {
        "pipe": "a pipe or a device",
        "link to a pipe": "a pipe or a device",
        "socket": "a pipe or a device",
        "/dev/zero": "a pipe or a device",
        "empty": "not an ONNX model",
        "circle": "Too many levels of symbolic links",
        "huge": "134 MB, expected a model file of 128 MiB at most",
        "none": "no such model file",
        "n" * 300: "File name too long",
    }
    for name, message in expected.items():
        for call in (("score", "a.csv", "-m", name), ("info", name), ("evaluate", name, "a.csv")):
            command(*call).failed_with(message)


def works_or_is_refused(path: Path) -> None:
    try:
        describe(path)
        scores = Scorer(path).score(["the good movie", "a bad one"])
        assert len(scores) == 2
    except ModelError as error:
        assert str(error).startswith(str(path))  # noqa: PT017


@given(st.integers(0, len(_WHOLE)))
@example(0)
@example(len(_WHOLE) - 1)
@settings(max_examples=40)
def test_any_prefix(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = tmp_path_factory.getbasetemp() / "prefix.onnx"
    path.write_bytes(_WHOLE[:length])
    works_or_is_refused(path)


@given(st.lists(st.integers(0, 8 * len(_WHOLE) - 1), min_size=1, max_size=8))
@settings(max_examples=150)
def test_any_flipped_bits(tmp_path_factory: pytest.TempPathFactory, bits: list[int]) -> None:
    path = tmp_path_factory.getbasetemp() / "flipped.onnx"
    damaged = bytearray(_WHOLE)
    for bit in bits:
        damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged)
    works_or_is_refused(path)


def test_the_maker_of_networks_makes_models_that_work(tmp_path: Path) -> None:
    """Else the tests around it would test nothing."""
    path = tmp_path / "m.onnx"
    one = onnx.helper.make_tensor("extra", onnx.TensorProto.FLOAT, [1], [1.0])
    path.write_bytes(with_network([], [one])())
    assert Scorer(path).score(["the movie"])[0].sentiment == "positive"


_MEASURED = """
import resource, sys
from toolkit.errors import ModelError
from toolkit.model import Scorer
for name in sys.argv[1:]:
    message = ""
    try:
        Scorer(name).score(["the movie"] * 200)
    except ModelError as error:
        message = str(error).replace("\\n", " ")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10, message)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in the unit of Linux")
def test_memory_is_limited(tmp_path: Path) -> None:
    paths = [SMALL]
    for name, make in HUNGRY.items():
        paths.append(tmp_path / f"{name}.onnx")
        paths[-1].write_bytes(make())
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, *map(str, paths)],
        capture_output=True, text=True, timeout=120, check=True, cwd=PROJECT,
    )  # fmt: skip
    assert ran.stderr == ""
    (normal, message), *hungry = (line.split(" ", 1) for line in ran.stdout.splitlines())
    assert message == ""
    for path, (peak, message) in zip(paths[1:], hungry, strict=True):
        assert message.startswith(str(path))
        assert "its network" in message
        assert int(peak) < int(normal) + _MORE, path.name


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in the unit of Linux")
@pytest.mark.parametrize("says_so", [False, True])
def test_a_vocabulary_of_two_million_words(tmp_path: Path, says_so: bool) -> None:
    """It is refused, or tried as far as its metadata say so, in limited memory."""
    count = 2_000_000

    def grow(model: onnx.ModelProto) -> None:
        (encoder,) = (node for node in model.graph.node if node.op_type == "LabelEncoder")
        attributes = {entry.name: entry for entry in encoder.attribute}
        first = attributes["values_int64s"].ints[-1] + 1
        attributes["keys_strings"].strings.extend(b"word%d" % n for n in range(count))
        attributes["values_int64s"].ints.extend(range(first, first + count))
        if says_so:
            (entry,) = (entry for entry in model.metadata_props if entry.key == "vocabulary_size")
            entry.value = str(first + count)

    path = tmp_path / "giant.onnx"
    path.write_bytes(changed(grow)())
    ran = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(SMALL), str(path)],
        capture_output=True, text=True, timeout=120, check=True, cwd=PROJECT,
    )  # fmt: skip
    (normal, _), (memory, message) = (line.split(" ", 1) for line in ran.stdout.splitlines())
    assert int(memory) < int(normal) + _MORE
    expected = "its network does not run" if says_so else "more words than its"
    assert expected in message
