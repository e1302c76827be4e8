"""The archive that a ``.keras`` file is, read with care: what is unexpected is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.errors import ModelError
from toolkit.model.facts.typed_json import LONGEST_JSON, parse_json

_MEMBERS = ["config.json", "metadata.json", "model.weights.h5"]


class KerasArchive(NamedTuple):
    """The three members of every file of `toolkit train`."""

    config: dict[str, Any]
    metadata: dict[str, Any]
    weights: bytes  # an HDF5 file


def read_keras_archive(path: Path) -> KerasArchive:
    """Read a file with these members, uncompressed; raises `ModelError` for anything else."""
    if not path.is_file():
        raise ModelError(f"{path}: no such Keras file")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            config, metadata = (_json(archive, name, path) for name in _MEMBERS[:2])
            return KerasArchive(config, metadata, archive.read(_MEMBERS[2]))
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
        # A RuntimeError is encryption.
        raise ModelError(f"{path}: not a Keras file, or a damaged one: {error}") from None


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    names = archive.namelist()
    if sorted(names) != _MEMBERS:
        raise ModelError(
            f"{path}: expected the members {', '.join(_MEMBERS)}, "
            f"found {', '.join(names[:10]):.200}"
        )
    for entry in archive.infolist():
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ModelError(f"{path}: {entry.filename} is compressed, which Keras never does")


def _json(archive: zipfile.ZipFile, name: str, path: Path) -> dict[str, Any]:
    if archive.getinfo(name).file_size > LONGEST_JSON:
        raise ModelError(f"{path}: {name} is too long for a network")
    content = parse_json(archive.read(name))
    if not isinstance(content, dict):
        raise ModelError(f"{path}: {name} is not a JSON object")
    return content
