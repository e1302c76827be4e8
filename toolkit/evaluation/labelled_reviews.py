"""The labelled reviews that models are evaluated on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import InputError
from toolkit.evaluation.metrics import Labels
from toolkit.evaluation.ratings import NEGATIVE, NEUTRAL, POSITIVE, Classes, Stars
from toolkit.records.labels import Opinions
from toolkit.records.read_options import ReadOptions
from toolkit.records.table import ReviewTable, read_table
from toolkit.records.values import Rows

_MOST_STARS = 20  # more different values are not ratings


@dataclass(frozen=True)
class RatedReviews:
    """What reviewers said in more than two words: stars, or that a review is neutral."""

    texts: pa.ChunkedArray  # (neutral,) large_string: of the neutral reviews, which come last
    classes: Classes  # (reviews + neutral,)
    stars: Stars | None  # (reviews + neutral,) 1 to 5, NaN where there are none

    def only(
        self, has_score: npt.NDArray[np.bool_], has_neutral: npt.NDArray[np.bool_]
    ) -> RatedReviews:
        """Leave out the reviews, and the neutral ones, that have no score."""
        kept = np.append(has_score, has_neutral)
        stars = None if self.stars is None else self.stars[kept]
        texts = self.texts.take(pa.array(np.flatnonzero(has_neutral)))
        return RatedReviews(texts, self.classes[kept], stars)


@dataclass(frozen=True)
class LabelledReviews:
    """Reviews with a text and a label, and how many rows had none."""

    path: Path
    columns: dict[str, str]  # names of those that were read, by what they are: text, label, …
    rows: npt.NDArray[np.int64]  # (reviews,) their positions in the file, from 0
    rows_in_all: int  # of the file
    texts: pa.ChunkedArray  # (reviews,) large_string, none blank
    labels: Labels  # (reviews,) int8, 1 positive and 0 negative
    groups: pa.ChunkedArray | None  # (reviews,) large_string, such as the film
    stars: pa.ChunkedArray | None  # (reviews,) large_string, the rating as it is written
    without_text: int  # rows left out because they have no text
    without_label: int  # rows left out because they have a text and no label
    soft_labels: int  # between 0 and 1, which are rounded
    neutral: int = 0  # rows left out because their label is neutral
    label_meaning: str = ""  # which labels were read as what; empty where it is as usual
    without_score: int = 0  # rows left out because a model gives them no score
    rated: RatedReviews | None = None  # these and the neutral ones, if there are stars or neutral

    def __len__(self) -> int:
        return len(self.rows)

    def only(
        self, has_score: npt.NDArray[np.bool_], has_neutral: npt.NDArray[np.bool_] | None
    ) -> LabelledReviews:
        """Leave out the reviews without a score; `InputError` if no review is left."""
        rated = None
        if self.rated is not None and has_neutral is not None:
            rated = self.rated.only(has_score, has_neutral)
        if not has_score.any():
            raise InputError(
                f"{self.path}: no review with a label has a score of every model. There is none "
                "where a model knows no word of the text, or a file of predictions is empty."
            )
        kept = pa.array(np.flatnonzero(has_score))
        return replace(
            self,
            rows=self.rows[has_score],
            texts=self.texts.take(kept),
            labels=self.labels[has_score],
            groups=None if self.groups is None else self.groups.take(kept),
            stars=None if self.stars is None else self.stars.take(kept),
            without_score=int(np.count_nonzero(~has_score)),
            rated=rated,
        )


def load(path: Path, reading: ReadOptions) -> LabelledReviews:
    """Read the rows with text and label of a file, in order; `STDIN` is standard input.

    Raises `InputError` for a wrong label or if no row is left, `UsageError` for a missing column.
    """
    of = reading.columns.of
    table = read_table(path, reading, of("text"), of("label"), of("group"), of("stars"))
    with_text, with_label = table.filled("text"), table.filled("label")
    with_both = np.intersect1d(with_text, with_label)
    names = dict(table.chosen)
    if not len(with_both):
        raise InputError(
            f"{table.name}: none of its {table.rows:,} rows has both a text and a label (columns "
            f"{names['text']!r} and {names['label']!r}). Choose others with --text-column and "
            "--label-column."
        )
    labels = table.opinions(with_both, reading.labels)
    rows, targets = labels.rows, labels.targets
    rated = _rated(table, labels)
    stars = _shown_stars(table, rows, rated, is_named=reading.columns.stars is not None)
    if stars is None:
        names.pop("stars", None)
    return LabelledReviews(
        path,
        names,
        rows,
        table.rows,
        table["text"].take(pa.array(rows)),
        (targets >= 0.5).astype(np.int8),
        table.at("group", rows) if "group" in names else None,
        stars,
        table.rows - len(with_text),
        len(with_text) - len(with_both),
        int(np.count_nonzero((targets > 0) & (targets < 1))),
        len(labels.neutral),
        labels.meaning,
        rated=rated,
    )


def _rated(table: ReviewTable, labels: Opinions) -> RatedReviews | None:
    """Read stars, of their own column or of the labels, and put the neutral reviews last."""
    rows = np.concatenate([labels.rows, labels.neutral])
    found = table.ratings(rows, labels.kind)
    if found is None and not len(labels.neutral):
        return None
    opinions = np.where(labels.targets >= 0.5, POSITIVE, NEGATIVE)
    classes = np.append(opinions, np.full(len(labels.neutral), NEUTRAL))
    texts = table["text"].take(pa.array(labels.neutral))
    stars = None if found is None else found.stars.astype(np.float64)
    return RatedReviews(texts, classes, stars)


def _shown_stars(
    table: ReviewTable, rows: Rows, rated: RatedReviews | None, *, is_named: bool
) -> pa.ChunkedArray | None:
    """Give the ratings to see the accuracy by: few different values; else None.

    `InputError` if the column was named and has no ratings.
    """
    stars = table.at("stars", rows)
    values = 0 if stars is None else int(pc.count_distinct(stars).as_py())
    if is_named and not 0 < values <= _MOST_STARS and (rated is None or rated.stars is None):
        raise InputError(
            f"{table.place('stars')}: {values:,} different values, expected 1 to {_MOST_STARS} "
            "ratings. Choose another with --stars-column, or see it by --group-column."
        )
    return stars if 0 < values <= _MOST_STARS else None
