"""What counts as a true label, wherever one is read."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# Lowercased. Arrow writes the number 1.0 as "1".
_NAMES = {
    "0": 0, "0.0": 0, "neg": 0, "negative": 0,
    "1": 1, "1.0": 1, "pos": 1, "positive": 1,
}  # fmt: skip

EXPECTED = "0 or 1, neg or pos, negative or positive"


def read_labels(names: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Read labels as they are written.

    Parameters
    ----------
    names : pa.Array | pa.ChunkedArray
        Strings or large strings.

    Returns
    -------
    pa.Array | pa.ChunkedArray
        As many int8, 0 for negative and 1 for positive; null where it is neither.
    """
    known = pa.array(_NAMES, names.type)
    places = pc.index_in(names, value_set=known)
    if places.null_count:  # few files need it, and it takes most of the time
        places = pc.index_in(pc.utf8_lower(pc.utf8_trim_whitespace(names)), value_set=known)
    return pa.array(_NAMES.values(), pa.int8()).take(places)
