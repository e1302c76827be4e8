"""List the objects of a store, and read an object like a file: in ranges, with read-ahead."""

from __future__ import annotations

import errno
import io
import os
import stat
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from toolkit.errors import InputError, StoreError
from toolkit.stores.clients import READING, client, store_failures, translated
from toolkit.stores.location import Location

# Retries for connections that are cut again and again, after obstore's own, which take seconds.
_ATTEMPTS = 6


_TIMES = ("atime", "mtime", "ctime")
_FILE = stat.S_IFREG | 0o644
FOLDER = stat.S_IFDIR | 0o755


def facts_of(location: Location) -> os.stat_result:
    """Return the facts of an object; raise `FileNotFoundError` or `StoreError`."""
    import obstore

    with store_failures(location, "read"):
        meta = obstore.head(client(location), location.key)
    tag = f"{meta.get('e_tag') or ''} {meta.get('version') or ''}"
    seconds = meta["last_modified"].timestamp()
    return facts(mode=_FILE, size=meta["size"], mtime_ns=round(seconds * 1000) * 1_000_000, tag=tag)


def facts(mode: int, size: int, mtime_ns: int, tag: str) -> os.stat_result:
    """Return the facts like a file's; the inode comes from the tag, which changes with content."""
    import hashlib  # late: it takes 3 ms

    inode = int.from_bytes(hashlib.sha256(tag.encode()).digest()[:7], "big")
    times: dict[str, float] = {f"st_{each}": mtime_ns / 1e9 for each in _TIMES}
    times |= {f"st_{each}_ns": mtime_ns for each in _TIMES}
    whole = mtime_ns // 1_000_000_000
    return os.stat_result((mode, inode, 0, 1, 0, 0, size, whole, whole, whole), times)


BLOCK_BYTES = 1 << 20


