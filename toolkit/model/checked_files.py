"""Model files that need no check by `toolkit.model.agreement`, by their SHA-256.

These are the shipped models, and files checked before by this process or by the one that sent a
pickled scorer.
"""

from __future__ import annotations

from functools import cache

_checked: set[str] = set()  # SHA-256 of files that passed the check


def is_known(sha256: str) -> bool:
    """Whether a file is a shipped model, or has passed the check before."""
    return sha256 in _checked or sha256 in _shipped()


def remember(sha256: str) -> None:
    """Mark a file as checked, because the process that sent a scorer has checked it."""
    _checked.add(sha256)


@cache
def _shipped() -> frozenset[str]:
    """Read the SHA-256 of the shipped models."""
    from toolkit.model import DEFAULT_MODEL, shipped_file

    listing = shipped_file(DEFAULT_MODEL).with_name("SHA256SUMS")
    try:
        lines = listing.read_text(encoding="ascii").splitlines()
    except OSError:
        return frozenset()  # then shipped models are checked like all others
    return frozenset(line.partition(" ")[0] for line in lines if line.endswith(".onnx"))
