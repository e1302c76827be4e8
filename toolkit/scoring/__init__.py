"""Score files of reviews in batches: the output has the same records with their scores.

>>> from pathlib import Path
>>> from toolkit import Scorer
>>> from toolkit.scoring import score_file
>>> score_file(Scorer(), Path("reviews.csv"), Path("scored.csv")).scored  # doctest: +SKIP
20

`run.py` scores the files of a run. `file_run.py` is the loop over files, of all commands that read
files, and `block_loop.py` is the loop over the blocks of a file.
"""

from __future__ import annotations

from toolkit.scoring.file_run import Progress
from toolkit.scoring.input_files import find_jobs
from toolkit.scoring.jobs import Job, Jobs
from toolkit.scoring.options import MaxRejected, MaxUnread, ScoringOptions, Subset
from toolkit.scoring.results import FileResult, RecordCounts
from toolkit.scoring.run import score_file, score_files

__all__ = [
    "FileResult",
    "Job",
    "Jobs",
    "MaxRejected",
    "MaxUnread",
    "Progress",
    "RecordCounts",
    "ScoringOptions",
    "Subset",
    "find_jobs",
    "score_file",
    "score_files",
]
