"""The rule from review text to token ids, and its execution.

1. ASCII letters are lowercased. From version 2 of the rule, a text ends at its first NUL.
2. A token is a longest run of characters other than separators. `toolkit.text.rule` lists the
   separators of each version; from version 3 on, tags and entities of HTML are separators, too, an
   emoji is a token of its own, and an apostrophe is part of a word only within it.
3. Ids are as in ``keras.datasets.imdb``: 0 padding, 1 start of review, 2 unknown word,
   3 unused, and the word of frequency rank r (from 1) is r + 3. From version 2 of the rule, other
   spellings of a word have its id (`toolkit.text.rule`).
4. A row is the start id and then the ids of the review; its last ``max_tokens`` ids are kept,
   and shorter rows are padded in front, as ``keras.utils.pad_sequences`` does by default.

The native core applies the rule; without it, Arrow and NumPy do (`toolkit.text.splitting`), with
the same ids. The core is much faster, above all for a few texts, as Arrow builds a table of all
words in each call. The exported graph (`toolkit.export.front_end`) and a plain loop in the tests
also apply the rule; tests compare all of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import ModelError
from toolkit.native.texts import Ragged, WordTable
from toolkit.text.rule import LOWERCASE, NEWEST_RULE, TokenRule
from toolkit.text.splitting import END, SplitTexts, sentence_ends, string_slices
from toolkit.text.strings import NUL, Texts, arrow_of, bounds_of
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID, UNKNOWN_ID, Ids, TokenIds, concatenate

# The ids of that many film reviews, half a megabyte, fit into the second-level cache: a fifth
# faster than with four times as many.
_ROWS_TO_SPLIT = 384
_ROWS_TO_CAST = 1024  # a dictionary may have few texts of 2 GB in many rows


@dataclass(frozen=True)
class Spellings:
    """Strings that are other spellings of words, and the id of each."""

    strings: pa.StringArray
    ids: Ids

    @classmethod
    def of(cls, words: pa.StringArray, rule: TokenRule) -> Spellings:
        """Find the spellings of the words that are not words themselves."""
        plain = words.to_pylist()
        taken = set(plain)
        found: dict[str, int] = {}
        for number, word in enumerate(plain, FIRST_WORD_ID):
            for spelling in rule.spellings(word):
                if spelling not in taken:
                    found.setdefault(spelling, number)
        return cls(pa.array(found, pa.string()), np.array(list(found.values()), np.int32))


@dataclass(frozen=True)
class Vocabulary:
    """The known words, the most frequent first; the word at position i has the id i + 4."""

    words: pa.StringArray
    rule: TokenRule = NEWEST_RULE
    other_spellings: Spellings | None = field(default=None, compare=False)  # None: by the rule

    def __getstate__(self) -> dict[str, object]:
        """Return the state without cached values: a table of the core cannot be pickled."""
        names = ("words", "rule", "other_spellings")
        return {name: self.__dict__[name] for name in names}

    @property
    def size(self) -> int:
        """Number of ids, with the four reserved ids; every id is below it."""
        return len(self.words) + FIRST_WORD_ID

    @classmethod
    def build(
        cls,
        texts: Texts,
        size: int | None = None,
        rule: TokenRule = NEWEST_RULE,
    ) -> Vocabulary:
        """Count the tokens of texts, and keep the most frequent, for `size` ids or for every word.

        Equal counts are ordered by the bytes of the word, so that the order of the reviews does not
        matter.
        """
        slices = string_slices(texts, rule)
        counted = [pc.value_counts(SplitTexts.of(part, rule).strings) for part in slices]
        if not counted:
            return cls(pa.array([], pa.string()), rule)
        table = pa.Table.from_batches([pa.RecordBatch.from_struct_array(part) for part in counted])
        table = table.group_by("values").aggregate([("counts", "sum")])
        words = _as_strings(pc.utf8_rtrim(table["values"], END))
        if rule.has_spellings:
            words = pa.array(map(rule.normal, words.to_pylist()), pa.string())
        table = pa.table({"words": words, "counts": table["counts_sum"]})
        table = table.group_by("words").aggregate([("counts", "sum")])
        table = table.filter(pc.field("words") != "")
        table = table.sort_by([("counts_sum", "descending"), ("words", "ascending")])
        if size is not None:
            table = table.slice(0, max(size - FIRST_WORD_ID, 0))
        return cls(_as_strings(table["words"]), rule)

    @classmethod
    def load(cls, path: Path, rule: TokenRule = NEWEST_RULE) -> Vocabulary:
        """Read a file of `save`: UTF-8, one word per line; raise `ModelError` for another file."""
        try:
            content = path.read_bytes().decode()
        except FileNotFoundError:
            raise ModelError(f"{path}: no such file, expected in every run folder") from None
        except UnicodeDecodeError as error:
            raise ModelError(f"{path}: not UTF-8 text at byte {error.start}") from None
        # Not `str.splitlines`: it would split at U+0085 and U+2028, which words may contain.
        words = content.removesuffix("\n").split("\n") if content else []
        return cls(pa.array(words, pa.string()), rule)

    def save(self, path: Path) -> None:
        """Write the vocabulary file that `load` reads."""
        path.write_bytes("".join(f"{word}\n" for word in self.words.to_pylist()).encode())

    def encode(self, texts: Texts, last: int | None = None, with_cuts: bool = False) -> TokenIds:
        """Turn reviews of any Arrow string type into token ids; a null counts as an empty review.

        Only the `last` ids of each review are sure to be there; leaving out earlier ids saves time.
        `with_cuts` finds the ends of sentences, and keeps the spelling of tokens.
        """
        if self._table is not None and not with_cuts:
            return self._in_core(self._table, texts, last)
        if self._table is not None and self.rule.has_markup:
            return self._cut_in_core(self._table, texts, last)
        parts = string_slices(texts, self.rule, _ROWS_TO_SPLIT)
        return self._look_up([SplitTexts.of(part, self.rule) for part in parts], with_cuts)

    def encode_few(self, texts: list[bytes], last: int) -> TokenIds | None:
        """Return the ids of `encode` for a few texts in UTF-8; None without the core."""
        return None if self._table is None else _token_ids(self._table.encode_few(texts, last))

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Join the words of a row of ids, without padding: ``<start> the <unknown> movie``."""
        names = self._names
        return " ".join(names[i] for i in ids if i != PADDING_ID)

    @cached_property
    def _names(self) -> list[str]:
        return ["<padding>", "<start>", "<unknown>", "<unused>", *self.words.to_pylist()]

    @cached_property
    def spellings(self) -> Spellings:
        """The other strings that have the id of a word."""
        return self.other_spellings or Spellings.of(self.words, self.rule)

    @cached_property
    def _table(self) -> WordTable | None:
        """The table of the native core, if it can be used."""
        strings = pa.concat_arrays([self.words, self.spellings.strings])
        return WordTable.of(strings, self._ids[FIRST_WORD_ID:], self.rule)

    @cached_property
    def _by_id(self) -> pa.StringArray:
        """The string of each id: no token for padding; reserved ids have strings that never occur.

        The other spellings come after the words.
        """
        words = pa.concat_arrays([self.words, self.spellings.strings])
        words = pc.binary_join_element_wise(words, "", END)
        return pa.concat_arrays([pa.array([END, "<start>", "<unknown>", "<unused>"]), words])

    @cached_property
    def _ids(self) -> Ids:
        """The id of each string of `_by_id`."""
        return np.concatenate([np.arange(self.size, dtype=np.int32), self.spellings.ids])

    def _in_core(self, table: WordTable, texts: Texts, last: int | None) -> TokenIds:
        chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
        if not table.takes(texts.type):
            chunks = string_slices(texts, self.rule, _ROWS_TO_CAST)
        return TokenIds.concatenate([_token_ids(table.encode(part, last)) for part in chunks])

    def _cut_in_core(self, table: WordTable, texts: Texts, last: int | None) -> TokenIds:
        if isinstance(texts, pa.ChunkedArray) or texts.type not in (pa.string(), pa.large_string()):
            texts = pa.concat_arrays([pa.array([], pa.large_string()), *_large(texts)])
        values, bounds, places, cuts = table.encode_with_cuts(texts, last)
        firsts = bounds_of(texts)

        def spelled(tokens: npt.NDArray[np.int64]) -> pa.StringArray:
            firsts_of = firsts[np.searchsorted(bounds, tokens, "right") - 1]
            return _lower_parts(texts.buffers()[2], firsts_of[:, None] + places[tokens])

        found = _token_ids((values, bounds))
        return replace(found, cuts=np.flatnonzero(cuts), spelled=spelled)

    def _look_up(self, parts: list[SplitTexts], with_cuts: bool) -> TokenIds:
        strings = pa.chunked_array([part.strings for part in parts], pa.string())
        ids = self._ids_of(strings)
        tokens = np.flatnonzero(ids != PADDING_ID)
        before = np.cumsum([0, *(len(part.strings) for part in parts)])[:-1]
        ends = [part.stops + shift for part, shift in zip(parts, before, strict=True)]
        stops = np.searchsorted(tokens, concatenate(ends, np.int64))
        found = TokenIds(ids.take(tokens), np.concatenate([[0], stops])[:-1], stops)
        if not with_cuts:
            return found
        at = [sentence_ends(part) + shift for part, shift in zip(parts, before, strict=True)]
        cuts = np.searchsorted(tokens, concatenate(at, np.int64), "right")

        def spelled(chosen: npt.NDArray[np.int64]) -> pa.StringArray:
            return pc.utf8_rtrim(strings.take(arrow_of(tokens[chosen])).combine_chunks(), END)

        return replace(found, cuts=cuts, spelled=spelled)

    def _ids_of(self, strings: pa.ChunkedArray) -> Ids:
        """Return the id of each string of `SplitTexts`, (strings,); the padding id for no token."""
        # In one call, as each call first makes a table of all words, which takes a millisecond.
        places = pc.fill_null(pc.index_in(strings, value_set=self._by_id), UNKNOWN_ID)
        ids: Ids = places.to_numpy()
        return self._ids.take(ids) if ids.max(initial=0) >= self.size else ids


