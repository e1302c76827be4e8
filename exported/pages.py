"""Pages whose upper part is written by hand and whose lower part is generated."""

from __future__ import annotations


def with_generated(name: str, page: str, marker: str, generated: str) -> str:
    """Replace what is below the line `marker` in a page."""
    by_hand, found, _ = page.partition(marker)
    if not found:
        raise ValueError(f"exported/{name}: the line {marker!r} is missing")
    return f"{by_hand}{found}\n{generated}"
