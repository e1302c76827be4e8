"""Write objects that appear complete or not at all, and replace others only if asked to.

A `Content` is written: bytes that can be read more than once.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from toolkit.errors import StoreError, ToolkitError
from toolkit.stores.clients import COPYING, CREATING, WRITING, client, store_failures
from toolkit.stores.location import Location
from toolkit.stores.read import ObjectReader, facts_of, listed

_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Content:
    """The bytes of a file or an object."""

    name: str  # for messages
    size: int  # in bytes
    mark: str  # differs between different contents of this machine
    read: Callable[[], Iterator[bytes]]  # yields all bytes, at most some megabytes at a time
    local: Path | None = None  # a file of this machine with the same bytes
    copied: Location | None = None  # an object with the same bytes
    rights: int = 0o666  # most permissions of a file with this content

    @classmethod
    def of(cls, what: Path | bytes | Content) -> Content:
        """Return the content of a local file or of bytes; a `Content` is returned as it is."""
        if isinstance(what, Content):
            return what
        if isinstance(what, bytes):
            digest = hashlib.sha256(what).hexdigest()
            return cls(name="its content", size=len(what), mark=digest, read=lambda: iter([what]))
        facts = what.stat()
        where = (facts.st_dev, facts.st_ino, os.fspath(what.absolute()))
        mark = repr((where, facts.st_mtime_ns, facts.st_size))
        return cls(
            name=str(what),
            size=facts.st_size,
            mark=mark,
            read=lambda: _bytes_of(what),
            local=what,
            copied=None,
            rights=facts.st_mode,
        )

    def is_read_from(self, file: Any) -> bool:
        """Read an open file to its end; return whether it has the same bytes."""
        same = all(file.read(len(data)) == data for data in self.read())
        return same and not file.read(1)


def _bytes_of(local: Path) -> Iterator[bytes]:
    with local.open("rb") as file:
        while data := file.read(_READ_BYTES):
            yield data


# Up to this size, one request uploads an object.
ONE_REQUEST_BYTES = 8 << 20
_PART_BYTES = 5 << 20  # S3 accepts no smaller parts
_MOST_PARTS = 9_000  # S3 accepts 10,000
_PARTS_AT_ONCE = 4
_COPY_LIMIT = 5 << 30  # largest object that S3 copies in one request

_A_DAY = 24 * 3600  # seconds; uploads take less time
_WAITS = (0.2, 0.5, 1, 2, 4, 8, 16)  # seconds between attempts to create an object


def upload(content: Content, location: Location, *, force: bool) -> None:
    """Upload an object; without ``force``, `FileExistsError` if there is one.

    An object of the same bucket is copied within the store. A large object is uploaded in parts; an
    exception aborts the upload. Without ``force``, it is uploaded to a hidden key, and copied
    to its place within the store if nothing is there.
    """
    source = content.copied
    is_too_large_to_copy = content.size > _COPY_LIMIT and location.scheme.startswith("s3")
    if source and source.root == location.root and content.size and not is_too_large_to_copy:
        _carry_out(lambda: _copy(source, location, force=force), content, location, force=force)
    elif content.size <= ONE_REQUEST_BYTES:
        _put(content, location, force=force)
    elif force:
        _upload_parts(content, location)
    elif is_too_large_to_copy:
        # S3 cannot copy so much at once, so the last check is just before the upload completes.
        _upload_parts(content, location, check=lambda: check_absent(location))
    else:
        with suppress(PermissionError):  # otherwise the copy fails later
            check_absent(location)
        hidden = _hidden(content, location)
        try:
            _upload_parts(content, hidden)
            _carry_out(lambda: _copy(hidden, location), content, location)
        finally:
            with suppress(ToolkitError, OSError):
                delete(hidden)


def _put(content: Content, location: Location, *, force: bool) -> None:
    """Upload a small object in one request."""
    import obstore

    data = b"".join(content.read())
    _check_size(content, len(data), location)
    store = client(location, WRITING if force else CREATING)
    mode: Literal["overwrite", "create"] = "overwrite" if force else "create"

    def put() -> None:
        obstore.put(store, location.key, data, mode=mode, use_multipart=False)

    _carry_out(put, content, location, force=force)


def _carry_out(
    attempt: Callable[[], None], content: Content, location: Location, *, force: bool = False
) -> None:
    """Write an object; without ``force``, retry until it is clear whether it was created.

    Raises `FileExistsError` if there is another object. A request that was cut off may have been
    carried out: if a retry finds an object with the same bytes, it counts as the first attempt's.
    """
    is_unclear = False
    for wait in (*(() if force else _WAITS), None):
        try:
            with store_failures(location, "written"):
                attempt()
            return
        except FileExistsError:
            if is_unclear and is_same(content, location):
                return
            raise
        except StoreError as error:
            if wait is None or not _may_pass(error):
                raise
            is_unclear = True
            time.sleep(wait)


def _may_pass(error: StoreError) -> bool:
    """Whether a retry makes sense: not if the store understood the request and refused it."""
    final = ("no such bucket", "credentials", "another region", "not allowed", "not found")
    return not any(words in str(error) for words in final)


def _copy(source: Location, location: Location, *, force: bool = False) -> None:
    """Copy an object within its bucket."""
    import obstore

    obstore.copy(client(location, COPYING), source.key, location.key, overwrite=force)
    if not location.scheme.startswith(("s3", "gs")):
        with suppress(PermissionError):  # credentials that can only write cannot check
            _wait_for_copy(location)


def _wait_for_copy(location: Location) -> None:
    """Wait until Azure has copied: it answers earlier, and has an empty object until then."""
    deadline = time.monotonic() + COPYING.answer
    while facts_of(location).st_size == 0:
        if time.monotonic() > deadline:
            raise StoreError(f"{location}: cannot be written: the store does not finish copying")
        time.sleep(0.2)


def _hidden(content: Content, location: Location) -> Location:
    """Return the hidden key of an upload, equal for equal content."""
    digest = hashlib.sha256(f"{socket.gethostname()} {content.mark}".encode()).hexdigest()[:16]
    folder, slash, name = location.key.rpartition("/")
    return replace(location, key=f"{folder}{slash}.{name}.{digest}.uploading")


def hidden_keys(at: Location, *, below: bool = False) -> Iterator[tuple[Location, str, float]]:
    """Return the hidden keys at a place, or below a prefix, each with its place and time."""
    prefix = f"{at.key}/".lstrip("/") if below else at.key[: at.key.rfind("/") + 1]
    start = "" if below else f"{prefix}.{at.key.removeprefix(prefix)}."
    name = "[^/]+" if below else re.escape(at.key.removeprefix(prefix))
    inner = "(?:[^/_.][^/]*/)*" if below else ""
    pattern = rf"({re.escape(prefix)}{inner})\.({name})\.[0-9a-f]{{16}}\.uploading"
    for each in listed(replace(at, key=prefix[:-1]), start or None):
        if each["path"] > start and not each["path"].startswith(start):
            return  # keys come in order, but Azure's emulator also lists earlier ones
        if found := re.fullmatch(pattern, each["path"]):
            yield replace(at, key=found[0]), found[1] + found[2], each["last_modified"].timestamp()


def remove_leftovers(location: Location, size: int, own: Path | None = None) -> list[str]:
    """Remove hidden keys that are a day old, or of a file that nobody uploads; return them."""
    removed: list[str] = []
    with suppress(ToolkitError, OSError):  # a failure must not fail the output
        mine = own and _hidden(Content.of(own), location)
        for key, _, written in hidden_keys(location) if size > ONE_REQUEST_BYTES else ():
            if key == mine or written < time.time() - _A_DAY:
                delete(key)
                removed.append(str(key))
    return removed


def _upload_parts(
    content: Content, location: Location, check: Callable[[], None] = lambda: None
) -> None:
    """Upload an object in parts, a few in memory; ``check`` is called before the end."""
    import obstore

    part = max(_PART_BYTES, -(-content.size // _MOST_PARTS))
    with (
        store_failures(location, "written"),
        obstore.open_writer(
            client(location, WRITING),
            location.key,
            buffer_size=part,
            max_concurrency=_PARTS_AT_ONCE,
        ) as writer,
    ):
        done = 0
        for data in content.read():
            writer.write(data)
            done += len(data)
        _check_size(content, done, location)
        check()


def _check_size(content: Content, size: int, location: Location) -> None:
    if size != content.size:
        raise StoreError(f"{content.name}: has changed while it was uploaded to {location}")


def check_absent(location: Location) -> None:
    """Raise `FileExistsError` if there is an object."""
    with suppress(FileNotFoundError):
        facts_of(location)
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(location))


def delete(location: Location) -> None:
    """Delete an object; some stores raise `FileNotFoundError` if it is missing."""
    import obstore

    with store_failures(location, "deleted"):
        obstore.delete(client(location, WRITING), location.key)


def is_same(content: Content, location: Location) -> bool:
    """Whether an object holds some content; the object is read."""
    try:
        if facts_of(location).st_size != content.size:
            return False
        with ObjectReader(location) as reader:
            return content.is_read_from(reader)
    except FileNotFoundError:
        return False
