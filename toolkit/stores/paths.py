"""Paths in a store, with the methods of `Path` that the toolkit uses."""

from __future__ import annotations

import errno
import io
import os
import stat
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any, NoReturn, Self

from toolkit.errors import MissingExtraError, UsageError
from toolkit.stores.location import Location, local_name, location_of

if TYPE_CHECKING:
    _Base = Path
else:
    _Base = type(Path())  # `Path` itself makes no subclass before Python 3.12

# A NUL: no system opens a path with it, so a `StorePath` is never taken for a local file.
_NOWHERE = "\0"

_BUFFER_BYTES = 1 << 16


def path_of(text: str | os.PathLike[str]) -> Path:
    """Return the path that a user names: of this machine, or of an object in a store.

    Examples are ``reviews.csv``, ``s3://bucket/reviews.csv`` and ``file:///data/reviews.csv``. The
    URI of an object or a prefix becomes a `StorePath`. Raises `UsageError` for an unusable URI, and
    `MissingExtraError` for the URI of a store if obstore is not installed.
    """
    if isinstance(text, Path):
        return text
    text = os.fspath(text)
    location = location_of(text) if ":" in text else None
    if location is None:
        return Path(local_name(text))
    MissingExtraError.check("cloud", "obstore")  # checked here, before the path is used
    return StorePath(location)


