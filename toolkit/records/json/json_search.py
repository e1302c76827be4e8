"""The keys of columns, looked for in the first objects of a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from toolkit.records.columns import Column, Keys
from toolkit.records.json.json_objects import object_on

_LATE_BYTES = 64 << 20  # looked at where the first objects lack a key


def objects_among(records: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """Give the objects among records; what is cut off or bad is passed over: `parse` says so."""
    for record in records:
        with suppress(ValueError):
            yield object_on(record)


def keys_in(content: dict[str, Any], column: Column) -> Keys | None:
    """Choose the keys of a column in an object that has one of its names."""
    for name in column.names:
        if name in content:
            return (name,)
        if "." in name and name.split(".")[0] in content:
            return tuple(name.split("."))
    return None


def find_late(
    peek: Callable[[int], bytes],
    records_in: Callable[[bytes], Iterator[bytes]],
    seen: int,
    column: Column,
) -> Keys | None:
    """Look for keys after the first bytes: where their names are written, in plain or as ASCII.

    ``peek`` gives as many bytes from the first record on, and ``records_in`` the records in them.
    """
    names = [part for name in column.names for part in (name, name.split(".")[0])]
    written = {json.dumps(n, ensure_ascii=is_ascii) for n in names for is_ascii in (True, False)}
    quoted = [name.encode("utf-8", "surrogatepass") for name in written]
    while seen < _LATE_BYTES:
        data = peek(min(8 * seen, _LATE_BYTES))
        if len(data) <= seen:
            break
        if any(name in data for name in quoted):
            with_names = (r for r in records_in(data) if any(name in r for name in quoted))
            for content in objects_among(with_names):
                if keys := keys_in(content, column):
                    return keys
        seen = len(data)
    return None
