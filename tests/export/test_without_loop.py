"""Twins of recurrent networks have no loop, and give what the `Scan` gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pytest

from tests.export.conftest import SmallModel
from tests.models import EXPORTED
from tests.networks.tables import Frozen
from toolkit.export.convert import canonical, convert, ids_in_model, rounded_otherwise
from toolkit.model.file import PROBABILITY, TOKEN_IDS
from toolkit.networks.chunks import LENGTH, has_loop, without_loop
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID

RECURRENT = "ngram-recurrent"
LENGTHS = (1, LENGTH - 1, LENGTH, LENGTH + 1, 4 * LENGTH, 4 * LENGTH + 1, 12 * LENGTH)
NEAR = 1e-6
NOT_NEAR = 1e-4


@pytest.fixture(scope="module")
def network(networks: dict[str, Frozen]) -> onnx.ModelProto:
    return convert(networks[RECURRENT].network, max(LENGTHS)).model


def run(model: onnx.ModelProto, ids: npt.NDArray[np.int32]) -> list[Any]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[Any] = session.run(None, {TOKEN_IDS: ids})
    return found


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("rows", [0, 1, 3])
def test_chunks_give_what_the_scan_gives(network: onnx.ModelProto, length: int, rows: int) -> None:
    random = np.random.default_rng(length)
    ids = random.integers(FIRST_WORD_ID, FIRST_WORD_ID + 3, (rows, length), np.int32)
    ids[:1, : length // 2] = PADDING_ID
    chunks = without_loop(network, max(LENGTHS))

    found, expected = run(chunks, ids), run(network, ids)

    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=NEAR)


def test_only_a_recurrent_network_changes(networks: dict[str, Frozen]) -> None:
    for name, frozen in networks.items():
        model = convert(frozen.network, 40).model
        changed = without_loop(model, 40)
        assert (changed is model) == (not has_loop(model)), name
        assert not has_loop(canonical(changed)), name


def test_a_twin_of_short_rows_has_no_doubling(
    network: onnx.ModelProto, small_model: SmallModel
) -> None:
    facts = replace(small_model.facts, preset=RECURRENT, max_tokens=LENGTH)
    twin = ids_in_model(network, facts)
    random = np.random.default_rng(0)
    ids = random.integers(FIRST_WORD_ID, FIRST_WORD_ID + 3, (4, LENGTH), np.int32)
    session = ort.InferenceSession(twin.SerializeToString(), providers=["CPUExecutionProvider"])

    found = session.run([PROBABILITY], {TOKEN_IDS: ids})[0]

    assert not has_loop(twin)
    np.testing.assert_allclose(found.ravel(), run(network, ids)[0].ravel(), rtol=0, atol=NEAR)


def test_the_shipped_twins_have_no_loop() -> None:
    for path in sorted(EXPORTED.glob("*.ids.onnx")):
        assert not has_loop(onnx.load(path)), path.name


def test_few_rows_may_be_rounded_otherwise() -> None:
    text_in, ids_in = EXPORTED / "reviews.onnx", EXPORTED / "reviews.ids.onnx"
    differences = np.zeros(1000, np.float32)
    differences[:2] = NOT_NEAR
    rounded = rounded_otherwise(text_in, ids_in, differences)
    assert rounded is not None
    assert np.flatnonzero(rounded).tolist() == [0, 1]

    differences[2] = NOT_NEAR  # more than 1 in 500: they are no accident
    rounded = rounded_otherwise(text_in, ids_in, differences)
    assert rounded is not None
    assert not rounded.any()

    differences[:3] = (0.01, np.nan, 0)  # not by a rounding
    rounded = rounded_otherwise(text_in, ids_in, differences)
    assert rounded is not None
    assert not rounded.any()


def test_a_twin_with_the_same_sums_has_no_rounded_rows() -> None:
    text_in, ids_in = (EXPORTED / f"reviews-small{kind}.onnx" for kind in ("", ".ids"))
    assert rounded_otherwise(text_in, ids_in, np.full(1000, NOT_NEAR, np.float32)) is None