class StorePath(_Base):
    """An object in a store, or a prefix of objects, which is a folder.

    It has the methods of a `Path`, and keeps the bucket as a folder that cannot exist on a machine.
    Methods such as `stat` ask the store. They raise `FileNotFoundError` if nothing is there,
    `PermissionError` if the store denies access, and `StoreError` if it cannot be reached. Other
    code calls `__fspath__`, which raises `UsageError`.
    """

    def __new__(cls, *segments: Any) -> Self:
        """Take a `Location`, or the URI of an object, and more parts of the key."""
        return super().__new__(cls, *_held(segments))

    if sys.version_info >= (3, 12):

        def __init__(self, *segments: Any) -> None:
            super().__init__(*_held(segments))

    @property
    def location(self) -> Location:
        """The address in the store."""
        _, bucket, *key = super().parts
        return Location(bucket.removeprefix(_NOWHERE).replace(":", "://", 1), "/".join(key))

    def __str__(self) -> str:
        return str(self.location)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.location,)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise UsageError(
            f"{self}: this cannot be in an object store. Name a file or a folder of this machine"
        )

    __fspath__ = as_uri = _refuse
    if not TYPE_CHECKING:  # in whose types they are generators
        glob = rglob = walk = _refuse

    @property
    def parts(self) -> tuple[str, ...]:
        """The bucket, and the parts of the key."""
        location = self.location
        return (f"{location.root}/", *(location.key.split("/") if location.key else ()))

    @property
    def name(self) -> str:
        """The last part of the key; empty for a bucket."""
        return self.location.key.rpartition("/")[2]

    @property
    def parent(self) -> Self:
        """The prefix above this path; for a bucket, the bucket."""
        return super().parent if self.location.key else self

    @property
    def parents(self) -> Sequence[Self]:
        """The prefixes above this path, the bucket last."""
        return [self.parent, *self.parent.parents] if self.location.key else []

    def joinpath(self, *others: str | os.PathLike[str]) -> Self:
        """Return a path below this path, or another path in a store."""
        for number, other in enumerate(others):
            if isinstance(other, StorePath):
                return other.joinpath(*others[number + 1 :])  # type: ignore[return-value]
            if PurePosixPath(other).is_absolute():
                raise UsageError(f"{self}: {other} is not below it, but on this machine")
        return super().joinpath(*others)

    def __truediv__(self, other: str | os.PathLike[str]) -> Self:
        return self.joinpath(other)

    def __rtruediv__(self, other: str | os.PathLike[str]) -> Self:
        return self  # as an absolute path

    def relative_to(self, other: Any, *more: Any, walk_up: bool = False) -> Path:  # type: ignore[override]  # noqa: ARG002
        """Return the local path that leads from a prefix to this object."""
        if not self.is_relative_to(other):
            raise ValueError(f"{str(self)!r} is not in the subpath of {str(other)!r}")
        return Path(*self.parts[len(other.parts) :])

    def is_relative_to(self, other: Any, *more: Any) -> bool:  # noqa: ARG002
        """Whether the path is equal to a prefix or below it."""
        return other == self or other in self.parents

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002
        """Return size, time and kind; the inode comes from the tag, which changes with content."""
        from toolkit.stores.read import FOLDER, facts

        if self.location.key:
            with suppress(FileNotFoundError):
                return self.stat_object()
        if any(True for _ in self.objects()) or not self.location.key:  # a bucket may be empty
            return facts(mode=FOLDER, size=0, mtime_ns=0, tag=str(self))
        raise FileNotFoundError(errno.ENOENT, "no such object", str(self))

    def stat_object(self) -> os.stat_result:
        """Return the facts of an object; raise `FileNotFoundError` for a prefix."""
        from toolkit.stores.read import facts_of

        return facts_of(self.location)

    def exists(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        """Whether there is an object at this path or below it."""
        return self._mode() != 0

    def is_file(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        """Whether there is an object."""
        from toolkit.stores.read import facts_of

        with suppress(FileNotFoundError):
            return bool(self.location.key) and facts_of(self.location) is not None
        return False

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:  # noqa: ARG002
        """Whether this is a prefix of objects, and not an object itself."""
        return stat.S_ISDIR(self._mode())

    def _mode(self) -> int:
        with suppress(FileNotFoundError):
            return self.stat().st_mode
        return 0

    def is_symlink(self) -> bool:
        """Return False: an object is not a link."""
        return False

    is_fifo = is_socket = is_block_device = is_char_device = is_mount = is_junction = is_symlink

    def resolve(self, strict: bool = False) -> Self:  # noqa: ARG002
        """Return the path itself."""
        return self

    absolute = resolve

    def samefile(self, other_path: str | os.PathLike[str]) -> bool:
        """Whether this is the same object."""
        return self == other_path

    def open(  # type: ignore[override]
        self,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
    ) -> IO[Any]:
        """Open an object to read it; `UsageError` for another mode."""
        from toolkit.stores.read import ObjectReader

        if mode not in ("r", "rb", "rt"):
            self._refuse()
        raw = ObjectReader(self.location)
        if mode == "rb" and buffering == 0:
            return raw  # type: ignore[return-value]
        buffered = io.BufferedReader(raw, _BUFFER_BYTES)
        if mode == "rb":
            return buffered
        return io.TextIOWrapper(buffered, encoding or "utf-8", errors, newline)

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete an object."""
        from toolkit.stores.write import delete

        if self.is_file():
            delete(self.location)
        elif not missing_ok:
            raise FileNotFoundError(errno.ENOENT, "no such object", str(self))

    def mkdir(self, mode: int = 0o777, parents: bool = False, exist_ok: bool = False) -> None:
        """Do nothing: a prefix is there when an object is below it."""

    def iterdir(self) -> Generator[Self, None, None]:
        """Return the prefixes and objects in this prefix."""
        from toolkit.stores.read import entries

        prefixes, objects = entries(self.location)
        yield from (type(self)(location) for location in [*prefixes, *objects])

    def objects(self) -> Iterator[Self]:
        """Return all objects below this prefix, at any depth."""
        from toolkit.stores.read import objects_under

        yield from (type(self)(location) for location in objects_under(self.location))


def _held(segments: tuple[Any, ...]) -> tuple[Any, ...]:
    """Turn the URI of an object into the parts of a `Path`: the bucket is a folder of the root."""
    first, *rest = segments
    if isinstance(first, str) and not first.startswith(f"/{_NOWHERE}"):
        found = location_of(first)
        if found is None:
            raise UsageError(f"{first}: not the URI of an object in a store")
        first = found
    if isinstance(first, Location):
        first = f"/{_NOWHERE}{first.root.replace('://', ':', 1)}/{first.key}"
    return (first, *rest)


def is_in_store(path: Path) -> bool:
    """Whether a path is an object or a prefix in a store."""
    return isinstance(path, StorePath)
