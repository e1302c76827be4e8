"""Where the journal of an output is."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from toolkit.files import is_in_store, resolved, work_folder


def folder_beside(output: Path) -> Path:
    """Name the hidden folder of an output; that of an object is in the work folder."""
    output = resolved(output)
    if is_in_store(output):
        whole = hashlib.sha256(str(output).encode()).hexdigest()[:32]
        return work_folder() / f"{output.name[:50]}.{whole}.unfinished"
    # A name may have 255 bytes, and a character four.
    digest = zlib.crc32(output.name.encode("utf-8", "surrogateescape"))
    return output.parent / f".{output.name[:50]}.{digest:08x}.unfinished"
