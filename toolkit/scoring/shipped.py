"""The model that the package brings along."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from toolkit.model_file import ModelFile

DEFAULT_MODEL = "conv1d"


def load_shipped() -> ModelFile:
    """Load the model that is used where none is named."""
    shipped = files("toolkit") / "models" / f"{DEFAULT_MODEL}.onnx"
    if not shipped.is_file():  # an editable install has it beside the package
        shipped = Path(__file__).parents[2] / "exported" / f"{DEFAULT_MODEL}.onnx"
    with as_file(shipped) as path:
        return ModelFile.load(path)
