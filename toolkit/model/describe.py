"""Describe a model file, its ids-in twin or a run folder; no network is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.model.facts import Metrics
from toolkit.model.file import TEXT, TOKEN_IDS, ModelFile, load_model, read_twin, token_ids_width
from toolkit.model.onnx import TYPE_NAMES, read_onnx
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.model.shipped import find_model
from toolkit.model.typed_json import encode
from toolkit.records.json_writing import without_infinity

if TYPE_CHECKING:
    from toolkit.model.onnx import ValueInfoProto


@dataclass(frozen=True)
class Tensor:
    """An input or output of a graph; a size that is not fixed has a name."""

    name: str
    type: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class OnnxDescription:
    """A text-in model, or the ids-in twin of one, which has no `words`."""

    kind: str
    path: Path
    file: ModelFile
    bytes: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    fixed_length: bool
    words: int | None = None


@dataclass(frozen=True)
class RunDescription:
    """A run folder of `toolkit train`."""

    kind: str
    path: Path
    config: RunConfig
    metrics: Metrics


Description = OnnxDescription | RunDescription


def describe(path: Path | None = None) -> Description:
    """Describe a model, its twin or a run folder; raises `ModelError`."""
    if path is not None and path.is_dir():
        run = RunFolder(path)
        run.check()
        return RunDescription("run folder", path, run.load_config(), run.load_metrics())
    found = find_model(path)
    graph = read_onnx(found)
    inputs = {value.name for value in graph.graph.input}
    if TOKEN_IDS in inputs and TEXT not in inputs:
        return _of_onnx(read_twin(found), is_twin=True)
    return _of_onnx(load_model(path), is_twin=False)


def json_of(description: Description) -> dict[str, Any]:
    """Give a description as JSON has it: NaN, such as the loss of a failed training, is null."""
    found = {**encode(description), "path": str(description.path)}
    if isinstance(description, OnnxDescription):
        file = description.file
        del found["file"]
        found = {"kind": description.kind, **file.identity(), **file.facts.as_dict(), **found}
    elif isinstance(description, RunDescription):
        name = description.path.resolve().name
        found = {"kind": description.kind, "name": name, **found.pop("config"), **found}
    finite: dict[str, Any] = without_infinity(found)
    return finite


def _of_onnx(model: ModelFile, *, is_twin: bool) -> OnnxDescription:
    graph = model.graph.graph
    return OnnxDescription(
        kind="ids-in twin" if is_twin else "text-in model",
        path=model.path,
        file=model,
        bytes=model.path.stat().st_size,
        inputs=tuple(map(_tensor, graph.input)),
        outputs=tuple(map(_tensor, graph.output)),
        fixed_length=token_ids_width(model.graph) is not None,
        words=None if is_twin else len(model.vocabulary.words),
    )


def _tensor(value: ValueInfoProto) -> Tensor:
    tensor = value.type.tensor_type
    known = 0 <= tensor.elem_type < len(TYPE_NAMES)
    element = TYPE_NAMES[tensor.elem_type] if known else f"type {tensor.elem_type}"
    shape = (
        dimension.dim_value if dimension.HasField("dim_value") else str(dimension.dim_param or "?")
        for dimension in tensor.shape.dim
    )
    return Tensor(str(value.name), element, tuple(shape))
