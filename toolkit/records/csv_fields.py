"""Fields of delimited text: finds where they end (RFC 4180), and removes quotes and escapes."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import counted
from toolkit.native import records as core
from toolkit.records.lines import NEWLINE, Lines, Positions, spans
from toolkit.text.strings import arrow_of

_FILLER = b"a"  # any byte that neither separates nor quotes fields
# Bytes that one step looks at, to bound the memory. Also how far the rest of a broken record is
# searched for.
_WINDOW = 1 << 20
# The first fields of a record are read one by one, in steps of `_FEW_BYTES`; the fields after them
# many at once, which is slower for few fields.
_FEW = 64
_FEW_BYTES = 1 << 12

# Letters after a backslash, as MySQL and PostgreSQL write them; other escapes have none.
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_NULL = r"\N"  # a null, as MySQL and PostgreSQL write it


@dataclass(frozen=True)
class Dialect:
    """The characters that separate, quote and escape; each is one ASCII character."""

    delimiter: str
    quote: str | None = '"'  # None: each line is a record
    escape: str | None = None  # takes the special meaning from the next character

    @cached_property
    def field(self) -> re.Pattern[bytes]:
        """One field from its start, with its quotes; no match where a quote stays open."""
        plain = rf"[^{re.escape(self.delimiter)}\r\n]*+"
        if self.quote is None:
            return re.compile(plain.encode())
        q = re.escape(self.quote)
        # Possessive, so that a text that ends in a doubled quote does not match as a closed field.
        return re.compile(f"{q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+{q}|(?!{q}){plain}".encode())

    @cached_property
    def plain_fields(self) -> re.Pattern[bytes]:
        """Fields up to a quote or a line end, with the delimiters between them."""
        return re.compile(f"[^{re.escape(self.quote or '')}\r\n]*+".encode())

    @cached_property
    def whole_fields(self) -> re.Pattern[bytes]:
        """Any number of fields, quoted or plain, each with the delimiter after it."""
        return re.compile(b"(?:(?:%b)%b)*+" % (self.field.pattern, self._mark))

    @cached_property
    def whole_field(self) -> re.Pattern[bytes]:
        """One field, quoted or plain, with the delimiter after it."""
        return re.compile(b"(?:%b)%b" % (self.field.pattern, self._mark))

    @cached_property
    def _mark(self) -> bytes:
        return re.escape(self.delimiter).encode()

    @cached_property
    def quoted_field(self) -> re.Pattern[bytes] | None:
        """A quoted field anywhere in a record; None if the dialect has no quote."""
        if self.quote is None:
            return None
        mark = re.escape(self.delimiter)
        q = re.escape(self.quote)
        return re.compile(rf"(?:\A|(?<={mark})){q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+{q}".encode())

    @cached_property
    def _escaped(self) -> re.Pattern[bytes]:
        """An escape, and the character or line end that it escapes."""
        return re.compile(re.escape((self.escape or "").encode()) + rb"(?:\r\n|.)?", re.DOTALL)

    @cached_property
    def _special(self) -> re.Pattern[str]:
        """An escape, and the character that it escapes; or a doubled quote."""
        escape = "(?!)" if self.escape is None else re.escape(self.escape)
        quote = "(?!)" if self.quote is None else re.escape(2 * self.quote)
        return re.compile(f"{escape}(.)|{quote}", re.DOTALL)

    def masked(self, text: bytes) -> bytes:
        """Replace escaped characters by fillers of the same length, so that only marks remain."""
        if self.escape is None or (escape := self.escape.encode()) not in text:
            return text
        if escape + b"\r\n" in text or text.endswith(escape):
            return self._escaped.sub(lambda found: _FILLER * len(found[0]), text)
        return self._escaped.sub(2 * _FILLER, text)  # several times faster than a function

    def values(
        self, data: bytes, starts: Positions, stops: Positions, *, is_exact: bool
    ) -> pa.StringArray:
        """Return the fields at some positions of data, without quotes and escapes.

        Unless `is_exact`, doubled quotes may stay double: the tokens are the same either way.
        """
        is_quoted = np.zeros(len(starts), np.bool_)
        if self.quote is not None:
            is_quoted = (np.frombuffer(data, np.uint8)[starts] == ord(self.quote)) & (
                starts < stops
            )
        texts = spans(data, starts + is_quoted, stops - is_quoted).view(pa.string())
        if self.escape is None:
            if self.quote is None or (self.quote == '"' and not is_exact):
                return texts
            single = pc.replace_substring(texts, 2 * self.quote, self.quote)
            return pc.if_else(arrow_of(is_quoted), single, texts)
        is_special = pc.match_substring(texts, self.escape)
        if self.quote is not None:
            has_quote = pc.match_substring(texts, self.quote)
            is_special = pc.or_(is_special, pc.and_(arrow_of(is_quoted), has_quote))
        rows = np.flatnonzero(is_special.to_numpy(zero_copy_only=False))
        found = zip(texts.take(arrow_of(rows)).to_pylist(), is_quoted[rows].tolist(), strict=True)
        plain = [self._plain(text, is_quoted=quoted) for text, quoted in found]
        return pc.replace_with_mask(texts, is_special, pa.array(plain, pa.string()))

    def _plain(self, text: str, *, is_quoted: bool) -> str | None:
        """Return the value of a field whose outer quotes are removed; None for null."""
        if self.escape == "\\" and text == _NULL and not is_quoted:
            return None

        def meant(found: re.Match[str]) -> str:
            escaped = found[1]
            if escaped is None:  # a doubled quote
                return found[0][:1] if is_quoted else found[0]
            return _LETTERS.get(escaped, escaped) if self.escape == "\\" else escaped

        return self._special.sub(meant, text)

    def unquoted(self, field: bytes) -> str:
        """Return the value of a field; `UnicodeDecodeError` if it is not UTF-8."""
        text = field.decode()
        is_quoted = self.quote is not None and text.startswith(self.quote)
        return self._plain(text[1:-1] if is_quoted else text, is_quoted=is_quoted) or ""

    @cached_property
    def _to_mark(self) -> str:
        """Characters that must be quoted or escaped in a field, as a regex of RE2."""
        special = [self.delimiter, self.quote, self.escape, "\r", "\n"]
        return f"[{''.join(re.escape(character) for character in special if character)}]"

    def quoted(self, field: str) -> str:
        """Write a value as a field; `ValueError` if this dialect cannot write it."""
        written: str = self.written(pa.array([field], pa.string()))[0].as_py()
        return written

    def written(self, values: pa.StringArray, *, quotes_all: bool = False) -> pa.StringArray:
        """Write values as fields: the one place where the toolkit quotes or escapes a field.

        Parameters
        ----------
        values : pa.StringArray
            Any text; null stays null.
        quotes_all : bool
            Whether to quote fields that do not need it. No effect if the dialect has no quote.

        Returns
        -------
        pa.StringArray
            One field per value, quoted or escaped where needed.

        Raises
        ------
        ValueError
            If the dialect cannot write a value. The message begins with the value.
        """
        quote = self.quote
        escape = self.escape
        is_special = pc.match_substring_regex(values, self._to_mark)
        has_special = bool(pc.any(is_special).as_py())
        marked = values
        if has_special and escape is not None:
            after_escape = escape.replace("\\", "\\\\") + r"\1"
            marked = pc.replace_substring_regex(values, f"({self._to_mark})", after_escape)
        elif has_special and quote is not None:
            marked = pc.replace_substring(values, quote, 2 * quote)
        elif has_special:
            first = values.filter(is_special)[0].as_py()
            raise ValueError(f"{first!r} cannot be written without quotes")
        if quote is None or not (has_special or quotes_all):
            return marked
        in_quotes = pc.binary_join_element_wise(quote, marked, quote, "")
        return in_quotes if quotes_all else pc.if_else(is_special, in_quotes, values)


AFTER_QUOTE = "a quoted field continues after its closing quote"
OPEN_QUOTE = "a quote that is opened here is never closed"
_LONE_RETURN = "a carriage return that ends no line (CR without LF) outside quotes"
_OPEN_ESCAPE = "an escape character at the end of the file"


@dataclass(frozen=True)
class FieldEnds:
    """Ascending positions, outside quotes, in a text that starts with a record."""

    delimiters: Positions  # between the fields of records that are not broken
    newlines: Positions  # that end records and blank lines
    broken: dict[int, str] = field(default_factory=dict)  # newline of a broken record → reason
    # Both describe the text up to the last of `newlines`.
    lines: int | None = None  # newlines in and outside quotes; None: not counted
    is_utf8: bool = False  # True: known to be UTF-8; False: not checked


def find_field_ends(
    text: bytes,
    dialect: Dialect,
    *,
    at_end: bool,
    wanted: int | None = None,
    only_first: bool = False,
) -> FieldEnds:
    """Find the field ends of a text that starts with a record, up to a field that stays open.

    At the end of a file, the text must end with a newline. A record is broken if

    - its closing quote is followed by anything but a delimiter or a line end,
    - a quote stays open up to the end, or
    - it has a CR without LF outside quotes. Read as text, it would merge lines of files with CR
      line ends; read as a line end, it would split unquoted fields.

    Reading resumes after the line of a broken record, so a quote that is never closed costs only
    its own line. If the number of fields is known (``wanted``), the broken record extends to the
    line where its quote closes, if that line can be found.

    With ``only_first``, find only the first record and the blank lines before it, in little
    memory; then a record with too many fields is broken, too.
    """
    masked = dialect.masked(text)
    ends = None
    if core.is_used() and not only_first:
        ends = core.find_field_ends(masked, dialect.delimiter, dialect.quote, at_end=at_end)
    if ends is None:
        scanner = _FieldScanner(
            masked, dialect, at_end=at_end, wanted=wanted, only_first=only_first
        )
        return scanner.find()
    found = FieldEnds(ends.delimiters, ends.newlines)
    return replace(found, lines=ends.lines, is_utf8=ends.is_utf8) if masked is text else found


def lines_like_records(text: bytes, lines: Lines, dialect: Dialect, wanted: int) -> Positions:
    """Find records of several lines where each line alone has the right number of fields.

    Their quotes may be characters of unquoted texts. Returns rows of ``lines``.
    """
    raw = np.frombuffer(dialect.masked(text), np.uint8, lines.end)
    newlines = np.flatnonzero(raw == NEWLINE)
    if dialect.quote is None or wanted < 2 or len(newlines) == len(lines):
        return np.zeros(0, np.int64)
    marks = np.flatnonzero(raw == ord(dialect.delimiter))
    counts = np.diff(np.searchsorted(marks, newlines), prepend=0)
    # wrong[n]: how many of the first n lines have another number of fields.
    wrong = np.concatenate([[0], np.cumsum(counts != wanted - 1)])
    first = np.searchsorted(newlines, lines.starts)
    # An escaped newline at the end of the file is masked, so it is not in `newlines`.
    last = np.minimum(np.searchsorted(newlines, lines.newlines), len(newlines) - 1)
    return np.flatnonzero((last > first) & (wrong[last + 1] == wrong[first]))


def wrong_number(found: int, wanted: int) -> str:
    """Return the reason of a record that has too many or too few fields."""
    return f"{counted(found, 'field')}, expected {wanted:,}"


class _FieldRun(NamedTuple):
    """The fields of a record, up to a byte that is not a delimiter."""

    last_start: int  # of the last field
    last_stop: int | None  # of the last field; None if its quote stays open
    delimiters: int  # how many delimiters are before the last field


class _FieldScanner:
    """Finds field ends as `find_field_ends` does, one record after the other, for any text.

    A quote within an unquoted field has no special meaning.
    """

    def __init__(
        self,
        text: bytes,
        dialect: Dialect,
        *,
        at_end: bool,
        wanted: int | None,
        only_first: bool = False,
    ) -> None:
        self._text = text
        self._dialect = dialect
        self._at_end = at_end
        self._wanted = wanted
        self._only_first = only_first
        # The most delimiters of a record that are kept.
        self._most = wanted if only_first else None
        self._mark = dialect.delimiter.encode()
        self._delimiters = array("q")

    def find(self) -> FieldEnds:
        """Read all records, or the first one."""
        newlines: list[int] = []
        broken: dict[int, str] = {}
        start = 0
        while start < len(self._text) and (found := self._read(start)) is not None:
            end, reason = found
            newlines.append(end)
            if reason is not None:
                broken[end] = reason
            if self._only_first and self._text[start : min(end, start + 2)] not in (b"", b"\r"):
                break
            start = end + 1
        delimiters = np.frombuffer(self._delimiters, np.int64)
        return FieldEnds(delimiters, np.array(newlines, np.int64), broken)

    def _read(self, start: int) -> tuple[int, str | None] | None:
        """Read the record at `start`: return its newline, and why it is broken (None: it is not).

        None instead of both if that depends on text that is not read yet.
        """
        text = self._text
        before = len(self._delimiters)
        fields = self._read_fields(start)
        end = len(text) if fields.last_stop is None else fields.last_stop
        if text[end : end + 1] == b"\n":
            if self._most is None or fields.delimiters < self._most:
                return end, None
            reason = wrong_number(fields.delimiters + 1, self._most)
        elif not self._at_end and end >= len(text) - 1:
            return None  # a field that is open, or a CR at the end, may become valid
        else:
            reason, newline = self._broken(start, fields)
            if newline is None:
                return None
            end = newline
        del self._delimiters[before:]
        return end, reason

    def _read_fields(self, position: int) -> _FieldRun:
        """Read fields up to a byte that is not a delimiter, and keep their delimiters."""
        text = self._text
        found = 0
        while True:
            read = self._pass_plain if found < _FEW else self._pass_many
            position, found = read(position, found)
            match = self._dialect.field.match(text, position)
            if match is None:
                return _FieldRun(position, None, found)
            end = match.end()
            if text[end : end + 2] == b"\r\n":
                end += 1
            if text[end : end + 1] != self._mark:
                return _FieldRun(position, end, found)
            if self._most is None or found < self._most:
                self._delimiters.append(end)
            position = end + 1
            found += 1

    def _pass_plain(self, position: int, found: int) -> tuple[int, int]:
        """Read plain fields up to the next quote or line end in one step, as `_pass_many`."""
        text = self._text
        mark = self._mark
        plain = self._dialect.plain_fields.match(text, position, position + _FEW_BYTES)
        stop = text.rfind(mark, position, position if plain is None else plain.end()) + 1
        if not stop:
            return position, found
        found += text.count(mark, position, stop)
        while position < stop and (self._most is None or len(self._delimiters) < self._most):
            end = text.index(mark, position)
            self._delimiters.append(end)
            position = end + 1
        return stop, found

    def _pass_many(self, position: int, found: int) -> tuple[int, int]:
        """Read all fields with a delimiter after them; return the new position and field count."""
        text = self._text
        dialect = self._dialect
        while True:
            window = position + _WINDOW
            plain = dialect.plain_fields.match(text, position, window)
            start = text.rfind(self._mark, position, position if plain is None else plain.end()) + 1
            whole = dialect.whole_fields.match(text, start or position, window)
            stop = (start or position) if whole is None else whole.end()
            if stop == position:
                return position, found
            ends = self._ends_of_fields(position, stop)
            kept = (
                ends if self._most is None else ends[: max(self._most - len(self._delimiters), 0)]
            )
            self._delimiters.frombytes(kept.tobytes())
            position = stop
            found += len(ends)

    def _ends_of_fields(self, start: int, stop: int) -> Positions:
        """Find the delimiters in a part of the text that consists of `whole_fields`."""
        raw = np.frombuffer(self._text, np.uint8, stop - start, start)
        marks: Positions = np.flatnonzero(raw == ord(self._mark))
        quote = self._dialect.quote
        if quote is None or not len(quotes := np.flatnonzero(raw == ord(quote))):
            return start + marks
        # If every second quote opens a field or doubles one, no quote is within a plain field.
        opening = quotes[::2]
        before = raw[opening - 1]
        is_regular = (before == ord(self._mark)) | (before == ord(quote)) | (opening == 0)
        if is_regular.all():
            outside: Positions = marks[np.searchsorted(quotes, marks) % 2 == 0]
            return start + outside
        fields = self._dialect.whole_field.findall(self._text, start, stop)
        ends: Positions = np.cumsum(np.fromiter(map(len, fields), np.int64, len(fields)))
        return start + ends - 1

    def _broken(self, start: int, fields: _FieldRun) -> tuple[str, int | None]:
        """Return why the record at `start` is broken, and the newline that ends it.

        The newline is None if it depends on text that is not read yet.
        """
        text = self._text
        stop = fields.last_stop
        if stop is not None and stop >= len(text):
            return _OPEN_ESCAPE, len(text) - 1
        is_return = stop is not None and text[stop : stop + 1] == b"\r"
        is_closed = stop is not None
        reason = _LONE_RETURN if is_return else AFTER_QUOTE if is_closed else OPEN_QUOTE
        newline = text.find(b"\n", stop if is_return else fields.last_start)
        if newline < 0:
            return reason, len(text) - 1 if self._at_end else None
        if reason == AFTER_QUOTE and self._wanted is not None:
            missing = self._wanted - fields.delimiters
            return reason, self._end_of_quotes(
                start=start, last=fields.last_start, newline=newline, missing=missing
            )
        return reason, newline

    def _end_of_quotes(self, *, start: int, last: int, newline: int, missing: int) -> int | None:
        r"""Find the end of a record in which a quote closes too early, as in ``"He said "no"``.

        ``start``, ``last``: where the record and its last field begin. ``newline``: the end of its
        first line. ``missing``: fields still expected, the last one included.

        If the first line lacks fields, the next line with a quote may be the rest of the record:
        it is if a quote there closes a field that no quote on that line opens, and the missing
        fields follow. Otherwise the record is its first line. None if text is not read yet.
        """
        text = self._text
        quote = (self._dialect.quote or "").encode()
        line = text[last : newline + 1]
        is_even = text.count(quote, start, newline) % 2 == 0
        if self._fields_after(quote, line) == missing - 1 or (
            is_even and line.count(self._mark) == missing - 1
        ):
            return newline
        limit = newline + 1 + _WINDOW
        found = text.find(quote, newline + 1, limit)
        stop = text.find(b"\n", found, limit) if found >= 0 else -1
        if stop < 0:
            return newline if self._at_end or len(text) >= limit else None
        line = text[text.rfind(b"\n", newline, found) + 1 : stop + 1]
        unquoted = self._dialect.quoted_field.sub(b"", line) if self._dialect.quoted_field else line
        return stop if self._fields_after(quote, unquoted) == missing - 1 else newline

    def _fields_after(self, quote: bytes, line: bytes) -> int | None:
        """Count the fields after the last quote of a line; None if it does not close a field."""
        _, found, after = line.rpartition(quote)
        is_closing = found and after[:1] in (self._mark, b"\n", b"\r")
        return after.count(self._mark) if is_closing else None
