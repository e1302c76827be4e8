"""Describe a model file or a run folder in words and as JSON, without running its network.

Used by `toolkit info`, `toolkit export` and the model cards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.model import find_model
from toolkit.model.agreement import check_agreement, check_twin
from toolkit.model.facts import ModelFacts
from toolkit.model.file import TEXT, TOKEN_IDS, ModelFile, load_model, read_twin, token_ids_width
from toolkit.model.onnx import TYPE_NAMES, read_onnx
from toolkit.model.opened import classifier_files
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.model.stars import NeutralRange, StarScale
from toolkit.model.training_facts import (
    PARTS,
    Adaptation,
    Behaviour,
    Calibration,
    ReviewSource,
    RunMetrics,
    Scores,
    TeacherSource,
    ThresholdChoice,
    ThresholdReached,
    TrainingData,
)
from toolkit.model.typed_json import encode
from toolkit.records.class_labels import listed_labels
from toolkit.records.json_encode import without_infinity

if TYPE_CHECKING:
    from toolkit.model.folder import ClassifierFolder
    from toolkit.model.folder_files import FolderFiles
    from toolkit.model.onnx import ValueInfoProto

Fact = tuple[str, str]  # a name and a sentence
REVIEWS = "reviews"
TEXTS = "texts"  # of a model of classes
_LABELS_SHOWN = 40
_MAJORITY = "majority baseline"
_BEHAVIOUR = (
    "Measured on the toolkit's own sentences. First, the share with the right label, by topic. "
    "Then the spread (the largest minus the smallest probability) in sets of sentences that "
    "should get the same label, as they differ only in who a person is, or in spelling and "
    "layout."
)


# Of a classifier folder: what scoring adds, by the name of `toolkit.model.folder_labels.Meaning`.
_ANSWERS_OF = {
    "SENTIMENT": "negative or positive, with the probability of positive",
    "STARS": "negative or positive; with --stars, 1 to 5 stars",
    "CLASSES": "one of the labels, with its probability",
}


def megabytes(size: int) -> str:
    """Write a size in MB of 1,000,000 bytes, such as ``1.25 MB``."""
    return f"{size / 1e6:.2f} MB"


def data_rows(data: TrainingData) -> Iterator[Fact]:
    """Describe the training data of a model, one fact per source."""
    fitted = "" if data.fitted in (None, data.reviews) else f"{data.fitted:,} of "
    held_out = () if not data.held_out else (f"{data.held_out:,} held out",)
    kind = "trained on"
    noun = REVIEWS if data.classes is None else TEXTS
    if (start := data.start) is not None:
        version = "" if start.version is None else f"version {start.version}, "
        hashed = f"SHA-256 {start.sha256[:16]}…"
        licence = "" if start.licence is None else f", licence {start.licence}"
        yield "adapted from", f"{start.name} ({start.preset}, {version}{hashed}{licence})"
        kind = "adapted to"
    yield kind, fitted + _source(data, f"labelled {noun}", *held_out)
    if data.unlabelled is not None:
        yield "and on", _source(data.unlabelled, "unlabelled reviews")
    for teacher in data.teachers or ():
        rows = f"{_number(teacher.rows)} probabilities of another model"
        counts = {
            "for labelled reviews": teacher.labelled,
            "for unlabelled reviews": teacher.unlabelled,
        }
        yield "teacher", _sentence(rows, teacher, counts)
    if data.test is not None:
        yield "tested on", _source(data.test, noun)


def metric_rows(metrics: RunMetrics, noun: str = REVIEWS) -> Iterator[Fact]:
    """Describe the measured accuracy of a model; `noun` names what it was measured on."""
    if (folds := metrics.folds) is not None:
        count = f"{len(folds.each)} folds, " if folds.each else ""
        more = [("balanced", folds.balanced_accuracy), (_MAJORITY, folds.majority_accuracy)]
        shares = [f"{name} {value.mean:.2%}" for name, value in more if value is not None]
        line = f"accuracy {folds.accuracy.mean:.2%} ± {100 * folds.accuracy.deviation:.2f} points"
        line += f" ({', '.join(shares)})" if shares else ""
        loss = f"loss {folds.loss.mean:.4f} ± {folds.loss.deviation:.4f}"
        yield "cross-validated", f"{line}, {loss}; {count}split {folds.split or 'unknown'}"
    if metrics.adaptation is not None:
        yield from _adaptation(metrics.adaptation)
    if (scores := metrics.validation) is not None:
        epoch = "" if scores.epoch is None else f", epoch {scores.epoch}"
        split = "" if scores.split is None else f", split {scores.split}"
        yield "held out", _scores(scores, noun) + epoch + split
    if metrics.test is not None:
        yield "test", _scores(metrics.test, noun)
    if metrics.unsure is not None:
        share = f"{metrics.unsure:.1%} of the probabilities"
        yield "unsure", f"{share} of held-out reviews are between 0.25 and 0.75"
    if metrics.parameters is not None:
        yield "parameters", f"{metrics.parameters:,}"


def behaviour_rows(found: Behaviour | None, *, by_who: bool = False) -> Iterator[Fact]:
    """Describe the results on the toolkit's own sentences, one fact per kind of sentence.

    `by_who` adds one fact per characteristic of a person, such as nationality.
    """
    if found is None:
        return
    for each in found.phenomena:
        yield each.name, f"{each.right / each.sentences:.0%} of {each.sentences} sentences right"
    for part, title in PARTS.items():
        own = {title.lower(): [each for each in found.same if each.part == part]}
        if by_who and part != "form":
            own |= {title.replace("Who", each.name): [each] for each in own[title.lower()]}
        for name, some in own.items():
            if sets := sum(each.sets for each in some):
                spread = sum(each.sets * each.mean_spread for each in some) / sets
                other = sum(each.sets * each.other_label for each in some) / sets
                yield name, f"spread {spread:.2f}, {other:.0%} of {sets} sets with both labels"


def behaviour_table(found: Behaviour | None) -> str:
    """Return `behaviour_rows` as a section of a model card; empty if nothing was measured."""
    shown = ((name.replace("|", "\\|"), line) for name, line in behaviour_rows(found, by_who=True))
    rows = "\n".join(f"| {name} | {line} |" for name, line in shown)
    return rows and f"\n## Behaviour\n\n{_BEHAVIOUR}\n\n| sentences | |\n|---|---|\n{rows}\n"


def _behaviour_lines(found: Behaviour | None) -> Iterator[Fact]:
    if found is not None and found.phenomena:
        hardest = sorted(found.phenomena, key=lambda each: each.right / each.sentences)[:3]
        names = ", ".join(f"{each.name} {each.right / each.sentences:.0%}" for each in hardest)
        right = sum(each.right for each in found.phenomena)
        total = sum(each.sentences for each in found.phenomena)
        share = f"{right / total:.1%} of {total:,} own sentences right"
        yield "behaviour", f"{share}; fewest: {names}"
        rows = [*behaviour_rows(found)][len(found.phenomena) :]
        if rows:
            yield "steadiness", "; ".join(f"{name}: {line}" for name, line in rows)


def calibration_line(calibration: Calibration | None, noun: str = REVIEWS) -> str:
    """Describe how the logits were changed, and the calibration error, measured on `noun`."""
    if calibration is None:
        return "none"
    name = "calibration error" if calibration.by_probability else "calibration error by confidence"
    fitted_on = f"{_number(calibration.fitted_on)} held-out {noun}"
    if not calibration.is_changed:
        error = calibration.error
        line = calibration.note or "none"
        return line if error is None else f"{line} ({name} {error:.4f} on {fitted_on})"
    line = f"logit · {calibration.scale:.3f} {calibration.bias:+.3f}"
    if calibration.fitted_on is not None:
        line += f", fitted on {fitted_on}"
    errors = ((calibration.error, ""), (calibration.error_before, " before"))
    figures = [f"{error:.4f}{when}" for error, when in errors if error is not None]
    if figures:
        line += f", {name} {', '.join(figures)}"
    return line if calibration.note is None else f"{line}; {calibration.note}"


def star_rows(stars: StarScale | None, neutral: NeutralRange | None) -> Iterator[Fact]:
    """Describe the quality of the stars and of the neutral range, if the model has them."""
    if stars is not None:
        line = "1 to 5, with the scale of the model it was adapted from"
        if stars.mean_error is not None:
            line = (
                f"1 to 5, fitted on {_number(stars.fitted_on)} held-out reviews: "
                f"{_number(stars.exact, '.1%')} exact, {_number(stars.within_one, '.1%')} within "
                f"one, mean error {stars.mean_error:.2f}"
            )
        yield "stars", line
    if neutral is not None:
        line = f"from {neutral.low:g} to below {neutral.high:g}"
        if neutral.macro_f1 is not None:
            line += (
                f", fitted on {_number(neutral.fitted_on)} held-out reviews, "
                f"{_number(neutral.neutral)} of them neutral: macro F1 of three classes "
                f"{neutral.macro_f1:.3f} ({_number(neutral.macro_f1_of_fixed, '.3f')} with 0.4 to "
                "0.6)"
            )
        yield "neutral", line


def threshold_line(threshold: float, choice: ThresholdChoice) -> str:
    """Describe the threshold, how it was chosen, and its measured accuracy."""
    line = f"{threshold} ({choice.chosen})"
    reached = choice.validation
    if reached is None:
        return line
    measures = ("precision", reached.precision), ("recall", reached.recall), ("F1", reached.f1)
    shares = [f"{name} {value:.2%}" for name, value in measures if value is not None]
    if reached.accuracy is not None:
        shares.insert(0, _accuracy(reached))
    after = " after calibration on the same reviews" if reached.is_calibrated else ""
    return f"{line}: {', '.join(shares)} on {reached.reviews:,} held-out reviews{after}"


def parity_line(model: ModelFacts) -> str:
    """Describe how far the exported model is from Keras."""
    parity = model.parity
    if parity is None:
        return "not recorded"
    noun = TEXTS if model.has_classes else REVIEWS
    return (
        f"with Keras on {parity.reviews:,} {noun} and {parity.edge_texts:,} edge texts: largest "
        f"difference {parity.largest_difference:.1e}, {parity.label_flips:,} label flips"
    )


def _adaptation(found: Adaptation) -> Iterator[Fact]:
    """Describe the candidates, and which one was kept."""
    for candidate in found.candidates:
        more = candidate.balanced_accuracy
        balanced = "" if more is None else f" (balanced {more:.2%})"
        kept = "; kept" if candidate.name == found.kept else ""
        line = f"loss {candidate.loss:.4f}, accuracy {candidate.accuracy:.2%}{balanced}"
        yield candidate.name, f"{line}, cross-validated in {found.folds} folds{kept}"
    line = f"logit · {found.scale:.3f} {found.bias:+.3f}"
    if found.words is not None:
        line += f", and weights of {found.words:,} words, {_number(found.new_words)} of them new"
    yield "change", line
    if found.border is not None:
        yield (
            "threshold",
            f"0.5: the log-odds of the share of positives, {found.border:g}, are subtracted "
            "from the logit, so probabilities are as if both labels were equally frequent",
        )


def _source(source: ReviewSource, kind: str, *details: str) -> str:
    counts = {
        f"of {_number(source.reviews)} positive": source.positive,
        "soft labels": source.soft_labels,
        "left out": source.left_out,
        "classes": None if source.classes is None else len(source.classes),
    }
    return _sentence(f"{_number(source.reviews)} {kind}", source, counts, *details)


def _sentence(
    what: str, source: ReviewSource | TeacherSource, counts: dict[str, int | None], *more: str
) -> str:
    details = [f"{value:,} {name}" for name, value in counts.items() if value is not None]
    details += more
    if source.sha256 is not None:
        details.append(f"SHA-256 {source.sha256[:16]}…")
    line = f"{what}, {source.source or 'source unknown'}"
    return f"{line} ({', '.join(details)})" if details else line


def _scores(scores: Scores, noun: str) -> str:
    loss = _number(scores.loss, ".4f")
    line = f"{_accuracy(scores)}, loss {loss} on {_number(scores.reviews)} {noun}"
    return line if scores.threshold is None else f"{line}, threshold {scores.threshold}"


def _accuracy(found: Scores | ThresholdReached) -> str:
    macro_f1 = found.macro_f1 if isinstance(found, Scores) else None
    more = (
        ("balanced", found.balanced_accuracy),
        ("macro F1", macro_f1),
        (_MAJORITY, found.majority_accuracy),
    )
    shares = [f"{name} {value:.2%}" for name, value in more if value is not None]
    line = f"accuracy {_number(found.accuracy, '.2%')}"
    return f"{line} ({', '.join(shares)})" if shares else line


def _number(value: float | None, form: str = ",") -> str:
    return "?" if value is None else format(value, form)


@dataclass(frozen=True)
class Tensor:
    """An input or output of a graph."""

    name: str
    type: str
    shape: tuple[int | str, ...]  # a size that is not fixed is a name


@dataclass(frozen=True)
class OnnxDescription:
    """A text-in model, or an ids-in twin, which has no `words`."""

    kind: str
    path: Path
    file: ModelFile
    bytes: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    fixed_length: bool
    words: int | None = None


@dataclass(frozen=True)
class RunDescription:
    """A run folder of `toolkit train`."""

    kind: str
    path: Path
    config: RunConfig
    metrics: RunMetrics


@dataclass(frozen=True)
class FolderDescription:
    """A classifier folder, loaded."""

    kind: str
    path: Path
    folder: ClassifierFolder
    bytes: int  # of the network


Description = OnnxDescription | RunDescription | FolderDescription


def describe(path: Path | None = None) -> Description:
    """Read the description of a model, a twin or a folder; raise `ModelError` if it is bad."""
    if (files := classifier_files(path)) is not None:
        return _of_folder(files)
    if path is not None and path.is_dir():
        run = RunFolder(path)
        run.check()
        return RunDescription(
            kind="run folder", path=path, config=run.load_config(), metrics=run.load_metrics()
        )
    found = find_model(path)
    graph = read_onnx(found)
    inputs = {value.name for value in graph.graph.input}
    if TOKEN_IDS in inputs and TEXT not in inputs:
        twin = read_twin(found)
        check_twin(twin)
        return _of_onnx(twin, is_twin=True)
    model = load_model(path)
    check_agreement(model)
    return _of_onnx(model, is_twin=False)


def json_of(description: Description) -> dict[str, Any]:
    """Return a description as JSON values; NaN, such as the loss of a failed training, is None."""
    is_folder = isinstance(description, FolderDescription)
    found = {} if is_folder else {**encode(description), "path": str(description.path)}
    if isinstance(description, OnnxDescription):
        file = description.file
        del found["file"]
        identity = file.identity()
        facts = {**file.facts.as_dict(), "threshold": identity["threshold"]}
        found = {"kind": description.kind, **identity, **facts, **found}
    elif isinstance(description, FolderDescription):
        found = _json_of_folder(description)
    elif isinstance(description, RunDescription):
        name = description.path.resolve().name
        found = {"kind": description.kind, "name": name, **found.pop("config"), **found}
    finite: dict[str, Any] = without_infinity(found)
    return finite


def _of_folder(files: FolderFiles) -> FolderDescription:
    from toolkit.model.folder import ClassifierFolder  # late: few models are folders

    folder = ClassifierFolder.read(files)
    folder.check()
    return FolderDescription(
        kind="classifier folder", path=files.folder, folder=folder, bytes=folder.network.bytes
    )


def _json_of_folder(description: FolderDescription) -> dict[str, Any]:
    folder = description.folder
    return {
        "kind": description.kind,
        **folder.identity(),
        "path": str(description.path),
        "network": str(folder.path),
        "bytes": description.bytes,
        "pieces": folder.pieces.size,
        "max_tokens": folder.facts.max_tokens,
        "reads": "end" if folder.reads_end else "start",
        "has_stars": folder.has_stars,
        "labels_are_exclusive": folder.labels.are_exclusive,
        "one_by_one": folder.network.one_by_one,
    }


def _rows_of_folder(description: FolderDescription) -> Iterator[Fact]:
    folder = description.folder
    facts = folder.facts
    yield "network", f"{folder.path.relative_to(description.path)}, {megabytes(description.bytes)}"
    yield "SHA-256", f"{folder.sha256} (of all files)"
    yield "type", facts.preset
    yield "labels", listed_labels(folder.labels.names, _LABELS_SHOWN)
    yield "answers", _ANSWERS_OF[folder.labels.meaning.name]
    if not folder.labels.are_exclusive:
        yield "probabilities", "one for each label, which need not add up to 1"
    end = "last" if folder.reads_end else "first"
    yield "reads", f"the {end} {facts.max_tokens:,} tokens of a text; {folder.pieces.size:,} pieces"
    if folder.network.one_by_one:
        yield "batches", "texts are run one by one, as a batch would change their answers"
    yield "written by", facts.version


def _of_onnx(model: ModelFile, *, is_twin: bool) -> OnnxDescription:
    graph = model.graph.graph
    return OnnxDescription(
        kind="ids-in twin" if is_twin else "text-in model",
        path=model.path,
        file=model,
        bytes=model.path.stat().st_size,
        inputs=tuple(map(_tensor_of, graph.input)),
        outputs=tuple(map(_tensor_of, graph.output)),
        fixed_length=token_ids_width(model.graph) is not None,
        words=None if is_twin else len(model.vocabulary.words),
    )


def _tensor_of(value: ValueInfoProto) -> Tensor:
    tensor = value.type.tensor_type
    known = 0 <= tensor.elem_type < len(TYPE_NAMES)
    element = TYPE_NAMES[tensor.elem_type] if known else f"type {tensor.elem_type}"
    shape = (
        dimension.dim_value if dimension.HasField("dim_value") else str(dimension.dim_param or "?")
        for dimension in tensor.shape.dim
    )
    return Tensor(str(value.name), element, tuple(shape))


def next_step(description: Description) -> str:
    """Return the next command to run, or how to use a twin."""
    if isinstance(description, FolderDescription):
        return f"Next: toolkit score reviews.csv --model {description.path}"
    if isinstance(description, RunDescription):
        return f"Next: toolkit export {description.path}"
    if description.words is None:
        return (
            "This file takes token ids, for builds without string operators. Use the text-in "
            "model with `toolkit score`."
        )
    data = "texts.csv" if description.file.facts.has_classes else "reviews.csv"
    return f"Next: toolkit score {data} --model {description.path}"


def rows_of(description: Description) -> Iterator[Fact]:
    """Return all facts of a description in words."""
    if isinstance(description, FolderDescription):
        yield from _rows_of_folder(description)
        return
    if isinstance(description, RunDescription):
        config = description.config
        yield "preset", config.preset
        if config.classes is not None:
            yield "labels", listed_labels(config.classes, _LABELS_SHOWN)
        noun = "review" if config.classes is None else "text"
        yield "reads", _reads(config.max_tokens, config.vocabulary_size, noun)
        yield from _training(config, description.metrics)
        if config.threshold is not None:
            yield "threshold", str(config.threshold)
        yield "written by", _version(config.toolkit_version)
    else:
        yield from _model(description)


def _model(description: OnnxDescription) -> Iterator[Fact]:
    facts = description.file.facts
    yield "size", megabytes(description.bytes)
    yield "SHA-256", description.file.sha256
    yield from facts.release.rows()
    yield "preset", facts.preset
    yield "inputs", "; ".join(map(_tensor, description.inputs))
    yield "outputs", "; ".join(map(_tensor, description.outputs))
    yield "labels", listed_labels(facts.labels, _LABELS_SHOWN)
    length = "" if description.fixed_length else ", rows of any length up to that"
    words = "" if description.words is None else f", {description.words:,} words"
    noun = "text" if facts.has_classes else "review"
    yield "reads", _reads(facts.max_tokens, facts.vocabulary_size, noun, length) + words
    yield from _training(facts, facts.metrics)
    if not facts.has_classes:
        yield "threshold", threshold_line(facts.threshold, facts.threshold_choice)
    yield "parity", parity_line(facts)
    yield "format", f"version {facts.format_version}"
    yield "written by", _version(facts.toolkit_version)


def _training(facts: RunConfig | ModelFacts, metrics: RunMetrics) -> Iterator[Fact]:
    """Describe the training data and the quality of a network."""
    noun = REVIEWS if facts.data.classes is None else TEXTS
    yield from data_rows(facts.data)
    yield from metric_rows(metrics, noun)
    yield from _behaviour_lines(metrics.behaviour)
    if metrics.adaptation is None:  # adapting has a scale and bias of its own
        yield "calibration", calibration_line(facts.calibration, noun)
    yield from star_rows(facts.stars, facts.neutral)


def _tensor(tensor: Tensor) -> str:
    return f"{tensor.name}: {tensor.type}[{', '.join(map(str, tensor.shape))}]"


def _reads(max_tokens: int, vocabulary_size: int, noun: str, length: str = "") -> str:
    return f"the last {max_tokens:,} tokens of a {noun}{length}; {vocabulary_size:,} token ids"


def _version(version: str) -> str:
    return f"toolkit {version or 'of an unknown version'}"
