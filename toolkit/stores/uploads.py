"""Objects that appear complete or not at all, and replace others only where that is asked for."""

from __future__ import annotations

import errno
import hashlib
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from toolkit.errors import StoreError, ToolkitError
from toolkit.stores.connections import COPYING, CREATING, WRITING, client
from toolkit.stores.failures import store_failures
from toolkit.stores.ranges import facts_of
from toolkit.stores.reader import ObjectReader
from toolkit.stores.uris import Location

# Up to this size, one request uploads an object.
ONE_REQUEST_BYTES = 8 << 20
_PART_BYTES = 5 << 20  # the least that S3 takes
_MOST_PARTS = 9_000  # S3 takes 10,000
_PARTS_AT_ONCE = 4
_COPY_LIMIT = 5 << 30  # of S3, for one request that copies
_COMPARED_BYTES = 1 << 20

_WAITS = (0.2, 0.5, 1, 2, 4, 8, 16)  # seconds between attempts to create an object


def write_object(place: Location, data: bytes, *, create: bool) -> None:
    """Write a small object; with ``create``, `FileExistsError` if there is one.

    A request that is cut off may have been carried out. If it is tried again and an object with the
    very same bytes is there, it is taken for the one of the first attempt.
    """
    import obstore

    if not create:
        with store_failures(place, "written"):
            obstore.put(client(place, WRITING), place.key, data, use_multipart=False)
        return

    def put() -> None:
        obstore.put(client(place, CREATING), place.key, data, mode="create", use_multipart=False)

    _create(place, put, lambda: _holds(place, data))


def _create(place: Location, attempt: Callable[[], None], is_own: Callable[[], bool]) -> None:
    """Try to create an object until that is clear."""
    is_unclear = False
    for wait in (*_WAITS, None):
        try:
            with store_failures(place, "written"):
                attempt()
            return
        except FileExistsError:
            if is_unclear and is_own():
                return
            raise
        except StoreError as error:
            if wait is None or not _may_pass(error):
                raise
            is_unclear = True
            time.sleep(wait)


def _may_pass(error: StoreError) -> bool:
    """Whether another attempt makes sense: not where the store has understood, and refuses."""
    final = ("no such bucket", "credentials", "another region", "not allowed", "not found")
    return not any(words in str(error) for words in final)


def _holds(place: Location, data: bytes) -> bool:
    if facts_of(place).size != len(data):
        return False
    with ObjectReader(place) as reader:
        return reader.read() == data


def upload(local: Path, place: Location, *, force: bool) -> None:
    """Upload a file; without ``force``, `FileExistsError` if there is an object.

    A large one is uploaded in parts, which is given up where an exception comes in between.
    Without ``force`` it goes to a hidden key beside its place, and is copied within the store if
    nothing is there. The hidden key is the same for the same file, so a later attempt replaces what
    an earlier one has left.
    """
    size = local.stat().st_size
    if size <= ONE_REQUEST_BYTES:
        write_object(place, local.read_bytes(), create=not force)
    elif force:
        _upload_parts(local, place)
    elif size > _COPY_LIMIT and place.scheme.startswith("s3"):
        # S3 copies no more at once, so the last look is just before the upload is completed.
        _upload_parts(local, place, check=lambda: check_absent(place))
    else:
        with suppress(PermissionError):  # the copy tells, too, only later
            check_absent(place)
        hidden = _hidden(local, place)
        try:
            _upload_parts(local, hidden)
            _copy_if_absent(hidden, place, local)
        finally:
            with suppress(ToolkitError, OSError):
                delete(hidden)


def _copy_if_absent(source: Location, place: Location, local: Path) -> None:
    import obstore

    def copy() -> None:
        obstore.copy(client(place, COPYING), source.key, place.key, overwrite=False)

    _create(place, copy, lambda: is_same(local, place))


def _hidden(local: Path, place: Location) -> Location:
    """Name the key for an upload: the same for the same file of the same machine."""
    facts = local.stat()
    mark = (socket.gethostname(), facts.st_dev, facts.st_ino, facts.st_mtime_ns, facts.st_size)
    digest = hashlib.sha256(repr((mark, os.fspath(local.absolute()))).encode()).hexdigest()[:16]
    folder, slash, name = place.key.rpartition("/")
    return replace(place, key=f"{folder}{slash}.{name}.{digest}.uploading")


def _upload_parts(local: Path, place: Location, check: Callable[[], None] = lambda: None) -> None:
    """Upload a file in parts, of which some are in memory; ``check`` is called before the end."""
    import obstore

    size = local.stat().st_size
    part = max(_PART_BYTES, -(-size // _MOST_PARTS))
    with (
        local.open("rb") as file,
        store_failures(place, "written"),
        obstore.open_writer(
            client(place, WRITING), place.key, buffer_size=part, max_concurrency=_PARTS_AT_ONCE
        ) as writer,
    ):
        done = 0
        while data := file.read(1 << 20):
            writer.write(data)
            done += len(data)
        if done != size:
            raise StoreError(f"{local}: has changed while it was uploaded to {place}")
        check()


def check_absent(place: Location) -> None:
    """Raise `FileExistsError` if there is an object."""
    with suppress(FileNotFoundError):
        facts_of(place)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(place))


def delete(place: Location) -> None:
    """Delete an object; `FileNotFoundError` is up to the store: S3 does not tell."""
    import obstore

    with store_failures(place, "deleted"):
        obstore.delete(client(place, WRITING), place.key)


def is_same(local: Path, place: Location) -> bool:
    """Whether an object holds what a file holds; the object is read."""
    try:
        if facts_of(place).size != local.stat().st_size:
            return False
        with local.open("rb") as file, ObjectReader(place) as reader:
            return _are_same(file, reader)
    except FileNotFoundError:
        return False


def _are_same(one: IO[bytes], other: Any) -> bool:
    while data := one.read(_COMPARED_BYTES):
        if other.read(len(data)) != data:
            return False
    return True
