"""Progress: what it depends on, what has changed, and if a record is whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import UsageError
from toolkit.progress import check_unchanged, differences, sealed, unfinished, unsealed

OLD = {"the model": "a", "the input": [1, 2], "the second model": "b"}


def test_what_has_changed_is_named() -> None:
    assert differences(OLD, OLD) == []
    assert differences(OLD, {**OLD, "the model": "c"}) == ["the model"]
    assert differences(OLD, {"the model": "a", "the threshold": 0.5}) == ["the threshold"]


def test_a_name_that_only_the_old_identity_has_counts_if_it_is_wanted() -> None:
    new = {"the model": "a"}
    assert differences(OLD, new) == []
    assert differences(OLD, new, also=["the second model", "another"]) == ["the second model"]
    assert differences(OLD, new, also=OLD) == ["the input", "the second model"]


def test_a_sealed_record_is_whole() -> None:
    record = {"version": 7, "identity": None, "checkpoint": {"reached": [3]}}
    assert unsealed(sealed(record)) == record


@pytest.mark.parametrize("found", [None, [], {}, {"version": 7}, {**sealed({"a": 1}), "a": 2}])
def test_anything_else_is_refused(found: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 (of a damaged record)
        unsealed(found)


def test_changed_progress_is_refused_and_unfinished_progress_named() -> None:
    check_unchanged(Path("out.csv"), [])
    message = (
        r"out\.csv: cannot be continued, because this has changed: the model, the input\. Undo"
    )
    with pytest.raises(UsageError, match=message):
        check_unchanged(Path("out.csv"), ["the model", "the input"])
    assert str(unfinished(Path("run"), "training")) == (
        "run: an earlier training is unfinished. Continue it with --resume, or start over with "
        "--force."
    )
