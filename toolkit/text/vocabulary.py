"""From review text to token ids: the one rule, and its vectorised execution.

1. ASCII letters are lowercased; every other character stays as it is.
2. Separators are ASCII white space and the filter set of the Keras ``Tokenizer``. A token is a
   longest run of other characters; the apostrophe is part of a word.
3. Ids are those of ``keras.datasets.imdb``: 0 padding, 1 start of review, 2 unknown word,
   3 unused, and the word of frequency rank r (from 1) is r + 3.
4. A row is the start id and then the ids of the review; its last ``max_tokens`` ids are kept,
   and shorter rows are padded in front, as ``keras.utils.pad_sequences`` does by default.

The same rule runs inside the exported graph (`toolkit.export.front_end`), and as a plain loop in
the tests, which compare the three.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import ModelError
from toolkit.text.split import END, SEPARATORS, SplitTexts, byte_lengths
from toolkit.text.strings import arrow_of
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID, UNKNOWN_ID, Ids, TokenIds, concatenate

# A token and its separators take 5.6 bytes on the IMDB reviews. With 7 a token, 0.04 % of the
# reviews have to be read again for their last 100 tokens, with twice as many bytes.
_TAIL_BYTES_PER_TOKEN = 7

# What is made of this many bytes stays in the processor's second-level cache: a fifth faster for
# 512 tokens than four times as many.
_TAIL_BYTES_AT_ONCE = 1 << 19
_ROWS_AT_ONCE = 8192

_TOKEN = re.compile(f"[^{re.escape(SEPARATORS)}]+")


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
        """Count the tokens of texts and keep the commonest, for `size` ids or for every word.

        Equal counts are ordered by the bytes of the word, so that the order of the reviews does not
        matter.
        """
        slices = _string_slices(texts, _ROWS_AT_ONCE)
        counted = [pc.value_counts(SplitTexts.of(part).strings) for part in slices]
        if not counted:
            return cls(pa.array([], pa.string()))
        table = pa.Table.from_batches([pa.RecordBatch.from_struct_array(part) for part in counted])
        table = table.group_by("values").aggregate([("counts", "sum")])
        words = pc.utf8_rtrim(table["values"], END)
        table = table.append_column("words", words).filter(pc.field("words") != "")
        table = table.sort_by([("counts_sum", "descending"), ("words", "ascending")])
        if size is not None:
            table = table.slice(0, max(size - FIRST_WORD_ID, 0))
        return cls(_as_strings(table["words"]))

    @classmethod
    def load(cls, path: Path) -> Vocabulary:
        """Read a file of `save`: UTF-8, one word per line, commonest first; else `ModelError`."""
        try:
            content = path.read_bytes().decode()
        except FileNotFoundError:
            raise ModelError(f"{path}: no such file, but a run folder has it") from None
        except UnicodeDecodeError as error:
            raise ModelError(f"{path}: not UTF-8 text at byte {error.start}") from None
        # Words may hold U+0085 or U+2028, at which str.splitlines would break.
        return cls(pa.array(content.removesuffix("\n").split("\n") if content else [], pa.string()))

    def save(self, path: Path) -> None:
        """Write the vocabulary file that `load` reads."""
        path.write_bytes("".join(f"{word}\n" for word in self.words.to_pylist()).encode())

    def encode(self, texts: pa.Array | pa.ChunkedArray, last: int | None = None) -> TokenIds:
        """Turn reviews of any Arrow string type into token ids; a null counts as an empty review.

        `last` says how many ids at the end of each review matter to the caller. Earlier ones may
        be left out, which saves the work of reading them.
        """
        if last is None:
            slices = _string_slices(texts, _ROWS_AT_ONCE)
            return TokenIds.concatenate([self._look_up([SplitTexts.of(part)]) for part in slices])
        limit = last * _TAIL_BYTES_PER_TOKEN
        parts = list(_string_slices(texts, max(1, _TAIL_BYTES_AT_ONCE // limit)))
        return self._encode_tails(parts, last, limit)

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Join the words of a row of ids, without padding: ``<start> the <unknown> movie``."""
        names = self._names
        return " ".join(names[i] for i in ids if i != PADDING_ID)

    @cached_property
    def _names(self) -> list[str]:
        return ["<padding>", "<start>", "<unknown>", "<unused>", *self.words.to_pylist()]

    @cached_property
    def _by_id(self) -> pa.StringArray:
        """The string of each id: no token for padding; those of the reserved ids never occur."""
        words = pc.binary_join_element_wise(self.words, "", END)
        return pa.concat_arrays([pa.array([END, "<start>", "<unknown>", "<unused>"]), words])

    def _encode_tails(self, texts: list[pa.StringArray], last: int, limit: int) -> TokenIds:
        """Read `limit` bytes at the end of each text, and more where they have too few tokens."""
        most = np.iinfo(np.int32).max
        tails = (pc.binary_slice(part.cast(pa.binary()), -limit, most) for part in texts)
        ids = self._look_up([SplitTexts.of(tail) for tail in tails])
        # The cut may go through a token, even through a character: the first token is left out.
        cut = concatenate([byte_lengths(part) > limit for part in texts], np.bool_)
        ids = TokenIds(ids.values, np.minimum(ids.starts + cut, ids.stops), ids.stops)
        short = cut & (ids.lengths < last)
        if not short.any():
            return ids
        bounds = np.cumsum([len(part) for part in texts])[:-1]
        rest = [
            part.filter(arrow_of(mask))
            for part, mask in zip(texts, np.split(short, bounds), strict=True)
            if mask.any()
        ]
        longer = self._encode_tails(rest, last, 2 * limit)
        ids.starts[short] = longer.starts + len(ids.values)
        ids.stops[short] = longer.stops + len(ids.values)
        return TokenIds(np.concatenate([ids.values, longer.values]), ids.starts, ids.stops)

    def _look_up(self, parts: list[SplitTexts]) -> TokenIds:
        # At once, as each call makes a table of all words first, which takes a quarter millisecond.
        strings = pa.chunked_array([part.strings for part in parts], pa.string())
        ids = pc.fill_null(pc.index_in(strings, value_set=self._by_id), UNKNOWN_ID).to_numpy()
        tokens = np.flatnonzero(ids != PADDING_ID)
        before = np.cumsum([0, *(len(part.strings) for part in parts)])[:-1]
        ends = [part.stops + shift for part, shift in zip(parts, before, strict=True)]
        stops = np.searchsorted(tokens, concatenate(ends, np.int64))
        return TokenIds(ids.take(tokens), np.concatenate([[0], stops])[:-1], stops)


def token_spans(text: str) -> list[tuple[int, int]]:
    """Find the tokens of one review, to show them: each is ``text[start:end]``, lowercased."""
    return [found.span() for found in _TOKEN.finditer(text)]


def _string_slices(texts: pa.Array | pa.ChunkedArray, rows: int) -> Iterator[pa.StringArray]:
    """Slices of at most this many rows, without nulls, with 32-bit offsets."""
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        for start in range(0, len(chunk), rows):
            part = chunk.slice(start, rows)
            part = part if part.type == pa.string() else part.cast(pa.string())
            yield pc.fill_null(part, "") if part.null_count else part


def _as_strings(column: pa.ChunkedArray) -> pa.StringArray:
    combined = column.cast(pa.string()).combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined
