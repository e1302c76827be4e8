"""Fuzz the bodies of networks in the native core, `fuzz_networks.c`.

`tests.native.fuzzing` says how.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator

from tests.native.fuzzing import Fuzzer, main

_NETWORKS = 4


def seeds() -> Iterator[bytes]:
    """Give inputs of all networks: few and many reviews, short ones and such of several runs."""
    draw = random.Random(1)
    for number in range(200):
        kind = number % _NETWORKS | draw.randrange(8) << 4
        reviews = draw.randbytes(2 * draw.choice([0, 1, 2, 5, 16]))
        yield bytes([kind]) + draw.randbytes(10) + reviews
    for columns in range(4):  # of `ngram-recurrent`, by eights
        yield bytes([1 | 3 << 4, 200, 255, 60, 2, columns, 127]) + bytes(
            [columns, 1, 2, 3, 255, 1, 85, 0]
        )


FUZZER = Fuzzer("fuzz_networks", seeds, (b"\0\0\0\0", b"\xff\xff"))

if __name__ == "__main__":
    sys.exit(main(FUZZER))
