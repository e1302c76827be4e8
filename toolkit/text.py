"""From review text to token ids: the one rule, and its vectorised execution.

1. ASCII letters are lowercased; every other character stays as it is.
2. Separators are ASCII white space and the filter set of the Keras ``Tokenizer``. A token is a
   longest run of characters that are no separators; the apostrophe is part of a word.
3. Ids are those of ``keras.datasets.imdb``: 0 padding, 1 start of review, 2 unknown word,
   3 unused, and the word of frequency rank r (from 1) is r + 3.
4. A row is the start id and then the ids of the review; its last ``max_tokens`` ids are kept,
   and shorter rows are padded in front, as ``keras.utils.pad_sequences`` does by default.

The same rule runs inside the exported graph (`toolkit.export.front_end`), and as a plain loop in
the tests, which compare the three.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import ModelError

SEPARATORS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~ \t\n\v\f\r'

PADDING_ID = 0
START_ID = 1
UNKNOWN_ID = 2
FIRST_WORD_ID = 4  # rank 1 is 1 + 3, as with index_from=3 in keras.datasets.imdb

# Lowercases and turns every separator into a space in one pass over the bytes. All bytes from 128
# up map to themselves, so UTF-8 sequences come through whole.
_NORMALIZE = bytes(
    ord(" ") if chr(byte) in SEPARATORS else ord(chr(byte).lower()) if byte < 128 else byte
    for byte in range(256)
)

# An English token and its separator take 5.6 bytes on the IMDB reviews; 8 a token are enough for
# the last tokens of nearly every review. The few that need more are read again in full.
_TAIL_BYTES_PER_TOKEN = 8
_ROWS_AT_ONCE = 8192

Ids = npt.NDArray[np.int32]


@dataclass(frozen=True)
class TokenIds:
    """Token ids of some reviews, ragged and without start id.

    Row i is ``values[starts[i]:stops[i]]``; what stands between the rows is not theirs.
    """

    values: Ids
    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each review, (rows,) int64, the start id not counted."""
        return self.stops - self.starts

    def padded(self, width: int) -> Ids:
        """Rows of equal length: the last ``width`` ids of the start id and the review.

        Parameters
        ----------
        width : int
            Ids in a row, at least 1.

        Returns
        -------
        Ids
            (rows, width) int32, padded in front with 0.
        """
        positions = self.stops[:, None] + np.arange(-width, 0)
        inside = positions >= self.starts[:, None]
        values = self.values if len(self.values) else np.zeros(1, np.int32)
        rows = np.where(inside, values[np.where(inside, positions, 0)], np.int32(PADDING_ID))
        short = np.flatnonzero(self.lengths < width)
        rows[short, width - 1 - self.lengths[short]] = START_ID
        return rows


