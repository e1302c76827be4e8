"""The file SHA256SUMS of a folder, which `sha256sum -c SHA256SUMS` checks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

CHECKSUMS = "SHA256SUMS"


def write_checksums(folder: Path, names: Iterable[str]) -> Path:
    """Write it for some files of the folder, a line each, sorted by name; give its path."""
    path = folder / CHECKSUMS
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in sorted(names)]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
