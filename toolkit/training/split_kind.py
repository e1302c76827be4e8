"""The ways to part reviews; importing this needs neither NumPy nor Arrow."""

from __future__ import annotations

from enum import StrEnum


class SplitKind(StrEnum):
    """How reviews are parted."""

    GROUP = "group"  # never parting a group, such as the reviews of one film
    RANDOM = "random"
    LAST = "last"  # the last ones are held out, as with Keras' `validation_split`
