"""Rows that two models of classes label, and their changes, counted in bounded memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.evaluation.diff_counts import CHANGED_ROWS, ComparedRows, Totals, floats
from toolkit.evaluation.diff_result import ChangedRow, Changes, Counts
from toolkit.evaluation.metrics import Probabilities
from toolkit.model.scorer import Scorer
from toolkit.records.class_labels import in_spelling_of, plain_class
from toolkit.records.columns import LABEL, LABEL_PROBABILITY

_NAMES = {"old_sentiment": "old_label", "new_sentiment": "new_label"}
# Of the file of changed rows.
CHANGED_CLASSES = pa.schema(
    [each.with_name(_NAMES.get(each.name, each.name)) for each in CHANGED_ROWS]
)


@dataclass(frozen=True)
class ClassCounts(Counts):
    """Numbers of rows by what happens to their class; `to_positive` and `to_negative` are 0."""

    @property
    def directions(self) -> str:
        """Nothing: `ClassChanges.pairs` has the classes."""
        return ""


@dataclass(frozen=True)
class ChangedPair:
    """Rows whose class changes from one to another, and which model is right on them."""

    old: str
    new: str
    rows: int
    old_right: int  # of rows with a true label
    new_right: int


@dataclass(frozen=True)
class ClassChanges(Changes):
    """The changes on some rows; the probability is of rows whose class stays."""

    pairs: tuple[ChangedPair, ...] = ()  # the most frequent first

    def as_dict(self) -> list[dict[str, Any]]:
        """Return the pairs as JSON."""
        return [asdict(each) for each in self.pairs]


@dataclass(frozen=True)
class ClassRows(ComparedRows):
    """Rows labelled by both models of classes; NaN as the probability of a changed label."""

    sureness: Probabilities  # (rows,) the lower probability of both labels; 0 without a label

    def priority(self) -> Probabilities:
        """Return the order of the rows to show; of changed rows, the surest come first."""
        changed = 1 + self.sureness
        old, new = self.probabilities
        found: Probabilities = np.where(self.is_changed, changed, np.nan_to_num(np.abs(new - old)))
        return found

    def changed(self) -> pa.Table:
        """Return the rows with another label, as `CHANGED_CLASSES`."""
        return super().changed().rename_columns(CHANGED_CLASSES.names)


def check_same_kind(models: Sequence[Scorer]) -> None:
    """Raise `UsageError` unless two models can be compared."""
    old, new = models
    if old.facts.has_classes != new.facts.has_classes:
        raise UsageError(
            f"{old.identity()['name']} and {new.identity()['name']}: one is a model of negative "
            "and positive, the other a model of classes. Compare two models of one kind."
        )
    if old.facts.has_classes and not common_classes(models):
        raise UsageError(
            f"{old.identity()['name']} and {new.identity()['name']}: the models have no class in "
            "common. Compare models of the same classes."
        )


def common_classes(models: Sequence[Scorer]) -> dict[str, str]:
    """Return the classes that both models have, by plain spelling, as the old model writes them."""
    old, new = ({plain_class(name): name for name in each.facts.labels} for each in models)
    return {plain: name for plain, name in old.items() if plain in new}


def compare_classes(
    old: Scorer, new: Scorer, texts: pa.Array, fields: Mapping[str, pa.Array]
) -> ClassRows:
    """Label texts with both models; `fields` as for `diff_counts.compare`."""
    roles = (LABEL, LABEL_PROBABILITY)
    both = [scorer.columns(scorer.predict(texts), roles) for scorer in (old, new)]
    before, now = (floats(numbers[LABEL_PROBABILITY]) for numbers in both)
    # A class of both models is written as the old one writes it.
    spelled = in_spelling_of(old.facts.labels, new.facts.labels)
    names = pa.array(new.facts.labels, pa.string())
    old_labels = both[0][LABEL].cast(pa.string())
    new_labels = pa.array(spelled, pa.string()).take(pc.index_in(both[1][LABEL], names))
    is_same = pc.equal(pc.fill_null(old_labels, ""), pc.fill_null(new_labels, ""))
    is_changed = ~is_same.to_numpy(zero_copy_only=False)
    columns = {
        **fields,
        "text": texts,
        "old_sentiment": old_labels,
        "new_sentiment": new_labels,
        "old_probability": pa.array(before, from_pandas=True),
        "new_probability": pa.array(now, from_pandas=True),
    }
    nothing = pa.nulls(len(texts))
    cast = [columns.get(each.name, nothing).cast(each.type) for each in CHANGED_ROWS]
    nan = np.float32(np.nan)
    return ClassRows(
        rows=pa.table(cast, schema=CHANGED_ROWS),
        is_changed=is_changed,
        probabilities=(np.where(is_changed, nan, before), np.where(is_changed, nan, now)),
        stars=None,
        sureness=np.nan_to_num(np.minimum(before, now)),
    )


class ClassTotals(Totals):
    """Counts rows of two models of classes."""

    def changes_of(self, classes: Mapping[str, str]) -> ClassChanges:
        """Return all changes; `classes`: of both models, as `common_classes`.

        Rows with another label count as unlabelled.
        """
        groups: dict[str | None, Counter[str]] = defaultdict(Counter)
        pairs: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
        for (group, label, old, new), (count, _) in self.counts.items():
            own = classes.get(plain_class(label or ""))
            groups[group].update(_tallies(own, old=old, new=new, count=count))
            if old is not None and new is not None and old != new:
                pair = pairs[old, new]
                pair[0] += count
                pair[1] += count * (old == own)
                pair[2] += count * (new == own)
        named = [(name, _counts(own)) for name, own in groups.items() if name is not None]
        named.sort(key=lambda each: (-each[1].rows, each[0]))
        most_changed = [
            ChangedRow(**{**row, "label": classes.get(plain_class(row["label"] or ""))})
            for _, row in self.most_changed
        ]
        ordered = sorted(pairs.items(), key=lambda each: (-each[1][0], each[0]))
        return ClassChanges(
            counts=_counts(sum(groups.values(), Counter())),
            probability=self.probability.shift(7),
            stars=None,
            other_whole_stars=0,
            most_changed=tuple(most_changed),
            groups=dict(named),
            pairs=tuple(ChangedPair(*names, *numbers) for names, numbers in ordered),
        )


def _tallies(label: str | None, old: str | None, new: str | None, count: int) -> dict[str, int]:
    """Return what rows with these answers add to the fields of `ClassCounts`."""
    has_both = old is not None and new is not None
    is_labelled = label is not None
    is_right = (old == label, new == label)
    found = {
        "rows": True,
        "answered": old is not None or new is not None,
        "changed": old != new,
        "gained": old is None and new is not None,
        "lost": old is not None and new is None,
        "labelled": is_labelled and has_both,
        "labelled_without_score": is_labelled and not has_both,
        "both_right": is_labelled and has_both and is_right == (True, True),
        "only_old_right": is_labelled and has_both and is_right == (True, False),
        "only_new_right": is_labelled and has_both and is_right == (False, True),
    }
    return {name: count for name, holds in found.items() if holds}


def _counts(found: Counter[str]) -> ClassCounts:
    return ClassCounts(
        rows=found["rows"],
        answered=found["answered"],
        changed=found["changed"],
        to_positive=0,
        to_negative=0,
        gained=found["gained"],
        lost=found["lost"],
        labelled=found["labelled"],
        labelled_without_score=found["labelled_without_score"],
        both_right=found["both_right"],
        only_old_right=found["only_old_right"],
        only_new_right=found["only_new_right"],
    )
