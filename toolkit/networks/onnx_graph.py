"""A network as an ONNX graph, from a listing in the syntax of `onnx.parser` and its weights.

Written by hand, networks take a third to a half of the time of what tf2onnx makes of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.parser
from onnx import numpy_helper

from toolkit.model.file import PROBABILITY, TOKEN_IDS

Tables = dict[str, npt.NDArray[Any]]


def graph_of(
    steps: str, tables: Tables, *, width: int | str, constants: str = ""
) -> onnx.ModelProto:
    """Make a model, `token_ids` (batch, width) → `probability` (batch,), of steps and weights."""
    listing = f"""
<ir_version: 9, opset_import: ["": 18]>
network (int32[batch, {width}] {TOKEN_IDS}) => (float[batch] {PROBABILITY})
<{constants}>
{{{steps}}}
"""
    model: onnx.ModelProto = onnx.parser.parse_model(listing)
    model.graph.initializer.extend(
        numpy_helper.from_array(table, name) for name, table in tables.items()
    )
    return model


def integers(*values: int) -> npt.NDArray[np.int64]:
    """Whole numbers as shapes, axes and places take them."""
    return np.array(values, np.int64)
