"""Run folder → model file, its twin, vocabulary and golden vectors, with the proof of parity."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow.parquet as pq

import toolkit
from toolkit.errors import ModelError, ParityError, UsageError
from toolkit.export.assemble import ModelPair
from toolkit.export.cost import Judge, Quantization, QuantizationCost
from toolkit.export.golden import Subject, golden_vectors
from toolkit.export.network import convert, load_keras
from toolkit.export.parity import ParityReport, compare, compare_graphs
from toolkit.export.quantize import quantize
from toolkit.export.threshold import Threshold, choose_threshold
from toolkit.files import atomic_files, check_output
from toolkit.model.file import ModelFacts, ModelFile
from toolkit.model.run_folder import LABELS, RunConfig, RunFolder
from toolkit.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class ExportResult:
    """The written files, the proof, the threshold, and what fewer bits cost if asked for."""

    model: Path
    twin: Path
    vocabulary: Path
    parity: ParityReport
    threshold: Threshold
    golden: Path | None = None
    quantization: QuantizationCost | None = None


def export(
    run: Path,
    output: Path | None = None,
    *,
    force: bool = False,
    threshold: float | None = None,
    optimize: str | None = None,
    golden: bool = False,
    quantization: Quantization | None = None,
) -> ExportResult:
    """Export the model of a run folder; the files appear only if parity holds.

    Parameters
    ----------
    run : Path
        Run folder of `toolkit train`.
    output : Path | None
        The model file to write, ``NAME.onnx``; ``NAME.ids.onnx`` and ``NAME.vocabulary.txt`` are
        written beside it. By default named after the preset, in the run folder.
    force : bool
        Replace existing files.
    threshold : float | None
        Probability from which a review counts as positive; by default 0.5.
    optimize : str | None
        Choose the threshold on the held-out reviews of the run: `accuracy`, `f1`, or such as
        `precision=0.95` or `recall=0.9`.
    golden : bool
        Also write ``NAME.golden.jsonl``, what the model gives for some 200 texts; see
        `toolkit.export.golden`.
    quantization : Quantization | None
        Store large weights as int8 or float16; the files appear only if labelled reviews lose no
        more than 0.1 point of accuracy.

    Returns
    -------
    ExportResult
        The written files, and the proof of parity and the cost of fewer bits, which are in their
        metadata, too.

    Raises
    ------
    ModelError
        If the run folder is incomplete or damaged.
    ParityError
        If Keras and ONNX disagree; nothing is written then.
    QuantizationError
        If fewer bits cost too much accuracy; nothing is written then, either.
    UsageError
        If an output exists (without ``force``) or cannot be written, no such threshold can be
        chosen, or the network has nothing to quantize.
    """
    if golden and quantization is not None:
        raise UsageError("--golden: its numbers are those of Keras; give it without --quantize")
    folder = RunFolder(run)
    folder.check()
    config = folder.load_config()
    output = output if output is not None else run / f"{config.preset}.onnx"
    paths = _output_paths(output, golden=golden)
    for path in paths:
        check_output(path, force=force)
    chosen = choose_threshold(folder, config, threshold, optimize)
    judge = None if quantization is None else Judge.of(folder, config, quantization)

    vocabulary = Vocabulary.load(folder.vocabulary)
    _check_vocabulary(vocabulary, config, folder)
    reviews = _load_sample(folder.sample)
    keras_network = load_keras(folder.model)
    network = convert(keras_network, config.max_tokens)
    facts = _facts(config, folder, chosen)
    models, cost = ModelPair.of(network, vocabulary, facts), None
    with tempfile.TemporaryDirectory() as unproven:
        text_in, ids_in = models.save(Path(unproven, "text.onnx"), Path(unproven, "ids.onnx"))
        parity = compare(keras_network, text_in, ids_in, reviews)
        parity.check()
        facts = replace(facts, parity=parity.as_dict())
        if judge is not None:
            small = quantize(network, judge.kind)
            models = ModelPair.of(small.network, vocabulary, facts)
            small_files = models.save(
                Path(unproven, "small.onnx"), Path(unproven, "small.ids.onnx")
            )
            executions = compare_graphs(small.in_floats, *small_files, reviews)
            executions.check("The executions of the quantized network")
            cost = judge.measure(text_in, small_files[0])
            cost.check()
            facts = replace(facts, quantization=cost.as_dict() | {"parity": executions.as_dict()})
    models.tell(facts)
    with atomic_files(*paths, force=force) as (text_in, ids_in, words, *vectors):
        models.save(text_in, ids_in)
        vocabulary.save(words)
        for path in vectors:
            subject = Subject(ModelFile(output, models.text_in, facts), keras_network)
            path.write_text(golden_vectors({output.stem: subject}), encoding="utf-8")
    text_in, ids_in, words, *vectors = paths
    return ExportResult(text_in, ids_in, words, parity, chosen, next(iter(vectors), None), cost)


def _output_paths(model: Path, *, golden: bool) -> list[Path]:
    if model.suffix != ".onnx":
        raise UsageError(f"{model}: expected a file name that ends in .onnx")
    endings = [".ids.onnx", ".vocabulary.txt", *([".golden.jsonl"] if golden else [])]
    return [model, *(model.with_suffix(ending) for ending in endings)]


def _facts(config: RunConfig, folder: RunFolder, threshold: Threshold) -> ModelFacts:
    return ModelFacts(
        preset=config.preset,
        labels=LABELS,
        threshold=threshold.value,
        max_tokens=config.max_tokens,
        vocabulary_size=config.vocabulary_size,
        data=config.data,
        metrics=folder.load_metrics(),
        parity={},
        toolkit_version=toolkit.__version__,
        calibration=config.calibration,
        threshold_choice=threshold.choice,
    )


def _check_vocabulary(vocabulary: Vocabulary, config: RunConfig, folder: RunFolder) -> None:
    if not len(vocabulary.words):
        raise ModelError(f"{folder.vocabulary}: is empty. Train again.")
    if vocabulary.size > config.vocabulary_size:
        raise ModelError(
            f"{folder.vocabulary}: {len(vocabulary.words):,} words, more than the network's "
            f"{config.vocabulary_size:,} ids allow. Is it the vocabulary of another run?"
        )


def _load_sample(path: Path) -> list[str]:
    try:
        texts = pq.read_table(path, columns=["text"])["text"].to_pylist()
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not the reviews of a run: {error}") from None
    reviews = [text for text in texts if text]
    if not reviews:
        raise ParityError(f"{path}: no reviews to prove parity with")
    return reviews
