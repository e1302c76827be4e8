"""What a user can say about how files of reviews are read."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from math import isfinite
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.records.columns import Columns

STDIN = Path("-")  # standard input, or output where something is written


# What databases, pandas, R and spreadsheets write for a value that is missing, spelled just so. A
# person may write "none"; "None" is what Python writes.
NULL_WORDS = (
    *("NULL", "null", r"\N", "NA", "N/A", "n/a", "<NA>", "None", "nan", "NaN", "NaT", "#N/A"),
    *("#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#DIV/0!", "#SPILL!", "#CALC!"),
)


@dataclass(frozen=True)
class LabelNames:
    """What a user says of the labels; nothing: they are read by what they are."""

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    positive_from: float | None = None  # of numbers: less is negative
    skip_wrong: bool = False  # leave out rows without a label, or with one that means nothing

    @property
    def named(self) -> list[str]:
        """All labels that are named, as `plain_label` writes them."""
        return [plain_label(name) for name in (*self.positive, *self.negative)]

    def __post_init__(self) -> None:
        named = self.named
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
    usual_delimiter: str = ","  # that the format has
    quote: str | None = '"'  # around fields of delimited files; None: without quotes
    # Whether the user has named the quote: then it is never taken for a character of a text.
    quote_is_sure: bool = False
    escape: str | None = None  # before a character that does not separate, quote or end a line
    skip_lines: int = 0  # of delimited files, before the header
    encoding: str | None = None  # of files of text; None: UTF-8
    labels: LabelNames = field(default_factory=LabelNames)
    sheet: str | None = None  # of a workbook; None: its only one
    strip_endings: tuple[str, ...] = ()  # words at the end of texts that are not read
    null_words: tuple[str, ...] = NULL_WORDS  # a field that is one of them has no text
    header: bool = True  # whether delimited files begin with the names of the columns
    # About this many bytes are read at once. From stage to stage, the tables of words and of the
    # network leave the cache and come back; blocks of 1 MiB take 15 % longer, larger ones more
    # memory.
    block_bytes: int = 3 << 20

    def __post_init__(self) -> None:
        if self.delimiter is not None:
            check_delimiter(self.delimiter, "--delimiter")
        if self.quote is not None:
            _check_mark(self.quote, self.delimiter, "--quote", "one ASCII character or none")
        if self.escape is not None:
            _check_mark(self.escape, self.delimiter, "--escape", "one ASCII character")
        if self.escape is not None and self.escape == self.quote:
            raise UsageError(
                f"--escape: {self.escape!r} is the quote already, and doubled quotes are read "
                "without an option. Leave --escape out"
            )
        self._check_words()
        if self.skip_lines < 0:
            raise UsageError(f"--skip-lines: expected 0 or more, received {self.skip_lines}")

    def _check_words(self) -> None:
        from toolkit.text.strings import is_unicode  # late: it imports Arrow

        for option, words in (("--strip-ending", self.strip_endings), ("--null", self.null_words)):
            for word in words:
                if not word.strip() or not is_unicode(word):
                    raise UsageError(f"{option}: expected words in UTF-8, received {word!a}")

    @property
    def is_delimited(self) -> bool:
        """Whether an option is given that is for delimited files only."""
        return not self.header or (self.quote, self.escape, self.skip_lines) != ('"', None, 0)


def check_delimiter(mark: str, place: str) -> None:
    """Raise `UsageError` if fields cannot be separated by this, which was found at a place."""
    if not _is_mark(mark):
        raise UsageError(
            f"{place}: expected one ASCII character other than a letter or digit, received {mark!r}"
        )
    # These are in what is written after a delimiter.
    if mark in '"\r\n.+-_':
        raise UsageError(f"{place}: fields cannot be separated by {mark!r}")


def _check_mark(mark: str, delimiter: str | None, option: str, expected: str) -> None:
    if not _is_mark(mark):
        raise UsageError(f"{option}: expected {expected}, received {mark!r}")
    if mark in "\r\n.+-_ ":
        raise UsageError(f"{option}: {mark!r} cannot be used")
    if mark == delimiter:
        raise UsageError(f"{option}: {mark!r} is the delimiter already")


def _is_mark(mark: str) -> bool:
    """Letters and digits are in what is written after a delimiter."""
    return len(mark) == 1 and mark.isascii() and not mark.isalnum()


def plain_label(word: str) -> str:
    """Write a label as labels are compared: without white space around it, in lower case."""
    return word.strip().lower()
