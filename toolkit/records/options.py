"""The options for reading files of reviews."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from math import isfinite
from pathlib import Path

from toolkit.errors import UsageError
from toolkit.records.columns import Columns

STDIN = Path("-")  # standard input, or output where something is written


# What databases, pandas, R and spreadsheets write for a missing value, in exactly this spelling: a
# person may write "none", but Python writes "None".
NULL_WORDS = (
    *("NULL", "null", r"\N", "NA", "N/A", "n/a", "<NA>", "None", "nan", "NaN", "NaT", "#N/A"),
    *("#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!", "#DIV/0!", "#SPILL!", "#CALC!"),
)


@dataclass(frozen=True)
class LabelNames:
    """The user's options for labels; without any, the values of the column decide."""

    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    positive_from: float | None = None  # for numbers: less is negative
    skip_wrong: bool = False  # leave out rows with a missing or unknown label

    @property
    def named(self) -> list[str]:
        """All labels that the user has named, normalized by `plain_label`."""
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
    """The options for reading a file of reviews."""

    columns: Columns = field(default_factory=Columns)
    _: KW_ONLY
    format: str | None = None  # name of the format; None: by the ending of the file
    delimiter: str | None = None  # of delimited files; None: `usual_delimiter`
    usual_delimiter: str = ","  # of the format
    quote: str | None = '"'  # around fields of delimited files; None: no quotes
    # Whether the user has named the quote: then it is never taken for a character of a text.
    quote_is_sure: bool = False
    escape: str | None = None  # takes the special meaning from the next character
    skip_lines: int = 0  # of delimited files, before the header
    encoding: str | None = None  # of text files; None: UTF-8
    labels: LabelNames = field(default_factory=LabelNames)
    sheet: str | None = None  # of a workbook; None: its only sheet
    strip_endings: tuple[str, ...] = ()  # words at the end of texts that are not read
    null_words: tuple[str, ...] = NULL_WORDS  # words for a missing text
    header: bool = True  # whether delimited files begin with the names of the columns
    # Size of a block, about. For each block, the tables of words and of the network are loaded
    # into the cache again: blocks of 1 MiB take 15 % longer. Larger blocks need more memory.
    block_bytes: int = 3 << 20

    def __post_init__(self) -> None:
        if self.delimiter is not None:
            check_delimiter(self.delimiter, "--delimiter")
        if self.quote is not None:
            _check_mark(
                self.quote, self.delimiter, option="--quote", expected="one ASCII character or none"
            )
        if self.escape is not None:
            _check_mark(
                self.escape, self.delimiter, option="--escape", expected="one ASCII character"
            )
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
        return (
            not self.header or self.quote != '"' or self.escape is not None or self.skip_lines != 0
        )

    def in_blocks_of(self, most_bytes: int | None) -> ReadOptions:
        """Return these options with blocks of at most some bytes, about; None changes nothing."""
        if most_bytes is None or most_bytes >= self.block_bytes:
            return self
        return replace(self, block_bytes=most_bytes)


def check_delimiter(mark: str, place: str) -> None:
    """Raise `UsageError` if a character cannot separate fields; `place`: where it was found."""
    if not _is_mark(mark):
        raise UsageError(
            f"{place}: expected one ASCII character other than a letter or digit, received {mark!r}"
        )
    # The added fields may contain these.
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
    """Whether a text is one ASCII character; not a letter or digit, which added fields contain."""
    return len(mark) == 1 and mark.isascii() and not mark.isalnum()


def plain_label(word: str) -> str:
    """Normalize a label for comparison: without white space around it, in lower case."""
    return word.strip().lower()
