"""The models that the package brings along."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ModelError

if TYPE_CHECKING:
    from toolkit.model.file import ModelFile

# The first is used where no model is named. To ship another one, add its name here, and its file to
# the wheel in pyproject.toml.
SHIPPED = ("ngram-cnn", "ngram-linear", "conv1d")
DEFAULT_MODEL = SHIPPED[0]


def is_shipped(model: str | Path) -> bool:
    """Tell whether this names a shipped model, and no file or folder."""
    return str(model) in SHIPPED and _is_missing(Path(model))


def load_model(model: str | Path | None = None) -> ModelFile:
    """Load a model file, or one that the package brings along.

    Parameters
    ----------
    model : str | Path | None
        A file, or a name in `SHIPPED`, which a file or folder of that name goes before; None stands
        for `DEFAULT_MODEL`.

    Returns
    -------
    ModelFile
        The model.

    Raises
    ------
    ModelError
        If there is none, or the file is no model.
    """
    from toolkit.model.file import ModelFile

    if model is None:
        return _load_shipped(DEFAULT_MODEL)
    if is_shipped(model):
        return _load_shipped(str(model))
    path = Path(model)
    if path.suffix == ".onnx" or not _is_missing(path):
        return ModelFile.load(path)
    raise ModelError(
        f"{path}: no such model file, and no shipped model of that name (there are "
        f"{', '.join(SHIPPED)})"
    )


def _is_missing(path: Path) -> bool:
    """Whether nothing has that name, not even a link; what cannot be looked at may be there."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _load_shipped(name: str) -> ModelFile:
    from toolkit.model.file import ModelFile

    shipped = files("toolkit") / "models" / f"{name}.onnx"
    if not shipped.is_file():  # an editable install has it beside the package
        shipped = Path(__file__).parents[2] / "exported" / f"{name}.onnx"
    with as_file(shipped) as path:
        return ModelFile.load(path)
