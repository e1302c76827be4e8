"""The bodies of networks in the core give the bits that ONNX Runtime gives."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper

from tests.models import NGRAM_POOL, OLD_MODELS
from tests.native.both_ways import needs_core
from toolkit.model import SHIPPED, ModelFile, load_model
from toolkit.model.native_network import Graph, split_network
from toolkit.model.network import Network, Outputs
from toolkit.model.onnx import ModelProto
from toolkit.native.networks import BODIES
from toolkit.text import TokenIds

pytestmark = needs_core

WIDTH = 12  # tokens that the small networks read
LARGE_WIDTH = 512  # and larger ones
WORDS = 13  # as in tests/networks/tables.py

Change = tuple[str, Any]


@cache
def shipped(name: str) -> tuple[Network, Network, int, int]:
    """Give a shipped network in two parts and as a whole, its width, and its number of ids."""
    model = load_model(name)
    both, whole = Network(model.network, model), Network(model.network, model)
    whole.__dict__["_split"] = None  # where the cached property keeps it
    return both, whole, model.facts.max_tokens, model.facts.vocabulary_size


def network_of(part: ModelProto, *, is_split: bool, width: int = WIDTH) -> Network:
    """Open a small network."""
    facts = SimpleNamespace(max_tokens=width, labels=("negative", "positive"), has_classes=False)
    network = Network(part, SimpleNamespace(path=Path("small"), facts=facts, graph=part))  # type: ignore[arg-type]
    if not is_split:
        network.__dict__["_split"] = None
    return network


def token_ids(rows: list[list[int]]) -> TokenIds:
    """Put rows after each other, with a gap before each."""
    values = np.array([number for row in rows for number in (9, *row)], np.int32)
    stops = np.cumsum([len(row) + 1 for row in rows])
    return TokenIds(values, stops - [len(row) for row in rows], stops)


def same_bits(one: Outputs, two: Outputs) -> bool:
    return one.keys() == two.keys() and all(
        np.array_equal(one[name].view(np.int32), two[name].view(np.int32)) for name in one
    )


@pytest.mark.parametrize("name", SHIPPED)
@given(data=st.data())
def test_shipped_networks(name: str, data: st.DataObject) -> None:
    both, whole, width, size = shipped(name)
    assert both._split is not None
    seed = data.draw(st.integers(0, 2**32))
    lengths = data.draw(st.lists(st.integers(0, 2 * width), min_size=1, max_size=20))
    random = np.random.default_rng(seed)
    common = data.draw(st.sampled_from([10, 200, size]))  # few words have many pairs
    rows = [random.integers(2, common, length).tolist() for length in lengths]
    ids = token_ids(rows)
    assert same_bits(both.run_all(ids), whole.run_all(ids))


@pytest.mark.parametrize("name", SHIPPED)
def test_lengths_around_the_width(name: str) -> None:
    both, whole, width, size = shipped(name)
    random = np.random.default_rng(1)
    lengths = [0, 1, 2, 3, 4, 255, 256, 257, width - 2, width - 1, width, width + 1, 3 * width]
    ids = token_ids([random.integers(2, size, length).tolist() for length in lengths])
    assert same_bits(both.run_all(ids), whole.run_all(ids))


def model_of(model: onnx.ModelProto) -> ModelProto:
    """Read a model as scoring does."""
    read: ModelProto = ModelProto.FromString(model.SerializeToString())
    return read


@cache
def graphs() -> dict[str, ModelProto]:
    """Write the small networks of other tests as graphs."""
    from tests.networks.tables import frozen_networks
    from toolkit.export.convert import convert

    return {
        name: model_of(convert(frozen.network, WIDTH).model)
        for name, frozen in frozen_networks().items()
    }


@pytest.mark.parametrize("name", ["ngram-linear", "ngram-recurrent", "adapted"])
@given(
    rows=st.lists(st.lists(st.integers(2, WORDS - 1), max_size=2 * WIDTH), min_size=1, max_size=30)
)
def test_small_networks(name: str, rows: list[list[int]]) -> None:
    graph = graphs()[name]
    assert split_network(graph, WIDTH) is not None, digests(graph)
    ids = token_ids(rows)
    both, whole = _both(name)
    assert same_bits(both.run_all(ids), whole.run_all(ids))


@cache
def _both(name: str) -> tuple[Network, Network]:
    graph = graphs()[name]
    return network_of(graph, is_split=True), network_of(graph, is_split=False)


def test_the_network_of_the_tutorial(small_conv1d: Any) -> None:
    from toolkit.export.convert import convert

    graph = model_of(convert(small_conv1d, WIDTH).model)
    assert split_network(graph, WIDTH) is not None, digests(graph)
    both, whole = network_of(graph, is_split=True), network_of(graph, is_split=False)
    random = np.random.default_rng(1)
    ids = token_ids([random.integers(2, WORDS, length).tolist() for length in range(2 * WIDTH)])
    assert same_bits(both.run_all(ids), whole.run_all(ids))


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (5, lambda width: np.stack([width, width])),
        (12, lambda no_token: no_token.reshape(1)),
        (1, lambda embedding: embedding[0]),  # tables that ONNX Runtime cannot make
        (3, lambda bias: bias[:-1]),
        (8, lambda kernel: kernel[:, :0]),
    ],
)
def test_other_tables_of_the_tutorial(small_conv1d: Any, number: int, change: Any) -> None:
    from toolkit.export.convert import convert

    graph = changed(convert(small_conv1d, WIDTH).model, {number: change})
    assert split_network(graph, WIDTH) is None


@cache
def _large(units: int) -> tuple[Network, Network]:
    """A recurrent network of some size, as it is scored: in two parts, and as a whole."""
    from tests.networks.tables import recurrent_network, recurrent_tables
    from toolkit.export.convert import convert

    tables = recurrent_tables(units, hidden=32, words=60, pairs=900, slots=1009, seed=units)
    graph = model_of(convert(recurrent_network(**tables), LARGE_WIDTH).model)
    return tuple(network_of(graph, is_split=split, width=LARGE_WIDTH) for split in (True, False))  # type: ignore[return-value]


@pytest.mark.parametrize("units", [4, 8, 12, 16])
@given(data=st.data())
@settings(max_examples=10)
def test_recurrent_networks_of_any_size(units: int, data: st.DataObject) -> None:
    both, whole = _large(units)
    assert both._split is not None
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    edges = st.sampled_from([0, 1, 15, 16, 17, 255, 256, 257, 510, 511, 512, 513])
    lengths = data.draw(st.lists(edges | st.integers(0, 60), min_size=1, max_size=20))
    rows = [draw.integers(2, data.draw(st.sampled_from([6, 60])), n).tolist() for n in lengths]
    found = both.run_all(token_ids(rows))
    assert same_bits(found, whole.run_all(token_ids(rows)))
    # One by one, where nothing is padded; and with padding in front, straight into the graph.
    each = [whole.run_all(token_ids([row])) for row in rows]
    alone = {name: np.concatenate([one[name] for one in each]) for name in found}
    assert same_bits(found, alone)
    read = [[1, *row][-LARGE_WIDTH:] for row in rows]
    padded = np.array([[0] * (LARGE_WIDTH + 5 - len(row)) + row for row in read], np.int32)
    assert same_bits(found, whole.run(padded))


@pytest.mark.parametrize(
    "path", [OLD_MODELS / "ngram-cnn.onnx", NGRAM_POOL], ids=lambda path: path.stem
)
def test_other_networks_run_as_a_whole(path: Path) -> None:
    old = ModelFile.load(path)
    assert split_network(old.network, old.facts.max_tokens) is None


def digests(graph: ModelProto) -> str:
    """Say what the nodes of a graph are now, where they are none that the core knows."""
    found = {kind.__name__: Graph(graph).digest(kind.nodes) for kind in BODIES}
    return f"its nodes have changed, see toolkit/native/networks.py; now {found}"


def changed(graph: ModelProto | onnx.ModelProto, change: dict[int, Any]) -> ModelProto:
    """Change weights, which are numbered as the export does."""
    model = onnx.ModelProto.FromString(graph.SerializeToString())
    for weight in model.graph.initializer:
        number = int(weight.name.rpartition("_")[2])
        if number in change:
            values = numpy_helper.to_array(weight)
            new = change[number](values.copy()) if callable(change[number]) else change[number]
            weight.CopyFrom(numpy_helper.from_array(np.asarray(new, values.dtype), weight.name))
    return model_of(model)


def filled(place: int, value: float) -> Any:
    """Change one value of a table."""

    def change(table: npt.NDArray[Any]) -> npt.NDArray[Any]:
        table.reshape(-1)[place] = value
        return table

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("ngram-linear", {8: WORDS + 1}),  # more words than the table has
        ("ngram-linear", {9: 30}),  # fewer pairs
        ("ngram-linear", {1: lambda words: words[:-1]}),
        ("ngram-linear", {10: 2}),  # another start id
        ("ngram-linear", {1: lambda words: words.reshape(1, -1)}),
        ("ngram-recurrent", {1: filled(10, 1)}),  # padding that writes
        ("ngram-recurrent", {1: lambda rows: rows[:20]}),  # too few for the pairs
        ("ngram-recurrent", {1: lambda rows: rows[:, :-1]}),
        ("ngram-recurrent", {3: filled(4, -2)}),
        ("ngram-recurrent", {3: filled(4, 40 * 4096)}),  # a pair that is not there
        ("ngram-recurrent", {8: 2**31 - 1}),
        ("ngram-recurrent", {9: 28}),
        ("ngram-recurrent", {10: 4095}),
        ("ngram-recurrent", {12: [8, 4, 4, 4, 12]}),
        ("ngram-recurrent", {13: [3]}),
        ("ngram-recurrent", {14: 127}),  # another rule of what is kept
        ("ngram-recurrent", {16: filled(0, np.inf)}),
        ("ngram-recurrent", {19: 4096}),
        ("adapted", {32: filled(0, 1)}),  # padding with a weight
        ("adapted", {32: lambda words: words.reshape(1, -1)}),
    ],
)
def test_tables_that_do_not_fit_are_left_to_onnx_runtime(name: str, change: dict[int, Any]) -> None:
    assert split_network(changed(graphs()[name], change), WIDTH) is None


def other_forms(values: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Give a weight with more and with fewer dimensions, and of other types."""
    flat = values.reshape(-1)
    fewer = flat[0] if values.ndim else flat.repeat(2)
    return [values[None], fewer, flat[:0], *map(values.astype, (np.float64, np.int64, np.uint16))]


