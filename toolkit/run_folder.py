"""The folder that `toolkit train` writes and `toolkit export` reads.

=====================  ==================================================================
``model.keras``        the trained network: (batch, max_tokens) int32 → (batch, 1) float32
``vocabulary.txt``     the known words, commonest first (`toolkit.text.Vocabulary`)
``config.json``        what was trained, on what, how: `RunConfig`
``metrics.json``       loss and accuracy: validation, folds and test, as far as measured
``history.csv``        loss and accuracy by epoch
``sample.parquet``     up to 2,000 reviews the network was not fitted on (`text`, `label`),
                       with which the export proves parity
``*.png``              plots of the history
=====================  ==================================================================
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from toolkit.errors import ModelError

CONFIG_VERSION = 1
SAMPLE_REVIEWS = 2000


@dataclass(frozen=True)
class RunConfig:
    """What `config.json` says of a run."""

    preset: str
    vocabulary_size: int
    max_tokens: int
    data: dict[str, Any]  # "source": name, "reviews": count, "sha256": of texts and labels
    training: dict[str, Any] = field(default_factory=dict)  # seed, epochs, split and the like
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

    def save_config(self, config: RunConfig) -> None:
        """Write `config.json`."""
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
        content = _read_json(self.config)
        version = content.get("config_version")
        if version != CONFIG_VERSION:
            raise ModelError(
                f"{self.config}: config version {version!r}, expected {CONFIG_VERSION}. "
                "Train again with this version of the toolkit."
            )
        known = {entry.name for entry in fields(RunConfig)}
        try:
            return RunConfig(**{key: value for key, value in content.items() if key in known})
        except TypeError as error:
            raise ModelError(f"{self.config}: not the config of a run: {error}") from None

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


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: no such file; a run folder has it") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{path}: no JSON: {error}") from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: expected a JSON object, found {type(content).__name__}")
    return content
