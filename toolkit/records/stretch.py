"""A part of a file of reviews that is read by itself."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.records.record_blocks import Place


@dataclass(frozen=True)
class Stretch:
    """From one place between records to another, as `ReviewFile.cuts` gives them."""

    start: Place = ()  # () is the start of the file
    stop: Place = ()  # () is its end
    first_byte: int = 0  # about, of the file
    size: int | None = None  # about, in bytes; None is the whole file
    counts_anew: bool = False  # lines are counted from its start, not from that of the file

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the file."""
        return not (self.start or self.stop)

    def ends_at(self, reached: Place) -> bool:
        """Whether it is read to its end, by the place after its last block.

        All formats begin a place with what says where it is; the rest is of the way to there.
        """
        return not self.stop or reached[:1] == self.stop[:1]


WHOLE = Stretch()
