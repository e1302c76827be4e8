"""The labelled reviews that models are evaluated on, and the predictions of other models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.classes import (
    NEGATIVE_OF_THREE,
    NEUTRAL_OF_THREE,
    POSITIVE_OF_THREE,
    is_positive,
    label_of,
)
from toolkit.errors import InputError
from toolkit.evaluation.metrics import Labels, Probabilities
from toolkit.evaluation.ratings import Classes, Stars
from toolkit.files import sha256_of
from toolkit.records.formats import beside
from toolkit.records.inputs import Input
from toolkit.records.labelled import read_labelled
from toolkit.records.labels import Rows
from toolkit.records.options import STDIN, ReadOptions
from toolkit.records.table import read_table


@dataclass(frozen=True)
class Data:
    """The counts of a file of labelled reviews, and of the rows left out."""

    path: Path
    sha256: str | None  # of the file; None for standard input
    columns: dict[str, str]  # by what they are: text, label, group, stars
    rows: int
    reviews: int  # rows with text, label and score: all figures are of these
    positive: int
    without_text: int
    without_label: int  # rows with a text and no label
    soft_labels: int  # between 0 and 1, rounded for all figures
    neutral: int  # rows left out because their label is neutral
    label_meaning: str  # which labels were read as what; empty where it is as usual
    without_score: int = 0  # rows with text and label that a model or a file gives no score
    is_suite: bool = False  # the toolkit's own sentences: `toolkit.evaluation.behaviour`

    @property
    def name(self) -> str:
        """What the page calls it."""
        return "standard input" if self.path == STDIN else self.path.name

    @property
    def majority_label(self) -> str:
        """The label that is more frequent: a constant that always answers it is the baseline."""
        return label_of(2 * self.positive >= self.reviews)


@dataclass(frozen=True)
class LabelledReviews:
    """Reviews with a text and a label, including neutral ones."""

    data: Data
    rows: Rows  # (reviews,) their positions in the file, from 0
    texts: pa.ChunkedArray  # (reviews,) large_string, none blank
    classes: Classes  # (reviews,)
    stars: Stars | None  # (reviews,) of the reviewers, 1 to 5; NaN where there are none
    groups: pa.ChunkedArray | None  # (reviews,) large_string, such as the film

    @property
    def is_opinion(self) -> npt.NDArray[np.bool_]:
        """Which are not neutral."""
        return np.asarray(self.classes != NEUTRAL_OF_THREE)

    @property
    def labels(self) -> Labels:
        """1 where a review is positive."""
        return np.asarray(self.classes == POSITIVE_OF_THREE, np.int8)

    def opinions(self) -> LabelledReviews:
        """Leave out the neutral ones."""
        return self.only(self.is_opinion)

    def only(self, is_kept: npt.NDArray[np.bool_]) -> LabelledReviews:
        """Leave out reviews."""
        if is_kept.all():
            return self
        kept = {
            name: values.filter(is_kept) if isinstance(values, pa.ChunkedArray) else values[is_kept]
            for name, values in vars(self).items()
            if name != "data" and values is not None
        }
        return replace(self, **kept)

    def with_score(self, has_score: npt.NDArray[np.bool_]) -> LabelledReviews:
        """Leave out and count the reviews without a score; `InputError` if no opinion is left."""
        kept = self.only(has_score)
        labels = kept.labels[kept.is_opinion]
        if not len(labels):
            raise InputError(
                f"{self.data.path}: no labelled review has a score from every model. A score is "
                "missing if the model knows no word of the text, or if the field in a file of "
                "predictions is empty. Check the columns and the models."
            )
        data = replace(
            self.data,
            reviews=len(labels),
            positive=int(labels.sum()),
            without_score=self.data.reviews - len(labels),
        )
        return replace(kept, data=data)


def load(path: Path, reading: ReadOptions) -> LabelledReviews:
    """Read the rows with text and label of a file, in order; `STDIN` is standard input.

    Raises `InputError` for a wrong label or if no row is left, `UsageError` for a missing column.
    """
    found = read_labelled(path, reading, "group", "stars")
    table = found.table
    opinions = found.opinions(skips_missing=True)
    labels = opinions.labels
    rows = opinions.rows
    stars = opinions.stars
    is_called_positive = is_positive(labels.targets)
    classes = np.full(len(rows), NEUTRAL_OF_THREE)
    classes[np.searchsorted(rows, labels.rows)] = np.where(
        is_called_positive, POSITIVE_OF_THREE, NEGATIVE_OF_THREE
    )
    names = dict(table.chosen)
    if stars is None or stars.column != names.get("stars"):
        names.pop("stars", None)
    data = Data(
        path=path,
        sha256=sha256_if_file(path),
        columns=names,
        rows=table.rows,
        reviews=len(is_called_positive),
        positive=int(is_called_positive.sum()),
        without_text=found.without_text,
        without_label=len(found.rows) - len(rows),
        soft_labels=int(np.count_nonzero((labels.targets > 0) & (labels.targets < 1))),
        neutral=len(labels.neutral),
        label_meaning=labels.meaning,
    )
    return LabelledReviews(
        data=data,
        rows=rows,
        texts=found.texts(rows),
        classes=classes,
        stars=None if stars is None else stars.stars.astype(np.float64),
        groups=table.at("group", rows),
    )


def load_predictions(path: Path, reviews: LabelledReviews, reading: ReadOptions) -> Probabilities:
    """Read the (reviews,) probabilities of another model, such as an output of `toolkit score`.

    They are NaN where the file has none, and for neutral reviews. Raises `InputError` unless it has
    one row per row of the data, with the same text if it has texts, and a probability for at least
    one review.
    """
    data = reviews.data
    is_opinion = reviews.is_opinion
    texts = replace(reading.columns.of("text"), is_needed=False)
    if not texts.joined_with:
        texts = replace(texts, names=(data.columns["text"],))
    table = read_table(path, beside(path, reading), reading.columns.of("probability"), texts)
    if table.rows != data.rows:
        raise InputError(
            f"{table.name}: {table.rows:,} rows, but {data.path} has {data.rows:,}. Give a "
            "prediction for each row, in the same order."
        )
    if "text" in table.chosen:
        _check_texts(table.name, table["text"].take(pa.array(reviews.rows)), reviews)
    is_filled = is_opinion & np.isin(reviews.rows, table.filled("probability"))
    if not is_filled.any():
        raise InputError(
            f"{table.place('probability')}: no labelled review has a probability. Choose the "
            "column with --probability-column."
        )
    found = np.full(len(is_opinion), np.nan, np.float32)
    found[is_filled] = table.probabilities(reviews.rows[is_filled])
    return found


def sha256_if_file(path: Path) -> str | None:
    """Return the SHA-256 of a file, or of the archive that holds it; None for a stream."""
    source = Input.of(path)
    return None if source.is_stream else sha256_of(source.file)


def _check_texts(name: str, texts: pa.ChunkedArray, reviews: LabelledReviews) -> None:
    """Refuse predictions that were made for other reviews, or in another order."""
    same = pc.fill_null(pc.equal(texts, reviews.texts), False).to_numpy()
    if not same.all():
        row = reviews.rows[np.argmin(same)] + 1
        raise InputError(
            f"{name}: row {row:,}: the text differs from row {row:,} of {reviews.data.path}. Give "
            "a prediction for each row, in the same order."
        )
