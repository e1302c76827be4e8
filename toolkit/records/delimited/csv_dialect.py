"""How the fields of a delimited file are quoted and escaped, read and written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.records.text_files.byte_lines import NEWLINE, RETURN, Bytes, Positions, spans
from toolkit.text.strings import arrow_of, bounds_of

_FILLER = ord("a")  # which neither separates nor quotes fields
_WINDOW = 1 << 20  # bytes that are looked at together, to bound the memory

# What follows a backslash, as MySQL and PostgreSQL write it; another escape has no such letters.
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "0": "\0"}
_NULL = r"\N"  # a field without a value

_Mask = npt.NDArray[np.bool_]


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
    def quoted_field(self) -> re.Pattern[bytes] | None:
        """A quoted field, to be looked for in a record; None without quotes."""
        if self.quote is None:
            return None
        mark, q = re.escape(self.delimiter), re.escape(self.quote)
        return re.compile(rf"(?:\A|(?<={mark})){q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+{q}".encode())

    @cached_property
    def fields(self) -> re.Pattern[bytes]:
        """As many fields as there are with a delimiter after them."""
        mark = re.escape(self.delimiter).encode()
        return re.compile(rb"(?:(?:" + self.field.pattern + rb")" + mark + rb")*+")

    def masked(self, text: bytes) -> bytes:
        """Replace what is escaped, so that no byte of it separates or quotes; the length stays."""
        if self.escape is None or self.escape.encode() not in text:
            return text
        masked = np.frombuffer(text, np.uint8).copy()
        escapes = _active(masked, ord(self.escape))
        escaped = _after(escapes)
        is_line_end = escaped & (masked == RETURN)
        escaped |= _after(is_line_end) & (masked == NEWLINE)
        masked[escapes | escaped] = _FILLER
        return masked.tobytes()

    def values(
        self, data: bytes, starts: Positions, stops: Positions, *, is_exact: bool
    ) -> pa.StringArray:
        """Cut fields out of data, without their quotes.

        If not exact, doubled quotes stay where they separate tokens either way.
        """
        if self.quote is None:
            is_quoted = np.zeros(len(starts), np.bool_)
        else:
            is_quoted = np.frombuffer(data, np.uint8)[starts] == ord(self.quote)
            is_quoted &= starts < stops
        values = spans(data, starts + is_quoted, stops - is_quoted)
        if self.escape is not None:
            return self._unescaped(values, is_quoted)
        texts = values.view(pa.string())
        if self.quote is None or (self.quote == '"' and not is_exact):
            return texts
        single = pc.replace_substring(texts, 2 * self.quote, self.quote)
        return pc.if_else(arrow_of(is_quoted), single, texts)

    def _unescaped(self, values: pa.BinaryArray, is_quoted: _Mask) -> pa.StringArray:
        assert self.escape is not None
        bounds = bounds_of(values)
        raw = np.frombuffer(values.buffers()[2] or b"", np.uint8)[bounds[0] : bounds[-1]]
        bounds = bounds - bounds[0]
        escapes = _active(raw, ord(self.escape))
        escaped = _after(escapes)
        dropped = escapes
        if self.quote is not None:
            # In a quoted field, quotes that are not escaped come in pairs: one of each stays.
            in_quotes = np.repeat(is_quoted, np.diff(bounds))
            quotes = np.flatnonzero((raw == ord(self.quote)) & ~escaped & in_quotes)
            dropped[quotes[0::2]] = True
        if not dropped.any():
            return values.view(pa.string())
        plain = raw
        if self.escape == "\\":
            meant = np.arange(256, dtype=np.uint8)
            for letter, character in _LETTERS.items():
                meant[ord(letter)] = ord(character)
            plain = np.where(escaped, meant[raw], raw)
        places = np.flatnonzero(dropped)
        shorter = (bounds - np.searchsorted(places, bounds)).astype(np.int32)
        content = np.ascontiguousarray(plain[~dropped])
        texts = pa.StringArray.from_buffers(
            len(values), pa.py_buffer(shorter), pa.py_buffer(content)
        )
        if self.escape != "\\":
            return texts
        is_null = pc.and_(pc.equal(values, _NULL.encode()), pc.invert(arrow_of(is_quoted)))
        return pc.if_else(is_null, pa.scalar(None, pa.string()), texts)

    def unquoted(self, field: bytes) -> str:
        """Give the value of a field; `UnicodeDecodeError` if it is not UTF-8."""
        plain = field.decode()
        if not any(mark and mark in plain for mark in (self.quote, self.escape)):
            return plain
        bounds = np.array([0]), np.array([len(field)])
        value: str | None = self.values(field + b"\n", *bounds, is_exact=True)[0].as_py()
        return value or ""

    def quoted(self, field: str) -> str:
        """Write a value as a field; `ValueError` if this dialect has no way to write it."""
        special = {self.delimiter, self.quote, self.escape, "\r", "\n"} - {None}
        if not any(character in special for character in field):
            return field
        if self.escape is not None:
            field = "".join(f"{self.escape}{c}" if c in special else c for c in field)
            return field if self.quote is None else f"{self.quote}{field}{self.quote}"
        if self.quote is None:
            raise ValueError(f"{field!r} cannot be written without quotes")
        return self.quote + field.replace(self.quote, 2 * self.quote) + self.quote


def _active(raw: Bytes, escape: int) -> _Mask:
    """Which bytes escape the next one; an escape that is escaped does not."""
    active = np.zeros(len(raw), np.bool_)
    at = 0
    while at < len(raw):
        places = np.flatnonzero(raw[at : at + _WINDOW] == escape)
        ranks = np.arange(len(places))
        is_first = np.diff(places, prepend=-2) != 1  # of escapes that follow each other
        ranks -= np.maximum.accumulate(np.where(is_first, ranks, 0))
        places = places[ranks % 2 == 0] + at
        active[places] = True
        at += _WINDOW
        if len(places) and places[-1] == at - 1:
            at += 1  # which is escaped
    return active


def _after(mask: _Mask) -> _Mask:
    """Which bytes follow those of a mask."""
    after = np.zeros_like(mask)
    after[1:] = mask[:-1]
    return after
