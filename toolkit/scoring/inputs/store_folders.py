"""The objects under a prefix or of a pattern, by the rules for folders and patterns on a disk."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from toolkit.stores.store_path import StorePath

_ANY_DEPTH = "**"


def shown_objects(folder: Path, own: Path | None) -> list[Path]:
    """Give the objects under a prefix, also in hidden ones only if it is hidden itself.

    Those under ``own``, where the outputs go, are left out.
    """
    assert isinstance(folder, StorePath)
    return [
        path
        for path in folder.objects()
        if not any(part[0] in "._" for part in path.relative_to(folder).parts)
        and (own is None or own not in path.parents)
    ]


def matching_objects(base: Path, pattern: Sequence[str]) -> list[Path]:
    """Give the objects under a prefix that match a pattern as of the module `glob`, by name."""
    assert isinstance(base, StorePath)
    found = ((path, path.relative_to(base).parts) for path in base.objects())
    return sorted(path for path, parts in found if _matches(tuple(pattern), parts))


@lru_cache(1 << 16)
def _matches(pattern: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    if not pattern:
        return not parts
    first, rest = pattern[0], pattern[1:]
    if first == _ANY_DEPTH:
        if not rest:  # all files in any depth
            return not any(part.startswith(".") for part in parts)
        is_deeper = bool(parts) and not parts[0].startswith(".") and _matches(pattern, parts[1:])
        return _matches(rest, parts) or is_deeper
    if not parts or (parts[0].startswith(".") and not first.startswith(".")):
        return False
    return fnmatchcase(parts[0], first) and _matches(rest, parts[1:])
