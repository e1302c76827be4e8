"""What the lines of a journal say of each output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from toolkit.records.review_file import Place
from toolkit.scoring.summary import Summary

VERSION = 3  # of the lines


@dataclass(frozen=True)
class Checkpoint:
    """How much of an output is written."""

    place: Place  # in the input, where the next block starts
    lengths: dict[str, int]  # of the files of the output, in bytes, as far as they are complete
    counts: dict[str, Any]  # as in `Summary.as_dict`
    complete: bool = False  # the files only have to be moved to their places


@dataclass(frozen=True)
class Entry:
    """What is known of an output."""

    replaces_for: str | None = None  # the input whose run may replace what was at the output before
    identity: dict[str, Any] | None = None  # of the run with the checkpoint
    checkpoint: Checkpoint | None = None


def read_entries(lines: list[Any]) -> dict[str, Entry]:
    """Give the last entry of each output; `ValueError` if a line is damaged, or not of us."""
    entries: dict[str, Entry] = {}
    try:
        for line in lines:
            if line.pop("version") != VERSION:
                raise ValueError(line)
            output, point = line.pop("output"), line.pop("checkpoint")
            if point is not None:
                point = Checkpoint(**{**point, "place": tuple(point["place"])})
                Summary.from_dict(point.counts)
            entry = Entry(**line, checkpoint=point)
            dicts = [entry.identity or {}, point.lengths if point else {}]
            if not isinstance(output, str) or not all(isinstance(value, dict) for value in dicts):
                raise ValueError(line)
            entries[output] = entry
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(str(error)) from None
    return {key: entry for key, entry in entries.items() if entry != Entry()}
