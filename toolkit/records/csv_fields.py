"""Fields of delimited text: where they end (RFC 4180), their values without quotes and escapes."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import counted
from toolkit.native import records as core
from toolkit.records.lines import NEWLINE, Lines, Positions, spans
from toolkit.text.strings import arrow_of

_FILLER = b"a"  # which neither separates nor quotes fields
# Bytes that are looked at together, to bound the memory; and after a broken record for its rest.
_WINDOW = 1 << 20
# As many fields of a record are read one by one, and those after them many at once, which takes
# longer for few.
_FEW, _FEW_BYTES = 64, 1 << 12

# What follows a backslash, as MySQL and PostgreSQL write it; another escape has no such letters.
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_NULL = r"\N"  # a field without a value


@dataclass(frozen=True)
class Dialect:
    """The characters between and around fields, all of them ASCII."""

    delimiter: str
    quote: str | None = '"'  # around fields; None: each line is a record
    escape: str | None = None  # makes the next character one like others, anywhere

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
        """Fields with the delimiters after them, quoted or plain, as many as there are."""
        return re.compile(b"(?:(?:%b)%b)*+" % (self.field.pattern, self._mark))

    @cached_property
    def whole_field(self) -> re.Pattern[bytes]:
        """One of `whole_fields`."""
        return re.compile(b"(?:%b)%b" % (self.field.pattern, self._mark))

    @cached_property
    def _mark(self) -> bytes:
        return re.escape(self.delimiter).encode()

    @cached_property
    def quoted_field(self) -> re.Pattern[bytes] | None:
        """A quoted field, to be looked for in a record; None without quotes."""
        if self.quote is None:
            return None
        mark, q = re.escape(self.delimiter), re.escape(self.quote)
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
        """Replace what is escaped, so that no byte of it separates or quotes; the length stays."""
        if self.escape is None or (escape := self.escape.encode()) not in text:
            return text
        if escape + b"\r\n" in text or text.endswith(escape):
            return self._escaped.sub(lambda found: _FILLER * len(found[0]), text)
        return self._escaped.sub(2 * _FILLER, text)  # several times as fast

    def values(
        self, data: bytes, starts: Positions, stops: Positions, *, is_exact: bool
    ) -> pa.StringArray:
        """Cut fields out of data, without their quotes.

        If not exact, doubled quotes stay where they separate tokens either way.
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
        """Give the value of a field without its outer quotes; None is null."""
        if self.escape == "\\" and text == _NULL and not is_quoted:
            return None

        def meant(found: re.Match[str]) -> str:
            escaped = found[1]
            if escaped is None:  # a doubled quote
                return found[0][:1] if is_quoted else found[0]
            return _LETTERS.get(escaped, escaped) if self.escape == "\\" else escaped

        return self._special.sub(meant, text)

    def unquoted(self, field: bytes) -> str:
        """Give the value of a field; `UnicodeDecodeError` if it is not UTF-8."""
        text = field.decode()
        is_quoted = self.quote is not None and text.startswith(self.quote)
        return self._plain(text[1:-1] if is_quoted else text, is_quoted=is_quoted) or ""

    @cached_property
    def _to_mark(self) -> str:
        """A character that a field holds only in quotes or after an escape, as a regex of RE2."""
        special = [self.delimiter, self.quote, self.escape, "\r", "\n"]
        return f"[{''.join(re.escape(character) for character in special if character)}]"

    def quoted(self, field: str) -> str:
        """Write a value as a field; `ValueError` if this dialect has no way to write it."""
        written: str = self.written(pa.array([field], pa.string()))[0].as_py()
        return written

    def written(self, values: pa.StringArray, *, quotes_all: bool = False) -> pa.StringArray:
        """Write values as fields: the one place where the toolkit quotes or escapes a field.

        Parameters
        ----------
        values : pa.StringArray
            Of any text; null stays null.
        quotes_all : bool
            Whether fields are quoted that do not need it; without a quote, this has no effect.

        Returns
        -------
        pa.StringArray
            A field for each value, quoted or escaped where that is needed.

        Raises
        ------
        ValueError
            If the dialect has no way to write a value. The message begins with the value.
        """
        quote, escape = self.quote, self.escape
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
    """Positions in a text that starts at a record, in ascending order, outside quoted fields."""

    delimiters: Positions  # between the fields of records that are not broken
    newlines: Positions  # of records and blank lines
    broken: dict[int, str] = field(default_factory=dict)  # newlines of broken records, and why
    # Of the text up to the last of the newlines, where that is known: how many newlines it has, in
    # quotes or not, and that it is UTF-8.
    lines: int | None = None
    is_utf8: bool = False


