"""Run folder → model file with its twin, vocabulary and token table, after the proof of parity."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import toolkit
from toolkit.classes import SENTIMENT
from toolkit.errors import ParityError, UsageError
from toolkit.evaluation.behaviour import behaviour_of
from toolkit.export.class_parity import compare_classes
from toolkit.export.convert import (
    ModelPair,
    check_parity,
    compare,
    convert,
)
from toolkit.export.golden import golden_vectors
from toolkit.export.threshold import Threshold, choose_threshold, load_texts
from toolkit.export.twin import TOKENS_ENDING, TWIN_ENDING, token_table
from toolkit.files import atomic_files, check_output, is_a_file, temporary_folder
from toolkit.model.facts import CLASSES_VERSION, FORMAT_VERSION, ModelFacts
from toolkit.model.file import ModelFile
from toolkit.model.release import Release
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.model.scorer import Scorer
from toolkit.model.training_facts import Parity, RunMetrics
from toolkit.networks.network_files import load_keras
from toolkit.stores.paths import path_of
from toolkit.text.vocabulary import Vocabulary

_GOLDEN = ".golden.jsonl"
_FEW_REVIEWS = 1000


@dataclass(frozen=True)
class ExportResult:
    """The written files, the proof of parity, the threshold, and notes for the user."""

    model: Path
    twin: Path
    vocabulary: Path
    parity: Parity
    threshold: Threshold
    golden: Path | None = None
    notes: list[str] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)  # written besides
    tokens: Path | None = None  # what makes ids of texts
    has_classes: bool = False  # and so no threshold


def export(
    run: str | Path,
    output: str | Path | None = None,
    *,
    force: bool = False,
    threshold: float | None = None,
    optimize: str | None = None,
    golden: bool = False,
    release: Release | None = None,
) -> ExportResult:
    """Export the model of a run folder; the files appear only if parity holds.

    Parameters
    ----------
    run : str | Path
        Run folder of `toolkit train`.
    output : str | Path | None
        The model file to write, ``NAME.onnx``; ``NAME.ids.onnx``, ``NAME.vocabulary.txt`` and
        ``NAME.tokens.json`` are written beside it. By default named after the preset, in the run
        folder.
    force : bool
        Replace existing files.
    threshold : float | None
        Probability from which a review counts as positive; by default 0.5.
    optimize : str | None
        Choose the threshold on the held-out reviews of the run: `accuracy`, `balanced`, `f1`, or
        such as `precision=0.95` or `recall=0.9`.
    golden : bool
        Also write ``NAME.golden.jsonl``, the outputs for some 200 texts; see
        `toolkit.export.golden`.
    release : Release | None
        What the files say of the release: version, licences, what may be done with it. By
        default, the model is named after its file.

    Returns
    -------
    ExportResult
        The written files and the proof of parity, which is also in their metadata.

    Raises
    ------
    ModelError
        If the run folder is incomplete or damaged.
    ParityError
        If Keras and ONNX disagree; nothing is written then.
    UsageError
        If an output exists (without ``force``) or cannot be written, or no such threshold can
        be chosen.
    """
    folder = RunFolder(path_of(run))
    folder.check()
    config = folder.load_config()
    files = _Files.beside(path_of(output or folder.path / f"{config.preset}.onnx"), golden=golden)
    for path in files.all():
        check_output(path, force=force)
    if config.classes is None:
        chosen = choose_threshold(folder, config, given=threshold, optimize=optimize)
    else:
        chosen = _no_threshold(threshold, optimize)
    proven = _convert_and_prove(
        folder, config, threshold=chosen, release=(release or Release()).named(files.name)
    )
    _write(files, proven, force=force)
    notes = [*proven.notes]
    if not golden and is_a_file(old := files.model.with_suffix(_GOLDEN)):
        notes.append(
            f"{old} was written for an earlier model. Write it again with --golden, or remove it."
        )
    return ExportResult(
        model=files.model,
        twin=files.twin,
        vocabulary=files.vocabulary,
        parity=proven.parity,
        threshold=chosen,
        golden=files.golden,
        tokens=files.tokens,
        has_classes=proven.models.facts.has_classes,
        notes=[*notes, *_notes(proven.parity, proven.models.facts)],
    )


@dataclass(frozen=True)
class _Files:
    """The files to write."""

    model: Path
    twin: Path
    vocabulary: Path
    tokens: Path
    golden: Path | None

    @classmethod
    def beside(cls, model: Path, *, golden: bool) -> _Files:
        """Name the files after the model; raise `UsageError` if its name does not end in .onnx."""
        if model.suffix != ".onnx":
            raise UsageError(f"{model}: expected a file name that ends in .onnx")
        if model.name.endswith(TWIN_ENDING):
            raise UsageError(
                f"{model}: this ending is for twins. Name the model NAME.onnx; its twin is "
                "written beside it."
            )
        return cls(
            model=model,
            twin=model.with_suffix(TWIN_ENDING),
            vocabulary=model.with_suffix(".vocabulary.txt"),
            tokens=model.with_suffix(TOKENS_ENDING),
            golden=model.with_suffix(_GOLDEN) if golden else None,
        )

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.model.stem

    def all(self) -> list[Path]:
        """Return all files, the golden vectors last if they are wanted."""
        found = [self.model, self.twin, self.vocabulary, self.tokens]
        return found if self.golden is None else [*found, self.golden]


@dataclass(frozen=True)
class _Proven:
    """Models that agree with the Keras network that they were converted from."""

    models: ModelPair
    network: Any  # of Keras
    vocabulary: Vocabulary
    parity: Parity
    notes: list[str]  # of the conversion and the release


def _convert_and_prove(
    folder: RunFolder, config: RunConfig, threshold: Threshold, release: Release
) -> _Proven:
    """Convert the network of a run, and compare the models with it; raise as `export`."""
    vocabulary = folder.load_vocabulary(config)
    sample = load_texts(folder.sample, has_classes=config.classes is not None)
    reviews = [text for text in sample.to_pylist() if text]
    if not reviews:
        raise ParityError(
            f"{folder.sample}: has no reviews to compare Keras and ONNX on. Train again"
        )
    network = load_keras(folder.model)
    converted = convert(network, config.max_tokens)
    notes = [*converted.notes]
    if (start := config.start_release) is not None:
        release = release.with_sources_of(start)
        notes += _note_of_sources(start)
    facts = replace(_facts(config, folder, threshold), release=release)
    models = ModelPair.of(converted.model, vocabulary, facts)
    with temporary_folder() as unproven:
        text_in, ids_in = models.save(unproven / "text.onnx", unproven / "ids.onnx")
        parity, metrics = _compared(network, text_in, ids_in=ids_in, reviews=reviews, facts=facts)
    models = models.with_facts(replace(models.facts, parity=parity, metrics=metrics))
    return _Proven(
        models=models, network=network, vocabulary=vocabulary, parity=parity, notes=notes
    )


def _write(files: _Files, proven: _Proven, *, force: bool) -> None:
    """Write all files, or none."""
    models = proven.models
    with atomic_files(*files.all(), force=force) as (text_in, ids_in, words, table, *vectors):
        models.save(text_in, ids_in)
        proven.vocabulary.save(words)
        table.write_text(token_table(models.facts, proven.vocabulary), encoding="ascii")
        for path in vectors:
            made = ModelFile(files.model, models.text_in, models.facts)
            content = golden_vectors({files.name: (made, proven.network)})
            path.write_text(content, encoding="utf-8")


def _no_threshold(threshold: float | None, optimize: str | None) -> Threshold:
    """Raise `UsageError` if a threshold is wanted for a model of classes, which has none."""
    given = {"--threshold": threshold is not None, "--optimize": optimize is not None}
    if useless := [option for option, is_given in given.items() if is_given]:
        raise UsageError(
            f"{', '.join(useless)}: a model of classes has no threshold: its label is the most "
            "likely class. Leave this out; toolkit score has --min-probability."
        )
    return Threshold()


def _compared(
    network: Any, text_in: Path, ids_in: Path, reviews: list[str], facts: ModelFacts
) -> tuple[Parity, RunMetrics]:
    """Compare the executions, and measure the behaviour; `ParityError` if they disagree."""
    if facts.has_classes:
        parity = compare_classes(network, text_in, ids_in=ids_in, texts=reviews)
        check_parity(parity)
        return parity, facts.metrics
    parity = compare(network, text_in, ids_in=ids_in, reviews=reviews)
    check_parity(parity)
    return parity, replace(facts.metrics, behaviour=behaviour_of(Scorer(text_in)))


def _note_of_sources(start: Release) -> list[str]:
    """Return a note that an adapted model has learned from more than the user's reviews."""
    sources = dict(start.rows()).get("data sets")
    if sources is None:
        return []
    return [
        f"It was adapted from {start.model_name or 'a model'}, so the file also lists the data "
        f"sets of that model, with their terms: {sources}."
    ]


