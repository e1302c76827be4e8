"""What a user can say about how files of reviews are read."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.records.columns import Columns

STDIN = Path("-")  # standard input, or output where something is written


@dataclass(frozen=True)
class ReadOptions:
    """How a file of reviews is read."""

    columns: Columns = field(default_factory=Columns)
    _: KW_ONLY
    format: str | None = None  # name of the format; None: by the ending of the file
    delimiter: str | None = None  # of delimited files; None: by the format
    encoding: str | None = None  # of files of text; None: UTF-8
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
