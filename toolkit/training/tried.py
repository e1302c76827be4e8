"""What was tried for some reviews, what each way reached, and which one is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.model import DEFAULT_MODEL, training_facts

if TYPE_CHECKING:
    from toolkit.evaluation.metrics import Metrics

ADAPTING = f"{DEFAULT_MODEL}, adapted"

# Of ways whose balanced accuracies are as near as this, the one with the lower log loss is kept:
# it says more of few reviews.
_AS_GOOD = 0.005


@dataclass(frozen=True)
class Tried:
    """What a way reached on the held-out reviews, and how long it took."""

    name: str
    balanced_accuracy: float  # 0 to 1
    log_loss: float
    seconds: float
    is_baseline: bool = False

    @classmethod
    def of(cls, name: str, metrics: Metrics, seconds: float, *, is_baseline: bool = False) -> Tried:
        """Put figures together; both labels are held out, so all are known."""
        balanced = metrics.balanced_accuracy
        found = float("nan") if balanced is None else balanced
        return cls(name, found, metrics.log_loss, seconds, is_baseline)


@dataclass(frozen=True)
class Choice:
    """What was tried, in order, and which way is kept."""

    tried: tuple[Tried, ...]
    kept: Tried
    reviews: int  # held out

    @classmethod
    def of(cls, tried: tuple[Tried, ...], reviews: int) -> Choice:
        """Choose the highest balanced accuracy; of about equal ones, the lowest log loss."""
        networks = [each for each in tried if not each.is_baseline]
        best = max(each.balanced_accuracy for each in networks)
        near = [each for each in networks if each.balanced_accuracy >= best - _AS_GOOD]
        return cls(tried, min(near, key=lambda each: each.log_loss), reviews)

    @property
    def better_baseline(self) -> Tried | None:
        """The best baseline, if the kept network is not better."""
        baselines = (each for each in self.tried if each.is_baseline)
        best = max(baselines, key=lambda each: each.balanced_accuracy)
        return best if best.balanced_accuracy >= self.kept.balanced_accuracy else None

    @property
    def line(self) -> str:
        """What is kept and why, in one line."""
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
        """Why the figure of an adapted model may be too good; None without one."""
        if all(each.name != ADAPTING for each in self.tried):
            return None
        return (
            f"{DEFAULT_MODEL} has learned from public reviews, such as of films, hotels and apps "
            f"(toolkit info {DEFAULT_MODEL}). If yours are among them, it knew the held-out ones, "
            "and its figure is too good."
        )

    @property
    def facts(self) -> tuple[training_facts.Tried, ...]:
        """What the run folder says of it: no seconds, as the same training gives the same bytes."""
        return tuple(
            training_facts.Tried(
                each.name, each.balanced_accuracy, each.log_loss, is_baseline=each.is_baseline
            )
            for each in self.tried
        )
