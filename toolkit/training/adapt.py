"""Adapt a trained network to a user's few labelled reviews, from the start to a run folder.

The logit becomes a · z + b + w · x, where z is the logit of the start and x the words of the
review. The weights are the most probable ones (maximum a posteriori) under normal priors: a around
1, b around the log-odds of the labels, w around 0. So few reviews change only what is frequent in
them. Reviews without labels add words, which learn to predict the start. `adapt_fit` chooses among
candidates by cross-validation.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from toolkit import __version__
from toolkit.classes import DEFAULT_THRESHOLD, is_positive
from toolkit.evaluation.metrics import measure
from toolkit.model import training_facts
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.model.stars import known_tokens, sigmoid
from toolkit.model.training_facts import Adaptation, CandidateScores
from toolkit.training.adapt_fit import (
    UNLABELLED,
    WORDS,
    AdaptedNetwork,
    Candidate,
    Start,
    adapt_network,
    border_of,
    find_start,
    log_odds,
    open_start,
)
from toolkit.training.data import FitData, TrainingSets, count_copies, load_training_data
from toolkit.training.epochs import Checkpoints
from toolkit.training.options import TrainingObserver, TrainingOptions
from toolkit.training.result import (
    Fit,
    HeldOut,
    Outcome,
    Probabilities,
    TrainingResult,
    warn_of_copies,
)
from toolkit.training.reviews import Reviews
from toolkit.training.split import folds_for_few, split_kind
from toolkit.training.tried import Choice
from toolkit.training.write import describe_data, metrics_of, sampled_parts, write_run

_FEW = 200
_FOLDS_OF_FEW = 10
_FOLDS = 5
_SURE = 1.64  # standard errors; a larger gain is reported as sure


def adapt(
    options: TrainingOptions,
    observer: TrainingObserver,
    read: TrainingSets | None = None,
    choice: Choice | None = None,
) -> TrainingResult:
    """Adapt the network that `options.start` names; see `toolkit.training.run.train`.

    `read` are reviews that have been read already; `choice` is how the start was chosen.
    """
    started = time.monotonic()
    found_start = find_start(str(options.start))
    # Wrong labels are reported before Keras is imported.
    read = read or load_training_data(options, observer)
    start = open_start(found_start)
    kind = split_kind(read.reviews, options.split)
    wanted = options.folds or usual_folds(len(read.reviews))
    splits = folds_for_few(reviews=read.reviews, count=wanted, seed=options.seed, kind=kind)
    observer.stage(f"Adapting {start.facts.name}: {len(splits)} folds, split {kind}")
    _warn_of_unknown(start, read.reviews, observer)
    unlabelled = read.reported_for_fit(None, observer).unlabelled
    made = adapt_network(
        start=start,
        reviews=read.reviews,
        splits=splits,
        unlabelled=unlabelled and unlabelled.texts,
    )
    parts = (
        [read.for_fit(split) for split in splits]
        if read.validation is None
        else [FitData(read.reviews, read.validation)]
    )
    found = _outcome(made=made, read=read, split=str(kind), copies=count_copies(parts, read.test))
    found = replace(found, adaptation=_facts(made, len(splits)), choice=choice)
    warn_of_copies(found, observer)
    metrics = metrics_of(found)
    write_run(
        path=options.run,
        config=_config(made, found, options),
        metrics=metrics,
        outcome=found,
        force=options.force,
    )
    if options.force:
        Checkpoints(options).remove()
    seconds = time.monotonic() - started
    return TrainingResult(RunFolder(options.run), metrics, _ending(made), seconds=seconds)


def _warn_of_unknown(start: Start, reviews: Reviews, observer: TrainingObserver) -> None:
    """Warn if the start knows no word of most of the reviews."""
    known = known_tokens(start.vocabulary, reviews.texts, start.max_tokens)
    unknown = int(np.count_nonzero(known == 0))
    if 2 * unknown > len(reviews):
        observer.warning(
            f"{reviews.name}: {start.facts.name} knows no word in {unknown:,} of the "
            f"{len(reviews):,} reviews, so it may be for another language. Train from scratch, "
            "without --from, or adapt another model."
        )


def usual_folds(reviews: int) -> int:
    """Return the number of folds; more when reviews are few: each fit needs nearly all of them."""
    return _FOLDS_OF_FEW if reviews < _FEW else _FOLDS


def _outcome(
    made: AdaptedNetwork, read: TrainingSets, split: str, copies: training_facts.Copies
) -> Outcome:
    reviews = read.reviews
    validation = read.validation
    fit = Fit(
        network=made.network,
        history={},
        vocabulary=made.vocabulary,
        vocabulary_size=made.vocabulary_size,
    )
    if validation is None:
        cross_validated = replace(fit, held_out=_probabilities(made.choice.kept, made.border))
        measured = (FitData(reviews, reviews), cross_validated)
    else:
        found = made.probabilities(validation.texts)
        fit = replace(
            fit, held_out=found, validation=measure(validation.labels, found, DEFAULT_THRESHOLD)
        )
        measured = (FitData(reviews, validation), fit)
        split = "given"
    test = read.test
    held_out = HeldOut.of([measured], made.start.max_tokens)
    of_test = None
    if test is not None:
        of_test = measure(test.labels, made.probabilities(test.texts), DEFAULT_THRESHOLD)
    return Outcome(
        read=read,
        split=split,
        fit=fit,
        data=read.for_fit(),
        copies=copies,
        held_out=held_out,
        test=of_test,
    )


def _probabilities(candidate: Candidate, border: float) -> Probabilities:
    """Return the cross-validated probabilities, moved so that the border becomes 0.5."""
    found: Probabilities = sigmoid(candidate.logits - log_odds(border)).astype("float32")
    return found


def _facts(made: AdaptedNetwork, folds: int) -> Adaptation:
    kept = made.choice.kept
    weights = made.choice.weights
    has_words = kept.name in (UNLABELLED, WORDS)
    weighed = np.flatnonzero(weights.words)
    new = np.count_nonzero(weighed >= made.start.vocabulary.size)
    return Adaptation(
        kept=kept.name,
        candidates=tuple(_scores(made, candidate) for candidate in made.choice.candidates),
        folds=folds,
        scale=weights.scale,
        bias=weights.bias,
        strength=kept.prior.words if kept.name == WORDS and kept.prior else None,
        words=len(weighed) if has_words else None,
        new_words=int(new) if has_words else None,
        border=None if made.border == DEFAULT_THRESHOLD else made.border,
    )


def _scores(made: AdaptedNetwork, candidate: Candidate) -> CandidateScores:
    """Measure a candidate on the reviews that its fits did not see.

    The loss is of the probabilities before the border is moved to 0.5.
    """
    border = border_of(candidate.name, made.start, made.examples)
    labels = is_positive(made.examples.targets).astype("int8")
    found = measure(labels, _probabilities(candidate, border), DEFAULT_THRESHOLD)
    loss = float(candidate.losses(made.examples).mean())
    return CandidateScores(
        name=candidate.name,
        loss=loss,
        accuracy=found.accuracy.value,
        balanced_accuracy=found.balanced_accuracy,
    )


def _config(made: AdaptedNetwork, outcome: Outcome, options: TrainingOptions) -> RunConfig:
    start = made.start
    weights = made.choice.weights
    # With a moved border, the probabilities assume as many reviews of each label.
    balanced = {} if made.border == DEFAULT_THRESHOLD else {"balanced": True}
    return RunConfig(
        preset=start.preset,
        vocabulary_size=made.vocabulary_size,
        max_tokens=start.max_tokens,
        data=replace(describe_data(outcome, options), start=start.facts),
        training={
            "seed": options.seed,
            "split": outcome.split,
            "sample": sampled_parts(outcome, options.seed),
            **balanced,
        },
        # Stars and neutral range are the start's, rescaled like its logits.
        stars=start.stars and start.stars.after(weights.scale, weights.bias),
        neutral=start.neutral and start.neutral.after(weights.scale, weights.bias),
        start_release=start.release,
        token_rule=made.vocabulary.rule.version,
        toolkit_version=__version__,
    )


def _ending(made: AdaptedNetwork) -> str:
    """Return a sentence: which candidate is kept, and whether it helps."""
    first, *_ = made.choice.candidates
    kept = made.choice.kept
    if kept is first:
        return "the model is kept unchanged: no adaptation was clearly better"
    before = first.losses(made.examples)
    after = kept.losses(made.examples)
    gain = before - after
    is_sure = gain.mean() > _SURE * gain.std(ddof=1) / np.sqrt(len(gain))
    helps = "it helps, with" if is_sure else "whether it helps is not sure:"
    line = (
        f"'{kept.name}' is kept: {helps} a cross-validated log loss of {after.mean():.4f} instead "
        f"of {before.mean():.4f}"
    )
    if made.border == DEFAULT_THRESHOLD:
        return line
    return (
        f"{line}. The log-odds of {made.border:g}, the share of positives, are subtracted from "
        "the logit: the decision threshold is 0.5 and finds the rarer label, too (for the "
        f"highest accuracy: toolkit export --threshold {1 - made.border:.4g})"
    )
