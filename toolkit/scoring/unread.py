"""Warnings where a model knows few of the words of a file: another language, or a wrong column."""

from __future__ import annotations

from toolkit.scoring.results import why_none_is_scored
from toolkit.scoring.summary import Summary

# Of the texts. Of English reviews of any kind, less than half as many are so.
_MOST_UNREAD = 0.1
_FEW_TEXTS = 5  # so many may be chance, unless they are most of all


def counts_warning(summary: Summary, text_column: str | None, *, is_single: bool) -> str | None:
    """Say what the counts of a file that is done tell; None if all is well.

    That no record of a single file is scored is an error, and not said here.
    """
    if not is_single and (why := why_none_is_scored(summary)):
        return f"no record is scored: {why}."
    return unread_warning(summary, text_column)


def unread_warning(summary: Summary, text_column: str | None) -> str | None:
    """Say that many texts of a file cannot be read by the model; None if they can."""
    unread, texts = summary.unread, summary.scored + summary.without_known_words
    is_chance = unread < _FEW_TEXTS and 2 * unread <= texts
    if unread <= _MOST_UNREAD * texts or is_chance:
        return None
    column = "" if text_column is None else f" of column {text_column!r}"
    return (
        f"the model knows none or few of the words in {unread / texts:.0%} of the texts{column}, "
        f"first in row {summary.first_unread:,}. Is this the right column (--text-column), and are "
        "the reviews in the language of the model, which is English for the shipped ones?"
    )
