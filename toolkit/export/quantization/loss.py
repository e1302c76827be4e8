"""What a quantized network loses, measured on labelled reviews before any file is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import QuantizationError
from toolkit.evaluation.reviews import load
from toolkit.export.quantization.quantize import check_kind
from toolkit.export.run_reviews import load_sample
from toolkit.model.facts.export_facts import QuantizationCost
from toolkit.model.run_folder import RunConfig, RunFolder
from toolkit.model.scorer import Scorer
from toolkit.records.read_options import ReadOptions

LARGEST_LOSS = 0.001  # of the accuracy: a tenth of a point


@dataclass(frozen=True)
class QuantizationOptions:
    """What `--quantize` asks for."""

    kind: str  # of the large weights in the file: `int8` or `float16`
    reviews: Path | None = None  # labelled reviews to evaluate it on; None: the sample of the run
    reading: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True)
class LabelledSample:
    """(reviews,) texts and whether each is positive; `source` says where they are from."""

    source: str
    texts: pa.ChunkedArray
    labels: npt.NDArray[np.bool_]

    @classmethod
    def load(
        cls, options: QuantizationOptions, folder: RunFolder, config: RunConfig
    ) -> LabelledSample:
        """Read the reviews of a file, else the sample of the run; `ToolkitError` if it cannot."""
        check_kind(options.kind)
        if options.reviews is not None:
            reviews = load(options.reviews, options.reading).opinions()
            return cls(options.reviews.name, reviews.texts, reviews.labels == 1)
        parts = config.training.get("sample", "sample")
        return cls(f"{parts} reviews of the run", *load_sample(folder.sample))

    def measure_loss(self, kind: str, plain: Path, quantized: Path) -> QuantizationCost:
        """Score the reviews with a model file as it was and with it quantized."""
        scorer = Scorer(plain)
        before, after = (self._probabilities(model) for model in (scorer, Scorer(quantized)))
        called_before, called = before >= scorer.threshold, after >= scorer.threshold
        right_before, right = (int((c == self.labels).sum()) for c in (called_before, called))
        return QuantizationCost(
            weights=kind,
            source=self.source,
            reviews=len(self.labels),
            right_before=right_before,
            right=right,
            label_flips=int((called_before != called).sum()),
            largest_difference=float(np.abs(after - before).max()),
            bytes_before=plain.stat().st_size,
            bytes=quantized.stat().st_size,
            accuracy_before=right_before / len(self.labels),
            accuracy=right / len(self.labels),
            allowed_loss=LARGEST_LOSS,
        )

    def _probabilities(self, scorer: Scorer) -> npt.NDArray[Any]:
        found = scorer.probabilities(self.texts)
        array: npt.NDArray[Any] = pc.fill_null(found, 0).to_numpy(zero_copy_only=False)
        return array


def check_loss(cost: QuantizationCost) -> None:
    """Raise `QuantizationError` if the accuracy falls by more than is allowed."""
    # In whole reviews, which no rounding moves over the limit.
    if cost.right_before - cost.right <= cost.reviews // round(1 / LARGEST_LOSS):
        return
    advice = "Try --quantize float16, or export" if cost.weights == "int8" else "Export"
    raise QuantizationError(
        f"--quantize {cost.weights} costs too much: accuracy {cost.accuracy:.2%} instead of "
        f"{cost.accuracy_before:.2%} on {cost.reviews:,} labelled reviews ({cost.source}), and "
        f"{cost.label_flips:,} get another label. A loss of {100 * LARGEST_LOSS:g} points is "
        f"allowed. Nothing was exported. {advice} it without --quantize."
    )
