"""The results of the networks and baselines that were tried, and the choice among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.model import DEFAULT_MODEL, training_facts

if TYPE_CHECKING:
    from toolkit.evaluation.class_metrics import ClassMetrics
    from toolkit.evaluation.metrics import Metrics

ADAPTING = f"{DEFAULT_MODEL}, adapted"
TFIDF = "tf-idf, logistic regression"  # a baseline

# Balanced accuracies that differ by no more than this count as equal. Then the log loss decides,
# which is less noisy with few reviews. Macro F1 is noisier: rare classes count as much.
_AS_GOOD = 0.005
_AS_GOOD_F1 = 0.02


@dataclass(frozen=True)
class Trial:
    """A network or baseline that was tried, with its figures on the held-out reviews."""

    name: str
    balanced_accuracy: float  # 0 to 1
    log_loss: float
    seconds: float
    is_baseline: bool = False
    # The next two are of classes of a user's own, 0 to 1.
    accuracy: float | None = None
    macro_f1: float | None = None

    @property
    def quality(self) -> float:
        """The figure that decides: macro F1 of classes, else balanced accuracy."""
        return self.balanced_accuracy if self.macro_f1 is None else self.macro_f1

    @classmethod
    def of(cls, name: str, metrics: Metrics, seconds: float, *, is_baseline: bool = False) -> Trial:
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

    @classmethod
    def of_classes(
        cls,
        name: str,
        metrics: ClassMetrics,
        log_loss: float,
        seconds: float,
        *,
        is_baseline: bool = False,
    ) -> Trial:
        """Make a result from the metrics of a model of classes; the log loss is calibrated."""
        return cls(
            name=name,
            balanced_accuracy=metrics.balanced_accuracy,
            log_loss=log_loss,
            seconds=seconds,
            is_baseline=is_baseline,
            accuracy=metrics.accuracy.value,
            macro_f1=metrics.macro_f1,
        )


def _merit(tried: Trial) -> tuple[float, float]:
    return tried.quality, -tried.log_loss


@dataclass(frozen=True)
class Choice:
    """The results, in the order in which they were tried, and the network that is kept."""

    tried: tuple[Trial, ...]
    kept: Trial
    reviews: int  # held out

    @property
    def has_classes(self) -> bool:
        """Whether the labels are classes of a user's own."""
        return self.kept.macro_f1 is not None

    @property
    def quality_name(self) -> str:
        """The name of the figure that decides."""
        return "macro F1" if self.has_classes else "balanced accuracy"

    @classmethod
    def of(cls, tried: tuple[Trial, ...], reviews: int) -> Choice:
        """Keep the highest quality; among about equal ones, the lowest log loss."""
        networks = [each for each in tried if not each.is_baseline]
        best = max(each.quality for each in networks)
        margin = _AS_GOOD if networks[0].macro_f1 is None else _AS_GOOD_F1
        near = [each for each in networks if each.quality >= best - margin]
        return cls(tried, min(near, key=lambda each: each.log_loss), reviews)

    @property
    def better_baseline(self) -> Trial | None:
        """The best baseline if the kept network is not better, or None.

        Of equal qualities, the lower log loss is better.
        """
        baselines = (each for each in self.tried if each.is_baseline)
        best = max(baselines, key=_merit)
        return best if _merit(best) >= _merit(self.kept) else None

    @property
    def line(self) -> str:
        """One line for the user: what is kept, and why."""
        networks = [each for each in self.tried if not each.is_baseline]
        kept = self.kept
        what = "texts" if self.has_classes else "reviews"
        line = f"{kept.name} is kept: {self.quality_name} {kept.quality:.1%}"
        if len(networks) == 1:
            return f"{line} on {self.reviews:,} held-out {what}"
        is_best = all(each.quality <= kept.quality for each in networks)
        why = "the best" if is_best else "about the best, with the lowest log loss,"
        return f"{line}, {why} of {len(networks)} on {self.reviews:,} held-out {what}"

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
                each.name,
                each.balanced_accuracy,
                each.log_loss,
                is_baseline=each.is_baseline,
                macro_f1=each.macro_f1,
            )
            for each in self.tried
        )
