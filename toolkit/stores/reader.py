"""An object read like a file: in ranges, with some ahead, in bounded memory."""

from __future__ import annotations

import io
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from toolkit.errors import InputError, StoreError
from toolkit.stores.connections import READING, client
from toolkit.stores.failures import store_failures, translated
from toolkit.stores.uris import Location

BLOCK_BYTES = 1 << 20
_AHEAD = 4  # blocks that are fetched at once where a part is read from start to end
_LOOKED_AT = 64 << 10  # who reads no further only looks at what a file is
FEW_BLOCKS = 16  # kept for what is read from start to end
MANY_BLOCKS = 64  # kept for the columns of a table, which are read in turns
# After the retries of obstore, which are within some seconds, for connections that are cut again
# and again. What has come is kept, so a slow and broken connection makes progress.
_ATTEMPTS = 6


@dataclass(frozen=True)
class ObjectFacts:
    """What a store says of an object."""

    size: int
    mtime_ns: int
    tag: str  # changes with the content

    @classmethod
    def of(cls, meta: Any) -> ObjectFacts:
        """Take them from what obstore gives."""
        tag = f"{meta.get('e_tag') or ''} {meta.get('version') or ''}"
        seconds = meta["last_modified"].timestamp()
        return cls(meta["size"], round(seconds * 1000) * 1_000_000, tag)


def facts_of(place: Location) -> ObjectFacts:
    """Ask for the facts of an object; raises `FileNotFoundError`, `StoreError`."""
    import obstore

    with store_failures(place, "read"):
        return ObjectFacts.of(obstore.head(client(place), place.key))


class ObjectReader(io.RawIOBase):
    """The bytes of an object as they are when it is opened.

    If the object is replaced meanwhile, reading raises `InputError`, so what is read is always
    of one object.
    """

    def __init__(self, place: Location, kept: int = FEW_BLOCKS) -> None:
        super().__init__()
        import obstore

        self.place = place
        self.name = str(place)
        self._client = client(place)
        with store_failures(place, "read"):
            meta = obstore.head(self._client, place.key)
        self._etag = meta["e_tag"]
        self.facts = ObjectFacts.of(meta)
        self.size = self.facts.size
        self._at = 0
        self._kept, self._ahead = kept, _AHEAD
        self._unread: set[int] = set()  # blocks that nothing was taken of
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._coming: dict[int, Future[list[bytes]]] = {}  # by block, of which some share one
        self._lock = threading.RLock()
        # A thread for what is asked for, so that Ctrl-C is not held up, and one for what is ahead.
        self._pool = ThreadPoolExecutor(2, "store")

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that it can be read from anywhere."""
        return True

    def tell(self) -> int:
        """Give the offset of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Continue at an offset."""
        with self._lock:
            start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence]
            if start + offset < 0:
                raise ValueError(f"negative seek position {start + offset}")
            self._at = start + offset
            return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, as far as there are bytes."""
        view = memoryview(buffer).cast("B")
        done = 0
        with self._lock:
            while done < len(view) and self._at < self.size:
                number, offset = divmod(self._at, BLOCK_BYTES)
                part = memoryview(self._block(number))[offset : offset + len(view) - done]
                view[done : done + len(part)] = part
                done += len(part)
                self._at += len(part)
        return done

    def read(self, size: int | None = -1) -> bytes:
        """Read as many bytes, fewer only at the end."""
        left = max(self.size - self._at, 0)
        data = bytearray(left if size is None or size < 0 else min(size, left))
        count = self.readinto(data)
        return bytes(memoryview(data)[:count])

    def close(self) -> None:
        """Forget what is read, and what is ahead."""
        if not self.closed:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._blocks.clear()
            self._coming.clear()
        super().close()

    def _block(self, number: int) -> bytes:
        """Give a block, and fetch some after it where the one before it was read, too."""
        is_run = number - 1 in self._blocks or (number == 0 and self._at >= _LOOKED_AT)
        if number not in self._blocks:
            if number not in self._coming:
                self._fetch(number, self._ahead if is_run else 1)
            first = number
            fetched = self._coming[number]
            while self._coming.get(first - 1) is fetched:
                first -= 1
            if is_run:
                self._fetch_after(number)
            for position, block in enumerate(fetched.result(), first):
                self._coming.pop(position, None)
                self._blocks[position] = block
                self._unread.add(position)
        elif is_run:
            self._fetch_after(number)
        self._unread.discard(number)
        self._blocks.move_to_end(number)
        while len(self._blocks) > self._kept:
            dropped, _ = self._blocks.popitem(last=False)
            if dropped in self._unread:  # more columns than there is room for
                self._unread.discard(dropped)
                self._ahead = max(self._ahead // 2, 1)
        return self._blocks[number]

    def _fetch_after(self, number: int) -> None:
        """Fetch ahead, where nothing is on its way and little is left of the last fetch."""
        following = number + 1
        while following in self._blocks or following in self._coming:
            following += 1
        if following - number <= self._ahead // 2 + 1 and following * BLOCK_BYTES < self.size:
            self._fetch(following, self._ahead)

    def _fetch(self, first: int, count: int) -> None:
        last = min(first + count, -(-self.size // BLOCK_BYTES))
        numbers = [
            each
            for each in range(first, last)
            if each == first or not (each in self._blocks or each in self._coming)
        ]
        stop = first + 1
        while stop in numbers:
            stop += 1
        coming = self._pool.submit(self._get, first, stop)
        for number in range(first, stop):
            self._coming[number] = coming

    def _get(self, first: int, stop: int) -> list[bytes]:
        data = self._range(first * BLOCK_BYTES, min(stop * BLOCK_BYTES, self.size))
        return [data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES)]

    def _range(self, start: int, stop: int) -> bytes:
        """Get some bytes; what has come before a connection is cut is not asked for again."""
        parts: list[bytes] = []
        at = start

        def get() -> None:
            nonlocal at
            import obstore

            options: dict[str, Any] = {"range": (at, stop)}
            if self._etag is not None:
                options["if_match"] = self._etag
            found = obstore.get(self._client, self.place.key, options=options)  # type: ignore[arg-type]
            if found.meta["size"] != self.size:
                raise _changed(self.place)
            for part in found.stream(min_chunk_size=64 << 10):
                parts.append(bytes(part))
                at += len(part)
            if at != stop:
                raise ConnectionResetError

        self._again_and_again(get, lambda: at)
        return b"".join(parts)

    def _again_and_again(self, get: Callable[[], None], progress: Callable[[], int]) -> None:
        attempts, reached = 0, progress()
        deadline = time.monotonic() + READING.retry
        while True:
            try:
                return get()
            except Exception as error:
                failed = self._explained(error)
                if failed is not None:
                    raise failed from None
                if progress() > reached:
                    attempts, reached = 0, progress()
                    deadline = time.monotonic() + READING.retry
                attempts += 1
                if attempts >= _ATTEMPTS or time.monotonic() > deadline:
                    last = translated(error, self.place, "read")
                    why = f"{self.place}: cannot be read: the connection is cut again and again"
                    raise last or StoreError(why) from None
            time.sleep(min(0.1 * 2**attempts, 5))

    def _explained(self, error: Exception) -> Exception | None:
        """Give what to raise for an error; None for one that may be gone the next time."""
        if isinstance(error, InputError):
            return error
        if type(error).__name__ in ("PreconditionError", "NotModifiedError"):
            return _changed(self.place)
        if isinstance(error, FileNotFoundError):
            return InputError(
                f"{self.place}: has changed while it was read: it is gone. Nothing of it is kept."
            )
        failed = translated(error, self.place, "read")
        if failed is None:
            return None if isinstance(error, OSError) else error
        if isinstance(failed, PermissionError):  # it could be read before
            return StoreError(f"{self.place}: cannot be read any more: {failed.strerror}")
        text = str(error)
        is_answer = "status code: 4" in text and "status code: 429" not in text
        return failed if is_answer else None


def _changed(place: Location) -> InputError:
    return InputError(
        f"{place}: has changed while it was read: another object has its name now. Nothing of it "
        "is kept. Score it again when nothing else writes to it."
    )
