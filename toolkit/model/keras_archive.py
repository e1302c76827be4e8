"""The archive that a ``.keras`` file is, opened with care: what is unexpected is not read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from toolkit.errors import ModelError
from toolkit.model.typed_json import parse_json

_MEMBERS = ["config.json", "metadata.json", "model.weights.h5"]
_LONGEST_JSON = 1 << 20  # bytes


class KerasArchive:
    """An open archive with the three members of every file of `toolkit train`, uncompressed."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive = archive
        self._path = path
        names = [entry.filename for entry in archive.infolist()]
        if sorted(names) != _MEMBERS:
            raise ModelError(
                f"{path}: expected the members {', '.join(_MEMBERS)}, "
                f"found {', '.join(names[:10]):.200}"
            )
        for entry in archive.infolist():
            if entry.compress_type != zipfile.ZIP_STORED:
                raise ModelError(f"{path}: {entry.filename} is compressed, which Keras never does")

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[KerasArchive]:
        """Open a file; raises `ModelError` if it is damaged, or what the block reads."""
        if not path.is_file():
            raise ModelError(f"{path}: no such Keras file")
        try:
            with zipfile.ZipFile(path) as archive:
                yield cls(archive, path)
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as error:
            # A RuntimeError is encryption.
            raise ModelError(f"{path}: not a Keras file, or a damaged one: {error}") from None

    def json(self, name: str) -> dict[str, Any]:
        """Read `config.json` or `metadata.json`; raises `ModelError` if it is not a JSON object."""
        if self._archive.getinfo(name).file_size > _LONGEST_JSON:
            raise ModelError(f"{self._path}: {name} is too long for a network")
        content = parse_json(self._archive.read(name))
        if not isinstance(content, dict):
            raise ModelError(f"{self._path}: {name} is not a JSON object")
        return content

    def weights(self) -> bytes:
        """Read `model.weights.h5`."""
        return self._archive.read("model.weights.h5")
