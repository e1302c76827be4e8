"""What a user can say about how files of reviews are read."""

from __future__ import annotations

import stat
from dataclasses import KW_ONLY, dataclass, field
from math import isfinite
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.records.columns import Columns

STDIN = Path("-")  # standard input, or output where something is written


def is_stream(path: Path) -> bool:
    """Whether this can be read only once, from start to end: standard input, or a pipe."""
    try:
        return path == STDIN or stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):  # reported when it is opened
        return False


@dataclass(frozen=True)
class LabelNames:
    """What a user says of the labels; nothing: they are read by what they are."""

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    positive_from: float | None = None  # of numbers: less is negative

    def __post_init__(self) -> None:
        named = [plain_label(name) for name in (*self.positive, *self.negative)]
        if "" in named:
            raise UsageError("--positive, --negative: a label has at least one letter or digit")
        twice = [name for name in named if named.count(name) > 1]
        if twice:
            raise UsageError(f"--positive, --negative: the label {twice[0]!r} is named twice")
        least = self.positive_from
        if least is not None and not isfinite(least):
            raise UsageError(f"--positive-from: expected a number, received {least}")
        if named and least is not None:
            raise UsageError(
                "--positive-from is for labels that are numbers, so it cannot be combined with "
                "--positive or --negative."
            )


@dataclass(frozen=True)
class ReadOptions:
    """How a file of reviews is read."""

    columns: Columns = field(default_factory=Columns)
    _: KW_ONLY
    format: str | None = None  # name of the format; None: by the ending of the file
    delimiter: str | None = None  # of delimited files; None: by the format
    encoding: str | None = None  # of files of text; None: UTF-8
    labels: LabelNames = field(default_factory=LabelNames)
    sheet: str | None = None  # of a workbook; None: its only one
    header: bool = True  # whether delimited files begin with the names of the columns
    # About this many bytes are read at once. From stage to stage, the tables of words and of the
    # network leave the cache and come back; blocks of 1 MiB take 15 % longer, larger ones more
    # memory.
    block_bytes: int = 3 << 20

    def __post_init__(self) -> None:
        mark = self.delimiter
        # Letters, digits and these are in what is written after a delimiter.
        if mark is not None and (len(mark) != 1 or not mark.isascii() or mark.isalnum()):
            raise UsageError(f"--delimiter: expected one ASCII character, received {mark!r}")
        if mark is not None and mark in '"\r\n.+-_':
            raise UsageError(f"--delimiter: fields cannot be separated by {mark!r}")


def plain_label(word: str) -> str:
    """Write a label as labels are compared: without white space around it, in lower case."""
    return word.strip().lower()