def find_field_ends(
    text: bytes,
    dialect: Dialect,
    *,
    at_end: bool,
    wanted: int | None = None,
    only_first: bool = False,
) -> FieldEnds:
    """Find the field ends of a text that starts at a record, up to a field that stays open.

    At the end of a file, the text ends with a newline. A record is broken if more follows a closing
    quote than a delimiter or a line end, if a quote stays open up to the end, or if it has a lone
    CR: as a character, it would merge the lines of files that end them so; as a line end, it would
    cut fields that are not quoted. What follows a broken record is read as if that were not there,
    so that a quote that is never closed costs only its own line. If it is known how many fields are
    wanted, a broken record has the lines up to where its quote closes, if that can be told.

    With ``only_first``, they are those of the first record and the blank lines before it, in little
    memory; a record of too many fields is then broken, too.
    """
    masked = dialect.masked(text)
    ends = None
    if core.is_used() and not only_first:
        ends = core.find_field_ends(masked, dialect.delimiter, dialect.quote, at_end=at_end)
    if ends is None:
        return _OneByOne(masked, dialect, at_end, wanted, only_first=only_first).find()
    found = FieldEnds(ends.delimiters, ends.newlines)
    return replace(found, lines=ends.lines, is_utf8=ends.is_utf8) if masked is text else found


def lines_like_records(text: bytes, lines: Lines, dialect: Dialect, wanted: int) -> Positions:
    """Find the records of several lines, each of which has the right number of fields by itself.

    The quotes around these lines may be characters of texts that are not quoted.
    """
    raw = np.frombuffer(dialect.masked(text), np.uint8, lines.end)
    newlines = np.flatnonzero(raw == NEWLINE)
    if dialect.quote is None or wanted < 2 or len(newlines) == len(lines):
        return np.zeros(0, np.int64)
    marks = np.flatnonzero(raw == ord(dialect.delimiter))
    counts = np.diff(np.searchsorted(marks, newlines), prepend=0)
    wrong = np.concatenate([[0], np.cumsum(counts != wanted - 1)])  # lines before each, and in all
    first = np.searchsorted(newlines, lines.starts)
    # An escaped newline, at the end of the file, is not among them.
    last = np.minimum(np.searchsorted(newlines, lines.newlines), len(newlines) - 1)
    return np.flatnonzero((last > first) & (wrong[last + 1] == wrong[first]))


def wrong_number(found: int, wanted: int) -> str:
    """Say that a record has too many or too few fields."""
    return f"{counted(found, 'field')}, expected {wanted:,}"


