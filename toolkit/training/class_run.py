"""Train a network of a user's own classes, from the texts to a run folder."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.errors import ModelError, UsageError
from toolkit.evaluation.class_metrics import measure_classes
from toolkit.model.run_folder import RunFolder
from toolkit.networks import import_keras
from toolkit.records.class_labels import quoted_with_comma
from toolkit.text.vocabulary import Vocabulary
from toolkit.training.adapt_fit import Start, load_start
from toolkit.training.choice import presets_to_try, start_to_adapt
from toolkit.training.class_calibration import fit_temperature, scaled
from toolkit.training.class_choice import class_baselines
from toolkit.training.class_data import class_split, load_classes
from toolkit.training.class_fit import LINEAR, fit_classes
from toolkit.training.class_outcome import ClassOutcome
from toolkit.training.data import FitData, FitTask, TrainingSets
from toolkit.training.options import TrainingObserver, TrainingOptions
from toolkit.training.presets import PRESETS, Preset
from toolkit.training.result import TrainingResult
from toolkit.training.reviews import Reviews
from toolkit.training.tried import ADAPTING, Choice, Trial

# Texts that are predicted together. The regression has a number for each token and class.
_ROWS_AT_ONCE = 512
_ROWS_OF_REGRESSION = 64
MOST_CLASSES_ADAPTED = 20  # an opinion tells few classes apart, and each takes memory
_WORST = 5  # number of classes with the lowest F1 to report

_Shares = npt.NDArray[np.float32]


def check_for_classes(options: TrainingOptions) -> None:
    """Raise `UsageError` for options that classes cannot use."""
    suitable = [preset.name for preset in PRESETS.values() if preset.learns_classes]
    if options.preset is not None and options.preset not in suitable:
        raise UsageError(
            f"--preset {options.preset}: learns negative and positive only, not classes of your "
            f"own. Choose from {', '.join(suitable)}, or leave --preset out."
        )
    columns = options.reading.columns
    labels = options.reading.labels
    given = {
        "--positive, --negative": labels.positive or labels.negative,
        "--positive-from": labels.positive_from is not None,
        "--stars-column": columns.stars is not None,
        "--balance-column": columns.balance is not None,
        "--probability-column": columns.probability is not None,
        "--unlabelled": options.unlabelled,
        "--teacher": options.teachers,
        "--folds": options.folds,
        "--resume": options.resume,
        "--test": options.test and options.test_data is None,
    }
    if useless := [option for option, is_given in given.items() if is_given]:
        raise UsageError(
            f"{', '.join(useless)}: only for models of negative and positive. Leave this option "
            "out to train classes of your own."
        )
    from_scratch = options.start is None
    if from_scratch and options.preset in (None, LINEAR) and (useless := options.of_one_network):
        settings = options.network.chosen
        able = [name for name in suitable if name != LINEAR]
        able = [name for name in able if PRESETS[name].is_adjustable or not settings]
        raise UsageError(
            f"{', '.join(useless)}: {LINEAR} learns classes of your own by a regression, without "
            f"this. Name another network with --preset ({', '.join(able)}), or leave this out."
        )


def train_classes(options: TrainingOptions, observer: TrainingObserver) -> TrainingResult:
    """Train a model whose classes are the labels; raise as `toolkit.training.run.train`.

    The options have to pass `check_for_classes`.
    """
    from toolkit.training.class_write import PLOTS, metrics_of, write_classes  # late: ONNX

    started = time.monotonic()
    data = load_classes(options, observer)
    split, fitted = _hold_out(data, options)
    if options.start is not None:
        start = load_for_classes(options.start, data)
        outcome = _tried(
            data, fitted=fitted, split=split, options=options, observer=observer, start=start
        )
    elif options.preset is None:
        outcome = _best(data, fitted=fitted, split=split, options=options, observer=observer)
    else:
        outcome = _tried(data, fitted=fitted, split=split, options=options, observer=observer)
    _report(outcome, observer)
    outcome = _with_test(_fitted_again(outcome, options, observer))
    metrics = metrics_of(outcome)
    write_classes(outcome, options, metrics)
    return TrainingResult(
        RunFolder(options.run),
        metrics,
        ending=outcome.ending,
        plots=PLOTS if outcome.fit.epochs is None else (*PLOTS, "loss.png", "accuracy.png"),
        seconds=time.monotonic() - started,
        choice=outcome.choice,
    )


def load_for_classes(model: str, data: TrainingSets) -> Start:
    """Load a start to adapt to classes; raise `ModelError` if it cannot be adapted to these."""
    start = load_start(model)
    count = len(data.class_names)
    why = None
    if count > MOST_CLASSES_ADAPTED:
        why = f"there are {count:,}, and at most {MOST_CLASSES_ADAPTED} are possible"
    elif start.width is not None:
        why = "it only reads texts of a fixed length"
    if why is not None:
        raise ModelError(
            f"{model}: cannot be adapted to these classes: {why}. Leave --from out, or choose "
            "another model."
        )
    return start


def _hold_out(data: TrainingSets, options: TrainingOptions) -> tuple[str, FitData]:
    """Return how texts are held out, and both parts; class weights need domains."""
    if data.validation is not None:
        return "given", FitData(_weighted(data.reviews, options), data.validation)
    split = class_split(
        reviews=data.reviews,
        share=options.validation,
        seed=options.seed,
        wanted=options.split,
    )
    kind = options.split or ("random" if data.reviews.groups is None else "group")
    fitted = _weighted(data.reviews.take(split.fitted), options)
    return str(kind), FitData(fitted, data.reviews.take(split.held_out))


def _weighted(reviews: Reviews, options: TrainingOptions) -> Reviews:
    """Return texts whose classes all weigh the same, if the options say so."""
    if options.class_weight is None:
        return reviews
    return replace(reviews, domains=np.zeros(len(reviews), np.int64))


def _best(
    data: TrainingSets,
    fitted: FitData,
    split: str,
    options: TrainingOptions,
    observer: TrainingObserver,
) -> ClassOutcome:
    """Try the networks that suit the texts on one split, beside two baselines; keep the best."""
    observer.stage("Baselines")
    tried = [*class_baselines(fitted, options)]
    outcomes: dict[str, ClassOutcome] = {}
    starts: dict[str, Start | None] = {}
    if len(data.class_names) <= MOST_CLASSES_ADAPTED:
        found = start_to_adapt(options, data, observer)
        starts = {} if found is None else {ADAPTING: found}
    starts |= dict.fromkeys(presets_to_try(len(data.reviews), of_classes=True))
    for name, start in starts.items():
        observer.stage(f"Trying {name}")
        started = time.monotonic()
        own = options if start is not None else replace(options, preset=name)
        outcomes[name] = _tried(
            data, fitted=fitted, split=split, options=own, observer=observer, start=start
        )
        loss = outcomes[name].calibration.log_loss
        tried.append(
            Trial.of_classes(
                name=name,
                metrics=outcomes[name].validation,
                log_loss=float("nan") if loss is None else loss,
                seconds=time.monotonic() - started,
            )
        )
    held_out = 0 if fitted.held_out is None else len(fitted.held_out)
    choice = Choice.of(tuple(tried), held_out)
    observer.compare(choice)
    if (baseline := choice.better_baseline) is not None:
        observer.warning(
            f"no network is better than {baseline.name} on the held-out texts: macro F1 "
            f"{choice.kept.quality:.1%}, against {baseline.quality:.1%}. Give more texts, or look "
            "for wrong labels."
        )
    return replace(outcomes[choice.kept.name], choice=choice)


def _task(
    fitted: FitData,
    options: TrainingOptions,
    observer: TrainingObserver,
    start: Start | None = None,
) -> FitTask:
    """Return the input of a fit; an adapted network has the preset and the sizes of its start."""
    if start is None:
        preset = options.chosen_preset
    else:
        preset = replace(PRESETS[start.preset], max_tokens=start.max_tokens)
    return FitTask(
        preset=preset,
        data=fitted,
        options=options,
        observer=observer,
        keeps_best=True,
        introduces=True,
    )


def _tried(
    data: TrainingSets,
    fitted: FitData,
    split: str,
    options: TrainingOptions,
    observer: TrainingObserver,
    start: Start | None = None,
) -> ClassOutcome:
    """Fit the network of a preset, calibrate it on the held-out texts, and measure it on them."""
    held_out = fitted.held_out
    assert held_out is not None
    task = _task(fitted, options, observer, start)
    preset = task.preset
    fit = fit_classes(task, start=start)
    found = class_probabilities(
        network=fit.network,
        preset=preset,
        vocabulary=fit.vocabulary,
        texts=held_out.texts,
    )
    numbers = held_out.labels.astype(np.int64)
    calibration = fit_temperature(numbers, found, held_out.groups)
    return ClassOutcome(
        data=data,
        fitted=fitted,
        fit=fit,
        preset=preset,
        split=split,
        network=sharpened(fit.network, calibration.scale),
        held_out=found,
        calibration=calibration,
        validation=measure_classes(numbers, scaled(found, calibration.scale), data.class_names),
        start=start,
    )


def _fitted_again(
    outcome: ClassOutcome, options: TrainingOptions, observer: TrainingObserver
) -> ClassOutcome:
    """Fit a regression on all texts, with the strength and the temperature that were found.

    Networks with epochs stay as they are: their epochs were chosen by the held-out texts. Texts
    that the user holds out are not learned.
    """
    data = outcome.data
    if outcome.fit.epochs is not None or data.validation is not None:
        return outcome
    observer.stage(f"Final fit on all {len(data.reviews):,} texts")
    # With fixed names: Keras would number the layers of a process.
    import_keras().utils.clear_session()
    start = outcome.start
    own = options if start is not None else replace(options, preset=outcome.preset.name)
    everything = FitData(_weighted(data.reviews, options))
    task = _task(everything, own, observer, start)
    fit = fit_classes(task, outcome.fit.strength, start)
    return replace(
        outcome,
        fit=fit,
        network=sharpened(fit.network, outcome.calibration.scale),
        is_fitted_again=True,
    )


def _with_test(outcome: ClassOutcome) -> ClassOutcome:
    """Measure the final network on the test texts, if there are any."""
    test = outcome.data.test
    if test is None:
        return outcome
    answers = class_probabilities(
        network=outcome.network,
        preset=outcome.preset,
        vocabulary=outcome.fit.vocabulary,
        texts=test.texts,
    )
    numbers = test.labels.astype(np.int64)
    return replace(outcome, test=measure_classes(numbers, answers, outcome.data.class_names))


def sharpened(network: Any, scale: float) -> Any:
    """Make a copy of a network with all logits multiplied; 1 / scale is called the temperature."""
    from toolkit.networks import class_adapted, class_linear
    from toolkit.networks.adapted import calibrated

    last = network.layers[-1]
    if isinstance(last, class_adapted.ClassAdapted):
        return class_adapted.sharpened(network, scale)
    if isinstance(last, class_linear.ClassLinear):
        return class_linear.sharpened(network, scale)
    return calibrated(network, scale, 0.0)


def class_probabilities(
    network: Any, preset: Preset, vocabulary: Vocabulary, texts: pa.ChunkedArray
) -> _Shares:
    """Return the probabilities of texts, (texts, classes) float32."""
    ids = vocabulary.encode(texts, last=preset.max_tokens)
    size = network.output_shape[-1]
    if preset.has_fixed_length:
        rows = ids.padded(preset.max_tokens)
        predicted: _Shares = network.predict(rows, batch_size=_ROWS_AT_ONCE, verbose=0)
        return predicted
    tokens = ids.with_start(preset.max_tokens)
    together = _ROWS_OF_REGRESSION if preset.name == LINEAR else _ROWS_AT_ONCE
    order = np.argsort(tokens.lengths, kind="stable")
    found = np.zeros((len(order), size), np.float32)
    for start in range(0, len(order), together):
        places = order[start : start + together]
        found[places] = np.asarray(network(tokens.padded_rows(places), training=False))
    return found


def _report(outcome: ClassOutcome, observer: TrainingObserver) -> None:
    """Report the classes with the lowest F1, and warn of what makes the figures look too good."""
    found = outcome.validation
    held_out = outcome.fitted.held_out
    measured = [each for each in found.classes if each.support]
    worst = sorted(measured, key=lambda each: each.f1 or 0.0)[:_WORST]
    named = ", ".join(
        f"{quoted_with_comma(each.label)} {each.f1 or 0.0:.1%} ({each.support:,})" for each in worst
    )
    observer.say(f"lowest F1 of the classes (held-out texts): {named}")
    for pair in found.confused(1):
        mistake = f"{pair.label!r} predicted as {pair.called!r}, {pair.count:,} times"
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
    copies = outcome.copies
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
