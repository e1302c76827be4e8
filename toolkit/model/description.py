"""Look into a model file, its ids-in twin, a Keras file or a run folder."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

import onnx

from toolkit.errors import ModelError
from toolkit.model.file import TEXT, TOKEN_IDS, ModelFacts, ModelFile, read_twin, token_ids_width
from toolkit.model.guard import check_operators, read_onnx
from toolkit.model.keras_archive import KerasArchive
from toolkit.model.run_folder import RunFolder
from toolkit.model.runtimes import places
from toolkit.model.shipped import is_shipped, load_model

TEXT_IN, IDS_IN, KERAS, RUN = "text-in model", "ids-in twin", "Keras file", "run folder"

Description = dict[str, Any]


def inspect(path: Path | None = None) -> Description:
    """Tell what a file says of itself; no network is run.

    Parameters
    ----------
    path : Path | None
        A model file or its ids-in twin, a ``.keras`` file or a run folder, or the name of a model
        that the package ships; by default the one that is used where none is named.

    Returns
    -------
    Description
        Of strings, numbers, lists and dictionaries, as in JSON. `kind` is one of `TEXT_IN`,
        `IDS_IN`, `KERAS` and `RUN`, on which the other keys depend.

    Raises
    ------
    ModelError
        If it is none of these, or damaged.
    """
    description: Description = _finite(_inspect(path))
    return description


def _inspect(path: Path | None) -> Description:
    if path is None or is_shipped(path) or not (path.suffix or path.exists()):
        return _of_text_in(load_model(path))
    if path.is_dir():
        return _of_run(RunFolder(path))
    if path.suffix == ".keras":
        return _of_keras(path)
    model = read_onnx(path)
    check_operators(model, path)
    inputs = {value.name for value in model.graph.input}
    if TOKEN_IDS in inputs and TEXT not in inputs:
        return _of_twin(path)
    return _of_text_in(ModelFile.load(path))


def _of_text_in(model: ModelFile) -> Description:
    twin = model.path.with_suffix(".ids.onnx")
    return {
        "kind": TEXT_IN,
        **_file(model.path),
        **_of_graph(model.graph, model.facts),
        "words": len(model.vocabulary.words),
        "runs": [place._asdict() for place in places(takes_text=True, twin=twin.name)],
    }


def _of_twin(path: Path) -> Description:
    graph, facts = read_twin(path)
    return {
        "kind": IDS_IN,
        **_file(path),
        **_of_graph(graph, facts),
        "runs": [place._asdict() for place in places(takes_text=False, twin=path.name)],
    }


def _of_graph(model: onnx.ModelProto, facts: ModelFacts) -> Description:
    operators: dict[str, Counter[str]] = {}
    for node in model.graph.node:
        operators.setdefault(_domain(node.domain), Counter())[node.op_type] += 1
    return {
        "inputs": [_tensor(value) for value in model.graph.input],
        "outputs": [_tensor(value) for value in model.graph.output],
        **asdict(facts),
        "labels": list(facts.labels),
        "fixed_length": token_ids_width(model) is not None,
        "ir_version": model.ir_version,
        "opsets": {_domain(entry.domain): entry.version for entry in model.opset_import},
        "operators": {name: dict(sorted(found.items())) for name, found in operators.items()},
    }


def _of_keras(path: Path) -> Description:
    with KerasArchive.open(path) as archive:
        metadata, config = archive.json("metadata.json"), archive.json("config.json")
    network = config.get("config")
    layers = network.get("layers") if isinstance(network, dict) else None
    names = [
        str(layer.get("class_name"))
        for layer in (layers if isinstance(layers, list) else [])
        if isinstance(layer, dict)
    ]
    return {
        "kind": KERAS,
        **_file(path),
        "keras_version": str(metadata.get("keras_version")),
        "saved": str(metadata.get("date_saved")),
        "layers": names,
    }


def _of_run(run: RunFolder) -> Description:
    run.check()
    return {
        "kind": RUN,
        "path": str(run.path),
        **asdict(run.load_config()),
        "metrics": run.load_metrics(),
    }


def _file(path: Path) -> Description:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return {"path": str(path), "bytes": path.stat().st_size, "sha256": digest}
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None


def _tensor(value: onnx.ValueInfoProto) -> Description:
    tensor = value.type.tensor_type
    try:
        element = onnx.TensorProto.DataType.Name(tensor.elem_type).lower()
        element = {"float": "float32", "double": "float64"}.get(element, element)
    except ValueError:
        element = f"type {tensor.elem_type}"
    shape = [
        dimension.dim_value if dimension.HasField("dim_value") else str(dimension.dim_param or "?")
        for dimension in tensor.shape.dim
    ]
    return {"name": str(value.name), "type": element, "shape": shape}


def _finite(value: Any) -> Any:
    """Replace what is no number in JSON, such as the loss of a training that failed, by null."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def _domain(name: str) -> str:
    return str(name or "ai.onnx")
