"""What fewer bits cost, measured on labelled reviews before any file is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from toolkit.errors import ModelError, QuantizationError
from toolkit.evaluation.options import EvaluationColumns
from toolkit.evaluation.reviews import load
from toolkit.export.quantize import check_kind
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.model.scorer import Scorer

LARGEST_LOSS = 0.001  # of the accuracy: a tenth of a point


@dataclass(frozen=True)
class Quantization:
    """What `--quantize` asks for.

    Attributes
    ----------
    kind : str
        Of the large weights in the file: `int8` or `float16`.
    reviews : Path | None
        Labelled reviews to judge it on; None for the sample of the run.
    columns : EvaluationColumns
        Where they have their texts and labels.
    """

    kind: str
    reviews: Path | None = None
    columns: EvaluationColumns = field(default_factory=EvaluationColumns)


@dataclass(frozen=True)
class QuantizationCost:
    """What was stored in fewer bits, and how it compares with the network as it was."""

    weights: str  # int8 or float16
    source: str  # of the reviews
    reviews: int
    right_before: int  # reviews that get the true label without quantization
    right: int  # and with it
    label_flips: int
    largest_difference: float  # of a probability
    bytes_before: int  # of the text-in file, without the last of its metadata
    bytes: int

    @property
    def accuracy_before(self) -> float:
        """Share of reviews that get the true label without quantization."""
        return self.right_before / self.reviews

    @property
    def accuracy(self) -> float:
        """The same with it."""
        return self.right / self.reviews

    def as_dict(self) -> dict[str, Any]:
        """The cost for the metadata of the model file."""
        return asdict(self) | {
            "accuracy_before": self.accuracy_before,
            "accuracy": self.accuracy,
            "allowed_loss": LARGEST_LOSS,
        }

    def check(self) -> None:
        """Raise `QuantizationError` if the accuracy falls by more than is allowed."""
        # In whole reviews, which no rounding moves over the limit.
        if self.right_before - self.right > self.reviews // round(1 / LARGEST_LOSS):
            raise QuantizationError(
                f"--quantize {self.weights} costs too much: accuracy {self.accuracy:.2%} instead "
                f"of {self.accuracy_before:.2%} on {self.reviews:,} labelled reviews "
                f"({self.source}), and {self.label_flips:,} get another label. A loss of "
                f"{100 * LARGEST_LOSS:g} points is allowed. Nothing was exported. "
                + (
                    "Try --quantize float16, or export it without --quantize."
                    if self.weights == "int8"
                    else "Export it without --quantize."
                )
            )


@dataclass(frozen=True)
class Judge:
    """Labelled reviews, on which a network is scored as it was and with fewer bits.

    Attributes
    ----------
    kind : str
        `int8` or `float16`.
    source : str
        Where the reviews are from, for the metadata.
    texts : pa.ChunkedArray
        (reviews,) strings.
    labels : npt.NDArray[np.bool_]
        (reviews,) whether they are positive.
    """

    kind: str
    source: str
    texts: pa.ChunkedArray
    labels: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, folder: RunFolder, config: RunConfig, asked: Quantization) -> Judge:
        """Read the reviews: those of a file, else the sample of the run.

        Parameters
        ----------
        folder : RunFolder
            The run.
        config : RunConfig
            Its config, which says what the sample was drawn from.
        asked : Quantization
            What is asked for.

        Returns
        -------
        Judge
            With at least one review.

        Raises
        ------
        ToolkitError
            If there is no such kind, or the reviews cannot be read.
        """
        check_kind(asked.kind)
        if asked.reviews is not None:
            reviews = load(asked.reviews, asked.columns)
            return cls(asked.kind, asked.reviews.name, reviews.texts, reviews.labels == 1)
        parts = config.training.get("sample", "sample")
        return cls(asked.kind, f"{parts} reviews of the run", *_load_sample(folder.sample))

    def measure(self, plain: Path, quantized: Path) -> QuantizationCost:
        """Score the reviews with two model files, as `toolkit score` does.

        Parameters
        ----------
        plain : Path
            Text-in model file as it would be without quantization.
        quantized : Path
            The same with it.

        Returns
        -------
        QuantizationCost
            How far the two are apart.
        """
        scorer = Scorer(plain)
        before, after = (
            pc.fill_null(model.probabilities(self.texts), 0).to_numpy(zero_copy_only=False)
            for model in (scorer, Scorer(quantized))
        )
        called_before, called = before >= scorer.threshold, after >= scorer.threshold
        return QuantizationCost(
            weights=self.kind,
            source=self.source,
            reviews=len(self.labels),
            right_before=int((called_before == self.labels).sum()),
            right=int((called == self.labels).sum()),
            label_flips=int((called_before != called).sum()),
            largest_difference=float(np.abs(after - before).max()),
            bytes_before=plain.stat().st_size,
            bytes=quantized.stat().st_size,
        )


def _load_sample(path: Path) -> tuple[pa.ChunkedArray, npt.NDArray[np.bool_]]:
    try:
        table = pq.read_table(path, columns=["text", "label"])
        labels = pc.cast(table["label"], pa.float32()).to_numpy()
        texts = pc.cast(table["text"], pa.large_string())
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{path}: not the reviews of a run: {error}") from None
    if not len(labels) or texts.null_count or not ((labels >= 0) & (labels <= 1)).all():
        raise ModelError(f"{path}: not the reviews of a run: one lacks its text or label")
    return texts, labels >= 0.5
