"""Where scored records go, in the words of who writes them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from toolkit.errors import UsageError
from toolkit.files import check_output_file, resolved
from toolkit.records.read_options import STDIN
from toolkit.records.review_file import Place
from toolkit.scoring.sinks import ScoredBlock
from toolkit.scoring.summary import Summary
from toolkit.scoring.unfinished import Unfinished


@dataclass(frozen=True)
class Places:
    """Where the output and the rejects of a file go."""

    output: Path  # STDIN stands for standard output
    rejected: Path  # written only if a record is rejected

    def check(self, source: Path, *, force: bool, resume: bool) -> None:
        """Raise `UsageError` if they cannot be written, or would replace the input.

        An unfinished run was allowed to replace what is there; going on with it is, too.
        """
        if self.rejected == STDIN:
            raise UsageError("--rejected: these records cannot go to standard output; name a file.")
        if resume and self.output != STDIN:
            force = Unfinished(self.output).exists()
        if resolved(self.rejected) == resolved(self.output):
            raise UsageError(
                f"{self.rejected}: is the output, too. Choose another with --rejected."
            )
        for path, option in ((self.output, "--output"), (self.rejected, "--rejected")):
            if path == STDIN:
                continue
            with suppress(OSError):  # not there, or not to be read: found when it is opened
                if path.samefile(source):
                    raise UsageError(f"{path}: is the input itself. Choose another with {option}.")
            check_output_file(path, force=force, option=option)


class Target(ABC):
    """An output, its rejects and its counts, growing by a block at a time."""

    start: Place = ()  # where in the input to go on
    saved: Sequence[pa.FloatArray] = ()  # probabilities of the first blocks, where they are known
    is_complete = False  # an earlier run got so far that nothing is left to be scored

    def __init__(self) -> None:
        self.summary = Summary()  # of what is written

    @abstractmethod
    def append(self, block: ScoredBlock) -> None:
        """Write a block."""

    @abstractmethod
    def finish(self) -> None:
        """Write the end, and put everything in its place."""
