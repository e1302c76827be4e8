"""SHA-256 of files, and the file SHA256SUMS of a folder, which `sha256sum -c SHA256SUMS` checks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

CHECKSUMS = "SHA256SUMS"


def sha256_of(path: Path) -> str:
    """Give the SHA-256 of a file in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_checksums(folder: Path, files: Iterable[Path]) -> Path:
    """Write it into a folder: a line for the name of each file, sorted; give its path."""
    path = folder / CHECKSUMS
    lines = [f"{sha256_of(each)}  {each.name}\n" for each in sorted(files, key=lambda f: f.name)]
    path.write_text("".join(lines), encoding="utf-8", newline="\n")
    return path
