"""The objects under a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from toolkit.stores.connections import client
from toolkit.stores.failures import store_failures
from toolkit.stores.uris import Location

_PAGE = 1000  # objects that a store gives at once


def keys_under(place: Location) -> Iterator[tuple[Location, int]]:
    """Give all objects under a prefix, with their sizes; not the markers that folders have."""
    held: tuple[str, int] | None = None  # it may be the marker of a folder: what follows tells
    for key, size in _listed(place):
        if held is not None and not (held[1] == 0 and key.startswith(f"{held[0]}/")):
            yield replace(place, key=held[0]), held[1]
        held = None if key == place.key else (key, size)
    if held is not None:
        yield replace(place, key=held[0]), held[1]


def _listed(place: Location) -> Iterator[tuple[str, int]]:
    import obstore

    with store_failures(place, "listed"):
        for page in obstore.list(client(place), place.key or None, chunk_size=_PAGE):
            yield from ((found["path"], found["size"]) for found in page)


def has_objects(place: Location) -> bool:
    """Whether there is anything under a prefix; a bucket always counts, if it is there."""
    return any(True for _ in keys_under(place)) or not place.key


def entries(place: Location) -> tuple[list[Location], list[Location]]:
    """Give the prefixes and the objects directly under a prefix."""
    import obstore

    with store_failures(place, "listed"):
        found = obstore.list_with_delimiter(client(place), place.key or None)
    prefixes = [replace(place, key=prefix.rstrip("/")) for prefix in found["common_prefixes"]]
    names = {each.key for each in prefixes}
    objects = [
        replace(place, key=each["path"])
        for each in found["objects"]
        if each["path"] not in names and each["path"] != place.key
    ]
    return prefixes, objects
