"""Which files of reviews two models are compared on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from toolkit.errors import InputError
from toolkit.scoring.inputs.jobs import NOT_KEPT, look_for


@dataclass(frozen=True)
class Files:
    """The files of reviews that are to be compared."""

    paths: Sequence[Path]
    failed: Sequence[str] = ()  # why others cannot be: errors, each with the name
    ignored: int = 0  # in folders: files of no known format, pipes and devices
    links: Sequence[Path] = ()  # to folders, which were not followed


def find_files(data: Sequence[str], output: Path | None = None) -> Files:
    """Find the files of reviews that are named, in folders, or match a pattern.

    The output is not one of those in folders: an earlier run may have written it there.
    """
    found, _ = look_for(data, NOT_KEPT, output)
    failed = [error for _, _, error in found.unreadable]
    paths = [source for source, _ in found.without_repeats()]
    if failed and not paths:
        raise InputError(failed[0])
    return Files(paths, failed, found.ignored, found.links)