def _token_ids(found: Ragged) -> TokenIds:
    values, bounds = found
    return TokenIds(values, bounds[:-1], bounds[1:])


def _large(texts: Texts) -> list[pa.LargeStringArray]:
    chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
    return [chunk.cast(pa.large_string()) for chunk in chunks]


_LOWER = np.array([ord(chr(n).lower()) if n < 128 else n for n in range(256)], np.uint8)


def _lower_parts(content: pa.Buffer | None, places: npt.NDArray[np.int64]) -> pa.StringArray:
    """Cut strings out of bytes, by the places of their first byte and end, (strings, 2)."""
    lengths = np.diff(places, axis=1)[:, 0]
    bounds = np.concatenate([[0], np.cumsum(lengths)])
    at = np.arange(bounds[-1]) + np.repeat(places[:, 0] - bounds[:-1], lengths)
    lower = _LOWER[np.frombuffer(content or b"", np.uint8)[at]]
    buffers = pa.py_buffer(bounds.astype(np.int32)), pa.py_buffer(lower)
    return pa.StringArray.from_buffers(len(places), *buffers)


def token_spans(text: str, rule: TokenRule) -> list[tuple[int, int]]:
    """Find the tokens of a review, for display: each is ``text[start:end]``, lowercased."""
    end = text.find(NUL) if rule.ends_at_nul else -1
    lower = text.translate(LOWERCASE)
    found = _pattern(rule).finditer(lower, 0, len(text) if end < 0 else end)
    return [token.span() for token in found if token.lastindex]


@cache
def _pattern(rule: TokenRule) -> re.Pattern[str]:
    markup = f"|{rule.markup_pattern}" if rule.has_markup else ""
    return re.compile(f"({rule.token_pattern}){markup}")


def _as_strings(column: pa.ChunkedArray) -> pa.StringArray:
    combined = column.cast(pa.string()).combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined
