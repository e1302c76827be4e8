"""Estimate the share of positive reviews in a file from its first records, for ``--prior auto``.

Shards, workers and resumed runs read the same first records, whichever part of the file they score.
So all of them score with the same share.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.model.prior import NO_LEVELS, Levels, ShareFound, count_levels, share_of
from toolkit.model.scorer import Scorer
from toolkit.records.options import ReadOptions
from toolkit.scoring.block_loop import SelectedBlock
from toolkit.scoring.file_run import FileVisit, HasInput, RunOptions, Visitor, run_files
from toolkit.scoring.options import Subset

FIRST_RECORDS = 2_000
_FAR = 0.1  # a larger difference between the first records and all records causes a warning


@dataclass(frozen=True)
class FilePrior:
    """An estimated prior.

    Attributes
    ----------
    share : float | None
        The share of positive reviews, 0 to 1. None if it is unreliable; then nothing is adjusted.
    error : float
        The standard error of the share.
    scores : int
        The number of first records with a score.
    problem : str | None
        Why the share is None.
    """

    share: float | None = None
    error: float = 1.0
    scores: int = 0
    problem: str | None = None

    @classmethod
    def of(cls, found: ShareFound | None) -> FilePrior:
        """Return the prior for an estimate; None: no record has a score."""
        if found is None:
            return cls(problem="none of them has a score")
        return cls(
            share=None if found.problem else found.share,
            error=round(found.error, 6),
            scores=found.scores,
            problem=found.problem,
        )

    @property
    def warning(self) -> str | None:
        """The warning that nothing is adjusted; None if there is a share."""
        if self.problem is None:
            return None
        return (
            "--prior auto adjusts nothing here: the share of positive reviews cannot be estimated "
            f"from the first {FIRST_RECORDS:,} records: {self.problem}. If you know the share, "
            "name it, as in --prior 0.9."
        )

    def warning_of_all(self, found: ShareFound | None) -> str | None:
        """Return the warning that all records have another share than the first ones, or None."""
        if self.share is None or found is None or found.problem:
            return None
        chance = 2 * (self.error**2 + found.error**2) ** 0.5
        if abs(self.share - found.share) <= max(_FAR, chance):
            return None
        return (
            f"by their scores, {self.share:.0%} of the first {FIRST_RECORDS:,} records are "
            f"positive, and {found.share:.0%} of all. The file may be sorted, and --prior auto "
            f"looks at its first records only. Score it again with --prior {found.share:.3f}."
        )


def prior_of_file(
    scorer: Scorer, file: HasInput, reading: ReadOptions, workers: int | None
) -> FilePrior:
    """Estimate the prior of a file from its first records; raise the errors of reading the file."""
    counted = _FirstLevels(scorer.without_second().with_prior(None))  # a second model may be slow
    options = RunOptions(reading=reading, subset=Subset(limit=FIRST_RECORDS), workers=workers)
    run_files([file], counted, options)
    return FilePrior.of(share_of(counted.levels, scorer.base))


@dataclass
class _FirstLevels(Visitor[HasInput, Levels]):
    """Counts the scores of the first records of a file by level."""

    scorer: Scorer  # without a prior
    levels: Levels = NO_LEVELS

    def work(self, visit: FileVisit[HasInput], block: SelectedBlock) -> Levels:  # noqa: ARG002
        """Score the records of a block, and count their scores."""
        probability = self.scorer.predict(block.parse().texts)["probability"]
        return count_levels(probability.to_numpy(zero_copy_only=False), None, self.scorer.base)

    def add(self, visit: FileVisit[HasInput], result: Levels) -> None:  # noqa: ARG002
        """Add the counts of a block."""
        self.levels = tuple(map(sum, zip(self.levels, result, strict=True)))
