"""How much the benchmarks of speed do, and where their results go: a trial may be smaller."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from examples.benchmarks.results import RESULTS
from examples.benchmarks.sources import PROJECT

PAGE = Path(__file__).with_name("README.md")
PICTURE = PROJECT / "examples" / "speed.png"
TRADEOFF = PROJECT / "examples" / "accuracy-speed.png"
REVIEWS = 100_000


@dataclass(frozen=True)
class Trial:
    """A smaller benchmark, whose results go to a folder; by default, the whole one."""

    reviews: int = REVIEWS  # in the file that all programs score
    most_runs: int | None = None
    folder: Path | None = None

    def part_of(self, number: int) -> int:
        """Scale a number of reviews as `reviews` is scaled."""
        return max(1, number * self.reviews // REVIEWS)

    def runs(self, usual: int) -> int:
        """Give how often a program runs."""
        return usual if self.most_runs is None else min(usual, self.most_runs)

    @property
    def results(self) -> Path:
        """The JSON file of the results."""
        return self.folder / RESULTS.name if self.folder else RESULTS

    @property
    def page(self) -> Path:
        """The page with the tables."""
        return self.folder / PAGE.name if self.folder else PAGE

    @property
    def picture(self) -> Path:
        """The figure of times."""
        return self.folder / PICTURE.name if self.folder else PICTURE

    @property
    def tradeoff(self) -> Path:
        """The figure of accuracy against speed."""
        return self.folder / TRADEOFF.name if self.folder else TRADEOFF


WHOLE = Trial()
