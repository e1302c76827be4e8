"""From review text to token ids: the one rule, and its vectorised execution.

1. ASCII letters are lowercased. From version 2 of the rule, a text ends at its first NUL.
2. A token is a longest run of characters other than separators; the apostrophe is part of a word.
   `toolkit.text.rule` lists the separators of each version.
3. Ids are those of ``keras.datasets.imdb``: 0 padding, 1 start of review, 2 unknown word,
   3 unused, and the word of frequency rank r (from 1) is r + 3. From version 2 of the rule, a word
   that is typed with U+2019 or with capitals beyond ASCII has the id of the plain one.
4. A row is the start id and then the ids of the review; its last ``max_tokens`` ids are kept,
   and shorter rows are padded in front, as ``keras.utils.pad_sequences`` does by default.

The same rule runs inside the exported graph (`toolkit.export.front_end`), and as a plain loop in
the tests, which compare the three.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import ModelError
from toolkit.native.word_table import WordTable
from toolkit.text.rule import NEWEST_RULE, TokenRule
from toolkit.text.sentence_ends import sentence_ends
from toolkit.text.split import END, SplitTexts, byte_lengths
from toolkit.text.strings import NUL, arrow_of, has_nul
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID, UNKNOWN_ID, Ids, TokenIds, concatenate

# A token and its separators take 5.6 bytes on the IMDB reviews. With 7 a token, 0.04 % of the
# reviews have to be read again for their last 100 tokens, with twice as many bytes.
_TAIL_BYTES_PER_TOKEN = 7

# What is made of this many bytes stays in the processor's second-level cache: a fifth faster for
# 512 tokens than four times as many.
_TAIL_BYTES_AT_ONCE = 1 << 19
_ROWS_AT_ONCE = 8192
_ROWS_TO_CAST = (
    1024  # a dictionary may have few texts and many rows: 2 GB of text would be an error
)

_LONG_BYTES = 1 << 20
_RUN = re.compile(rb"([ \t\"*,=_#~-])\1{99,}+")


@dataclass(frozen=True)
class Spellings:
    """Strings that are other spellings of words, and the id of each."""

    strings: pa.StringArray
    ids: Ids

    @classmethod
    def of(cls, words: pa.StringArray, rule: TokenRule) -> Spellings:
        """Find those of the words that are no words themselves."""
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
    """The known words, commonest first; the word at position i has the id i + 4."""

    words: pa.StringArray
    rule: TokenRule = NEWEST_RULE
    other_spellings: Spellings | None = field(default=None, compare=False)  # None: by the rule

    def __getstate__(self) -> dict[str, object]:
        """Leave out what is made again when it is needed; a table of the core cannot be sent."""
        names = ("words", "rule", "other_spellings")
        return {name: self.__dict__[name] for name in names}

    @property
    def size(self) -> int:
        """Number of ids, the four reserved ones included; every id is below it."""
        return len(self.words) + FIRST_WORD_ID

    @classmethod
    def build(
        cls,
        texts: pa.Array | pa.ChunkedArray,
        size: int | None = None,
        rule: TokenRule = NEWEST_RULE,
    ) -> Vocabulary:
        """Count the tokens of texts and keep the commonest, for `size` ids or for every word.

        Equal counts are ordered by the bytes of the word, so that the order of the reviews does not
        matter.
        """
        slices = _string_slices(texts, _ROWS_AT_ONCE, rule)
        counted = [pc.value_counts(SplitTexts.of(part, rule).strings) for part in slices]
        if not counted:
            return cls(pa.array([], pa.string()), rule)
        table = pa.Table.from_batches([pa.RecordBatch.from_struct_array(part) for part in counted])
        table = table.group_by("values").aggregate([("counts", "sum")])
        words = _as_strings(pc.utf8_rtrim(table["values"], END))
        table = pa.table({"words": _normal(words, rule), "counts": table["counts_sum"]})
        table = table.group_by("words").aggregate([("counts", "sum")])
        table = table.filter(pc.field("words") != "")
        table = table.sort_by([("counts_sum", "descending"), ("words", "ascending")])
        if size is not None:
            table = table.slice(0, max(size - FIRST_WORD_ID, 0))
        return cls(_as_strings(table["words"]), rule)

    @classmethod
    def load(cls, path: Path, rule: TokenRule = NEWEST_RULE) -> Vocabulary:
        """Read a file of `save`: UTF-8, one word per line, commonest first; else `ModelError`."""
        try:
            content = path.read_bytes().decode()
        except FileNotFoundError:
            raise ModelError(f"{path}: no such file, but a run folder has it") from None
        except UnicodeDecodeError as error:
            raise ModelError(f"{path}: not UTF-8 text at byte {error.start}") from None
        # Words may hold U+0085 or U+2028, at which str.splitlines would break.
        words = content.removesuffix("\n").split("\n") if content else []
        return cls(pa.array(words, pa.string()), rule)

    def save(self, path: Path) -> None:
        """Write the vocabulary file that `load` reads."""
        path.write_bytes("".join(f"{word}\n" for word in self.words.to_pylist()).encode())

    def encode(
        self, texts: pa.Array | pa.ChunkedArray, last: int | None = None, with_cuts: bool = False
    ) -> TokenIds:
        """Turn reviews of any Arrow string type into token ids; a null counts as an empty review.

        `last` says how many ids at the end of each review matter to the caller. Earlier ones may
        be left out, which saves the work of reading them. `with_cuts` finds the ends of sentences.
        """
        if self._table is not None and not with_cuts:
            return self._encode_natively(self._table, texts, last)
        if last is None:
            slices = _string_slices(texts, _ROWS_AT_ONCE, self.rule)
            found = [self._look_up([self._split(part)], with_cuts) for part in slices]
            return TokenIds.concatenate(found or [self._look_up([], with_cuts)])
        limit = last * _TAIL_BYTES_PER_TOKEN
        parts = list(_string_slices(texts, max(1, _TAIL_BYTES_AT_ONCE // limit), self.rule))
        return self._encode_tails(parts, last, limit, with_cuts)

    def decode(self, ids: Sequence[int] | Ids) -> str:
        """Join the words of a row of ids, without padding: ``<start> the <unknown> movie``."""
        names = self._names
        return " ".join(names[i] for i in ids if i != PADDING_ID)

    @cached_property
    def _names(self) -> list[str]:
        return ["<padding>", "<start>", "<unknown>", "<unused>", *self.words.to_pylist()]

    @cached_property
    def spellings(self) -> Spellings:
        """The strings beside the words that have the id of a word."""
        return self.other_spellings or Spellings.of(self.words, self.rule)

    @cached_property
    def _by_id(self) -> pa.StringArray:
        """The string of each id: no token for padding; those of the reserved ids never occur.

        The other spellings come after the words.
        """
        words = pa.concat_arrays([self.words, self.spellings.strings])
        words = pc.binary_join_element_wise(words, "", END)
        return pa.concat_arrays([pa.array([END, "<start>", "<unknown>", "<unused>"]), words])

    @cached_property
    def _ids(self) -> Ids:
        """The id of each string of `_by_id`."""
        return np.concatenate([np.arange(self.size, dtype=np.int32), self.spellings.ids])

    @cached_property
    def _table(self) -> WordTable | None:
        """The same strings in the native core, where that can be used."""
        strings = pa.concat_arrays([self.words, self.spellings.strings])
        words, ends_at_nul = np.arange(FIRST_WORD_ID, self.size), self.rule.ends_at_nul
        ids = np.concatenate([words, self.spellings.ids]).astype(np.int32)
        return WordTable.of(strings, ids, self.rule.separators, ends_at_nul=ends_at_nul)

    def _encode_natively(
        self, table: WordTable, texts: pa.Array | pa.ChunkedArray, last: int | None
    ) -> TokenIds:
        parts = []
        is_known = table.takes(texts.type)
        chunks = texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]
        for part in chunks if is_known else _string_slices(texts, _ROWS_TO_CAST, self.rule):
            values, stops = table.encode(part, last)
            parts.append(TokenIds(values, np.concatenate([[0], stops])[:-1], stops))
        return TokenIds.concatenate(parts)

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
        # At once, as each call makes a table of all words first, which takes a quarter millisecond.
        strings = pa.chunked_array([part.strings for part in parts], pa.string())
        ids = pc.fill_null(pc.index_in(strings, value_set=self._by_id), UNKNOWN_ID).to_numpy()
        if ids.max(initial=0) >= self.size:
            ids = self._ids.take(ids)
        tokens = np.flatnonzero(ids != PADDING_ID)
        before = np.cumsum([0, *(len(part.strings) for part in parts)])[:-1]
        ends = [part.stops + shift for part, shift in zip(parts, before, strict=True)]
        stops = np.searchsorted(tokens, concatenate(ends, np.int64))
        found = TokenIds(ids.take(tokens), np.concatenate([[0], stops])[:-1], stops)
        if not with_cuts:
            return found
        at = [sentence_ends(part) + shift for part, shift in zip(parts, before, strict=True)]
        return replace(found, cuts=np.searchsorted(tokens, concatenate(at, np.int64), "right"))


def token_spans(text: str, rule: TokenRule) -> list[tuple[int, int]]:
    """Find the tokens of one review, to show them: each is ``text[start:end]``, lowercased."""
    end = text.find(NUL) if rule.ends_at_nul else -1
    found = _pattern(rule).finditer(text, 0, len(text) if end < 0 else end)
    return [token.span() for token in found]


@cache
def _pattern(rule: TokenRule) -> re.Pattern[str]:
    return re.compile(f"[^{re.escape(rule.separators)}]+")


def _string_slices(
    texts: pa.Array | pa.ChunkedArray, rows: int, rule: TokenRule
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


def _normal(words: pa.StringArray, rule: TokenRule) -> pa.StringArray:
    """Give the spelling that a vocabulary has of each word."""
    if not rule.has_spellings:
        return words
    return pa.array(list(map(rule.normal, words.to_pylist())), pa.string())


def _as_strings(column: pa.ChunkedArray) -> pa.StringArray:
    combined = column.cast(pa.string()).combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined
