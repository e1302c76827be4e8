"""How labels are made of the numbers of a model: threshold, neutral range, mixed sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.model.facts.model_facts import ModelFacts
from toolkit.model.file import ModelFile
from toolkit.model.inference.mixed import MIXED, SENTENCE_COUNTS, Limits, is_mixed
from toolkit.model.inference.neutral import Range, check_range, label_of, labels_of, own_range

Neutral = Range | Literal[True] | None  # True: the model's own range


@dataclass(frozen=True)
class Labelling:
    """The labels of a model, as a user wants them."""

    facts: ModelFacts
    threshold: np.float32  # compared in float32, as inside the exported graph
    neutral: Range | None
    by_sentence: bool

    @classmethod
    def of(
        cls, model: ModelFile, threshold: float | None, neutral: Neutral, *, by_sentence: bool
    ) -> Labelling:
        """Check what a user wants; raises `UsageError` as `toolkit.model.scorer.Scorer` says."""
        facts = model.facts
        if threshold is not None and not 0 <= threshold <= 1:
            raise UsageError(
                f"--threshold: expected a probability from 0 to 1, received {threshold}"
            )
        used = np.float32(facts.threshold if threshold is None else threshold)
        if neutral is True:
            neutral = own_range(facts, model.name)
        if neutral is not None:
            neutral = check_range(neutral, float(used), facts.labels)
        if by_sentence and MIXED in facts.labels:
            raise UsageError(f"--by-sentence: the model has a label {MIXED!r} of its own")
        return cls(facts, used, neutral, by_sentence)

    def of_probability(self, probability: pa.FloatArray) -> pa.StringArray:
        """Give the label for each probability (float32) alone; null where that is null."""
        return labels_of(probability, self.facts.labels, float(self.threshold), self.neutral)

    def of_one(self, probability: float) -> str:
        """Give the label for one probability, a number of float32."""
        return label_of(probability, self.facts.labels, float(self.threshold), self.neutral)

    def of_numbers(self, numbers: pa.RecordBatch) -> pa.StringArray:
        """Give the label for each row of `Scorer.numbers`."""
        probability = numbers["probability"]
        found = self.of_probability(probability)
        if not self.by_sentence:
            return found
        positive, negative = (numbers[name] for name in SENTENCE_COUNTS)
        disagree = is_mixed(probability, positive, negative, Limits.of(self.facts))
        return pc.if_else(disagree, MIXED, found)
