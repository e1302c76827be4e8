"""The share of positive reviews of a file, from its first records, by which all of it is scored.

Shards, workers and a resumed run read the same first records, whatever part of the file they score,
so they find the same share.
"""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.model.prior import NO_LEVELS, Levels, ShareFound, count_levels, share_of
from toolkit.model.scorer import Scorer
from toolkit.records.formats import open_reviews
from toolkit.records.inputs import Input
from toolkit.records.options import ReadOptions
from toolkit.scoring.blocks import SelectedBlock, run_blocks
from toolkit.scoring.options import Subset

FIRST_RECORDS = 2_000
_FAR = 0.1  # from the share of the first records to that of all


@dataclass(frozen=True)
class FilePrior:
    """A prior that was estimated.

    Attributes
    ----------
    share : float | None
        Of positive reviews, 0 to 1; None where it cannot be relied on, so that nothing is adjusted.
    error : float
        The standard error of the share.
    scores : int
        How many of the first records have a score.
    problem : str | None
        Why there is no share.
    """

    share: float | None = None
    error: float = 1.0
    scores: int = 0
    problem: str | None = None

    @classmethod
    def of(cls, found: ShareFound | None) -> FilePrior:
        """Take over what the first scores say."""
        if found is None:
            return cls(problem="none of them has a score")
        share = None if found.problem else found.share
        return cls(share, round(found.error, 6), found.scores, found.problem)

    @property
    def warning(self) -> str | None:
        """Say that nothing is adjusted; None if all is well."""
        if self.problem is None:
            return None
        return (
            "--prior auto adjusts nothing here: the share of positive reviews cannot be estimated "
            f"from the first {FIRST_RECORDS:,} records: {self.problem}. If you know the share, "
            "name it, as in --prior 0.9."
        )

    def warning_of_all(self, found: ShareFound | None) -> str | None:
        """Say that the first records are not like all; None if they are, beyond chance."""
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
    scorer: Scorer, source: Input, reading: ReadOptions, workers: int | None
) -> FilePrior:
    """Score the first records of a file without a prior, and estimate the share of positive ones.

    Raises the errors of reading it.
    """
    plain = scorer.with_prior(None)

    def counted(block: SelectedBlock) -> Levels:
        probability = plain.predict(block.parse().texts)["probability"]
        return count_levels(probability.to_numpy(zero_copy_only=False), None, plain.base)

    levels = NO_LEVELS
    with open_reviews(source, reading) as reviews:
        for more in run_blocks(reviews, counted, Subset(limit=FIRST_RECORDS), workers=workers):
            levels = tuple(map(sum, zip(levels, more, strict=True)))
    return FilePrior.of(share_of(levels, plain.base))
