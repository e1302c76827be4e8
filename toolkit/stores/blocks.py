"""The blocks of an object: some are kept, and those that are wanted next are on their way."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from toolkit.stores.ranges import Ranges

BLOCK_BYTES = 1 << 20
_AHEAD = 4  # blocks that are fetched at once where a part is read from start to end


class Blocks:
    """The last blocks that were read of an object; for one thread at a time."""

    def __init__(self, ranges: Ranges, kept: int) -> None:
        self._ranges = ranges
        self._count = -(-ranges.facts.size // BLOCK_BYTES)
        self._kept, self._ahead = kept, _AHEAD
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._unread: set[int] = set()  # of which nothing is taken yet
        self._coming: dict[int, Future[list[bytes]]] = {}  # some share one
        # A thread for what is asked for, so that Ctrl-C is not held up, and one for what is ahead.
        self._pool = ThreadPoolExecutor(2, "store")

    def close(self) -> None:
        """Forget everything."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._blocks.clear()
        self._coming.clear()

    def get(self, number: int, *, is_run: bool) -> bytes:
        """Give a block; in a run, and after the block before it, some more are fetched ahead."""
        is_run = is_run or number - 1 in self._blocks
        if number not in self._blocks and number not in self._coming:
            self._fetch(number, self._ahead if is_run else 1)
        if is_run:
            self._fetch_after(number)
        if number not in self._blocks:
            for position, block in self._arrived(number):
                self._blocks[position] = block
                self._unread.add(position)
        self._unread.discard(number)
        self._blocks.move_to_end(number)
        self._drop_oldest()
        return self._blocks[number]

    def _arrived(self, number: int) -> Iterator[tuple[int, bytes]]:
        """Wait for a block, and give all that come with it."""
        coming = self._coming[number]
        blocks = coming.result()
        for position in [each for each, other in self._coming.items() if other is coming]:
            del self._coming[position]
            number = min(number, position)
        yield from enumerate(blocks, number)

    def _fetch_after(self, number: int) -> None:
        """Fetch what follows, where little is left of the last fetch."""
        following = number + 1
        while following in self._blocks or following in self._coming:
            following += 1
        if following - number <= self._ahead // 2 + 1 and following < self._count:
            self._fetch(following, self._ahead)

    def _fetch(self, first: int, count: int) -> None:
        """Fetch some blocks, up to one that is there or on its way."""
        stop = first + 1
        last = min(first + count, self._count)
        while stop < last and stop not in self._blocks and stop not in self._coming:
            stop += 1
        coming = self._pool.submit(self._get, first, stop)
        self._coming.update(dict.fromkeys(range(first, stop), coming))

    def _get(self, first: int, stop: int) -> list[bytes]:
        size = self._ranges.facts.size
        data = self._ranges.get(first * BLOCK_BYTES, min(stop * BLOCK_BYTES, size))
        return [data[at : at + BLOCK_BYTES] for at in range(0, len(data), BLOCK_BYTES)]

    def _drop_oldest(self) -> None:
        while len(self._blocks) > self._kept:
            dropped, _ = self._blocks.popitem(last=False)
            if dropped in self._unread:  # more columns than there is room for
                self._unread.discard(dropped)
                self._ahead = max(self._ahead // 2, 1)
