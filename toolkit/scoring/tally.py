"""What is counted of scored records."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from toolkit.model.scorer import Scorer
from toolkit.model.uncertain import UNCERTAIN
from toolkit.records.values import read_labels
from toolkit.scoring.summary import Summary


def count(
    scorer: Scorer, sentiment: pa.StringArray, labels: pa.Array | None, rejected: int
) -> Summary:
    """Count the records of a block.

    Parameters
    ----------
    scorer : Scorer
        That gave the sentiments.
    sentiment : pa.StringArray
        One for each record that could be read, null where it has no text.
    labels : pa.Array | None
        The true ones, as they are written; None if they are not looked at.
    rejected : int
        How many records could not be read.

    Returns
    -------
    Summary
        Without the seconds.
    """
    positive = _equal(sentiment, scorer.facts.labels[1])
    summary = Summary(
        scored=len(sentiment) - sentiment.null_count,
        without_text=sentiment.null_count,
        rejected=rejected,
        positive=_sum(positive),
    )
    unsure = None if scorer.uncertain is None else _equal(sentiment, UNCERTAIN)
    if unsure is not None:
        summary.uncertain = _sum(unsure)
    if labels is not None:
        _count_labels(summary, read_labels(labels), sentiment, positive, unsure)
    return summary


def _count_labels(
    summary: Summary,
    labels: pa.Array,
    sentiment: pa.StringArray,
    positive: pa.BooleanArray,
    unsure: pa.BooleanArray | None,
) -> None:
    is_labelled = pc.and_(labels.is_valid(), sentiment.is_valid())
    summary.labelled = _sum(is_labelled)
    summary.unreadable_labels = summary.scored - summary.labelled
    right = pc.equal(labels, positive.cast(pa.int8()))
    if unsure is not None:
        summary.labelled_uncertain = _sum(pc.and_(is_labelled, unsure))
        right = pc.and_not(right, unsure)
    summary.right = _sum(right)


def _equal(sentiment: pa.StringArray, label: str) -> pa.BooleanArray:
    return pc.equal(sentiment, label)


def _sum(values: pa.BooleanArray) -> int:
    """Count the true ones, which are not null."""
    return int(pc.sum(values).as_py() or 0)
