"""The folder that `toolkit train` writes and `toolkit export` reads.

=====================  ==================================================================
``model.keras``        the trained network: (batch, max_tokens) int32 → (batch, 1) float32
``vocabulary.txt``     the known words, commonest first (`toolkit.text.vocabulary.Vocabulary`)
``config.json``        what was trained, on what, how: `RunConfig`
``metrics.json``       loss and accuracy: validation, folds and test, as far as measured
``history.csv``        loss and accuracy by epoch
``sample.parquet``     up to 2,000 reviews (`text`, `label`) with which the export proves parity
                       and judges weights of fewer bits: of the validation part, then of the test
                       part, and of the training part if these are few
``validation.parquet`` the held-out reviews, if there are any: `label` (0 to 1) and `probability`
                       (float32, of the network before its calibration)
``*.png``              plots of the history
=====================  ==================================================================
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from toolkit.errors import ModelError
from toolkit.model.plain_json import parse_json

CONFIG_VERSION = 1
LABELS = ("negative", "positive")  # of the label 0 and of 1
SAMPLE_REVIEWS = 2000

# What each needed entry of a config must be like; someone may have edited it.
_RIGHT: dict[str, Callable[[Any], bool]] = {
    "preset": lambda value: isinstance(value, str) and bool(re.fullmatch(r"[a-z0-9-]+", value)),
    "vocabulary_size": lambda value: type(value) is int and 4 < value <= 100_000_000,
    "max_tokens": lambda value: type(value) is int and 0 < value <= 1_000_000,
    "data": lambda value: isinstance(value, dict),
    "parts": lambda value: isinstance(value, dict),
    "calibration": lambda value: value == {} or _is_calibration(value),
}


def _is_calibration(value: Any) -> bool:
    if not isinstance(value, dict) or not {"scale", "bias"} <= value.keys():
        return False
    scale, bias = value["scale"], value["bias"]
    is_right = all(type(number) in (int, float) and abs(number) < 1e6 for number in (scale, bias))
    return is_right and scale > 0


@dataclass(frozen=True)
class RunConfig:
    """What `config.json` says of a run."""

    preset: str
    vocabulary_size: int
    max_tokens: int
    data: dict[str, Any]  # "source": name, "reviews": count, "sha256": of texts and labels
    training: dict[str, Any] = field(default_factory=dict)  # seed, epochs, split and the like
    # "scale" and "bias" of the logit, already in `model.keras`, and how they were found.
    calibration: dict[str, Any] = field(default_factory=dict)
    parts: dict[str, str] = field(default_factory=dict)  # file name: SHA-256, as in `fingerprints`
    toolkit_version: str = ""
    config_version: int = CONFIG_VERSION


@dataclass(frozen=True)
class RunFolder:
    """The parts of a run folder by name."""

    path: Path

    @property
    def model(self) -> Path:
        """The trained network."""
        return self.path / "model.keras"

    @property
    def vocabulary(self) -> Path:
        """The known words."""
        return self.path / "vocabulary.txt"

    @property
    def config(self) -> Path:
        """What was trained, on what, how."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """Loss and accuracy."""
        return self.path / "metrics.json"

    @property
    def history(self) -> Path:
        """Loss and accuracy by epoch."""
        return self.path / "history.csv"

    @property
    def sample(self) -> Path:
        """Reviews for the proof of parity."""
        return self.path / "sample.parquet"

    @property
    def validation(self) -> Path:
        """Labels and probabilities of held-out reviews; not every run has them."""
        return self.path / "validation.parquet"

    def fingerprints(self) -> dict[str, str]:
        """SHA-256 of the parts that belong together: network, vocabulary and reviews."""
        parts = [self.model, self.vocabulary, self.sample]
        if self.validation.is_file():
            parts.append(self.validation)
        return {part.name: hashlib.sha256(part.read_bytes()).hexdigest() for part in parts}

    def save_config(self, config: RunConfig) -> None:
        """Write `config.json`, with the fingerprints of the other parts."""
        config = replace(config, parts=self.fingerprints())
        _write_json(self.config, asdict(config))

    def save_metrics(self, metrics: dict[str, Any]) -> None:
        """Write `metrics.json`."""
        _write_json(self.metrics, metrics)

    def load_config(self) -> RunConfig:
        """Read `config.json`.

        Returns
        -------
        RunConfig
            What was trained.

        Raises
        ------
        ModelError
            If it is missing, no JSON, of another version, or without a needed entry.
        """
        content = {"calibration": {}} | _read_json(self.config)
        version = content.get("config_version")
        if version != CONFIG_VERSION:
            raise ModelError(
                f"{self.config}: config version {version!r}, expected {CONFIG_VERSION}. "
                "Train again with this version of the toolkit."
            )
        known = {entry.name for entry in fields(RunConfig)}
        for key, is_right in _RIGHT.items():
            if not is_right(content.get(key)):
                raise ModelError(
                    f"{self.config}: not the config of a run: {key} is {content.get(key)!r:.50}"
                )
        return RunConfig(**{key: value for key, value in content.items() if key in known})

    def load_metrics(self) -> dict[str, Any]:
        """Read `metrics.json`; raises `ModelError` if it is missing or no JSON."""
        return _read_json(self.metrics)

    def check(self) -> None:
        """Raise `ModelError` unless this is a folder with every part that the export needs."""
        if not self.path.is_dir():
            found = "a file" if self.path.exists() else "nothing there"
            raise ModelError(
                f"{self.path}: expected the run folder that `toolkit train` wrote, found {found}"
            )
        parts = (self.model, self.vocabulary, self.config, self.metrics, self.sample)
        missing = [part.name for part in parts if not part.is_file()]
        if missing:
            raise ModelError(
                f"{self.path}: no complete run folder, without {', '.join(missing)}. "
                "Train again with `toolkit train`."
            )
        recorded, found_parts = self.load_config().parts, self.fingerprints()
        changed = [name for name in found_parts if recorded.get(name) != found_parts[name]]
        if changed:
            raise ModelError(
                f"{self.path}: {', '.join(changed)} changed after the training. "
                "Get the original back, or train again with `toolkit train`."
            )


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; a run folder has it") from None
    except ValueError as error:  # no UTF-8 is a ValueError, too
        raise ModelError(f"{path}: no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content