class _OneByOne:
    """Finds the field ends of any text, one record after the other, as `find_field_ends`.

    A quote in a field that does not start with one is a character like others.
    """

    def __init__(
        self,
        text: bytes,
        dialect: Dialect,
        at_end: bool,
        wanted: int | None,
        *,
        only_first: bool = False,
    ) -> None:
        self._text, self._dialect, self._at_end, self._wanted = text, dialect, at_end, wanted
        self._only_first = only_first
        # More delimiters of a record are not kept.
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
        """Read a record: give its newline, and why it is broken, if it is.

        None if more of the text decides.
        """
        text, before = self._text, len(self._delimiters)
        last, stop, found = self._read_fields(start)
        end = len(text) if stop is None else stop
        if text[end : end + 1] == b"\n":
            if self._most is None or found < self._most:
                return end, None
            reason = wrong_number(found + 1, self._most)
        elif not self._at_end and end >= len(text) - 1:
            return None  # an open field, or CR at the end, may still be a good one
        else:
            missing = None if self._wanted is None else self._wanted - found
            reason, newline = self._broken(start, last, stop, missing)
            if newline is None:
                return None
            end = newline
        del self._delimiters[before:]
        return end, reason

    def _read_fields(self, position: int) -> tuple[int, int | None, int]:
        """Read fields up to what is no delimiter, and keep the delimiters.

        Gives where the last field starts and stops, and how many delimiters are before it; it has
        no stop if its quote stays open.
        """
        text, found = self._text, 0
        while True:
            read = self._pass_plain if found < _FEW else self._pass_many
            position, found = read(position, found)
            match = self._dialect.field.match(text, position)
            if match is None:
                return position, None, found
            end = match.end()
            if text[end : end + 2] == b"\r\n":
                end += 1
            if text[end : end + 1] != self._mark:
                return position, end, found
            if self._most is None or found < self._most:
                self._delimiters.append(end)
            position, found = end + 1, found + 1

    def _pass_plain(self, position: int, found: int) -> tuple[int, int]:
        """Read some fields before the next quote or line end, which are plain, in one turn."""
        text, mark = self._text, self._mark
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
        """Read all fields that have a delimiter after them, a window of the text at a time."""
        text, dialect = self._text, self._dialect
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
            position, found = stop, found + len(ends)

    def _ends_of_fields(self, start: int, stop: int) -> Positions:
        """Find the delimiters after whole fields, which a part of the text consists of."""
        raw = np.frombuffer(self._text, np.uint8, stop - start, start)
        marks: Positions = np.flatnonzero(raw == ord(self._mark))
        quote = self._dialect.quote
        if quote is None or not len(quotes := np.flatnonzero(raw == ord(quote))):
            return start + marks
        # Every second quote opens a field, or is doubled. Otherwise some are in plain fields.
        opening = quotes[::2]
        before = raw[opening - 1]
        is_regular = (before == ord(self._mark)) | (before == ord(quote)) | (opening == 0)
        if is_regular.all():
            outside: Positions = marks[np.searchsorted(quotes, marks) % 2 == 0]
            return start + outside
        fields = self._dialect.whole_field.findall(self._text, start, stop)
        ends: Positions = np.cumsum(np.fromiter(map(len, fields), np.int64, len(fields)))
        return start + ends - 1

    def _broken(
        self, start: int, last: int, stop: int | None, missing: int | None
    ) -> tuple[str, int | None]:
        """Say why a record is broken, and at which newline it ends; None if more text decides.

        It and its last field start at some positions; from that field on, so many are missing.
        """
        text, is_closed = self._text, stop is not None
        if stop is not None and stop >= len(text):
            return _OPEN_ESCAPE, len(text) - 1
        is_return = stop is not None and text[stop : stop + 1] == b"\r"
        reason = _LONE_RETURN if is_return else AFTER_QUOTE if is_closed else OPEN_QUOTE
        newline = text.find(b"\n", stop if is_return else last)
        if newline < 0:
            return reason, len(text) - 1 if self._at_end else None
        if reason == AFTER_QUOTE and missing is not None:
            return reason, self._end_of_quotes(start, last, newline, missing)
        return reason, newline

    def _end_of_quotes(self, start: int, last: int, newline: int, missing: int) -> int | None:
        r"""Find where a record ends in which a quote closes too early, as in ``"He said "no"``.

        If its first line, up to a newline, does not have the fields that are missing, the next line
        with a quote may be the rest of it: if a quote closes a field there that none has opened,
        and the missing fields follow. Otherwise it is that first line only.
        """
        text, quote = self._text, (self._dialect.quote or "").encode()
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
        """Count the fields after the last quote of a line; None if that closes no field."""
        _, found, after = line.rpartition(quote)
        is_closing = found and after[:1] in (self._mark, b"\n", b"\r")
        return after.count(self._mark) if is_closing else None
