"""Find the files of a classifier folder: a text classifier as Hugging Face repositories have it.

``optimum-cli export onnx`` writes such a folder, and many repositories have these files:

=========================  =================================================================
``model.onnx``             the network, from ids of word pieces to `logits`; or
                           ``onnx/model.onnx``, or any one file ``model*.onnx`` in either place
``tokenizer.json``         everything that turns a text into ids
``config.json``            `id2label`, `problem_type` and the number of positions
``tokenizer_config.json``  optional: `model_max_length`, `truncation_side`
=========================  =================================================================

Importing this module is cheap, as every command looks for a model.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import ModelError

NETWORK = "model.onnx"
TOKENIZER = "tokenizer.json"
CONFIG = "config.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
_ONNX_FOLDER = "onnx"
_OF_A_RUN = "config_version"  # the key in `config.json` of a run folder
_OF_A_CLASSIFIER = ("model_type", "id2label", "architectures")


@dataclass(frozen=True)
class FolderFiles:
    """The files of a classifier folder; `tokenizer_config` may be missing."""

    folder: Path
    network: Path

    @classmethod
    def find(cls, path: Path) -> FolderFiles | None:
        """Find the files of a classifier folder.

        Parameters
        ----------
        path : Path
            The folder, or one of its ONNX files.

        Returns
        -------
        FolderFiles | None
            The files; None if the path is something else, such as a run folder.

        Raises
        ------
        ModelError
            If a file is missing, or several files could be the network.
        """
        if path.suffix == ".onnx" and path.is_file():
            folder = _folder_of(path)
            return None if folder is None else cls(folder, path)
        if not is_classifier_folder(path):
            return None
        found = cls(path, _network_in(path))
        for part in (found.config, found.tokenizer):
            if not part.is_file():
                raise ModelError(f"{path}: a classifier without {part.name}. {_HINTS[part.name]}")
        return found

    @property
    def tokenizer(self) -> Path:
        """The file with the tokenizer."""
        return self.folder / TOKENIZER

    @property
    def config(self) -> Path:
        """The file with the labels."""
        return self.folder / CONFIG

    @property
    def tokenizer_config(self) -> Path:
        """The file with the settings of the tokenizer, which may be missing."""
        return self.folder / TOKENIZER_CONFIG

    @property
    def all(self) -> tuple[Path, ...]:
        """All files that decide the answers, and exist."""
        parts = (self.network, self.tokenizer, self.config, self.tokenizer_config)
        return tuple(part for part in parts if part.is_file())


_HINTS = {
    TOKENIZER: "Write it with AutoTokenizer.from_pretrained(…).save_pretrained(…) of transformers.",
    CONFIG: "Copy it from where the model comes from: it has the labels.",
}


def is_classifier_folder(path: Path) -> bool:
    """Return whether a path is a folder with a classifier, complete or not."""
    if not path.is_dir() or _OF_A_RUN in _settings(path):
        return False
    has_parts = (path / TOKENIZER).is_file() or any(_networks(path))
    return has_parts or any(key in _settings(path) for key in _OF_A_CLASSIFIER)


def _settings(folder: Path) -> dict[str, Any]:
    """Read `config.json`; empty if that is not possible, which reading it again reports."""
    from toolkit.model.typed_json import LONGEST_JSON, parse_json

    path = folder / CONFIG
    try:
        is_short = path.is_file() and path.stat().st_size <= LONGEST_JSON
        found = parse_json(path.read_bytes()) if is_short else {}
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _folder_of(network: Path) -> Path | None:
    """Return the classifier folder that an ONNX file belongs to; None for a file on its own."""
    folder = network.parent
    if folder.resolve().name == _ONNX_FOLDER and not (folder / TOKENIZER).is_file():
        folder = folder.parent
    is_complete = (folder / TOKENIZER).is_file() and (folder / CONFIG).is_file()
    return folder if is_complete and _OF_A_RUN not in _settings(folder) else None


def _networks(folder: Path) -> Iterator[Path]:
    """Yield the files that may be the network: first the usual ones."""
    places = [place for place in (folder, folder / _ONNX_FOLDER) if place.is_dir()]
    usual = [place / NETWORK for place in places]
    yield from (path for path in usual if path.is_file())
    others = sorted(path for place in places for path in place.glob("model*.onnx"))
    yield from (path for path in others if path not in usual)


def _network_in(folder: Path) -> Path:
    found = [*_networks(folder)]
    if not found:
        raise ModelError(
            f"{folder}: a classifier without {NETWORK}. Write it with: optimum-cli export onnx "
            f"--model {folder} NEW_FOLDER"
        )
    if found[0].name != NETWORK and len(found) > 1:
        names = ", ".join(str(path.relative_to(folder)) for path in found)
        raise ModelError(f"{folder}: has several networks: {names}. Name one: --model {found[0]}")
    return found[0]
