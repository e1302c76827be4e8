"""The command reference is that of the command line."""

from __future__ import annotations

from tests.docs.reference import REFERENCE, reference


def test_the_reference_is_up_to_date() -> None:
    """Write it with `make reference`."""
    assert REFERENCE.read_text(encoding="utf-8") == reference()