@dataclass(frozen=True)
class Vocabulary:
    """The known words, commonest first; the word at position i has the id i + 4."""

    words: pa.StringArray

    @property
    def size(self) -> int:
        """Number of ids, the four reserved ones included; every id is below it."""
        return len(self.words) + FIRST_WORD_ID

    @classmethod
    def build(cls, texts: pa.Array | pa.ChunkedArray, size: int | None = None) -> Vocabulary:
        """Count the tokens of texts and keep the commonest.

        Parameters
        ----------
        texts : pa.Array | pa.ChunkedArray
            Reviews, any Arrow string type.
        size : int | None
            Number of ids to keep, the reserved ones included; None keeps every word.

        Returns
        -------
        Vocabulary
            Equal counts are ordered by the bytes of the word, so that the order of the reviews
            does not matter.
        """
        counted = [pc.value_counts(_split(part).values) for part in _string_slices(texts)]
        if not counted:
            return cls(pa.array([], pa.string()))
        table = pa.Table.from_batches([pa.RecordBatch.from_struct_array(part) for part in counted])
        table = table.group_by("values").aggregate([("counts", "sum")])
        table = table.filter(pc.field("values") != "")
        table = table.sort_by([("counts_sum", "descending"), ("values", "ascending")])
        if size is not None:
            table = table.slice(0, max(size - FIRST_WORD_ID, 0))
        return cls(_as_strings(table["values"]))

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read a vocabulary file: UTF-8, a word a line, commonest first.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        Vocabulary
            As it was saved.

        Raises
        ------
        ModelError
            If the file is missing or is no UTF-8.
        """
        try:
            content = path.read_bytes().decode()
        except FileNotFoundError:
            raise ModelError(
                f"{path}: no such file; a run folder has its vocabulary there"
            ) from None
        except UnicodeDecodeError as error:
            raise ModelError(f"{path}: no UTF-8 text at byte {error.start}") from None
        # Words may hold U+0085 or U+2028, at which str.splitlines would break.
        return cls(pa.array(content.removesuffix("\n").split("\n") if content else [], pa.string()))

    def save(self, path: Path) -> None:
        """Write the vocabulary file that `load` reads."""
        path.write_bytes("".join(f"{word}\n" for word in self.words.to_pylist()).encode())

    def encode(self, texts: pa.Array | pa.ChunkedArray, last: int | None = None) -> TokenIds:
        """Turn reviews into token ids.

        Parameters
        ----------
        texts : pa.Array | pa.ChunkedArray
            Reviews, any Arrow string type; a null counts as an empty review.
        last : int | None
            How many ids at the end of each review matter to the caller. Earlier ones may be left
            out, which saves the work of reading them.

        Returns
        -------
        TokenIds
            A row for each review, in order.
        """
        parts = [self._encode_slice(part, last) for part in _string_slices(texts)]
        if len(parts) == 1:
            return parts[0]
        shifts = np.cumsum([0, *(len(part.values) for part in parts)])
        return TokenIds(
            values=np.concatenate([np.zeros(0, np.int32), *(p.values for p in parts)]),
            starts=_concatenate([p.starts + s for p, s in zip(parts, shifts, strict=False)]),
            stops=_concatenate([p.stops + s for p, s in zip(parts, shifts, strict=False)]),
        )

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """The words of a row of ids, joined by spaces; padding is left out.

        The start of a review reads ``<start>``, an unknown word ``<unknown>``.
        """
        names = self._names
        return " ".join(names[i] for i in ids if i != PADDING_ID)

    @cached_property
    def _names(self) -> list[str]:
        return ["<padding>", "<start>", "<unknown>", "<unused>", *self.words.to_pylist()]

    def _encode_slice(self, texts: pa.StringArray, last: int | None) -> TokenIds:
        if last is None:
            return self._look_up(_split(texts))
        limit = last * _TAIL_BYTES_PER_TOKEN
        tails = pc.binary_slice(texts.cast(pa.binary()), -limit, np.iinfo(np.int32).max)
        ids = self._look_up(_split(tails))
        # The cut may go through a token, even through a character: the first piece is no token.
        cut = _byte_lengths(texts) > limit
        ids = TokenIds(ids.values, np.minimum(ids.starts + cut, ids.stops), ids.stops)
        short = np.flatnonzero(cut & (ids.lengths < last))
        if not len(short):
            return ids
        whole = self._look_up(_split(texts.take(pa.array(short))))
        ids.starts[short] = whole.starts + len(ids.values)
        ids.stops[short] = whole.stops + len(ids.values)
        return TokenIds(np.concatenate([ids.values, whole.values]), ids.starts, ids.stops)

    def _look_up(self, tokens: pa.ListArray) -> TokenIds:
        ranks = pc.index_in(tokens.values, value_set=self.words)
        ids = pc.fill_null(ranks, UNKNOWN_ID - FIRST_WORD_ID).to_numpy() + np.int32(FIRST_WORD_ID)
        # Splitting leaves an empty piece before a leading and after a trailing separator, and the
        # two may be one and the same; there are none between tokens.
        bounds = tokens.offsets.to_numpy().astype(np.int64)
        starts, stops = bounds[:-1], bounds[1:]
        empty = _byte_lengths(tokens.values) == 0
        starts = starts + empty[starts]
        stops = np.maximum(stops - empty[stops - 1], starts)
        return TokenIds(ids, starts, stops)


def _split(texts: pa.StringArray | pa.BinaryArray) -> pa.ListArray:
    """Pieces between separators, lowercased, for each text; there is at least one a text."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32, len(texts) + 1, texts.offset * 4)
    data = texts.buffers()[2]
    content = b"" if data is None else data[offsets[0] : offsets[-1]].to_pybytes()
    normalized = pa.StringArray.from_buffers(
        len(texts), pa.py_buffer(offsets - offsets[0]), pa.py_buffer(content.translate(_NORMALIZE))
    )
    return pc.ascii_split_whitespace(normalized)


def _string_slices(texts: pa.Array | pa.ChunkedArray) -> Iterator[pa.StringArray]:
    """Slices of at most 8,192 rows, without nulls, with 32-bit offsets."""
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        for start in range(0, len(chunk), _ROWS_AT_ONCE):
            part = chunk.slice(start, _ROWS_AT_ONCE)
            part = part if part.type == pa.string() else part.cast(pa.string())
            yield pc.fill_null(part, "") if part.null_count else part


def _as_strings(column: pa.ChunkedArray) -> pa.StringArray:
    combined = column.cast(pa.string()).combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def _byte_lengths(strings: pa.StringArray) -> npt.NDArray[np.int32]:
    buffer = strings.buffers()[1]
    bounds = np.frombuffer(buffer, np.int32, len(strings) + 1, strings.offset * 4)
    return bounds[1:] - bounds[:-1]


def _concatenate(parts: list[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *parts])