class Blocks:
    """A cache of blocks of an object, with read-ahead; for one thread at a time.

    Reading raises `InputError` if the object is replaced meanwhile.
    """

    def __init__(self, location: Location, kept: int, ahead: int) -> None:
        import obstore

        self._location = location
        self._client = client(location)
        with store_failures(location, "read"):
            meta = obstore.head(self._client, location.key)
        self._etag = meta["e_tag"]
        self.size: int = meta["size"]
        self._kept = kept
        self._ahead = ahead
        self._blocks: OrderedDict[int, Future[bytes]] = OrderedDict()
        # Requests run in threads, so that they do not delay Ctrl-C.
        self._pool = ThreadPoolExecutor(ahead + 1, "store")

    def close(self) -> None:
        """Drop all blocks."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._blocks.clear()

    def get(self, number: int, *, is_run: bool) -> bytes:
        """Return a block; in a sequential read, fetch further blocks ahead."""
        is_run = is_run or number - 1 in self._blocks
        stop = min(number + 1 + self._ahead * is_run, -(-self.size // BLOCK_BYTES))
        for each in range(number, stop):
            if each not in self._blocks:
                self._blocks[each] = self._pool.submit(self._fetch, each)
        self._blocks.move_to_end(number)
        while len(self._blocks) > self._kept:
            self._blocks.popitem(last=False)
        return self._blocks[number].result()

    def _fetch(self, number: int) -> bytes:
        """Get a block; request the rest if an answer is cut off."""
        deadline = time.monotonic() + READING.retry
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._fetch_once(number)
            except Exception as error:  # noqa: BLE001 (explained, and raised again)
                failed, is_final = self._explained(error)
                if is_final or attempt == _ATTEMPTS or time.monotonic() > deadline:
                    raise failed from None
            time.sleep(min(0.1 * 2**attempt, 5))
        raise AssertionError

    def _fetch_once(self, number: int) -> bytes:
        import obstore

        start = number * BLOCK_BYTES
        stop = min(start + BLOCK_BYTES, self.size)
        options: dict[str, Any] = {"range": (start, stop)}
        if self._etag is not None:
            options["if_match"] = self._etag
        found = obstore.get(self._client, self._location.key, options=options)  # type: ignore[arg-type]
        if found.meta["size"] != self.size:
            raise self._changed()
        data = bytes(found.bytes())
        if len(data) != stop - start:
            raise ConnectionResetError
        return data

    def _explained(self, error: Exception) -> tuple[Exception, bool]:
        """Return the error to raise, and whether a retry would fail in the same way."""
        if isinstance(error, InputError):
            return error, True
        is_other = type(error).__name__ in ("PreconditionError", "NotModifiedError")
        if is_other or isinstance(error, FileNotFoundError):
            return self._changed(), True
        failed = translated(error, self._location, "read")
        if isinstance(failed, PermissionError):  # it could be read before
            reason = f"{self._location}: cannot be read any more: {failed.strerror}"
            return StoreError(reason), True
        if failed is None and not isinstance(error, OSError):
            return error, True
        cut = f"{self._location}: cannot be read: the connection is cut again and again"
        text = str(error)
        is_answer = "status code: 4" in text and "status code: 429" not in text
        return failed or StoreError(cut), is_answer

    def _changed(self) -> InputError:
        return InputError(
            f"{self._location}: has changed while it was read: it is gone, or another object has "
            "its name now. Nothing of it is kept. Score it again when nothing else writes to it."
        )


# Numbers of blocks that are kept, and that are fetched ahead.
FEW_BLOCKS = (16, 4)  # for files that are read from start to end
MANY_BLOCKS = (64, 1)  # for tables, whose columns are read alternately
_LOOKED_AT = 64 << 10  # a reader that stops earlier only detects the format: do not read ahead


class ObjectReader(io.RawIOBase):
    """The bytes of an object as they are when it is opened.

    If the object is replaced meanwhile, reading raises `InputError`, so all bytes come from one
    object.
    """

    def __init__(self, location: Location, blocks: tuple[int, int] = FEW_BLOCKS) -> None:
        super().__init__()
        self.location = location
        self.name = str(location)
        self._blocks = Blocks(location, *blocks)
        self.size = self._blocks.size
        self._at = 0
        self._lock = threading.RLock()

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def seekable(self) -> bool:
        """Return True: it can be read from any position."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to an offset."""
        with self._lock:
            start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
            if start + offset < 0:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))  # as a file does
            self._at = start + offset
            return self._at

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer; return their number."""
        view = memoryview(buffer).cast("B")
        done = 0
        with self._lock:
            while done < len(view) and self._at < self.size:
                number, offset = divmod(self._at, BLOCK_BYTES)
                is_run = number == 0 and offset >= _LOOKED_AT
                block = self._blocks.get(number, is_run=is_run)
                part = memoryview(block)[offset : offset + len(view) - done]
                view[done : done + len(part)] = part
                done += len(part)
                self._at += len(part)
        return done

    def close(self) -> None:
        """Drop all blocks, and close the reader."""
        if not self.closed:
            self._blocks.close()
        super().close()


_PAGE = 1000  # objects in one response of a store


def objects_under(location: Location) -> Iterator[Location]:
    """Return all objects under a prefix, without the markers of folders."""
    # An empty object may be the marker of a folder, so it is held until the next key is known.
    held = location.key
    held_size = 0
    for key, size in ((found["path"], found["size"]) for found in listed(location)):
        if held != location.key and (held_size or not key.startswith(f"{held}/")):
            yield replace(location, key=held)
        held = key
        held_size = size
    if held != location.key:
        yield replace(location, key=held)


def listed(location: Location, after: str | None = None) -> Iterator[Any]:
    """Return the facts of each object under a prefix, in the order of the keys."""
    import obstore

    with store_failures(location, "listed"):
        store = client(location)
        prefix = location.key or None
        for page in obstore.list(store, prefix, offset=after, chunk_size=_PAGE):
            yield from page


def entries(location: Location) -> tuple[list[Location], list[Location]]:
    """Return the prefixes and the objects directly under a prefix."""
    import obstore

    with store_failures(location, "listed"):
        found = obstore.list_with_delimiter(client(location), location.key or None)
    prefixes = [replace(location, key=prefix.rstrip("/")) for prefix in found["common_prefixes"]]
    names = {each.key for each in prefixes}
    objects = [
        replace(location, key=each["path"])
        for each in found["objects"]
        if each["path"] not in names and each["path"] != location.key
    ]
    return prefixes, objects
