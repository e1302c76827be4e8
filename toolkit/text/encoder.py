"""The token ids of reviews: in the native core, in Arrow and NumPy, or in Python for a few texts.

All three give the same ids. The core is the fastest by far. Without it, Arrow is for many texts,
and Python for a few, as Arrow makes a table of all words for each call.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.native.word_table import WordTable
from toolkit.text.rule import TokenRule
from toolkit.text.sentence_ends import sentence_ends
from toolkit.text.split import END, SplitTexts, byte_lengths, tokens_of
from toolkit.text.strings import NUL, arrow_of, has_nul
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID, UNKNOWN_ID, Ids, TokenIds, concatenate

# A token and its separators take 5.6 bytes on the IMDB reviews. With 7 a token, 0.04 % of the
# reviews have to be read again for their last 100 tokens, with twice as many bytes.
_TAIL_BYTES_PER_TOKEN = 7

# What is made of this many bytes stays in the processor's second-level cache: a fifth faster for
# 512 tokens than four times as many.
_TAIL_BYTES_AT_ONCE = 1 << 19
ROWS_AT_ONCE = 8192
_ROWS_TO_CAST = 1024  # a dictionary may have few texts of 2 GB in many rows

_LONG_BYTES = 1 << 20
_RUN = re.compile(rb"([ \t\"*,=_#~-])\1{99,}+")

# Up to this many strings, the core is faster than Arrow with its table of all words.
_FEW_STRINGS = 1 << 12


@dataclass(frozen=True)
class Encoder:
    """Looks up the tokens of reviews among words, whose ids follow each other, and spellings."""

    words: pa.StringArray
    spellings: pa.StringArray
    spelling_ids: Ids
    rule: TokenRule
    few_bytes: int = 1 << 14  # that take less time in Python than in Arrow

    def encode(
        self, texts: pa.Array | pa.ChunkedArray, last: int | None, *, with_cuts: bool
    ) -> TokenIds:
        """Give the token ids, as `toolkit.text.vocabulary.Vocabulary.encode` does."""
        if not with_cuts:
            if self._table is not None:
                return self._in_core(self._table, texts, last)
            if max(len(texts), texts.nbytes) <= self.few_bytes:
                plain = texts if pa.types.is_string(texts.type) else texts.cast(pa.string())
                values = plain.cast(pa.binary()).to_pylist()
                return self.encode_few([value or b"" for value in values], last)
        if last is None:
            slices = string_slices(texts, self.rule)
            found = [self._look_up([self._split(part)], with_cuts) for part in slices]
            return TokenIds.concatenate(found or [self._look_up([], with_cuts)])
        limit = last * _TAIL_BYTES_PER_TOKEN
        rows = max(1, _TAIL_BYTES_AT_ONCE // limit)
        parts = list(string_slices(texts, self.rule, rows))
        return self._encode_tails(parts, last, limit, with_cuts)

    def encode_few(self, texts: list[bytes], last: int | None) -> TokenIds:
        """Give the token ids of a few texts; faster than `encode`, with the same ids."""
        if self._table is not None:
            return _token_ids(*self._table.encode_few(texts, last))
        found: list[int] = []
        bounds = [0]
        for text in texts:
            tokens = tokens_of(text, self.rule)
            tokens = tokens if last is None else tokens[-last:]
            found += [self._by_token.get(token, UNKNOWN_ID) for token in tokens]
            bounds.append(len(found))
        return _token_ids(np.array(found, np.int32), np.array(bounds, np.int64))

    @cached_property
    def _table(self) -> WordTable | None:
        """The strings in the native core, where that can be used."""
        rule, strings = self.rule, pa.concat_arrays([self.words, self.spellings])
        ids = self._ids[FIRST_WORD_ID:]
        return WordTable.of(strings, ids, rule.separators, ends_at_nul=rule.ends_at_nul)

    @cached_property
    def _by_token(self) -> dict[bytes, int]:
        strings = pa.concat_arrays([self.words, self.spellings]).cast(pa.binary()).to_pylist()
        # Of equal strings, the first one counts.
        return dict(
            zip(reversed(strings), self._ids[: FIRST_WORD_ID - 1 : -1].tolist(), strict=True)
        )

    @cached_property
    def _by_id(self) -> pa.StringArray:
        """The string of each id: no token for padding; those of the reserved ids never occur.

        The other spellings come after the words.
        """
        words = pa.concat_arrays([self.words, self.spellings])
        words = pc.binary_join_element_wise(words, "", END)
        return pa.concat_arrays([pa.array([END, "<start>", "<unknown>", "<unused>"]), words])

    @cached_property
    def _ids(self) -> Ids:
        """The id of each string of `_by_id`."""
        return np.concatenate([np.arange(self._size, dtype=np.int32), self.spelling_ids])

    @property
    def _size(self) -> int:
        return len(self.words) + FIRST_WORD_ID

    def _in_core(
        self, table: WordTable, texts: pa.Array | pa.ChunkedArray, last: int | None
    ) -> TokenIds:
        chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
        if not table.takes(texts.type):
            chunks = string_slices(texts, self.rule, _ROWS_TO_CAST)
        return TokenIds.concatenate([_token_ids(*table.encode(part, last)) for part in chunks])

    def _split(self, texts: pa.StringArray | pa.BinaryArray) -> SplitTexts:
        return SplitTexts.of(texts, self.rule)

    def _encode_tails(
        self, texts: list[pa.StringArray], last: int, limit: int, with_cuts: bool
    ) -> TokenIds:
        """Read `limit` bytes at the end of each text, and more where they have too few tokens."""
        most = np.iinfo(np.int32).max
        tails = (pc.binary_slice(part.cast(pa.binary()), -limit, most) for part in texts)
        ids = self._look_up([self._split(tail) for tail in tails], with_cuts)
        # The cut may go through a token, even through a character: the first token is left out.
        cut = concatenate([byte_lengths(part) > limit for part in texts], np.bool_)
        ids = replace(ids, starts=np.minimum(ids.starts + cut, ids.stops))
        short = cut & (ids.lengths < last)
        if not short.any():
            return ids
        bounds = np.cumsum([len(part) for part in texts])[:-1]
        rest = [
            part.filter(arrow_of(mask))
            for part, mask in zip(texts, np.split(short, bounds), strict=True)
            if mask.any()
        ]
        if limit == last * _TAIL_BYTES_PER_TOKEN:
            rest = [_without_runs(part) for part in rest]
        longer = self._encode_tails(rest, last, 2 * limit, with_cuts)
        both, rows = TokenIds.concatenate([ids, longer]), np.arange(len(ids))
        rows[short] = len(ids) + np.arange(len(longer))
        return both.select(rows)

    def _look_up(self, parts: list[SplitTexts], with_cuts: bool) -> TokenIds:
        ids = self._ids_of(pa.chunked_array([part.strings for part in parts], pa.string()))
        tokens = np.flatnonzero(ids != PADDING_ID)
        before = np.cumsum([0, *(len(part.strings) for part in parts)])[:-1]
        ends = [part.stops + shift for part, shift in zip(parts, before, strict=True)]
        stops = np.searchsorted(tokens, concatenate(ends, np.int64))
        found = TokenIds(ids.take(tokens), np.concatenate([[0], stops])[:-1], stops)
        if not with_cuts:
            return found
        at = [sentence_ends(part) + shift for part, shift in zip(parts, before, strict=True)]
        return replace(found, cuts=np.searchsorted(tokens, concatenate(at, np.int64), "right"))

    def _ids_of(self, strings: pa.ChunkedArray) -> Ids:
        """Give the id of each string of `SplitTexts`, (strings,); that of padding for no token."""
        if len(strings) <= _FEW_STRINGS and self._table is not None:
            found = self._in_core(self._table, strings, None)
            ids: Ids = np.full(len(strings), PADDING_ID, np.int32)
            ids[found.lengths > 0] = found.values
            return ids
        # At once, as each call makes a table of all words first, which takes a millisecond.
        places = pc.fill_null(pc.index_in(strings, value_set=self._by_id), UNKNOWN_ID)
        ids = places.to_numpy()
        return self._ids.take(ids) if ids.max(initial=0) >= self._size else ids


def _token_ids(values: Ids, bounds: npt.NDArray[np.int64]) -> TokenIds:
    return TokenIds(values, bounds[:-1], bounds[1:])


def string_slices(
    texts: pa.Array | pa.ChunkedArray, rule: TokenRule, rows: int = ROWS_AT_ONCE
) -> Iterator[pa.StringArray]:
    """Slices of at most this many rows, without nulls, with 32-bit offsets, up to the first NUL."""
    for chunk in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        for start in range(0, len(chunk), rows):
            part = chunk.slice(start, rows)
            part = part if part.type == pa.string() else part.cast(pa.string())
            part = pc.fill_null(part, "") if part.null_count else part
            yield _up_to_nul(part) if rule.ends_at_nul and has_nul(part) else part


def _up_to_nul(texts: pa.StringArray) -> pa.StringArray:
    # As bytes, since those of a caller may be no UTF-8.
    parts = (text.partition(NUL.encode())[0] for text in texts.view(pa.binary()).to_pylist())
    return pa.array(parts, pa.binary()).view(pa.string())


def _without_runs(texts: pa.StringArray) -> pa.StringArray:
    """Shorten long runs of one separator in long texts, which would take a string each."""
    if byte_lengths(texts).max(initial=0) < _LONG_BYTES:
        return texts
    long = (_RUN.sub(rb"\1", text) for text in texts.cast(pa.binary()).to_pylist())
    return pa.array(long, pa.binary()).view(pa.string())
