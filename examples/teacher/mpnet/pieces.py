"""Texts as word pieces of MPNet, and batches of texts of equally many pieces."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from examples.teacher.mpnet.network import MOST_PIECES
from examples.teacher.mpnet.weights import TOKENIZER, model_file

Ids = npt.NDArray[np.int32]
Rows = npt.NDArray[np.int64]

_PLAIN = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")
_TEXTS_AT_ONCE = 5_000


def word_pieces(texts: Sequence[str], work: Path) -> list[Ids]:
    """Cut texts into the ids of at most `MOST_PIECES` pieces each, the two marks included.

    Of a longer text, the first and the last half of that many pieces stay: Sun et al., How to
    Fine-Tune BERT for Text Classification?, 2019, found both ends together to be the best.
    """
    from tokenizers import Tokenizer  # noqa: PLC0415 (not installed for the tests)

    tokenizer = Tokenizer.from_file(str(model_file(work, TOKENIZER)))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    found: list[Ids] = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        some = texts[start : start + _TEXTS_AT_ONCE]
        plain = [text.replace("<br />", " ").translate(_PLAIN) for text in some]
        encoded = tokenizer.encode_batch_fast(plain)
        found += [_both_ends(np.array(one.ids, np.int32)) for one in encoded]
    return found


def _both_ends(ids: Ids) -> Ids:
    if len(ids) <= MOST_PIECES:
        return ids
    half = MOST_PIECES // 2
    return np.concatenate([ids[:half], ids[half - MOST_PIECES :]])


def equal_batches(lengths: Rows, most_pieces: int) -> Iterator[Rows]:
    """Yield the rows of texts of one length, the shortest first, about so many pieces at once."""
    order = np.argsort(lengths, kind="stable")
    starts = np.flatnonzero(np.diff(lengths[order], prepend=-1))
    for rows in np.split(order, starts[1:]):
        size = max(1, most_pieces // int(lengths[rows[0]]))
        for at in range(0, len(rows), size):
            yield rows[at : at + size]
