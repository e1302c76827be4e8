"""Train a network of a user's own classes, from the texts to a run folder."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit import __version__
from toolkit.errors import UsageError
from toolkit.evaluation.class_metrics import (
    ClassMetrics,
    confidence_error,
    log_loss_of,
    measure_classes,
)
from toolkit.files import atomic_folder
from toolkit.model import training_facts
from toolkit.model.run_folder import SAMPLE_REVIEWS, RunConfig, RunFolder
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.class_data import class_split, load_classes
from toolkit.training.class_fit import ClassFit, fit_classes
from toolkit.training.data import FitData, TrainingData, count_copies
from toolkit.training.options import RUNS, TrainingObserver, TrainingOptions
from toolkit.training.presets import PRESETS, Preset, option_of
from toolkit.training.result import FEWEST_UNSEEN, TrainingResult
from toolkit.training.reviews import Reviews

CLASS_PRESET = "ngram-linear"  # the one network that learns classes

_FEWEST_FOR_TEMPERATURE = 30  # held-out texts
# Largest scale of the logits. If all held-out texts are right, no scale is the best: the larger,
# the better.
_SHARPEST = 5.0
_FOLDS = 5
_LARGEST_RISE = 0.001  # a scale that raises the log loss of other texts by more is dropped
_ROWS_AT_ONCE = 64
_WORST = 5  # number of classes with the lowest F1 to report

_Array = npt.NDArray[Any]


def for_classes(options: TrainingOptions) -> TrainingOptions:
    """Choose the preset that learns classes; raise `UsageError` for options it cannot use."""
    if options.preset not in (None, CLASS_PRESET):
        raise UsageError(
            f"--preset {options.preset}: learns negative and positive only, not classes of your "
            f"own. Use --preset {CLASS_PRESET}, or leave --preset out."
        )
    columns = options.reading.columns
    labels = options.reading.labels
    given = {
        "--from": options.start is not None,
        "--positive, --negative": labels.positive or labels.negative,
        "--positive-from": labels.positive_from is not None,
        "--stars-column": columns.stars is not None,
        "--balance-column": columns.balance is not None,
        "--probability-column": columns.probability is not None,
        "--unlabelled": options.unlabelled,
        "--teacher": options.teachers,
        "--folds": options.folds,
        "--epochs": options.epochs is not None,
        "--batch-size": options.batch_size is not None,
        "--early-stopping, --no-early-stopping": options.early_stopping is not None,
        "--resume": options.resume,
        "--test": options.test and options.test_data is None,
        **{option_of(name): True for name in options.network.chosen},
    }
    if useless := [option for option, is_given in given.items() if is_given]:
        raise UsageError(
            f"{', '.join(useless)}: only for models of negative and positive. Leave this option "
            "out to train classes of your own."
        )
    return replace(options, preset=CLASS_PRESET, classes=True)


@dataclass(frozen=True)
class _Outcome:
    """The result of a training of classes."""

    data: TrainingData
    fitted: FitData
    fit: ClassFit
    split: str  # how texts were held out: a `SplitKind`, or `given` by the user
    network: Any  # calibrated
    held_out: _Array  # probabilities, (texts, classes) float32, not calibrated
    calibration: training_facts.Calibration
    validation: ClassMetrics  # of calibrated probabilities
    test: ClassMetrics | None

    def sample(self, seed: int) -> Reviews:
        """Draw up to `SAMPLE_REVIEWS` texts for the parity check, from held-out texts if enough."""
        held_out = self.fitted.held_out
        assert held_out is not None
        source = held_out if len(held_out) >= FEWEST_UNSEEN else self.data.reviews
        count = min(SAMPLE_REVIEWS, len(source))
        rows = np.random.default_rng(seed).choice(len(source), count, replace=False)
        return source.take(np.sort(rows))


def train_classes(options: TrainingOptions, observer: TrainingObserver) -> TrainingResult:
    """Train a model whose classes are the labels; raise as `toolkit.training.run.train`.

    The options have to come from `for_classes`.
    """
    started = time.monotonic()
    data = load_classes(options, observer)
    split, fitted = _hold_out(data, options)
    if options.class_weight is not None:
        domains = np.zeros(len(fitted.fitted), np.int64)
        fitted = FitData(replace(fitted.fitted, domains=domains), fitted.held_out)
    preset = PRESETS[CLASS_PRESET]
    fit = fit_classes(reviews=fitted.fitted, preset=preset, seed=options.seed, observer=observer)
    outcome = _measured(data=data, fitted=fitted, fit=fit, split=split, preset=preset)
    _report(outcome, observer)
    metrics = _metrics_of(outcome)
    _write(options=options, outcome=outcome, preset=preset, metrics=metrics)
    return TrainingResult(
        RunFolder(options.run),
        metrics,
        ending=f"logistic regression with C = {fit.strength:g}",
        seconds=time.monotonic() - started,
    )


def _hold_out(data: TrainingData, options: TrainingOptions) -> tuple[str, FitData]:
    if data.validation is not None:
        return "given", FitData(data.reviews, data.validation)
    split = class_split(
        reviews=data.reviews,
        share=options.validation,
        seed=options.seed,
        wanted=options.split,
    )
    kind = options.split or ("random" if data.reviews.groups is None else "group")
    return str(kind), FitData(data.reviews.take(split.fitted), data.reviews.take(split.held_out))


def _measured(
    data: TrainingData, fitted: FitData, fit: ClassFit, split: str, preset: Preset
) -> _Outcome:
    """Calibrate a network on the held-out texts, and measure it on them and on the test texts."""
    from toolkit.networks.class_linear import sharpened

    held_out = fitted.held_out
    assert held_out is not None
    found = class_probabilities(
        network=fit.network,
        preset=preset,
        vocabulary=fit.vocabulary,
        texts=held_out.texts,
    )
    numbers = held_out.labels.astype(np.int64)
    calibration = fit_temperature(numbers, found, held_out.groups)
    network = sharpened(fit.network, calibration.scale)
    test = None
    if data.test is not None:
        answers = class_probabilities(
            network=network,
            preset=preset,
            vocabulary=fit.vocabulary,
            texts=data.test.texts,
        )
        test = measure_classes(data.test.labels.astype(np.int64), answers, data.class_names)
    return _Outcome(
        data=data,
        fitted=fitted,
        fit=fit,
        split=split,
        network=network,
        held_out=found,
        calibration=calibration,
        validation=measure_classes(numbers, _changed(found, calibration.scale), data.class_names),
        test=test,
    )


def class_probabilities(
    network: Any, preset: Preset, vocabulary: Vocabulary, texts: pa.ChunkedArray
) -> npt.NDArray[np.float32]:
    """Return the probabilities of texts, (texts, classes) float32."""
    tokens = vocabulary.encode(texts, last=preset.max_tokens).with_start(preset.max_tokens)
    order = np.argsort(tokens.lengths, kind="stable")
    found = np.zeros((len(order), network.output_shape[-1]), np.float32)
    for start in range(0, len(order), _ROWS_AT_ONCE):
        places = order[start : start + _ROWS_AT_ONCE]
        found[places] = np.asarray(network(tokens.padded_rows(places), training=False))
    return found


def fit_temperature(
    numbers: npt.NDArray[np.int64],
    probabilities: npt.NDArray[np.float32],
    groups: npt.NDArray[np.int64] | None = None,
) -> training_facts.Calibration:
    """Fit the scale of the logits that makes the labels of held-out texts most likely.

    `numbers` (texts,) are the classes, `probabilities` (texts, classes). Calibration error and log
    loss are measured on groups that were not fitted on.
    """
    from sklearn.model_selection import GroupKFold

    count = len(numbers)
    groups = np.arange(count) if groups is None else groups
    before = log_loss_of(numbers, probabilities)
    after: float | None = None
    note = ""
    scale = 1.0
    changed = probabilities.astype(np.float64)
    if count < _FEWEST_FOR_TEMPERATURE or len(np.unique(groups)) < _FOLDS:
        note = f"not calibrated: {count} texts are too few"
    else:
        scale = _best_scale(numbers, probabilities)
        for fitted, left_out in GroupKFold(_FOLDS).split(numbers, groups=groups):
            own = _best_scale(numbers[fitted], probabilities[fitted])
            changed[left_out] = _changed(probabilities[left_out], own)
        after = log_loss_of(numbers, changed)
        if after > before + _LARGEST_RISE:
            note = f"not calibrated: it would raise the log loss on other texts to {after:.4f}"
            scale = 1.0
            after = before
            changed = probabilities.astype(np.float64)
    return training_facts.Calibration(
        scale=scale,
        bias=0.0,
        fitted_on=count,
        error_before=confidence_error(numbers, probabilities),
        error=confidence_error(numbers, changed),
        log_loss_before=before,
        log_loss=before if after is None else after,
        note=note or None,
    )


def _best_scale(numbers: npt.NDArray[np.int64], probabilities: _Array) -> float:
    from scipy.optimize import minimize_scalar

    def loss(exponent: float) -> float:
        return log_loss_of(numbers, _changed(probabilities, float(np.exp(exponent))))

    limit = float(np.log(_SHARPEST))
    return float(np.exp(minimize_scalar(loss, bounds=(-limit, limit), method="bounded").x))


def _changed(probabilities: _Array, scale: float) -> npt.NDArray[np.float32]:
    """Return the probabilities with scaled logits, (texts, classes)."""
    logits = scale * np.log(np.maximum(probabilities.astype(np.float64), 1e-30))
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: npt.NDArray[np.float32] = (shares / shares.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def _report(outcome: _Outcome, observer: TrainingObserver) -> None:
    """Report the classes with the lowest F1, and warn of what makes the figures look too good."""
    found = outcome.validation
    held_out = outcome.fitted.held_out
    measured = [each for each in found.classes if each.support]
    worst = sorted(measured, key=lambda each: each.f1 or 0.0)[:_WORST]
    named = ", ".join(f"{each.label} {each.f1 or 0.0:.1%} ({each.support:,})" for each in worst)
    observer.say(f"lowest F1 of the classes (held-out texts): {named}")
    for pair in found.confused(1):
        mistake = f"{pair.label!r} taken for {pair.called!r}, {pair.count:,} times"
        observer.say(f"confused most often: {mistake}")
    if missing := [each.label for each in found.classes if not each.support]:
        shown = ", ".join(f"{name!r:.60}" for name in missing[:10])
        observer.warning(
            f"no held-out text has the label {shown}{' …' if len(missing) > 10 else ''}: how well "
            "it is recognized is unknown. Give more texts, or hold out more with --validation."
        )
    if found.accuracy.interval[0] <= found.constant_accuracy:
        observer.warning(
            f"the model is not clearly better than always answering {found.constant!r:.60}: on "
            f"held-out texts, its accuracy is {found.accuracy.value:.1%}, and the constant answer "
            f"reaches {found.constant_accuracy:.1%}. Give more texts, or check the labels."
        )
    copies = count_copies([outcome.fitted], outcome.data.test)
    if copies.held_out_in_fitted and held_out is not None:
        observer.warning(
            f"{copies.held_out_in_fitted:,} held-out texts are the same as fitted ones: the "
            "validation scores look better than they are. Remove the copies, or keep them together "
            "with --group-column."
        )
    if copies.test_in_training:
        observer.warning(
            f"{copies.test_in_training:,} test texts are the same as texts to train on: the test "
            "scores look better than they are. Test on other texts."
        )


def _scores(found: ClassMetrics, split: str | None = None) -> training_facts.Scores:
    return training_facts.Scores(
        loss=found.log_loss,
        accuracy=found.accuracy.value,
        reviews=found.accuracy.count,
        split=split,
        balanced_accuracy=found.balanced_accuracy,
        majority_accuracy=found.constant_accuracy,
        macro_f1=found.macro_f1,
    )


def _metrics_of(outcome: _Outcome) -> training_facts.Metrics:
    return training_facts.Metrics(
        validation=_scores(outcome.validation, outcome.split),
        calibration=outcome.calibration,
        test=None if outcome.test is None else _scores(outcome.test),
        copies=count_copies([outcome.fitted], outcome.data.test),
        parameters=int(outcome.network.count_params()),
    )


def _source_of(reviews: Reviews) -> training_facts.ReviewSource:
    names = reviews.classes or ()
    counts = np.bincount(reviews.labels, minlength=len(names)).tolist()
    return training_facts.ReviewSource(
        source=reviews.name,
        reviews=len(reviews),
        without_text=reviews.without_text,
        without_label=reviews.without_label or None,
        sha256=reviews.sha256,
        classes=dict(zip(names, counts, strict=True)),
    )


def _config_of(outcome: _Outcome, options: TrainingOptions, preset: Preset) -> RunConfig:
    data = outcome.data
    training = {
        "seed": options.seed,
        "split": outcome.split,
        "validation": None if data.validation is not None else options.validation,
        "strength": outcome.fit.strength,
        "pairs": outcome.fit.pairs,
        "class_weight": options.class_weight,
    }
    held_out = outcome.fitted.held_out
    return RunConfig(
        preset=preset.name,
        vocabulary_size=outcome.fit.vocabulary.size,
        max_tokens=preset.max_tokens,
        data=training_facts.TrainingData(
            **vars(_source_of(data.reviews)),
            test=None if data.test is None else _source_of(data.test),
            validation=None if data.validation is None else _source_of(data.validation),
            strip_endings=options.reading.strip_endings or None,
            fitted=len(outcome.fitted.fitted),
            held_out=0 if held_out is None else len(held_out),
        ),
        training=training,
        classes=data.class_names,
        calibration=outcome.calibration,
        token_rule=outcome.fit.vocabulary.rule.version,
        toolkit_version=__version__,
    )


def _write(
    options: TrainingOptions, outcome: _Outcome, preset: Preset, metrics: training_facts.Metrics
) -> None:
    """Write the run folder; it appears when it is complete."""
    from toolkit.networks.network_files import save_keras  # late: it imports ONNX

    if options.run.parent == RUNS:
        RUNS.mkdir(exist_ok=True)
    with atomic_folder(options.run, force=options.force) as partial:
        run = RunFolder(partial)
        save_keras(outcome.network, run.model)
        outcome.fit.vocabulary.save(run.vocabulary)
        run.save_metrics(metrics)
        sample = outcome.sample(options.seed)
        texts = {"text": sample.texts.cast(pa.string()), "label": sample.labels}
        pq.write_table(pa.table(texts), run.sample)
        held_out = outcome.fitted.held_out
        assert held_out is not None
        answers = pa.FixedSizeListArray.from_arrays(
            outcome.held_out.reshape(-1), outcome.held_out.shape[1]
        )
        columns = {"label": held_out.labels, "probabilities": answers}
        pq.write_table(pa.table(columns), run.validation)
        run.save_config(_config_of(outcome, options, preset))
