"""What a file of JSON is, by its start, and what cannot be read as reviews."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from toolkit.errors import InputError
from toolkit.records.columns import Column, is_text
from toolkit.records.json.json_bounds import Bounds
from toolkit.records.json.json_lines import FIRST_BYTES, space_before
from toolkit.records.json.json_objects import WHITE_SPACE, object_on, opening_members
from toolkit.records.text_files.line_records import BYTE_ORDER_MARK, RECORD_BYTES_LIMIT

_OBJECT_BYTES = 4 << 20  # looked at to find the end of the first object

_KINDS = {'"': "strings", "[": "arrays", "t": "booleans", "f": "booleans", "n": "nulls"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)

_Peek = Callable[[int], bytes]  # gives as many of the first bytes, or all


def has_elements(file: str, peek: _Peek, columns: Sequence[Column]) -> bool:
    """Whether a file is an array, or begins with an object over several lines; else JSON Lines.

    Raises `InputError` for one object around the records.
    """
    data, start = first_bytes(peek)
    if data[start : start + 1] != b"{":
        return data[start : start + 1] == b"["
    bounds = Bounds(in_array=False)
    data, is_all = up_to_cut(peek, bounds, start)
    check_object(file, data, bounds, columns, is_all=is_all)
    return spans_lines(data, bounds)


def first_bytes(peek: _Peek) -> tuple[bytes, int]:
    """Give the first bytes, and where the white space at their start ends."""
    size = FIRST_BYTES
    while True:
        data = peek(size)
        start = space_before(data, len(BYTE_ORDER_MARK) * data.startswith(BYTE_ORDER_MARK))
        if start < len(data) or len(data) < size or size >= RECORD_BYTES_LIMIT:
            return data, start
        size *= 2


def up_to_cut(peek: _Peek, bounds: Bounds, start: int) -> tuple[bytes, bool]:
    """Give the first bytes from a start on, with an object if it is short; and if it is all."""
    size = FIRST_BYTES
    while True:
        data = peek(start + size)
        bounds.look(data[start:])
        is_all = len(data) < start + size
        if len(bounds.cuts) or bounds.end is not None or is_all or size >= _OBJECT_BYTES:
            return data[start:], is_all
        size *= 2


def spans_lines(data: bytes, bounds: Bounds) -> bool:
    """Whether the first object continues after its line, by the first bytes and what ends in them.

    A line that is bad is no such object where other lines are objects.
    """
    first = data[: bounds.last + 1] if len(bounds.cuts) == 0 else data[: int(bounds.cuts[0]) + 1]
    line, newline, _ = data.partition(b"\n")
    if not newline or (first and b"\n" not in first):
        return False
    within = Bounds(in_array=False)
    within.look(line)
    if within.is_between or within.is_in_string:
        return False
    return _is_object(first) or not any(map(_is_object, data.split(b"\n")))


def check_object(
    file: str, data: bytes, bounds: Bounds, columns: Sequence[Column], *, is_all: bool
) -> None:
    """Raise `InputError` for one object around the records, such as ``{"reviews": [{...}]}``.

    The data is the start of a file, or all of it.
    """
    end = int(bounds.cuts[0]) + 1 if len(bounds.cuts) else len(data)
    if end < len(data) and data[end:].strip(WHITE_SPACE):
        return
    if len(bounds.cuts) and not is_all:
        return
    names, is_around = opening_members(data[:end].decode("utf-8", "replace"))
    wanted = [column for column in columns if is_text(column.role)]
    names_of_texts = {name for each in wanted for name in each.names}
    parts = {part for name in names_of_texts for part in (name, name.split(".")[0])}
    parts |= {name for each in wanted for name in each.other_names}
    known = {*names}
    with suppress(ValueError):  # it may be cut off
        known |= object_on(data[:end]).keys()
    if is_around and not known & parts:
        name = names[-1]
        path = f".{name}" if _NAME.fullmatch(name) else f".[{json.dumps(name)}]"
        raise InputError(
            f"{file}: one object, whose member {name!r} is an array of objects; expected an array "
            f"or JSON Lines. Take the array out, such as with: jq '{path}' FILE > reviews.json"
        )


def check_elements(file: str, elements: Iterable[bytes]) -> None:
    """Raise `InputError` if none of the first elements of an array is an object."""
    first = b""
    for element in elements:
        if element.startswith(b"{"):
            return
        first = first or element
    if not first:
        return
    mark = first[:1].decode("latin-1")
    kind = "numbers" if mark in "-0123456789" else _KINDS.get(mark)
    found = f"an array of {kind}" if kind else f"an array whose first element begins with {mark!r}"
    advice = " Make objects of them, such as with: jq 'map({text: .})' FILE > reviews.json"
    raise InputError(
        f"{file}: {found}, expected an array of objects.{advice if kind == 'strings' else ''}"
    )


def _is_object(data: bytes) -> bool:
    try:
        object_on(data)
    except ValueError:
        return False
    return True
