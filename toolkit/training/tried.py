"""The results of the networks and baselines that were tried, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.model import DEFAULT_MODEL, training_facts

if TYPE_CHECKING:
    from toolkit.evaluation.metrics import Metrics

ADAPTING = f"{DEFAULT_MODEL}, adapted"

# Balanced accuracies that differ by no more than this count as equal. Then the log loss decides,
# which is less noisy with few reviews.
_AS_GOOD = 0.005


@dataclass(frozen=True)
class Tried:
    """A network or baseline that was tried, with its figures on the held-out reviews."""

    name: str
    balanced_accuracy: float  # 0 to 1
    log_loss: float
    seconds: float
    is_baseline: bool = False

    @classmethod
    def of(cls, name: str, metrics: Metrics, seconds: float, *, is_baseline: bool = False) -> Tried:
        """Make a result from metrics; they are complete, as reviews of both labels are held out."""
        balanced = metrics.balanced_accuracy
        found = float("nan") if balanced is None else balanced
        return cls(
            name=name,
            balanced_accuracy=found,
            log_loss=metrics.log_loss,
            seconds=seconds,
            is_baseline=is_baseline,
        )


def _merit(tried: Tried) -> tuple[float, float]:
    return tried.balanced_accuracy, -tried.log_loss


@dataclass(frozen=True)
class Choice:
    """The results, in the order in which they were tried, and the network that is kept."""

    tried: tuple[Tried, ...]
    kept: Tried
    reviews: int  # held out

    @classmethod
    def of(cls, tried: tuple[Tried, ...], reviews: int) -> Choice:
        """Keep the highest balanced accuracy; among about equal ones, the lowest log loss."""
        networks = [each for each in tried if not each.is_baseline]
        best = max(each.balanced_accuracy for each in networks)
        near = [each for each in networks if each.balanced_accuracy >= best - _AS_GOOD]
        return cls(tried, min(near, key=lambda each: each.log_loss), reviews)

    @property
    def better_baseline(self) -> Tried | None:
        """The best baseline if the kept network is not better, or None.

        Of equal balanced accuracies, the lower log loss is better.
        """
        baselines = (each for each in self.tried if each.is_baseline)
        best = max(baselines, key=_merit)
        return best if _merit(best) >= _merit(self.kept) else None

    @property
    def line(self) -> str:
        """One line for the user: what is kept, and why."""
        networks = [each for each in self.tried if not each.is_baseline]
        kept = self.kept
        line = f"{kept.name} is kept: balanced accuracy {kept.balanced_accuracy:.1%}"
        if len(networks) == 1:
            return f"{line} on {self.reviews:,} held-out reviews"
        is_best = all(each.balanced_accuracy <= kept.balanced_accuracy for each in networks)
        why = "the best" if is_best else "about the best, with the lowest log loss,"
        return f"{line}, {why} of {len(networks)} on {self.reviews:,} held-out reviews"

    @property
    def note(self) -> str | None:
        """Why the figure of the adapted model may be too good; None if no model was adapted."""
        if all(each.name != ADAPTING for each in self.tried):
            return None
        return (
            f"{DEFAULT_MODEL} has learned from public reviews, such as of films, hotels and apps "
            f"(toolkit info {DEFAULT_MODEL}). If your reviews are among them, it has already "
            "learned from the held-out reviews, and its figure is too good."
        )

    @property
    def facts(self) -> tuple[training_facts.Tried, ...]:
        """The entries for the run folder: no seconds, as equal trainings write equal bytes."""
        return tuple(
            training_facts.Tried(
                each.name, each.balanced_accuracy, each.log_loss, is_baseline=each.is_baseline
            )
            for each in self.tried
        )
