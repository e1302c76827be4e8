"""How files are scored."""

from __future__ import annotations

from dataclasses import dataclass, field

from toolkit.records.read_options import ReadOptions
from toolkit.scoring.limits import MaxRejected
from toolkit.scoring.selection import Part


@dataclass(frozen=True, kw_only=True)
class ScoringOptions:
    """How to score files."""

    reading: ReadOptions = field(default_factory=ReadOptions)
    output_format: str | None = None  # None: by the ending of the output, or as the input
    stop_on_error: bool = False  # end at the first record that cannot be read
    workers: int | None = None  # None: as many as there are usable cores
    force: bool = False  # replace existing outputs, and drop the progress of an earlier run
    # Continue an earlier run, if there is one; with force, even if that replaces other files.
    resume: bool = False
    skip_existing: bool = False  # leave out files whose output exists
    checkpoint_seconds: float = 5.0  # between two checkpoints
    max_rejected: MaxRejected | None = None  # of each file; a file with more fails
    part: Part = field(default_factory=Part)  # of each file that is scored; all by default
