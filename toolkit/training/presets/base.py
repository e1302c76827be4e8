"""What a preset is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Preset:
    """A network with the sizes of its input.

    Attributes
    ----------
    name : str
        What `--preset` calls it.
    summary : str
        One line for the help text.
    vocabulary_size : int
        Number of token ids, the four reserved ones included; every id is below it.
    max_tokens : int
        Length of a row of ids, the start id included.
    build : Callable[[Preset], keras.Model]
        Makes the network with fresh weights, compiled with its optimizer, binary cross-entropy
        and the metric `accuracy`: (batch, max_tokens) int32 → (batch, 1) float32, the
        probability of a positive review.
    uses_unlabelled : bool
        Whether its fit has a use for reviews without labels; without one, `--unlabelled` is
        refused.
    """

    name: str
    summary: str
    vocabulary_size: int
    max_tokens: int
    build: Callable[[Preset], keras.Model]
    uses_unlabelled: bool = False
