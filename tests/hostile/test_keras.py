"""Keras files that would run code, read other files or take all memory: refused unopened."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli.running import Command
from tests.data import PROJECT
from toolkit.errors import ModelError
from toolkit.model import RunConfig, RunFolder
from toolkit.model.training_facts import RunMetrics, TrainingData
from toolkit.networks.network_files import check_keras_file

SHIPPED = PROJECT / "exported" / "conv1d.keras"
h5py = pytest.importorskip("h5py", reason="needs the extra 'train'")

Members = dict[str, bytes]


def members() -> Members:
    with zipfile.ZipFile(SHIPPED) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(content: Members, compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as made:
        for name, data in content.items():
            made.writestr(name, data)
    return file.getvalue()


def with_layer(**layer: Any) -> bytes:
    """The shipped network with another layer in front of its last one."""
    content = members()
    config = json.loads(content["config.json"])
    config["config"]["layers"].insert(-1, {"config": {"name": "evil"}, **layer})
    return archive(content | {"config.json": json.dumps(config).encode()})


def with_weights(change: Callable[[Any], object]) -> bytes:
    """The shipped network with something changed in its weights."""
    content = members()
    file = io.BytesIO(content["model.weights.h5"])
    with h5py.File(file, "r+") as weights:
        change(weights)
    return archive(content | {"model.weights.h5": file.getvalue()})


def outside(weights: Any) -> None:
    group = weights["layers/dense/vars"]
    del group["0"]
    group.create_dataset("0", (1600, 1), "f4", external=[("/etc/passwd", 0, 6400)])


def linked(weights: Any) -> None:
    group = weights["layers/dense/vars"]
    del group["0"]
    group["0"] = h5py.ExternalLink("/tmp/secret.h5", "/weights")


def bomb(weights: Any) -> None:
    group = weights["layers/dense/vars"]
    del group["0"]
    group.create_dataset("0", (1 << 40,), "f4", chunks=(1 << 20,), compression="gzip")


def in_a_circle(weights: Any) -> None:
    weights["layers/dense/again"] = weights["layers"]


def virtual(weights: Any) -> None:
    layout = h5py.VirtualLayout((1600, 1), "f4")
    layout[:] = h5py.VirtualSource("/tmp/secret.h5", "weights", (1600, 1))
    weights.create_virtual_dataset("layers/evil", layout)


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "lambda": (lambda: with_layer(module="keras.layers", class_name="Lambda"), "class Lambda of"),
    "module": (lambda: with_layer(module="os", class_name="system"), "has the class system of os"),
    "function": (
        lambda: with_layer(module="keras.layers", class_name="deserialize"),
        "has the class deserialize of keras.layers",
    ),
    "of models": (
        lambda: with_layer(module="keras.models", class_name="load_model"), "class load_model of",
    ),
    "registered": (
        lambda: with_layer(module="keras.layers.evil", class_name="Dense", registered_name="a>b"),
        "has the class Dense of keras.layers.evil",
    ),
    "as if our own": (
        lambda: with_layer(module="toolkit.networks.evil", class_name="Evil"), "class Evil of"
    ),
    "of a former network": (
        lambda: with_layer(module="toolkit.networks.ngram_pool", class_name="NgramPool",
                           registered_name="review_sentiment_toolkit>NgramPool"),
        "has a layer NgramPool, which this version of the toolkit does not have",
    ),
    "reads a file": (
        lambda: with_layer(module="keras.layers", class_name="StringLookup",
                           config={"vocabulary": "/etc/passwd"}),
        "has the class StringLookup",
    ),
    "no class": (lambda: archive(members() | {"config.json": b"{}"}), "has the class None of None"),
    "no object": (lambda: archive(members() | {"config.json": b"[]"}), "is not a JSON object"),
    "deep": (lambda: archive(members() | {"config.json": b"[" * 90_000}), "more than 100 levels"),
    "long": (lambda: archive(members() | {"config.json": b" " * (2 << 20)}), "config.json is too"),
    "traversal": (lambda: archive(members() | {"../../evil": b""}), "found metadata.json"),
    "assets": (lambda: archive(members() | {"assets/a": b""}), "expected the members config.json"),
    "compressed": (
        lambda: archive(members() | {"model.weights.h5": bytes(1 << 20)}, zipfile.ZIP_DEFLATED),
        "is compressed, which Keras never does",
    ),
    "weights outside": (lambda: with_weights(outside), "/layers/dense/vars/0 are stored outside"),
    "weights in a link": (lambda: with_weights(linked), "/layers/dense/vars/0 are a link"),
    "weights of nothing": (lambda: with_weights(bomb), "dense/vars/0 are not a plain array"),
    "weights of others": (lambda: with_weights(virtual), "/layers/evil are stored outside"),
    "weights in a circle": (lambda: with_weights(in_a_circle), "/layers/dense/again are stored"),
    "no weights": (lambda: archive(members() | {"model.weights.h5": b""}), "damaged weights"),
}  # fmt: skip


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_not_plain_is_refused(
    tmp_path: Path, make: Callable[[], bytes], message: str
) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(make())
    with pytest.raises(ModelError, match=r"model\.keras: ") as refused:
        check_keras_file(path)
    assert message in str(refused.value)


@pytest.mark.slow
def test_a_layer_that_is_larger_than_its_file(tmp_path: Path) -> None:
    """It would take 64 GB, before its weights are looked at."""
    path = tmp_path / "model.keras"
    layer = {"module": "keras.layers", "class_name": "Dense", "registered_name": None}
    path.write_bytes(with_layer(**layer, config={"name": "large", "units": 1 << 24}))
    code = (
        "import sys; from pathlib import Path; from toolkit.networks.network_files import "
        "load_keras; load_keras(Path(sys.argv[1]))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert "ModelError: " in ran.stderr
    assert "model.keras: Keras cannot read this model" in ran.stderr


def test_the_shipped_network_is_plain() -> None:
    check_keras_file(SHIPPED)


_WHOLE = SHIPPED.read_bytes()


@given(st.integers(0, len(_WHOLE) - 1), st.booleans())
@settings(max_examples=30)
def test_any_damage(tmp_path_factory: pytest.TempPathFactory, place: int, is_cut: bool) -> None:
    """The checksums of the archive find each flipped bit of what it holds."""
    path = tmp_path_factory.getbasetemp() / "model.keras"
    damaged = bytearray(_WHOLE[:place] if is_cut else _WHOLE)
    if not is_cut:
        damaged[place] ^= 16
    path.write_bytes(damaged)
    try:
        check_keras_file(path)
    except ModelError as error:
        assert str(error).startswith(str(path))  # noqa: PT017


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A run folder whose parts belong together, with a network that would run code."""
    run = RunFolder(tmp_path / "run")
    run.path.mkdir()
    run.model.write_bytes(with_layer(module="keras.layers", class_name="Lambda"))
    run.vocabulary.write_text("the\nmovie\n", encoding="utf-8")
    run.save_metrics(RunMetrics())
    pq.write_table(pa.table({"text": ["the movie"], "label": [1]}), run.sample)
    run.save_config(RunConfig("conv1d", 10_000, 100, TrainingData("nowhere")))
    return run


def test_export_of_a_hostile_run(command: Command, run: RunFolder) -> None:
    before = sorted(run.path.iterdir())
    command("export", "run").failed_with("model.keras: has the class Lambda of keras.layers")
    assert sorted(run.path.iterdir()) == before


def test_configs_that_are_nested_too_deep(command: Command, run: RunFolder) -> None:
    run.config.write_text('{"data":' * 5000, encoding="utf-8")
    for name in ("export", "info"):
        command(name, "run").failed_with(
            "config.json: not JSON: JSON is nested more than 100 levels"
        )