def _notes(parity: Parity, facts: ModelFacts) -> list[str]:
    notes = []
    neutral = facts.neutral
    if neutral is not None and not neutral.low <= facts.threshold <= neutral.high:
        notes.append(
            f"The neutral range, {neutral.low:g} to {neutral.high:g}, does not contain the "
            "threshold, so `toolkit score --neutral` will not work with this model. "
            "--neutral-range will."
        )
    if parity.reviews < _FEW_REVIEWS:
        notes.append(
            f"Keras and ONNX were compared on {parity.reviews} reviews only; 1,000 or more are "
            "better. Train with --test-data to add reviews."
        )
    return notes


def _facts(config: RunConfig, folder: RunFolder, threshold: Threshold) -> ModelFacts:
    return ModelFacts(
        preset=config.preset,
        labels=config.classes or SENTIMENT,
        format_version=FORMAT_VERSION if config.classes is None else CLASSES_VERSION,
        threshold=threshold.value,
        max_tokens=config.max_tokens,
        vocabulary_size=config.vocabulary_size,
        data=config.data,
        metrics=folder.load_metrics(),
        parity=None,
        toolkit_version=toolkit.__version__,
        calibration=config.calibration,
        stars=config.stars,
        neutral=config.neutral,
        threshold_choice=threshold.choice,
        token_rule=config.token_rule,
    )
