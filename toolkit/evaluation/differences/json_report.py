"""What changes from one model to another, as JSON; the keys are stable."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from toolkit import __version__
from toolkit.evaluation.differences.changes import (
    ChangedRow,
    Changes,
    Counts,
    DataChanges,
    Difference,
)
from toolkit.evaluation.differences.verdict import verdict
from toolkit.evaluation.proportion import Proportion

FORMAT_VERSION = 1

Json = dict[str, Any]


def as_dict(difference: Difference) -> Json:
    """Give all as JSON has it; None where something is not known."""
    return {
        "format_version": FORMAT_VERSION,
        "toolkit_version": __version__,
        "old": difference.old,
        "new": difference.new,
        "facts": {each.key: {"old": each.old, "new": each.new} for each in difference.facts},
        "vocabulary": asdict(difference.words),
        "texts": _changes(difference.texts),
        "data": None if difference.data is None else _data(difference.data),
    }


def _data(data: DataChanges) -> Json:
    return {
        "files": list(data.files),
        "failed": list(data.failed),
        "ignored": data.ignored,
        "links": list(data.links),
        "limit": data.part.limit,
        "sample": data.part.sample,
        "columns": data.columns,
        "records": data.records,
        "rejected": data.rejected,
        "first_reject": data.first_reject,
        "label_meaning": data.label_meaning,
        "neutral": data.neutral,
        "warnings": list(data.warnings),
        "output": data.output,
        **_changes(data.changes),
        "groups": [{"name": each.name, **_counts(each.counts)} for each in data.changes.groups],
    }


def _changes(changes: Changes) -> Json:
    return {
        **_counts(changes.counts),
        "probability_change": changes.probability and asdict(changes.probability),
        "stars_change": changes.stars and asdict(changes.stars),
        "other_whole_stars": changes.stars and changes.other_whole_stars,
        "most_changed": [_row(each) for each in changes.most_changed],
    }


def _counts(counts: Counts) -> Json:
    found = {
        name: getattr(counts, name)
        for name in (
            *("rows", "answered", "changed", "to_positive", "to_negative", "gained", "lost"),
            *("labelled", "labelled_without_score", "only_old_right", "only_new_right"),
        )
    }
    comparison = counts.comparison
    return {
        **found,
        "old_accuracy": _accuracy(counts.old_accuracy),
        "new_accuracy": _accuracy(counts.new_accuracy),
        "difference": comparison and comparison.difference,
        "interval": comparison and list(comparison.interval),
        "p_value": comparison and comparison.p_value,
        "is_exact": comparison and comparison.is_exact,
        "verdict": verdict(counts),
    }


def _accuracy(found: Proportion | None) -> Json | None:
    return None if found is None else {"accuracy": found.value, "interval": list(found.interval)}


def _row(row: ChangedRow) -> Json:
    place = {"name": row.name} if row.row is None else {"file": row.name, "row": row.row}
    return {
        **place,
        "label": row.label,
        "group": row.group,
        "old": {"sentiment": row.old_sentiment, "probability": row.old_probability},
        "new": {"sentiment": row.new_sentiment, "probability": row.new_probability},
        "text": row.text,
    }
