"""Records of delimited files that are longer than the limit: where they end, in little memory."""

from __future__ import annotations

import re
from dataclasses import dataclass

from toolkit.records.delimited.csv_dialect import Dialect
from toolkit.records.text_files.byte_streams import ByteStream

_PIECE = 1 << 20  # bytes that are looked at together


@dataclass(frozen=True)
class Passed:
    """A record that was passed over, up to its line end."""

    length: int
    lines: int  # line ends in it
    is_whole: bool  # whether its quotes close at the ends of fields


class _Finder:
    """Finds the end of a record in pieces of text."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._mark = dialect.delimiter.encode()
        self._quote = dialect.quote.encode() if dialect.quote else b""
        mark, quote = re.escape(self._mark), re.escape(self._quote)
        # What ends the last field, or may be the start of a quoted one.
        self._outside = re.compile(rb"\r?\n|" + mark + rb"(?=" + quote + rb")")
        if not quote:
            self._outside = re.compile(rb"\r?\n")
        self._inside = re.compile(rb"[^Q]*+(?:QQ[^Q]*+)*+".replace(b"Q", quote or b"\n"))
        self._is_quoted = False
        self._is_start = True  # of a field
        self.is_whole = True

    def step(self, text: bytes, *, is_last: bool) -> tuple[int, bool]:
        """Read on; tell how far, and whether the record ends there: at its line end, if any."""
        at, is_end = 0, False
        while not is_end:
            if not self._is_quoted and self._is_start:
                at = self._dialect.fields.match(text, at).end()  # type: ignore[union-attr]
                self._is_quoted = bool(self._quote) and text.startswith(self._quote, at)
                at += self._is_quoted
            read = self._quoted if self._is_quoted else self._plain
            before = at
            at, is_end = read(text, at, is_last)
            if at == before or at >= len(text) - (0 if is_last else 2):
                break
        return (len(text), True) if is_last and not is_end else (at, is_end)

    def _quoted(self, text: bytes, at: int, is_last: bool) -> tuple[int, bool]:
        """Read to the end of a quoted field, and the delimiter after it."""
        at = self._inside.match(text, at).end()  # type: ignore[union-attr]
        if at >= len(text) - 2 and not is_last:
            return at, False
        following = text[at + 1 : at + 3]
        if at < len(text) and following.startswith(self._mark):
            self._is_quoted, self._is_start = False, True
            return at + 2, False
        if at < len(text) and (following in (b"", b"\r") or following[:1] == b"\n"):
            return at + 1, True
        if following == b"\r\n":
            return at + 1, True
        self.is_whole = False
        end = text.find(b"\n", at)
        self._is_quoted = self._is_start = False
        return (end, True) if end >= 0 else (len(text), is_last)

    def _plain(self, text: bytes, at: int, is_last: bool) -> tuple[int, bool]:
        """Read to the end of the record, or to a delimiter that a quote follows."""
        found = self._outside.search(text, at)
        self._is_start = False
        if found is None:
            is_kept = text[-1:] in (self._mark, b"\r") and not is_last
            return max(len(text) - is_kept, at), False
        if found[0] != self._mark:
            return found.start(), True
        self._is_start = True
        return found.end(), False


def pass_over(stream: ByteStream, dialect: Dialect) -> Passed:
    """Pass over a record, up to its line end; where a quote closes too early, up to that line's."""
    finder = _Finder(dialect)
    length = lines = 0
    while True:
        text = stream.peek(_PIECE)
        is_last = len(text) < _PIECE
        masked = dialect.masked(text)
        if not is_last and dialect.escape is not None:
            masked = masked[: len(masked) - _undecided(text, dialect.escape.encode())]
        at, is_end = finder.step(masked, is_last=is_last)
        lines += text.count(b"\n", 0, at)
        length += at
        stream.advance(at)
        if is_end:
            return Passed(length, lines, finder.is_whole)


def _undecided(text: bytes, escape: bytes) -> int:
    """Count the last bytes that escape what comes next, or may be a line end that is escaped."""
    is_return = text.endswith(b"\r")
    before = text[:-1] if is_return else text
    escapes = len(before) - len(before.rstrip(escape))
    return is_return + escapes % 2
