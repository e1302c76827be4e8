"""Files of gzip with zeros behind their last member, which `gzip -d` reads too."""

from __future__ import annotations

import gzip

import pytest

from tests.records.passing import pass_through
from toolkit.errors import InputError


@pytest.mark.parametrize("padding", [9, 512, 3 << 20])
@pytest.mark.parametrize("last", [b"b\n", b""])
def test_zeros_behind_the_last_member(padding: int, last: bytes) -> None:
    data = gzip.compress(b"text\na\n") + gzip.compress(last) + bytes(padding)
    assert pass_through(data, ".csv.gz").texts == ["a", "b"][: 1 + len(last) // 2]


def test_only_zeros_are_passed_over() -> None:
    data = gzip.compress(b"text\na\n")
    for bad in (data + b"x" + bytes(20), data[:-9] + bytes(20), data + bytes(20) + b"x"):
        with pytest.raises(InputError):
            pass_through(bad, ".csv.gz")
