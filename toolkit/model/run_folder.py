"""The folder that `toolkit train` writes and `toolkit export` reads."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

from toolkit.classes import DEFAULT_THRESHOLD
from toolkit.errors import ModelError
from toolkit.files import sha256_of
from toolkit.model.facts import Labels, MaxTokens, RuleVersion, VocabularySize
from toolkit.model.release import Release
from toolkit.model.stars import NeutralRange, StarScale
from toolkit.model.training_facts import Calibration, RunMetrics, TrainingData
from toolkit.model.typed_json import Share, decode, encode, parse_json
from toolkit.stores.paths import is_in_store
from toolkit.text.rule import OLDEST_RULE, RULES
from toolkit.text.vocabulary import Vocabulary

CONFIG_VERSION = 1
SHARE_OF_POSITIVES = "share of positives"  # how the threshold of a run was chosen
SAMPLE_REVIEWS = 2000

T = TypeVar("T")
_PresetName = Annotated[str, lambda name: re.fullmatch(r"[a-z0-9-]+", name)]  # also a file name


@dataclass(frozen=True)
class RunConfig:
    """The content of `config.json`, which describes a run."""

    preset: _PresetName
    vocabulary_size: VocabularySize
    max_tokens: MaxTokens
    data: TrainingData
    training: dict[str, Any] = field(default_factory=dict)  # seed, epochs, split and the like
    classes: Labels | None = None  # None: negative and positive
    calibration: Calibration | None = None  # already applied in `model.keras`
    stars: StarScale | None = None
    neutral: NeutralRange | None = None
    threshold: Share | None = None  # default of the export; None: `DEFAULT_THRESHOLD`
    parts: dict[str, str] = field(default_factory=dict)  # file name → SHA-256, see `fingerprints`
    start_release: Release | None = None  # of the model that this one was adapted from
    token_rule: RuleVersion = OLDEST_RULE.version  # the first rule in folders without this entry
    toolkit_version: str = ""
    config_version: int = CONFIG_VERSION

    @property
    def usual_threshold(self) -> float:
        """The threshold if the user chooses none."""
        return DEFAULT_THRESHOLD if self.threshold is None else self.threshold


class RunFolder:
    """The files of a run folder by name. The folder also has plots and exported model files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # (batch, max_tokens) int32 → (batch, 1 or classes) float32
        self.model = path / "model.keras"
        self.vocabulary = path / "vocabulary.txt"  # the known words, most frequent first
        self.config = path / "config.json"  # `RunConfig`
        self.metrics = path / "metrics.json"  # `RunMetrics`
        self.history = path / "history.csv"  # loss and accuracy by epoch
        # Up to 2,000 reviews (`text`, `label`) for the proof of parity and for quantization: from
        # the validation part, then the test part, then the training part.
        self.sample = path / "sample.parquet"
        # Held-out reviews, if there are any: `label` (0 to 1) and `probability` (float32, before
        # calibration).
        self.validation = path / "validation.parquet"

    def find_export(self) -> Path:
        """Return the model file that `toolkit export` wrote here; `ModelError` without one."""
        if not self.config.is_file():
            raise ModelError(
                f"{self.path}: a folder, expected a model file or the run folder of `toolkit train`"
            )
        exported = self.path / f"{self.load_config().preset}.onnx"
        if not exported.is_file():
            raise ModelError(
                f"{self.path}: a run folder without {exported.name}. Export it first: "
                f"toolkit export {self.path}"
            )
        return exported

    def fingerprints(self) -> dict[str, str]:
        """Return file name → SHA-256 of the parts that belong together."""
        parts = [self.model, self.vocabulary, self.sample]
        if self.validation.is_file():
            parts.append(self.validation)
        return {part.name: sha256_of(part) for part in parts}

    def save_config(self, config: RunConfig) -> None:
        """Write `config.json`, with the fingerprints of the other parts."""
        _write_json(self.config, encode(replace(config, parts=self.fingerprints())))

    def save_metrics(self, metrics: RunMetrics) -> None:
        """Write `metrics.json`."""
        _write_json(self.metrics, encode(metrics))

    def load_config(self) -> RunConfig:
        """Read `config.json`; `ModelError` if it is missing, damaged or of another version."""
        content = _read_json(self.config)
        if content.get("config_version") != CONFIG_VERSION:
            raise ModelError(
                f"{self.config}: config version {content.get('config_version')!r}, expected "
                f"{CONFIG_VERSION}. Train again with this version of the toolkit."
            )
        return _decoded(RunConfig, content, self.config)

    def load_vocabulary(self, config: RunConfig) -> Vocabulary:
        """Read `vocabulary.txt`; raise `ModelError` if it does not belong to the network."""
        vocabulary = Vocabulary.load(self.vocabulary, RULES[config.token_rule])
        if not len(vocabulary.words):
            raise ModelError(f"{self.vocabulary}: is empty. Train again.")
        if vocabulary.size > config.vocabulary_size:
            raise ModelError(
                f"{self.vocabulary}: {len(vocabulary.words):,} words, more than the network's "
                f"{config.vocabulary_size:,} ids allow. Is it the vocabulary of another run?"
            )
        return vocabulary

    def load_metrics(self) -> RunMetrics:
        """Read `metrics.json`; raise `ModelError` if it is missing or damaged."""
        return _decoded(RunMetrics, _read_json(self.metrics), self.metrics)

    def check(self) -> None:
        """Raise `ModelError` unless the folder has every part that the export needs."""
        if is_in_store(self.path):
            raise ModelError(f"{self.path}: a run folder has to be on this machine")
        if not self.path.is_dir():
            found = "a file" if self.path.exists() else "nothing there"
            raise ModelError(
                f"{self.path}: expected the run folder that `toolkit train` wrote, found {found}"
            )
        parts = (self.model, self.vocabulary, self.config, self.metrics, self.sample)
        missing = [part.name for part in parts if not part.is_file()]
        if missing:
            raise ModelError(
                f"{self.path}: an incomplete run folder, without {', '.join(missing)}. "
                "Train again with `toolkit train`."
            )
        recorded = self.load_config().parts
        found_parts = self.fingerprints()
        changed = [name for name in found_parts if recorded.get(name) != found_parts[name]]
        if changed:
            raise ModelError(
                f"{self.path}: {', '.join(changed)} changed after the training. "
                "Get the original back, or train again with `toolkit train`."
            )


def _decoded(kind: type[T], content: dict[str, Any], path: Path) -> T:
    try:
        return decode(kind, content)
    except ValueError as error:
        raise ModelError(f"{path}: damaged: {error}. Train again with `toolkit train`.") from None


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file, expected in every run folder") from None
    except ValueError as error:  # bytes that are not UTF-8 raise one, too
        raise ModelError(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content
