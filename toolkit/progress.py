"""The progress of unfinished work: what it depends on, what has changed since, if it is whole.

Three kinds of work leave progress: an output its journal (`toolkit/scoring/journal.py`), a job in
shards its plan and its claims (`toolkit/shards`), a training its saved epochs
(`toolkit/training/epochs.py`). Each keeps an identity with it: what the result depends on, by the
names that messages use, with values as JSON. This module compares identities, refuses progress of
another identity, and seals records with a checksum.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.errors import UsageError

Identity = Mapping[str, Any]  # name for users → value as JSON

START_OVER = "start over with --force."
_CHECK = "checksum"  # of the other values of a record


def digest_of(content: Any) -> str:
    """Return the SHA-256 of a value as JSON, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sealed(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with its checksum: an edited one could lose or repeat results."""
    return {**record, _CHECK: digest_of(record)}


def unsealed(found: Any) -> dict[str, Any]:
    """Return a record without its checksum; raise `ValueError` for anything but a sealed record."""
    if not isinstance(found, dict):
        raise ValueError(found)
    record = {name: value for name, value in found.items() if name != _CHECK}
    if found.get(_CHECK) != digest_of(record):
        raise ValueError(found)
    return record


def differences(old: Identity, new: Identity, *, also: Iterable[str] = ()) -> list[str]:
    """Return the names whose value in `new` is missing from `old` or differs there.

    ``also`` are names that count even if only ``old`` has them.
    """
    names = [*new, *(name for name in also if name in old and name not in new)]
    return [name for name in names if old.get(name) != new.get(name)]


def unfinished(place: Path, what: str = "run") -> UsageError:
    """Return the error that there is progress, and no option says what to do with it."""
    return UsageError(
        f"{place}: an earlier {what} is unfinished. Continue it with --resume, or {START_OVER}"
    )


def check_unchanged(place: Path, changed: Sequence[str], start_over: str = START_OVER) -> None:
    """Raise `UsageError` if progress cannot be continued; ``changed`` is from `differences`."""
    if changed:
        raise UsageError(
            f"{place}: cannot be continued, because this has changed: {', '.join(changed)}. Undo "
            f"that, or {start_over}"
        )
