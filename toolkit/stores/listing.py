"""The objects under a prefix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from toolkit.stores.connections import client
from toolkit.stores.failures import store_failures
from toolkit.stores.uris import Location

_PAGE = 1000  # objects that a store gives at once


def keys_under(place: Location) -> Iterator[tuple[Location, int]]:
    """Give all objects under a prefix, with their sizes; not the markers of empty folders."""
    import obstore

    with store_failures(place, "listed"):
        pages = obstore.list(client(place), place.key or None, chunk_size=_PAGE)
        for page in pages:
            for found in page:
                if found["path"] != place.key:
                    yield replace(place, key=found["path"]), found["size"]


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
