"""A text classifier in a folder, as Hugging Face repositories have it.

`toolkit.model.folder_files` lists the files, and `toolkit.model.folder_labels` says what the labels
mean. `toolkit.model.pieces` makes ids of texts, `toolkit.model.folder_network` runs the network.

The files may come from anybody. Their sizes are limited, and `toolkit.model.onnx` refuses a network
that could reach outside of its file. `toolkit.model.folder_network` limits its memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from toolkit.classes import DEFAULT_THRESHOLD, SENTIMENT
from toolkit.errors import MissingExtraError, ModelError
from toolkit.model.facts import CLASSES_VERSION, FORMAT_VERSION, ModelFacts
from toolkit.model.file import Model
from toolkit.model.folder_files import FolderFiles
from toolkit.model.folder_labels import MULTI_LABEL, ClassifierLabels, Meaning
from toolkit.model.folder_network import FolderNetwork
from toolkit.model.onnx import read_content
from toolkit.model.pieces import PACKAGE, Pieces
from toolkit.model.training_facts import RunMetrics, TrainingData
from toolkit.model.typed_json import LONGEST_JSON, is_line, parse_json
from toolkit.records.class_labels import FEWEST_CLASSES, MOST_CLASSES

EXTRA = "transformers"

FEWEST_TOKENS = 8
# A row of this length needs a gigabyte in some networks; longer texts are cut.
MOST_TOKENS = 2048
_USUAL_TOKENS = 512  # if neither file says how many the network reads
# Types of networks that number positions from the id of the padding token on, plus 1.
_POSITIONS_AFTER_PADDING = ("camembert", "longformer", "mpnet", "roberta", "xlm-roberta")
_PROBLEMS = (None, "single_label_classification", MULTI_LABEL)


@dataclass(frozen=True)
class ClassifierFolder(Model):
    """A classifier folder that was read and found complete."""

    # Such a network takes milliseconds for a text: a block of 500 sentences takes some seconds.
    block_bytes: ClassVar[int | None] = 1 << 16

    path: Path  # of the network
    facts: ModelFacts
    name: str  # of the folder
    labels: ClassifierLabels
    files: FolderFiles
    tokenizer_config: Mapping[str, Any]
    settings_sha256: str  # of `config.json` and `tokenizer_config.json`

    @classmethod
    def read(cls, files: FolderFiles) -> ClassifierFolder:
        """Read the facts of a classifier folder.

        Parameters
        ----------
        files : FolderFiles
            The files.

        Returns
        -------
        ClassifierFolder
            The folder. Its tokenizer and its network are loaded when they are asked for.

        Raises
        ------
        MissingExtraError
            If the package that makes word pieces is missing.
        ModelError
            If a file is damaged, too large, or of a kind that is not read here.
        """
        MissingExtraError.check(EXTRA, PACKAGE)
        content = read_content(files.config, LONGEST_JSON)
        config = _json_of(content, files.config)
        settings: dict[str, Any] = {}
        digest = hashlib.sha256(content)
        if files.tokenizer_config.is_file():
            content = read_content(files.tokenizer_config, LONGEST_JSON)
            settings = _json_of(content, files.tokenizer_config)
            digest.update(content)
        labels = _labels_of(config, files.config)
        return cls(
            path=files.network,
            facts=_facts_of(config, settings, labels, path=files.config),
            name=_name_of(files),
            labels=labels,
            files=files,
            tokenizer_config=settings,
            settings_sha256=digest.hexdigest(),
        )

    @cached_property
    def pieces(self) -> Pieces:
        """The tokenizer, which cuts texts to the length that the network reads."""
        return Pieces.load(
            self.files.tokenizer,
            most_tokens=self.facts.max_tokens,
            vocabulary_size=self.facts.vocabulary_size,
            reads_end=self.reads_end,
        )

    @cached_property
    def network(self) -> FolderNetwork:
        """The network."""
        return FolderNetwork.load(self.path, self.labels)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the hashes of network, tokenizer and settings, in hexadecimal."""
        parts = (self.network.sha256, self.pieces.sha256, self.settings_sha256)
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def check(self) -> None:
        """Try out network and tokenizer; raise `ModelError` if they do not fit together."""
        self.network.check(self.pieces, self.facts.max_tokens)

    @property
    def has_stars(self) -> bool:
        """Whether the labels are stars."""
        return self.labels.meaning is Meaning.STARS

    @property
    def reads_end(self) -> bool:
        """Whether the end of a long text is read, rather than its start."""
        return self.tokenizer_config.get("truncation_side") == "left"


