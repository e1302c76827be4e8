"""Settings of a network that a user may choose in place of those of its preset."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Knobs:
    """What was chosen, checked; None leaves the setting of the preset."""

    dropout: float | None = None  # share of values that each step sets to 0, at each dropout layer
    max_tokens: int | None = None  # most ids of a row: the last ones of a review are read
    vocabulary_size: int | None = None  # every token id is below it
    learning_rate: float | None = None  # of the optimizer

    def __post_init__(self) -> None:
        for name, value in self.chosen.items():
            lowest, highest, expected = _RANGES[name]
            if not lowest <= value <= highest:  # NaN is in no range
                raise UsageError(f"{option_of(name)}: expected {expected}, found {value}")

    @property
    def chosen(self) -> dict[str, int | float]:
        """The chosen settings by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


def option_of(knob: str) -> str:
    """Give the name of the option, such as `--max-tokens`."""
    return f"--{knob.replace('_', '-')}"


# By knob: the lowest and the highest value, and how to say it.
_RANGES: dict[str, tuple[float, float, str]] = {
    "dropout": (0, 0.99, "from 0 to 0.99"),
    "max_tokens": (2, 10_000, "from 2 to 10,000"),  # the network takes tokens in pairs
    "vocabulary_size": (5, 1_000_000, "from 5 to 1,000,000"),  # 4 ids are no words
    "learning_rate": (1e-6, 1, "from 0.000001 to 1"),
}
