"""Turn texts into the ids of word pieces, with the tokenizer of a classifier folder.

The package ``tokenizers`` does it. It would share a block among threads of its own, although the
blocks of a file are in threads already. So loading a tokenizer sets ``TOKENIZERS_PARALLELISM`` to
``false``, unless it is set.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from toolkit.errors import ModelError
from toolkit.model.onnx import read_content

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

PACKAGE = "tokenizers"
_PARALLELISM = "TOKENIZERS_PARALLELISM"

_MOST_BYTES = 64 << 20  # of the file; with 250,000 pieces, it is 17 MB
_TEXTS_AT_ONCE = 256  # lists of ids take ten times the memory of an array
_TRIED = "A fine film."
# Names of the piece for what no other piece fits, where the tokenizer does not say it.
_UNKNOWN = ("[UNK]", "<unk>")

_Flags = npt.NDArray[np.bool_]


class PieceIds(NamedTuple):
    """The ids of some texts, ragged: row i has ``values[bounds[i]:bounds[i + 1]]``."""

    values: npt.NDArray[np.int64]
    bounds: npt.NDArray[np.int64]  # (rows + 1,)
    is_cut: _Flags  # (rows,): whether a text has more pieces than the network reads
    known: npt.NDArray[np.int64]  # (rows,): number of pieces that are not special or unknown
    unknown: npt.NDArray[np.int64]  # (rows,): number of unknown pieces

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Number of ids in each row, (rows,), the special ones included."""
        return np.diff(self.bounds)


@dataclass(frozen=True)
class Pieces:
    """A tokenizer that was read; safe to share between threads."""

    path: Path
    tokenizer: Tokenizer
    sha256: str  # of the file
    size: int  # number of ids
    is_special: _Flags  # (ids,): of the tokens that every text has
    unknown: int  # the id of unknown pieces; -1: the tokenizer has no such piece

    @classmethod
    def load(
        cls, path: Path, *, most_tokens: int, vocabulary_size: int, reads_end: bool = False
    ) -> Pieces:
        """Read a tokenizer.

        Parameters
        ----------
        path : Path
            The file ``tokenizer.json``.
        most_tokens : int
            Number of ids, the special ones included, that texts are cut to.
        vocabulary_size : int
            Number of ids that the network knows.
        reads_end : bool
            Whether the end of a long text is kept, rather than its start.

        Returns
        -------
        Pieces
            The tokenizer.

        Raises
        ------
        ModelError
            If the file is damaged, or has more ids than the network.
        """
        os.environ.setdefault(_PARALLELISM, "false")
        from tokenizers import Tokenizer

        content = read_content(path, _MOST_BYTES)
        try:
            tokenizer = Tokenizer.from_str(content.decode())
            tokenizer.no_padding()
            side = "left" if reads_end else "right"
            tokenizer.enable_truncation(most_tokens, direction=side)
            size = int(tokenizer.get_vocab_size(with_added_tokens=True))
            tried = tokenizer.encode_batch_fast([_TRIED])[0].ids
        except BaseException as error:  # noqa: BLE001 (a panic of Rust is no `Exception`)
            raise _damaged(path, error) from None
        if size > vocabulary_size:
            raise ModelError(
                f"{path}: has {size:,} pieces, and the network of this folder knows "
                f"{vocabulary_size:,}. It belongs to another network"
            )
        if not tried or max(tried) >= size:
            raise ModelError(f"{path}: makes the ids {tried!s:.60} of {_TRIED!r}")
        added = tokenizer.get_added_tokens_decoder()
        unknown = _unknown_of(tokenizer)
        is_special = np.zeros(max(size, *added, unknown, 0) + 1, np.bool_)
        is_special[[number for number, token in added.items() if token.special]] = True
        return cls(
            path=path,
            tokenizer=tokenizer,
            sha256=hashlib.sha256(content).hexdigest(),
            size=size,
            is_special=is_special,
            unknown=unknown,
        )

    def encode(self, texts: Sequence[str]) -> PieceIds:
        """Return the ids of some texts, with the special ones, cut to the network's length."""
        values: list[npt.NDArray[np.int64]] = []
        lengths: list[int] = []
        is_cut: list[bool] = []
        for found in self._encodings(texts):
            for each in found:
                ids = each.ids
                values.append(np.array(ids, np.int64))
                lengths.append(len(ids))
                is_cut.append(bool(each.overflowing))
        together = np.concatenate([np.zeros(0, np.int64), *values])
        bounds = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
        is_unknown = together == self.unknown
        is_piece = ~self.is_special[np.minimum(together, len(self.is_special) - 1)] & ~is_unknown
        return PieceIds(
            values=together,
            bounds=bounds,
            is_cut=np.array(is_cut, np.bool_),
            known=_count(is_piece, bounds),
            unknown=_count(is_unknown, bounds),
        )

    def _encodings(self, texts: Sequence[str]) -> Iterator[list[Encoding]]:
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            part = [*texts[start : start + _TEXTS_AT_ONCE]]
            try:
                yield self.tokenizer.encode_batch_fast(part)
            except BaseException as error:  # noqa: BLE001 (a panic of Rust is no `Exception`)
                raise _damaged(self.path, error) from None


def _count(flags: _Flags, bounds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Count the flags of each row, (rows,)."""
    before = np.concatenate([[0], np.cumsum(flags, dtype=np.int64)])
    found: npt.NDArray[np.int64] = before[bounds[1:]] - before[bounds[:-1]]
    return found


def _unknown_of(tokenizer: Tokenizer) -> int:
    """Return the id of unknown pieces; -1 without such a piece, as where pieces are bytes."""
    names = (getattr(tokenizer.model, "unk_token", None), *_UNKNOWN)
    found = (tokenizer.token_to_id(name) for name in names if name)
    return next((number for number in found if number is not None), -1)


def _damaged(path: Path, error: BaseException) -> BaseException:
    """Return the error of a tokenizer; a panic of its Rust code is no `Exception`."""
    if isinstance(error, Exception) or type(error).__name__ == "PanicException":
        line = " ".join(str(error).split())
        return ModelError(f"{path}: not a tokenizer, or damaged: {line:.200}")
    return error
