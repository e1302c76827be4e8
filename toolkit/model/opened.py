"""Open a model of either kind: a model file of this toolkit, or a classifier folder.

This is the one place that decides between them. `toolkit.model.file.Model` has what both have.
"""

from __future__ import annotations

from pathlib import Path

from toolkit.model import find_model
from toolkit.model.file import Model, load_model
from toolkit.model.folder_files import FolderFiles
from toolkit.stores.paths import is_in_store, path_of


def open_model(model: str | Path | None = None) -> Model:
    """Read a model of either kind.

    Parameters
    ----------
    model : str | Path | None
        A path or a name, as for `toolkit.model.find_model`.

    Returns
    -------
    Model
        A `ModelFile`; or a `ClassifierFolder`, whose network and tokenizer are not loaded yet.

    Raises
    ------
    MissingExtraError
        If a classifier folder needs a package that is missing.
    ModelError
        If there is no such model, or it is damaged.
    """
    found = classifier_files(model)
    if found is None:
        return load_model(model)
    from toolkit.model.folder import ClassifierFolder  # late: few models are folders

    return ClassifierFolder.read(found)


def classifier_files(model: str | Path | None) -> FolderFiles | None:
    """Return the files of a classifier folder; None for another model, or none at all."""
    path = None if model is None else path_of(model)
    return None if path is None or is_in_store(path) else FolderFiles.find(path)


def files_of(model: str | Path | None) -> tuple[Path, ...]:
    """Return the files that decide the answers of a model; `ModelError` if it is missing."""
    found = classifier_files(model)
    return (find_model(model),) if found is None else found.all
