"""The everyday reviews of the tests in two parts, so that each is measured apart.

What is said of everyday reviews is about the first 540; the 200 of the part `order`, about the order of
words, came later.
"""

from __future__ import annotations

import json
from pathlib import Path

EVERYDAY = Path(__file__).parents[1] / "tests" / "everyday_reviews.jsonl"


def write_parts(folder: Path) -> tuple[Path, Path]:
    """Write `everyday.jsonl`, the first reviews, and `order.jsonl`, the later ones."""
    everyday, order = folder / "everyday.jsonl", folder / "order.jsonl"
    lines = EVERYDAY.read_bytes().splitlines(keepends=True)
    for path, part in ((everyday, None), (order, "order")):
        path.write_bytes(b"".join(line for line in lines if json.loads(line).get("part") == part))
    return everyday, order
