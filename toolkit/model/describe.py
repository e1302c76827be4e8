"""Describe a model file, its ids-in twin, a Keras file or a run folder; no network is run.

The facts of a model in words, for `toolkit info`, `toolkit export` and the model cards.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.files import sha256_of
from toolkit.model import facts as export_facts
from toolkit.model import facts as model_facts
from toolkit.model import stars as stars_of_models
from toolkit.model.facts import Adaptation, Metrics
from toolkit.model.file import (
    TEXT,
    TOKEN_IDS,
    ModelFile,
    find_model,
    load_model,
    read_twin,
    token_ids_width,
)
from toolkit.model.onnx import TYPE_NAMES, check_operators, read_onnx
from toolkit.model.run_folder import RunConfig, RunFolder, read_keras_archive
from toolkit.model.typed_json import encode

if TYPE_CHECKING:
    from toolkit.model.onnx import ValueInfoProto


@dataclass(frozen=True)
class Tensor:
    """An input or output of a graph; a size that is not fixed has a name."""

    name: str
    type: str
    shape: tuple[int | str, ...]


@dataclass(frozen=True)
class OnnxDescription:
    """A text-in model, or the ids-in twin of one, which has no `words`."""

    kind: str
    path: Path
    file: ModelFile
    bytes: int
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    fixed_length: bool
    ir_version: int
    opsets: dict[str, int]
    operators: dict[str, dict[str, int]]  # how often, by domain and name
    words: int | None = None


@dataclass(frozen=True)
class KerasDescription:
    """A ``.keras`` file, as its archive says."""

    kind: str
    path: Path
    bytes: int
    sha256: str
    keras_version: str
    saved: str
    layers: tuple[str, ...]


@dataclass(frozen=True)
class RunDescription:
    """A run folder of `toolkit train`."""

    kind: str
    path: Path
    config: RunConfig
    metrics: Metrics


Description = OnnxDescription | KerasDescription | RunDescription


def describe(path: Path | None = None) -> Description:
    """Describe a model, its twin, a ``.keras`` file or a run folder; raises `ModelError`."""
    if path is not None and path.is_dir():
        run = RunFolder(path)
        run.check()
        return RunDescription("run folder", path, run.load_config(), run.load_metrics())
    if path is not None and path.suffix == ".keras":
        return _of_keras(path)
    found = find_model(path)
    graph = read_onnx(found)
    check_operators(graph, found)
    inputs = {value.name for value in graph.graph.input}
    if TOKEN_IDS in inputs and TEXT not in inputs:
        return _of_onnx(read_twin(found), is_twin=True)
    return _of_onnx(load_model(path), is_twin=False)


def json_of(description: Description) -> dict[str, Any]:
    """Give a description as JSON has it: NaN, such as the loss of a failed training, is null."""
    found = {**encode(description), "path": str(description.path)}
    if isinstance(description, OnnxDescription):
        file = description.file
        del found["file"]
        found = {"kind": description.kind, **file.identity(), **file.facts.as_dict(), **found}
    elif isinstance(description, RunDescription):
        name = description.path.resolve().name
        found = {"kind": description.kind, "name": name, **found.pop("config"), **found}
    finite: dict[str, Any] = _finite(found)
    return finite


def _of_onnx(model: ModelFile, *, is_twin: bool) -> OnnxDescription:
    graph = model.graph.graph
    operators: dict[str, Counter[str]] = {}
    for node in graph.node:
        operators.setdefault(_domain(node.domain), Counter())[node.op_type] += 1
    return OnnxDescription(
        kind="ids-in twin" if is_twin else "text-in model",
        path=model.path,
        file=model,
        bytes=model.path.stat().st_size,
        inputs=tuple(map(_tensor, graph.input)),
        outputs=tuple(map(_tensor, graph.output)),
        fixed_length=token_ids_width(model.graph) is not None,
        ir_version=model.graph.ir_version,
        opsets={_domain(entry.domain): entry.version for entry in model.graph.opset_import},
        operators={name: dict(sorted(found.items())) for name, found in operators.items()},
        words=None if is_twin else len(model.vocabulary.words),
    )


def _of_keras(path: Path) -> KerasDescription:
    archive = read_keras_archive(path)
    network = archive.config.get("config")
    layers = network.get("layers") if isinstance(network, dict) else None
    return KerasDescription(
        kind="Keras file",
        path=path,
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
        keras_version=str(archive.metadata.get("keras_version")),
        saved=str(archive.metadata.get("date_saved")),
        layers=tuple(
            str(layer.get("class_name"))
            for layer in (layers if isinstance(layers, list) else [])
            if isinstance(layer, dict)
        ),
    )


def _tensor(value: ValueInfoProto) -> Tensor:
    tensor = value.type.tensor_type
    known = 0 <= tensor.elem_type < len(TYPE_NAMES)
    element = TYPE_NAMES[tensor.elem_type] if known else f"type {tensor.elem_type}"
    shape = (
        dimension.dim_value if dimension.HasField("dim_value") else str(dimension.dim_param or "?")
        for dimension in tensor.shape.dim
    )
    return Tensor(str(value.name), element, tuple(shape))


def _domain(name: str) -> str:
    return str(name or "ai.onnx")


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value


Row = tuple[str, str]  # a name and what to say of it
_MAJORITY = "majority baseline"


def megabytes(size: int) -> str:
    """Such as ``1.25 MB``, of 1,000,000 bytes each."""
    return f"{size / 1e6:.2f} MB"


def data_rows(data: model_facts.TrainingData) -> Iterator[Row]:
    """Say what a model was trained on, one row for each source."""
    fitted = "" if data.fitted in (None, data.reviews) else f"{data.fitted:,} of "
    held_out = () if not data.held_out else (f"{data.held_out:,} held out",)
    kind = "trained on"
    if (start := data.start) is not None:
        version = "" if start.version is None else f"version {start.version}, "
        hashed = f"SHA-256 {start.sha256[:16]}…"
        yield "adapted from", f"{start.name} ({start.preset}, {version}{hashed})"
        kind = "adapted to"
    yield kind, fitted + _source(data, "labelled reviews", *held_out)
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
        yield "tested on", _source(data.test, "reviews")


def metric_rows(metrics: model_facts.Metrics) -> Iterator[Row]:
    """Say how accurate a model is, as far as that was measured."""
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
        yield "held out", _scores(scores) + epoch + split
    if metrics.test is not None:
        yield "test", _scores(metrics.test)
    if metrics.parameters is not None:
        yield "parameters", f"{metrics.parameters:,}"


def calibration_line(calibration: model_facts.Calibration | None) -> str:
    """Say how the logits were changed, and how far the probabilities are off."""
    if calibration is None:
        return "none"
    name = "calibration error" if calibration.by_probability else "calibration error by confidence"
    fitted_on = f"{_number(calibration.fitted_on)} held-out reviews"
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


def star_rows(
    stars: stars_of_models.StarScale | None, neutral: stars_of_models.NeutralRange | None
) -> Iterator[Row]:
    """Say how good the stars and the neutral range are, where a model has them."""
    if stars is not None:
        line = "1 to 5, by the scale of the start"
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


def threshold_line(threshold: float, choice: export_facts.ThresholdChoice) -> str:
    """Say what the threshold is, how it was chosen, and what it reaches."""
    line, reached = f"{threshold} ({choice.chosen})", choice.validation
    if reached is None:
        return line
    measures = ("precision", reached.precision), ("recall", reached.recall), ("F1", reached.f1)
    shares = [f"{name} {value:.2%}" for name, value in measures if value is not None]
    if reached.accuracy is not None:
        shares.insert(0, _accuracy(reached))
    after = " after calibration on the same reviews" if reached.is_calibrated else ""
    return f"{line}: {', '.join(shares)} on {reached.reviews:,} held-out reviews{after}"


def quantization_line(cost: export_facts.QuantizationCost) -> str:
    """Say what fewer bits save and cost."""
    return (
        f"{cost.weights}: {megabytes(cost.bytes)} instead of {megabytes(cost.bytes_before)}; "
        f"{cost.label_flips:,} of {cost.reviews:,} labelled reviews ({cost.source}) get another "
        f"label, accuracy {cost.accuracy:.2%} instead of {cost.accuracy_before:.2%}"
    )


def parity_line(model: model_facts.ModelFacts) -> str:
    """Say how far the executions are from Keras."""
    parity = model.parity
    if parity is None:
        return "not recorded"
    return (
        f"with Keras on {parity.reviews:,} reviews and {parity.edge_texts:,} edge texts: largest "
        f"difference {parity.largest_difference:.1e}, {parity.label_flips:,} label flips"
        f"{', before quantization' if model.quantization else ''}"
    )


def _adaptation(found: Adaptation) -> Iterator[Row]:
    """Compare the candidates, and say what was kept."""
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


def _source(source: model_facts.ReviewSource, kind: str, *details: str) -> str:
    counts = {
        f"of {_number(source.reviews)} positive": source.positive,
        "soft labels": source.soft_labels,
        "left out": source.left_out,
    }
    return _sentence(f"{_number(source.reviews)} {kind}", source, counts, *details)


def _sentence(
    what: str,
    source: model_facts.ReviewSource | model_facts.TeacherSource,
    counts: dict[str, int | None],
    *more: str,
) -> str:
    details = [f"{value:,} {name}" for name, value in counts.items() if value is not None]
    details += more
    if source.sha256 is not None:
        details.append(f"SHA-256 {source.sha256[:16]}…")
    line = f"{what}, {source.source or 'source unknown'}"
    return f"{line} ({', '.join(details)})" if details else line


def _scores(scores: model_facts.Scores) -> str:
    loss = _number(scores.loss, ".4f")
    line = f"{_accuracy(scores)}, loss {loss} on {_number(scores.reviews)} reviews"
    return line if scores.threshold is None else f"{line}, threshold {scores.threshold}"


def _accuracy(found: model_facts.Scores | export_facts.ThresholdReached) -> str:
    more = (("balanced", found.balanced_accuracy), (_MAJORITY, found.majority_accuracy))
    shares = [f"{name} {value:.2%}" for name, value in more if value is not None]
    line = f"accuracy {_number(found.accuracy, '.2%')}"
    return f"{line} ({', '.join(shares)})" if shares else line


def _number(value: float | None, form: str = ",") -> str:
    return "?" if value is None else format(value, form)
