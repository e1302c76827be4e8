"""The networks that can be trained, by name. Importing this needs no Keras."""

from __future__ import annotations

from toolkit.errors import UsageError
from toolkit.training.presets.base import Preset
from toolkit.training.presets.conv1d import CONV1D
from toolkit.training.presets.ngrams import NGRAM_CNN, NGRAM_LINEAR

DEFAULT_PRESET = CONV1D.name

# To add one, add an entry.
PRESETS: dict[str, Preset] = {preset.name: preset for preset in (CONV1D, NGRAM_LINEAR, NGRAM_CNN)}


def find_preset(name: str) -> Preset:
    """Look a preset up; raises `UsageError` with the known names if there is none."""
    if name not in PRESETS:
        raise UsageError(
            f"No preset '{name}' (there is: {', '.join(PRESETS)}). Choose one with --preset."
        )
    return PRESETS[name]
