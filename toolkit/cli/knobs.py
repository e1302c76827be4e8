"""The options of `toolkit train` that change the network of a preset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from toolkit.cli.option_groups import with_options
from toolkit.cli.options import option
from toolkit.training.knobs import Knobs
from toolkit.training.presets import PRESETS

NETWORK = "The network"
_DROPOUT = (
    "Share of the values that each step of the training sets to 0, 0 to 0.99, so that the network "
    "does not learn reviews by heart."
)
_MAX_TOKENS = "The network reads the last N tokens of a review, 2 to 10,000."
_VOCABULARY_SIZE = (
    "Number of token ids, 5 to 1,000,000: one for each of the most frequent words, and four others."
)
_LEARNING_RATE = "Learning rate of the optimizer (Adam), 0.000001 to 1."


def _of_presets(knob: str) -> str:
    """Such as `0.5 for conv1d`, for the presets that have it."""
    found = (preset for preset in PRESETS.values() if preset.has_knobs)
    return ", ".join(f"{getattr(preset, knob):,} for {preset.name}" for preset in found)


def _knob(value: str, what: str, name: str) -> object:
    return option(value, what, NETWORK, _of_presets(name))


@dataclass(frozen=True)
class KnobOptions(Knobs):
    """The values of these options. Each field is an option, in the order of the help."""

    dropout: Annotated[float | None, _knob("SHARE", _DROPOUT, "dropout")] = None
    max_tokens: Annotated[int | None, _knob("N", _MAX_TOKENS, "max_tokens")] = None
    vocabulary_size: Annotated[int | None, _knob("N", _VOCABULARY_SIZE, "vocabulary_size")] = None
    learning_rate: Annotated[float | None, _knob("RATE", _LEARNING_RATE, "learning_rate")] = None


AS_IN_THE_PRESET = KnobOptions()


# Gives a command the options of `KnobOptions` at the place of its parameter ``knobs``.
with_knobs = with_options("knobs", KnobOptions)
