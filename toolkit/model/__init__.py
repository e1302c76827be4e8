"""Read, check, describe, run and explain model files.

This module lists the shipped models, and finds the file of a model by its name.

>>> from toolkit.model import load_model
>>> load_model("reviews-small").facts.labels
('negative', 'positive')
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import ModelError
from toolkit.files import is_a_file, is_a_folder
from toolkit.lazy import late_names
from toolkit.stores.paths import is_in_store, path_of

if TYPE_CHECKING:
    from toolkit.model.facts import ModelFacts
    from toolkit.model.file import ModelFile, load_model, read_twin
    from toolkit.model.opened import open_model
    from toolkit.model.release import Release
    from toolkit.model.run_folder import RunConfig, RunFolder
    from toolkit.model.scorer import Score, Scorer

__all__ = [
    "ASPECT_LISTS",
    "DEFAULT_MODEL",
    "SHIPPED",
    "ModelFacts",
    "ModelFile",
    "Release",
    "RunConfig",
    "RunFolder",
    "Score",
    "Scorer",
    "find_model",
    "is_shipped",
    "load_model",
    "open_model",
    "read_twin",
]

_MODULES = {
    "file": ("ModelFile", "load_model", "read_twin"),
    "facts": ("ModelFacts",),
    "opened": ("open_model",),
    "release": ("Release",),
    "run_folder": ("RunConfig", "RunFolder"),
    "scorer": ("Score", "Scorer"),
}
__getattr__ = late_names(__name__, _MODULES)

# The first is the default. To ship another model, add its name here, and its file to the wheel in
# pyproject.toml.
SHIPPED = ("reviews", "reviews-small", "reviews-open", "conv1d")
DEFAULT_MODEL = SHIPPED[0]

# The tables of `aspects.toml`.
ASPECT_LISTS = (
    "hotels",
    "restaurants",
    "products",
    "apps",
    "films",
    "airlines",
    "shops",
    "attractions",
    "finance",
    "doctors",
    "schools",
    "cars",
    "software",
    "general",
)


def find_model(model: str | Path | None = None) -> Path:
    """Return the path of a model file; raise `ModelError` if it does not exist.

    ``model`` is a model file; a run folder, into which `toolkit export` has written a model; a
    classifier folder (`toolkit.model.folder`), whose network is returned; or a name in `SHIPPED`,
    unless there is a file or such a folder of that name. None: `DEFAULT_MODEL`.
    """
    path = path_of(DEFAULT_MODEL if model is None else model)
    if model is None or is_shipped(path):
        return shipped_file(path.name)
    if _is_missing(path):
        raise ModelError(
            f"{path}: no such model file. Choose a model file, a run folder, or one of the shipped "
            f"models: {', '.join(SHIPPED)}"
        )
    if not is_a_folder(path):
        return path
    if is_in_store(path):
        raise ModelError(f"{path}: a run folder has to be on this machine. Choose a model file")
    from toolkit.model.folder_files import FolderFiles  # late: few models are folders
    from toolkit.model.run_folder import RunFolder

    classifier = FolderFiles.find(path)
    return RunFolder(path).find_export() if classifier is None else classifier.network


def shipped_file(name: str) -> Path:
    """Return the file of a shipped model; ``SHA256SUMS`` is beside it."""
    installed = Path(__file__).parent / "shipped_models" / f"{name}.onnx"
    # In an editable install, it is in the project folder.
    in_project = Path(__file__).parents[2] / "exported" / installed.name
    return installed if installed.is_file() else in_project


def is_shipped(path: Path) -> bool:
    """Return whether a name means a shipped model.

    A file, a link or a run folder of that name takes precedence. Other folders do not, because
    folders of reviews are often called `reviews`.
    """
    if str(path) not in SHIPPED:
        return False
    return _is_missing(path) or (path.is_dir() and not (path / "config.json").is_file())


def names_a_model(path: Path) -> bool:
    """Return whether a path means a model rather than reviews: .onnx, folder, shipped name."""
    if is_a_folder(path):
        return is_a_file(path / "config.json") or is_a_file(path / "tokenizer.json")
    return path.suffix.lower() == ".onnx" or is_shipped(path)


def _is_missing(path: Path) -> bool:
    """Whether the path is free: no file, no broken link. False if that is unknown."""
    try:
        path.lstat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False