@pytest.mark.parametrize("name", ["conv1d", "ngram-linear", "ngram-recurrent", "adapted"])
def test_weights_of_another_form_are_left_to_onnx_runtime(name: str) -> None:
    part = load_model(name).network if name == "conv1d" else graphs()[name]
    most = shipped(name)[2] if name == "conv1d" else WIDTH
    for place, weight in enumerate(part.graph.initializer):
        values = numpy_helper.to_array(onnx.TensorProto.FromString(weight.SerializeToString()))
        for form in other_forms(values):
            if (form.dtype, form.shape) == (values.dtype, values.shape):
                continue
            model = onnx.ModelProto.FromString(part.SerializeToString())
            model.graph.initializer[place].CopyFrom(numpy_helper.from_array(form, weight.name))
            split = split_network(model_of(model), most)
            # Of others, such as weights of the head, ONNX Runtime says what is wrong.
            assert split is None or weight.name in {w.name for w in split.head.graph.initializer}


def test_weights_that_cannot_be_multiplied_are_left_to_onnx_runtime() -> None:
    part = load_model("conv1d").network
    most = shipped("conv1d")[2]
    column = np.zeros((1 << 17, 1), np.float32)
    # The second is a table of 64 GiB, beyond what networks may take.
    for embedding, kernel in ((column, column), (column, column.reshape(1, -1))):
        model = changed(part, {})
        for at, values in ((1, embedding), (2, kernel), (8, kernel)):
            (weight,) = (w for w in model.graph.initializer if w.name == f"network/weights_{at}")
            content = numpy_helper.from_array(values, weight.name).SerializeToString()
            weight.ParseFromString(content)
        assert split_network(model, most) is None


@pytest.mark.parametrize("name", ["ngram-linear", "ngram-recurrent", "adapted"])
@pytest.mark.parametrize("number", [-1, -(2**31), WORDS, 2**31 - 1])
def test_ids_beyond_the_tables_are_left_to_onnx_runtime(name: str, number: int) -> None:
    split = split_network(graphs()[name], WIDTH)
    assert split is not None
    ids = token_ids([[5, 6], [5, number, 6]])
    assert split.body.run(ids.values, ids.starts, ids.stops, WIDTH) is None
