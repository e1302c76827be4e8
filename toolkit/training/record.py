"""What is put on record of a training: `config.json` and `metrics.json`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from toolkit import __version__
from toolkit.model import facts
from toolkit.model.run_folder import SAMPLE_REVIEWS, RunConfig
from toolkit.model.typed_json import decode
from toolkit.training.calibration import Calibration
from toolkit.training.fit import PATIENCE, Fit
from toolkit.training.judging import Probabilities, Scores
from toolkit.training.material import Inputs, Material
from toolkit.training.options import TrainingOptions
from toolkit.training.presets.base import Preset
from toolkit.training.sources.reviews import Groups, Labels, Reviews
from toolkit.training.sources.taught import Matches
from toolkit.training.split_kind import SplitKind

# With fewer reviews that the network was not fitted on, a sample takes some that it was.
FEWEST_UNSEEN = 1000


@dataclass(frozen=True)
class HeldOut:
    """What networks give to reviews that they were not fitted on.

    Attributes
    ----------
    labels : Labels
        (reviews,) int8, 1 positive and 0 negative.
    probability : Probabilities
        (reviews,) float32, not calibrated.
    groups : Groups | None
        (reviews,) int64; None if the reviews have none.
    """

    labels: Labels
    probability: Probabilities
    groups: Groups | None

    @classmethod
    def of(cls, judged: Sequence[tuple[Material, Fit]]) -> HeldOut:
        """Put the held-out reviews of some fits behind each other."""
        parts = [
            (material.held_out, fit.held_out)
            for material, fit in judged
            if material.held_out is not None and fit.held_out is not None
        ]
        groups = [reviews.groups for reviews, _ in parts if reviews.groups is not None]
        return cls(
            np.concatenate([reviews.labels for reviews, _ in parts]),
            np.concatenate([found for _, found in parts]),
            np.concatenate(groups) if groups else None,
        )


@dataclass(frozen=True)
class Outcome:
    """What came out of a training.

    Attributes
    ----------
    inputs : Inputs
        All that was read.
    split : SplitKind
        How they were parted.
    fit : Fit
        The network that is kept.
    material : Material
        What it was fitted on, and what was held out.
    folds : tuple[Fit, ...]
        Of the cross-validation before it.
    held_out : HeldOut | None
        What was held out, of the network or of the folds, and judged.
    calibration : Calibration | None
        How that changed the network that is kept.
    test : Scores | None
        On the test part.
    """

    inputs: Inputs
    split: SplitKind
    fit: Fit
    material: Material
    folds: tuple[Fit, ...] = ()
    held_out: HeldOut | None = None
    calibration: Calibration | None = None
    test: Scores | None = None

    def sample(self, seed: int) -> dict[str, Reviews]:
        """Draw up to `SAMPLE_REVIEWS` reviews for the proof of parity.

        Parameters
        ----------
        seed : int
            Decides the draw.

        Returns
        -------
        dict[str, Reviews]
            The drawn ones by the part they are from: `validation` as far as that goes, then
            `test`, and `training` only if these two have fewer than `FEWEST_UNSEEN`.
        """
        parts = {"validation": self.material.held_out, "test": self.inputs.test}
        unseen = {name: reviews for name, reviews in parts.items() if reviews is not None}
        few = sum(map(len, unseen.values())) < FEWEST_UNSEEN
        random = np.random.default_rng(seed)
        drawn: dict[str, Reviews] = {}
        left = SAMPLE_REVIEWS
        for name, reviews in (unseen | ({"training": self.material.fitted} if few else {})).items():
            count = min(left, len(reviews))
            if count:
                drawn[name] = reviews.take(
                    np.sort(random.choice(len(reviews), count, replace=False))
                )
                left -= count
        return drawn


def metrics_of(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """The content of `metrics.json`; what was not measured is not there."""
    metrics: dict[str, Any] = {}
    if outcome.fit.validation is not None:
        best_epoch = outcome.fit.best_epoch
        metrics["validation"] = asdict(outcome.fit.validation) | {
            "best_epoch": best_epoch,
            "split": str(outcome.split),
        }
    if outcome.folds:
        metrics["folds"] = _summarize(outcome.folds) | {"split": str(outcome.split)}
    if outcome.calibration is not None:
        metrics["calibration"] = outcome.calibration.as_dict()
    if outcome.test is not None:
        metrics["test"] = asdict(outcome.test)
    metrics["parameters"] = int(outcome.fit.network.count_params())
    metrics["seconds"] = round(seconds, 1)
    return metrics


def describe(preset: Preset, options: TrainingOptions, outcome: Outcome) -> RunConfig:
    """The content of `config.json`."""
    data = decode(facts.TrainingData, _describe_inputs(outcome))
    found = None if outcome.calibration is None else outcome.calibration.as_dict()
    training = {
        "seed": options.seed,
        "epochs": outcome.fit.epochs,
        "most_epochs": options.most_epochs if options.stops_early else None,
        "batch_size": outcome.fit.batch_size,
        "early_stopping": options.stops_early,
        "patience": PATIENCE if options.stops_early else None,
        "split": str(outcome.split),
        "validation": None if options.folds else options.validation,
        "folds": options.folds,
        "sample": _listed(list(outcome.sample(options.seed))),
    }
    if outcome.inputs.teachers:
        training["teacher_weight"] = options.teacher_weight
    return RunConfig(
        preset=preset.name,
        vocabulary_size=outcome.fit.vocabulary_size,
        max_tokens=preset.max_tokens,
        data=data,
        training=training,
        calibration=None if found is None else decode(facts.Calibration, found),
        toolkit_version=__version__,
    )


def _describe_inputs(outcome: Outcome) -> dict[str, Any]:
    """What was read; only what was there has an entry."""
    inputs = outcome.inputs
    data = _describe_data(inputs.reviews)
    if inputs.test is not None:
        data["test"] = _describe_data(inputs.test)
    if inputs.unlabelled is not None:
        data["unlabelled"] = {
            "source": inputs.unlabelled.name,
            "reviews": len(inputs.unlabelled),
            "without_text": inputs.unlabelled.without_text,
            "left_out": len(inputs.unlabelled) - outcome.material.unlabelled_count,
            "sha256": inputs.unlabelled.sha256,
        }
    if inputs.teachers:
        data["teachers"] = [_describe_teacher(matches) for matches in inputs.teachers]
    return data


def _describe_data(reviews: Reviews) -> dict[str, Any]:
    data = {
        "source": reviews.name,
        "reviews": len(reviews),
        "positive": reviews.positives,
        "without_text": reviews.without_text,
        "sha256": reviews.sha256,
    }
    return data | ({"soft_labels": reviews.soft_count} if reviews.soft_count else {})


def _describe_teacher(matches: Matches) -> dict[str, Any]:
    return {
        "source": matches.teacher.path.name,
        "rows": len(matches.teacher),
        "without_probability": matches.teacher.without_probability,
        "unmatched": matches.unmatched,
        "labelled": matches.labelled,
        "unlabelled": matches.unlabelled,
        "sha256": matches.teacher.sha256,
    }


def _listed(names: list[str]) -> str:
    """Such as `validation, test and training`."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _summarize(folds: tuple[Fit, ...]) -> dict[str, Any]:
    """Mean and sample standard deviation over the folds, and each fold."""
    each = [
        asdict(fold.validation) | {"best_epoch": fold.best_epoch}
        for fold in folds
        if fold.validation is not None
    ]
    summary: dict[str, Any] = {}
    for name in ("loss", "accuracy"):
        values = [fold[name] for fold in each]
        summary[name] = {
            "mean": float(np.mean(values)),
            "deviation": float(np.std(values, ddof=1)),
        }
    return summary | {"each": each}
