"""The changes of blocks of rows, summed up in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter

import numpy as np

from toolkit.errors import InputError
from toolkit.evaluation.differences.block_changes import CODES, BlockChanges, Candidate, Key
from toolkit.evaluation.differences.changes import (
    ANSWERS,
    UNLABELLED,
    ChangedRow,
    Changes,
    Counts,
    Group,
)
from toolkit.evaluation.differences.label_words import (
    MOST_WORDS,
    LabelPlace,
    Meanings,
    RowOf,
    meanings_of,
)
from toolkit.evaluation.differences.score_pairs import Distances, Ints

# More groups than these, in the order in which they are found, are counted together.
MOST_GROUPS = 10_000
OTHER_GROUPS = "(other groups)"

_DECIMALS, _STAR_DECIMALS = 7, 4
_NO_FILE = RowOf("", 0)


class Tally:
    """Sums up blocks that come in order."""

    def __init__(self, show: int) -> None:
        self._show = show
        self._counts: dict[Key, int] = defaultdict(int)
        self._first_rows: dict[str, RowOf] = {}  # of each label, as long as they are few
        self._has_labels = True
        self._distances, self._stars = Distances(), Distances()
        self._other_whole_stars = 0
        self._candidates: list[Candidate] = []
        self._groups: set[str] = set()

    def add(
        self,
        block: BlockChanges,
        candidates: list[Candidate] | None = None,
        first: RowOf = _NO_FILE,
    ) -> None:
        """Add a block from its first row on; its most changed rows may have been completed."""
        if self._has_labels:
            self._add_words(block.first_rows, first)
        for (group, label, code), count in block.counts.items():
            self._counts[self._known(group), label if self._has_labels else None, code] += count
        self._distances.add(block.distances)
        if block.stars is not None:
            self._stars.add(block.stars)
        self._other_whole_stars += block.other_whole_stars
        found = [*self._candidates, *(block.candidates if candidates is None else candidates)]
        found.sort(key=lambda each: -each.priority)  # equal ones stay in order
        self._candidates = found[: self._show]

    def meanings(self, place: LabelPlace) -> tuple[Meanings, str | None]:
        """Tell what the labels mean, and warn if a column that is not named has no labels."""
        counts: dict[str, int] = defaultdict(int)
        for (_, label, _), count in self._counts.items():
            if label is not None:
                counts[label] += count
        try:
            if not self._has_labels:
                raise InputError(
                    f"{place.name}: more than {MOST_WORDS:,} different values, expected labels. "
                    "Choose another column with --label-column."
                )
            return meanings_of(self._first_rows, counts, place), None
        except InputError as error:
            if place.is_needed:
                raise
            return Meanings(), f"The column is not used as labels. {error}"

    def changes(self, meanings: Meanings | None = None) -> Changes:
        """Give all, with what labels mean; those that mean nothing are left out."""
        labels = {} if meanings is None else meanings.of_word
        cells: dict[str | None, Ints] = defaultdict(lambda: np.zeros(3 * CODES, np.int64))
        for (group, label, code), count in self._counts.items():
            meant = UNLABELLED if label is None else labels.get(label, UNLABELLED)
            cells[group][CODES * meant + code] += count
        groups = [
            Group(name, Counts.of_flat(counts))
            for name, counts in cells.items()
            if name is not None
        ]
        total = sum(cells.values(), np.zeros(3 * CODES, np.int64))

        def with_label(row: ChangedRow) -> ChangedRow:
            meant = UNLABELLED if row.label is None else labels.get(row.label, UNLABELLED)
            return replace(row, label=None if meant == UNLABELLED else ANSWERS[meant])

        return Changes(
            Counts.of_flat(total),
            self._distances.shift(_DECIMALS),
            self._stars.shift(_STAR_DECIMALS),
            self._other_whole_stars,
            tuple(with_label(each.row) for each in self._candidates),
            tuple(sorted(groups, key=lambda each: (-each.counts.rows, each.name))),
        )

    def _add_words(self, rows: Mapping[str, int], first: RowOf) -> None:
        """Keep the first row of each label, or of none of them if there are too many."""
        for word, row in sorted(rows.items(), key=itemgetter(1)):
            self._first_rows.setdefault(word, RowOf(first.file, first.row + row))
        if len(self._first_rows) <= MOST_WORDS:
            return
        self._has_labels = False
        self._first_rows.clear()
        by_label, self._counts = self._counts, defaultdict(int)
        for (group, _, code), count in by_label.items():
            self._counts[group, None, code] += count

    def _known(self, group: str | None) -> str | None:
        if group is None or group in self._groups:
            return group
        if len(self._groups) == MOST_GROUPS:
            return OTHER_GROUPS
        self._groups.add(group)
        return group
