"""The names of paths in a store: parts, endings and parents, as those of `Path`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, NoReturn, Self

from toolkit.errors import UsageError
from toolkit.stores.uris import Location, location_of

if TYPE_CHECKING:
    _Base = Path
else:
    _Base = type(Path())  # `Path` itself makes no subclass before Python 3.12


class StoreName(_Base):
    """The name of an object or of a prefix.

    Nothing of what `Path` keeps is kept: that differs between the versions of Python. What is not
    defined here or in `StorePath` asks for it, or for `__fspath__`, and so raises `UsageError`: no
    code can take it for a path of this machine.
    """

    place: Location

    def __new__(cls, place: Location | str) -> Self:
        """Take the place of an object, or its URI."""
        self = object.__new__(cls)
        found = location_of(place) if isinstance(place, str) else place
        if found is None:
            raise UsageError(f"{place}: not the URI of an object in a store")
        self.place = found
        return self

    def __init__(self, place: Location | str) -> None:
        pass

    def _refuse(self, *_: Any) -> NoReturn:
        raise UsageError(
            f"{self}: this cannot be in an object store. Name a file or a folder of this machine"
        )

    __fspath__ = __bytes__ = as_uri = _refuse
    if not TYPE_CHECKING:  # in whose types they are generators
        glob = rglob = walk = _refuse
    # What Python 3.11 to 3.13 keep of a path.
    _parts = _drv = _root = _cparts = _raw_paths = _tail = property(_refuse)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.place,)

    def __str__(self) -> str:
        return str(self.place)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __hash__(self) -> int:
        return hash(self.place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StoreName) and self.place == other.place

    def __lt__(self, other: Any) -> bool:
        return _order(self) < _order(other) if isinstance(other, PurePath) else NotImplemented

    def __gt__(self, other: Any) -> bool:
        return _order(self) > _order(other) if isinstance(other, PurePath) else NotImplemented

    def __le__(self, other: Any) -> bool:
        return _order(self) <= _order(other) if isinstance(other, PurePath) else NotImplemented

    def __ge__(self, other: Any) -> bool:
        return _order(self) >= _order(other) if isinstance(other, PurePath) else NotImplemented

    def _with_key(self, key: str) -> Self:
        return type(self)(replace(self.place, key=key))

    def as_posix(self) -> str:
        """Give the URI."""
        return str(self)

    @property
    def parts(self) -> tuple[str, ...]:
        """The bucket, and the parts of the key."""
        return (f"{self.place.root}/", *self._key_parts)

    @property
    def _key_parts(self) -> list[str]:
        return self.place.key.split("/") if self.place.key else []

    @property
    def drive(self) -> str:
        """The bucket."""
        return self.place.root

    @property
    def root(self) -> str:
        """The slash after the bucket."""
        return "/"

    @property
    def anchor(self) -> str:
        """The bucket with its slash."""
        return f"{self.place.root}/"

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.place.key.rpartition("/")[2]

    @property
    def suffix(self) -> str:
        """The ending of the name."""
        return PurePosixPath(self.name).suffix

    @property
    def suffixes(self) -> list[str]:
        """The endings of the name."""
        return PurePosixPath(self.name).suffixes

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return PurePosixPath(self.name).stem

    @property
    def parent(self) -> Self:
        """The prefix above it; of a bucket, itself."""
        return self._with_key(self.place.key.rpartition("/")[0])

    @property
    def parents(self) -> Sequence[Self]:
        """The prefixes above it, the bucket last."""
        parts = self._key_parts
        return [self._with_key("/".join(parts[:count])) for count in reversed(range(len(parts)))]

    def with_name(self, name: str) -> Self:
        """Give another object of the same prefix."""
        if not self.name or not name or "/" in name or name in (".", ".."):
            raise ValueError(f"Invalid name {name!r}")
        return self.parent / name

    def with_stem(self, stem: str) -> Self:
        """Give the path with another name before its ending."""
        return self.with_name(stem + self.suffix)

    def with_suffix(self, suffix: str) -> Self:
        """Give the path with another ending."""
        return self.with_name(str(PurePosixPath(self.name).with_suffix(suffix)))

    def joinpath(self, *others: str | os.PathLike[str]) -> Self:
        """Give a path below this one."""
        parts = self._key_parts
        for other in others:
            if isinstance(other, StoreName):
                return type(self)(other.place).joinpath(*others[others.index(other) + 1 :])
            named = PurePosixPath(other)
            if named.is_absolute():
                raise UsageError(f"{self}: {named} is not below it, but on this machine")
            parts += named.parts
        return self._with_key("/".join(parts))

    def __truediv__(self, other: str | os.PathLike[str]) -> Self:
        return self.joinpath(other)

    def __rtruediv__(self, other: str | os.PathLike[str]) -> Self:
        return self  # as an absolute path

    def relative_to(self, other: Any, *more: Any, walk_up: bool = False) -> Path:  # type: ignore[override]
        """Give the path of this machine that leads from a prefix to this object."""
        start = other.joinpath(*more) if isinstance(other, StoreName) else None
        if start is None or not self.is_relative_to(start) or walk_up:
            raise ValueError(f"{str(self)!r} is not in the subpath of {str(other)!r}")
        return Path(*self._key_parts[len(start._key_parts) :])

    def is_relative_to(self, other: Any, *more: Any) -> bool:
        """Whether this is below a prefix."""
        if not isinstance(other, StoreName):
            return False
        start = other.joinpath(*more).parts
        return self.parts[: len(start)] == start

    def is_absolute(self) -> bool:
        """Tell that it depends on no folder."""
        return True

    def is_reserved(self) -> bool:
        """Tell that any name can be used."""
        return False


def _order(path: PurePath) -> tuple[bool, Any]:
    """Order paths of this machine before those of stores."""
    return (True, path.parts) if isinstance(path, StoreName) else (False, path.parts)
