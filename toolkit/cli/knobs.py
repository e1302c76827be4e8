"""The options of `toolkit train` that change the network of a preset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from toolkit.cli.options import option
from toolkit.training.knobs import Knobs
from toolkit.training.presets import PRESETS

NETWORK = "The network"
_DROPOUT_MORE = (
    "Of each step of the training, 0 to 0.99, so that the network does not learn reviews by heart."
)
_SIZE_MORE = "5 to 1,000,000: one for each of the most frequent words, and four others."


def _knob(value: str, what: str, name: str, more: str) -> object:
    """Describe an option whose default is that of the presets, such as `0.5 for conv1d`."""
    found = (preset for preset in PRESETS.values() if preset.has_knobs)
    default = ", ".join(f"{getattr(preset, name):,} for {preset.name}" for preset in found)
    return option(value, what, NETWORK, default, more=more)


@dataclass(frozen=True)
class KnobOptions(Knobs):
    """The values of these options. Each field is an option, in the order of the help."""

    dropout: Annotated[
        float | None, _knob("SHARE", "Share of values to set to 0.", "dropout", _DROPOUT_MORE)
    ] = None
    max_tokens: Annotated[
        int | None, _knob("N", "Tokens that are read.", "max_tokens", "The last ones, 2 to 10,000.")
    ] = None
    vocabulary_size: Annotated[
        int | None, _knob("N", "Number of token ids.", "vocabulary_size", _SIZE_MORE)
    ] = None
    learning_rate: Annotated[
        float | None,
        _knob("RATE", "Of the optimizer (Adam).", "learning_rate", "0.000001 to 1."),
    ] = None
