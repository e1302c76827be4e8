"""Ranges of probabilities, such as ``--neutral-range`` and ``--unsure``: parsed, and checked."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.errors import UsageError

Range = tuple[float, float]  # who uses it says whether the upper end is included


def parse_range(written: str, option: str = "--neutral-range", usual: str = "0.4:0.6") -> Range:
    """Read two numbers with a colon between them; raise `UsageError` for anything else.

    ``option``, ``usual``: the option that the user gave, and an example, for the message.
    """
    low, _, high = written.partition(":")
    try:
        return float(low), float(high)
    except ValueError:
        raise UsageError(
            f"{option}: expected two probabilities such as {usual}, received {written!r}"
        ) from None


def check_ends(given: Any, option: str, usual: str) -> Range:
    """Return both ends of a range as float32 values, like the probabilities.

    Parameters
    ----------
    given : Any
        Two numbers, the lower first.
    option : str
        The option that the user gave, for the message.
    usual : str
        An example of a range, for the message.

    Returns
    -------
    Range
        Both ends, 0 to 1. Ends that are equal in float32 are refused as an empty range.

    Raises
    ------
    UsageError
        If it is anything but two different numbers from 0 to 1, the lower first.
    """
    try:
        low, high = (float(np.float32(end)) for end in given)
    except (TypeError, ValueError):
        raise UsageError(
            f"{option}: expected two probabilities such as {usual}, received {given!r:.60}"
        ) from None
    if not 0 <= low < high <= 1:
        raise UsageError(
            f"{option}: expected two probabilities from 0 to 1, the lower first, such as {usual}, "
            f"received {given[0]}:{given[1]}"
        )
    return low, high
