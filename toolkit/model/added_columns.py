"""The columns that scoring adds to a record batch."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from toolkit.errors import UsageError


def check_columns(names: Sequence[str], text_column: str, added: Collection[str]) -> None:
    """Raise `UsageError` unless there is one text column, and each added name is free."""
    if len({*added}) < len(added):
        raise UsageError(f"the added columns need different names, not {[*added]}")
    if names.count(text_column) > 1:
        raise UsageError(f"{names.count(text_column)} columns are called {text_column!r}")
    if text_column not in names:
        raise UsageError(f"no column {text_column!r} (found: {', '.join(names)})")
    for name in added:
        if name in names:
            raise UsageError(f"the input has a column {name!r} already; choose another name")
