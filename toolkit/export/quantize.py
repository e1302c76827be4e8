"""An int8 copy of a classifier folder: about a quarter of the size, and three times as fast.

Weights of matrices become integers with a scale for each column, and what is multiplied with them
is rounded while scoring (dynamic quantization of ONNX Runtime), so no texts are needed to choose
scales. Of an all-mpnet-base-v2, one scale for each matrix changes four times as many labels.
Matrices have 7 of the 8 bits: sums then fit processors without the instructions of VNNI, and the
answers are as near as with 8 bits. Embeddings become integers, too; norms and biases do not.

Rounding changes answers. So both networks answer the golden texts and the toolkit's own sentences.
If too many labels differ, embeddings stay in float32; if that is no help, nothing is written.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from toolkit.errors import ModelError, ParityError, UsageError
from toolkit.evaluation.behaviour import load_suite
from toolkit.files import atomic_folder, check_output, resolved
from toolkit.model.folder import ClassifierFolder
from toolkit.model.folder_files import NETWORK, FolderFiles
from toolkit.model.folder_labels import Floats, Meaning
from toolkit.model.folder_network import MOST_BYTES
from toolkit.model.onnx import read_content
from toolkit.model.opened import classifier_files
from toolkit.stores.paths import is_in_store, path_of
from toolkit.text.strings import golden_texts

MOST_OTHER_LABELS = 0.05  # of the texts; with more, nothing is written
_EMBEDDINGS = "Gather"  # the operator that looks them up
_TRIED = (("MatMul", _EMBEDDINGS), ("MatMul",))  # operators whose weights become integers
_ENDING = "-int8"
_QUANTIZED = ("MatMulInteger", "ConvInteger", "QLinear", "Quantize", "QAttention", "QGemm", "NBits")
# What other programs read of a tokenizer, and whose work the model is. Weights are not copied.
_BESIDE = (
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "README.md",
    "LICENSE",
    "LICENSE.md",
    "LICENSE.txt",
    "NOTICE",
    "NOTICE.txt",
)


@dataclass(frozen=True)
class QuantizeResult:
    """The int8 copy of a classifier folder, and how it compares with the folder."""

    folder: Path  # that was written
    texts: int  # that both networks have answered
    other_labels: int  # texts with another label
    largest_difference: float  # of a probability
    has_embeddings: bool  # whether embeddings are in int8, too
    bytes_before: int  # of the network
    bytes_after: int
    seconds_before: float  # processor time per text
    seconds_after: float


@dataclass(frozen=True)
class _Answers:
    """What a folder answers to the texts that have an answer."""

    probabilities: Floats  # (texts, labels)
    labels: npt.NDArray[np.int64]  # (texts,)
    bytes: int  # of the network
    seconds: float  # processor time per text


def export_quantized(
    folder: str | Path, output: str | Path | None = None, *, force: bool = False
) -> QuantizeResult:
    """Write an int8 copy of a classifier folder.

    Parameters
    ----------
    folder : str | Path
        The folder with a text classifier (`toolkit.model.folder`), or its network.
    output : str | Path | None
        The folder to write. Default: beside the folder, with ``-int8`` after its name.
    force : bool
        Replace an existing classifier folder.

    Returns
    -------
    QuantizeResult
        Size, time, and how many labels differ on some 800 texts.

    Raises
    ------
    MissingExtraError
        If the package that makes word pieces is missing.
    ModelError
        If the folder is damaged, or its network cannot be quantized.
    ParityError
        If more than 5 % of the labels differ. Nothing is written then.
    UsageError
        If this is no classifier folder, or the output exists (without ``force``) or cannot be
        written.
    """
    files = classifier_files(folder)
    if files is None:
        raise UsageError(
            f"--quantize: {folder} is not a folder with a text classifier (model.onnx, "
            "tokenizer.json, config.json). Models of this toolkit need no quantization."
        )
    target = _target(files, output, force=force)
    texts = [*load_suite().texts, *golden_texts([]).values()]
    source = ClassifierFolder.read(files)
    before = _answers(source, texts)
    del source  # its network takes as much memory as the weights, several times
    with atomic_folder(target, force=force) as partial:
        for each in (*files.all, *(files.folder / name for name in _BESIDE)):
            if each != files.network and each.is_file():
                shutil.copyfile(each, partial / each.name)
        made = FolderFiles(partial, partial / NETWORK)
        for operators in _TRIED:
            _quantize(files.network, made.network, operators)
            after = _answers(ClassifierFolder.read(made), texts)
            result = _compared(target, before, after, has_embeddings=_EMBEDDINGS in operators)
            if result.other_labels <= MOST_OTHER_LABELS * result.texts:
                break
        else:
            raise ParityError(
                f"{files.network}: in int8, {result.other_labels:,} of {result.texts:,} texts have "
                f"another label, more than {MOST_OTHER_LABELS:.0%}. Nothing is written. Use the "
                "folder as it is."
            )
    return result


def _target(files: FolderFiles, output: str | Path | None, *, force: bool) -> Path:
    """Return the folder to write; raise `UsageError` if that is not possible."""
    source = resolved(files.folder)
    name = f"{source.name}{_ENDING}"
    target = path_of(output or (files.folder.with_name(name) if files.folder.name else name))
    if is_in_store(target):
        raise UsageError(f"{target}: --quantize writes a folder of this machine. Name one.")
    if resolved(target) in (source, *source.parents, resolved(files.network.parent)):
        raise UsageError(f"{target}: has the folder to quantize. Choose another with --output.")
    check_output(target, force=force)
    if target.is_dir() and any(target.iterdir()) and classifier_files(target) is None:
        raise UsageError(
            f"{target}: has something else than a text classifier. Choose another with --output."
        )
    return target


def _answers(folder: ClassifierFolder, texts: list[str]) -> _Answers:
    """Run the network of a folder, and take the time."""
    folder.check()
    ids = folder.pieces.encode(texts)
    started = time.thread_time()
    found = folder.network.run(ids)
    seconds = time.thread_time() - started
    probabilities = found[ids.known > 0]
    if folder.labels.meaning is Meaning.CLASSES:
        labels = probabilities.argmax(axis=1)
    else:
        positive = folder.labels.positive(probabilities)
        labels = (positive >= np.float32(folder.facts.threshold)).astype(np.int64)
    return _Answers(probabilities, labels, folder.network.bytes, seconds / len(texts))


def _compared(
    target: Path, before: _Answers, after: _Answers, *, has_embeddings: bool
) -> QuantizeResult:
    differences = np.abs(before.probabilities - after.probabilities)
    return QuantizeResult(
        folder=target,
        texts=len(before.labels),
        other_labels=int((before.labels != after.labels).sum()),
        largest_difference=float(differences.max(initial=0)),
        has_embeddings=has_embeddings,
        bytes_before=before.bytes,
        bytes_after=after.bytes,
        seconds_before=before.seconds,
        seconds_after=after.seconds,
    )


def _quantize(network: Path, made: Path, operators: Sequence[str]) -> None:
    """Write a network with weights of these operators in int8; raise `ModelError` if that fails."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.ModelProto.FromString(read_content(network, MOST_BYTES))
    if any(part in node.op_type for node in graph.graph.node for part in _QUANTIZED):
        raise ModelError(f"{network}: is quantized already")
    if any(each.data_type == onnx.TensorProto.FLOAT16 for each in graph.graph.initializer):
        raise ModelError(f"{network}: has weights in float16. Export it in float32 first")
    try:
        with _quiet_root_logger():
            quantize_dynamic(
                graph,
                made,
                op_types_to_quantize=[*operators],
                per_channel=True,
                reduce_range=True,
                weight_type=QuantType.QInt8,
            )
    except Exception as error:  # noqa: BLE001 (whatever a graph of others provokes)
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"{network}: ONNX Runtime cannot quantize it: {reason}") from None
    if all(node.op_type != "MatMulInteger" for node in onnx.load(made).graph.node):
        raise ModelError(f"{network}: has no matrix of float32 weights to quantize")


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """Drop what ONNX Runtime tells the root logger: advice for other kinds of quantization."""
    root = logging.getLogger()
    nobody = logging.NullHandler()  # without a handler, the first message would add one for good

    def is_dropped(_: logging.LogRecord) -> bool:
        return False

    root.addHandler(nobody)
    root.addFilter(is_dropped)
    try:
        yield
    finally:
        root.removeFilter(is_dropped)
        root.removeHandler(nobody)
