"""The ids-in twins give the same probabilities in OpenVINO, another runtime of ONNX files."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.models import EXPORTED
from toolkit.model import SHIPPED

pytestmark = pytest.mark.tools

openvino = pytest.importorskip("openvino", reason="needs the extra 'dev-all'")

# Half of a golden digit, and what 32-bit sums in another order can differ by.
TOLERANCE = 1e-6
WIDTH = 512


@pytest.mark.parametrize("name", SHIPPED)
def test_openvino_gives_the_golden_probabilities(name: str) -> None:
    network = openvino.Core().compile_model(EXPORTED / f"{name}.ids.onnx", "CPU")
    wide = network.inputs[0].get_partial_shape()[1]
    width = WIDTH if wide.is_dynamic else wide.get_length()
    lines = (EXPORTED / "golden.jsonl").read_text(encoding="utf-8").splitlines()
    answers = [json.loads(line)["models"][name] for line in lines]
    ids = np.zeros((len(answers), width), np.int32)
    for row, answer in zip(ids, answers, strict=True):
        found = answer["token_ids"]
        row[width - len(found) :] = found
    expected = np.array([answer["probability"] for answer in answers], np.float32)
    given = ~np.isnan(expected)  # not where a text is blank

    probabilities = network(ids)[network.output("probability")].ravel()

    np.testing.assert_allclose(probabilities[given], expected[given], rtol=0, atol=TOLERANCE)
