"""The networks that can be trained, by name, and their settings that a user may choose.

Importing this needs neither Keras nor NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.errors import UsageError
from toolkit.networks import conv1d

if TYPE_CHECKING:
    import keras


# The lowest and the highest value of each setting, and the words for a message.
_RANGES: dict[str, tuple[float, float, str]] = {
    "dropout": (0, 0.99, "from 0 to 0.99"),
    "max_tokens": (2, 10_000, "from 2 to 10,000"),  # the network takes tokens in pairs
    "vocabulary_size": (5, 1_000_000, "from 5 to 1,000,000"),  # the first 4 ids are not words
    "learning_rate": (1e-6, 1, "from 0.000001 to 1"),
}


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """The user's settings, checked; None keeps the setting of the preset."""

    dropout: float | None = None  # share of values that a dropout layer sets to 0 in each step
    max_tokens: int | None = None  # most ids of a row: the last tokens of a review are read
    vocabulary_size: int | None = None  # every token id is below it
    learning_rate: float | None = None  # of the optimizer

    def __post_init__(self) -> None:
        for name, value in self.chosen.items():
            lowest, highest, expected = _RANGES[name]
            if not lowest <= value <= highest:  # NaN is in no range
                raise UsageError(f"{option_of(name)}: expected {expected}, found {value}")

    @property
    def chosen(self) -> dict[str, int | float]:
        """The user's settings by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


def option_of(setting: str) -> str:
    """Return the name of a setting's option, such as `--max-tokens`."""
    return f"--{setting.replace('_', '-')}"


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A kind of network, with the sizes of its input and the way it is trained."""

    name: str  # what `--preset` calls it
    summary: str  # one line for the help text
    recipe: str  # how it is fitted: a name in `toolkit.training.recipes`
    vocabulary_size: int  # every token id is below it
    max_tokens: int  # most ids of a row, with the start id
    epochs: int  # most passes over the reviews, unless the user chooses
    batch_size: int  # reviews per step of the optimizer, unless the user chooses
    stops_early: bool = False  # when the validation loss no longer falls; else all epochs run
    uses_unlabelled: bool = False  # whether its recipe also learns from reviews without labels
    has_fixed_length: bool = False  # rows are padded to `max_tokens`, else to the longest row
    is_adjustable: bool = False  # whether a user may choose its sizes, dropout and learning rate
    # For the recipe `padded`: makes the compiled network, with the metric `accuracy`: (batch,
    # max_tokens) int32 → (batch, 1) float32. The arguments are the vocabulary size and
    # `max_tokens`, and for an adjustable preset also `dropout` and `learning_rate`. With an
    # argument `classes`, the network returns (batch, classes) instead.
    build: Callable[..., keras.Model] | None = None
    dropout: float | None = None
    learning_rate: float | None = None
    # Fewest reviews to try it with if the user names no preset; None: it is not tried.
    tried_from: int | None = None
    learns_classes: bool = False  # whether its recipe also learns classes of a user's own
    # The same as `tried_from`, for texts with classes of a user's own.
    classes_tried_from: int | None = None


_PRESETS = (
    Preset(
        name="conv1d",
        summary="the tutorial's network: one convolution over the last 100 tokens",
        recipe="padded",
        build=conv1d.build,
        vocabulary_size=10_000,
        max_tokens=100,
        epochs=100,
        batch_size=32,
        stops_early=True,
        has_fixed_length=True,
        is_adjustable=True,
        dropout=conv1d.DROPOUT,
        learning_rate=conv1d.LEARNING_RATE,
        learns_classes=True,
    ),
    Preset(
        name="ngram-linear",
        summary="a weight for each word and each pair of words: small and fastest",
        recipe="ngram-linear",
        # Its square, the number of pairs, has to be below 2**31.
        vocabulary_size=30_003,
        max_tokens=512,
        epochs=5,
        batch_size=128,
        stops_early=True,
        uses_unlabelled=True,
        tried_from=0,
        learns_classes=True,
        classes_tried_from=0,
    ),
    Preset(
        name="ngram-recurrent",
        summary="for many kinds of reviews: each word is read with those before and after it; fast",
        recipe="ngram-recurrent",
        vocabulary_size=30_003,
        max_tokens=512,
        epochs=3,
        batch_size=192,
        uses_unlabelled=True,
        # It takes longer than `ngram-linear`. With 5,000 reviews (four domains), its balanced
        # accuracy was 3.4 points lower to 0.1 higher; with 20,000 (three), 1.2 lower to 0.2 higher.
        tried_from=20_000,
        learns_classes=True,
        classes_tried_from=20_000,
    ),
)

# To add a preset, add an entry above.
PRESETS: dict[str, Preset] = {preset.name: preset for preset in _PRESETS}


def find_preset(name: str) -> Preset:
    """Return a preset by its name; raise `UsageError` with the known names for another."""
    if name not in PRESETS:
        raise UsageError(f"--preset: no preset '{name}' (choose from: {', '.join(PRESETS)})")
    return PRESETS[name]
