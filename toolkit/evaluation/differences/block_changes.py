"""What changes from one model to another for the rows of a block."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.evaluation.breakdown import NO_GROUP
from toolkit.evaluation.differences.changes import ANSWERS, ChangedRow
from toolkit.evaluation.differences.label_words import shortener
from toolkit.evaluation.differences.score_pairs import (
    Distances,
    Ints,
    PairScores,
    other_whole_stars,
)
from toolkit.records.read_options import LabelNames
from toolkit.text.strings import is_blank

CODES = 9  # of both answers
Key = tuple[str | None, str | None, int]  # group, label as it is written, code of the answers
Shortener = Callable[[str | None], str | None]


@dataclass(frozen=True)
class Candidate:
    """A row that may be among the most changed ones."""

    priority: float
    row: ChangedRow  # whose label is as it is written


@dataclass(frozen=True)
class BlockChanges:
    """The changes of a block; rows are counted from its start, from 0."""

    rows: int  # also those that cannot be read
    counts: Mapping[Key, int]
    first_rows: Mapping[str, int]  # of each label as it is written
    distances: Distances
    stars: Distances | None
    other_whole_stars: int
    candidates: list[Candidate]

    def placed(self, rows: Ints, records: int) -> BlockChanges:
        """Count the rows of a block as its file has them: (rows,) positions, of all records."""
        firsts = {word: int(rows[at]) for word, at in self.first_rows.items()}
        candidates = [
            replace(each, row=replace(each.row, row=int(rows[each.row.row or 0])))
            for each in self.candidates
        ]
        return replace(self, rows=records, first_rows=firsts, candidates=candidates)


def changes_of_block(
    texts: pa.Array,
    scores: PairScores,
    fields: Mapping[str, pa.Array],
    show: int,
    names: LabelNames | None = None,
) -> BlockChanges:
    """Count the changes of the rows of a block; `fields` may have `label` and `group`."""
    rows, short = len(scores.codes), shortener(names or LabelNames())
    labels, words = _encoded(fields.get("label"), None, rows)
    written = [short(word) for word in words]
    groups, group_names = _encoded(fields.get("group"), NO_GROUP, rows)
    found, counts = np.unique(
        (groups * len(written) + labels) * CODES + scores.codes, return_counts=True
    )
    used, first = np.unique(labels, return_index=True)
    firsts: dict[str, int] = {}
    for code, row in zip(used.tolist(), first.tolist(), strict=True):
        if (word := written[code]) is not None:
            firsts[word] = min(row, firsts.get(word, row))
    stars = None
    if scores.old_stars is not None and scores.new_stars is not None:
        stars = Distances.of(scores.old_stars, scores.new_stars)
    return BlockChanges(
        rows,
        _by_key(found, counts, group_names, written),
        firsts,
        Distances.of(scores.old, scores.new),
        stars,
        other_whole_stars(scores),
        _candidates(texts, scores, fields, show, short),
    )


def _by_key(
    found: Ints, counts: Ints, names: list[str | None], written: list[str | None]
) -> dict[Key, int]:
    by_key: dict[Key, int] = {}
    both, codes = np.divmod(found, CODES)
    for key, code, count in zip(both.tolist(), codes.tolist(), counts.tolist(), strict=True):
        group, label = divmod(key, len(written))
        name = (names[group], written[label], code)
        by_key[name] = by_key.get(name, 0) + count
    return by_key


def _encoded(
    values: pa.Array | None, no_value: str | None, rows: int
) -> tuple[Ints, list[str | None]]:
    """Give each row the position of its value in a list; blank ones are `no_value`."""
    if values is None:
        return np.zeros(rows, np.int64), [None]
    values = pc.if_else(is_blank(values), pa.scalar(None, values.type), values)
    codes = values.dictionary_encode()
    names = [*codes.dictionary.to_pylist(), no_value]
    indices = pc.fill_null(codes.indices, len(names) - 1)
    return indices.to_numpy(zero_copy_only=False).astype(np.int64), names


def _candidates(
    texts: pa.Array, scores: PairScores, fields: Mapping[str, pa.Array], show: int, short: Shortener
) -> list[Candidate]:
    """Give the most changed rows: those with another answer first, then by distance."""
    priority = scores.distance + scores.is_changed
    if show < len(priority):  # a sort of all of them would take as long as scoring short texts
        at = np.argpartition(-priority, show)[:show]
        at = np.flatnonzero(priority >= priority[at].min(initial=np.inf))
    else:
        at = np.arange(len(priority))
    at = at[np.argsort(-priority[at], kind="stable")][:show]
    return [
        Candidate(float(priority[place]), _row(place, texts, scores, fields, short))
        for place in at.tolist()
        if priority[place] > 0
    ]


def _row(
    place: int,
    texts: pa.Array,
    scores: PairScores,
    fields: Mapping[str, pa.Array],
    short: Shortener,
) -> ChangedRow:
    old, new = divmod(int(scores.codes[place]), 3)
    before, after = (
        None if np.isnan(found[place]) else float(found[place])
        for found in (scores.old, scores.new)
    )
    values = {name: fields[name][place].as_py() for name in ("label", "group") if name in fields}
    return ChangedRow(
        row=place,
        name="",
        text=texts[place].as_py(),
        old_sentiment=ANSWERS[old],
        new_sentiment=ANSWERS[new],
        old_probability=before,
        new_probability=after,
        label=short(values.get("label")),
        group=values.get("group"),
    )
