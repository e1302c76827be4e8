"""Ranges of bytes of an object, which stays the same while they are asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from toolkit.errors import InputError, StoreError
from toolkit.stores.connections import READING, client
from toolkit.stores.failures import store_failures, translated
from toolkit.stores.uris import Location

# After the retries of obstore, which are within some seconds, for connections that are cut again
# and again. What has come is kept, so a slow and broken connection makes progress.
_ATTEMPTS = 6
_PIECE_BYTES = 64 << 10


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


class Ranges:
    """The bytes of an object as they are when this is made.

    If the object is replaced meanwhile, reading raises `InputError`, so what is read is always
    of one object.
    """

    def __init__(self, place: Location) -> None:
        import obstore

        self.place = place
        self._client = client(place)
        with store_failures(place, "read"):
            meta = obstore.head(self._client, place.key)
        self._etag = meta["e_tag"]
        self.facts = ObjectFacts.of(meta)

    def get(self, start: int, stop: int) -> bytes:
        """Get some bytes; what has come before a connection is cut is not asked for again."""
        import obstore

        parts: list[bytes] = []
        at = start

        def more() -> None:
            nonlocal at
            options: dict[str, Any] = {"range": (at, stop)}
            if self._etag is not None:
                options["if_match"] = self._etag
            found = obstore.get(self._client, self.place.key, options=options)  # type: ignore[arg-type]
            if found.meta["size"] != self.facts.size:
                raise _changed(self.place)
            for part in found.stream(min_chunk_size=_PIECE_BYTES):
                parts.append(bytes(part))
                at += len(part)
            if at != stop:
                raise ConnectionResetError

        self._again_and_again(more, lambda: at)
        return b"".join(parts)

    def _again_and_again(self, get: Callable[[], None], progress: Callable[[], int]) -> None:
        attempts, reached = 0, progress()
        deadline = time.monotonic() + READING.retry
        while True:
            try:
                return get()
            except Exception as error:  # noqa: BLE001 (explained, and raised again)
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
                    if last is None or isinstance(error, ConnectionResetError):
                        last = StoreError(why)
                    raise last from None
            time.sleep(min(0.1 * 2**attempts, 5))

    def _explained(self, error: Exception) -> Exception | None:
        """Give what to raise for an error; None for one that may be gone the next time."""
        if isinstance(error, InputError):
            return error
        if type(error).__name__ in ("PreconditionError", "NotModifiedError"):
            return _changed(self.place) if self._is_there() else _gone(self.place)
        if isinstance(error, FileNotFoundError):
            return _gone(self.place)
        failed = translated(error, self.place, "read")
        if failed is None:
            return None if isinstance(error, OSError) else error
        if isinstance(failed, PermissionError):  # it could be read before
            return StoreError(f"{self.place}: cannot be read any more: {failed.strerror}")
        text = str(error)
        is_answer = "status code: 4" in text and "status code: 429" not in text
        return failed if is_answer else None

    def _is_there(self) -> bool:
        """Whether there is an object: Azure gives the same answer if there is none."""
        try:
            facts_of(self.place)
        except FileNotFoundError:
            return False
        except (StoreError, OSError):
            pass
        return True


def _gone(place: Location) -> InputError:
    return InputError(f"{place}: has changed while it was read: it is gone. Nothing of it is kept.")


def _changed(place: Location) -> InputError:
    return InputError(
        f"{place}: has changed while it was read: another object has its name now. Nothing of it "
        "is kept. Score it again when nothing else writes to it."
    )
