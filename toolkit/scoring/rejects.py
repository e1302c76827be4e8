"""What is written of the records that cannot be read."""

from __future__ import annotations

import base64
import json
from typing import Any

from toolkit.records.review_file import Reject, ReviewFile


def line_of(reject: Reject, reviews: ReviewFile) -> bytes:
    """Give the line of JSON for a record of a file that cannot be read.

    It says in which file and on which line (or which record) it stands, what is wrong, how many
    bytes it has, and these as they are: ``raw``, or ``raw_base64`` where they are no UTF-8.

    Parameters
    ----------
    reject : Reject
        The record.
    reviews : ReviewFile
        Its file.

    Returns
    -------
    bytes
        With a line end.
    """
    raw: dict[str, Any] = {"bytes": reject.length}
    if reject.raw is not None:
        try:
            raw["raw"] = reject.raw.decode()
        except UnicodeDecodeError:
            raw["raw_base64"] = base64.b64encode(reject.raw).decode()
    content = {
        "file": str(reviews.path),
        reviews.counts: reject.number,
        "reason": reject.reason,
        **raw,
    }
    return (json.dumps(content, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