def _name_of(files: FolderFiles) -> str:
    name = files.folder.resolve().name
    return name if files.network.stem == "model" else f"{name}-{files.network.stem}"


def _json_of(content: bytes, path: Path) -> dict[str, Any]:
    try:
        found = parse_json(content)
    except ValueError as error:
        raise ModelError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path}: expected a JSON object, found {type(found).__name__}")
    return found


def _labels_of(config: Mapping[str, Any], path: Path) -> ClassifierLabels:
    """Return the labels that `config.json` has; raise `ModelError` for unusable ones."""
    found = config.get("id2label")
    if not isinstance(found, dict) or not found:
        raise ModelError(f"{path}: has no id2label, the labels of the classifier")
    names = [found.get(str(number)) for number in range(len(found))]
    if not FEWEST_CLASSES <= len(names) <= MOST_CLASSES:
        raise ModelError(
            f"{path}: has {len(names):,} labels, expected {FEWEST_CLASSES} to {MOST_CLASSES:,}"
        )
    lines = [name for name in names if isinstance(name, str) and is_line(name)]
    if len({*lines}) < len(names):
        raise ModelError(
            f"{path}: id2label is {found!s:.80}, expected a different printable line for each "
            f"number from 0 to {len(names) - 1:,}"
        )
    problem = config.get("problem_type")
    if problem not in _PROBLEMS:
        raise ModelError(
            f"{path}: the problem_type is {problem!r:.60}, expected {_PROBLEMS[1]} or {MULTI_LABEL}"
        )
    return ClassifierLabels(tuple(lines), are_exclusive=problem != MULTI_LABEL)


def _facts_of(
    config: Mapping[str, Any], settings: Mapping[str, Any], labels: ClassifierLabels, path: Path
) -> ModelFacts:
    has_classes = labels.meaning is Meaning.CLASSES
    size = config.get("vocab_size")
    if type(size) is not int or not 1 < size <= 100_000_000:
        raise ModelError(f"{path}: the vocab_size is {size!r:.60}, expected a number of ids")
    written_by = config.get("transformers_version")
    is_known = isinstance(written_by, str) and is_line(written_by)
    kind = config.get("model_type")
    return ModelFacts(
        preset=kind if isinstance(kind, str) and is_line(kind) else "unknown",
        labels=labels.names if has_classes else SENTIMENT,
        threshold=DEFAULT_THRESHOLD,
        max_tokens=_most_tokens(config, settings, path),
        vocabulary_size=size,
        data=TrainingData(),
        metrics=RunMetrics(),
        parity=None,
        toolkit_version=f"transformers-{written_by}" if is_known else "unknown",
        format_version=CLASSES_VERSION if has_classes else FORMAT_VERSION,
    )


def _most_tokens(config: Mapping[str, Any], settings: Mapping[str, Any], path: Path) -> int:
    """Return how many ids the network reads of a text, the special ones included."""
    positions = config.get("max_position_embeddings")
    limits = [limit for limit in (settings.get("model_max_length"), positions) if limit is not None]
    for limit in limits:
        if type(limit) not in (int, float) or not limit > 0:
            raise ModelError(f"{path.parent}: the number of tokens is {limit!r:.60}")
    if positions is not None and config.get("model_type") in _POSITIONS_AFTER_PADDING:
        padding = config.get("pad_token_id")
        first = 1 + (padding if type(padding) is int and padding >= 0 else 1)
        limits[-1] = positions - first
    most = int(min([MOST_TOKENS, *(limits or [_USUAL_TOKENS])]))
    if most < FEWEST_TOKENS:
        raise ModelError(
            f"{path.parent}: reads {most} tokens of a text, expected {FEWEST_TOKENS} or more"
        )
    return most
