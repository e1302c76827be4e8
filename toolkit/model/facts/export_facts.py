"""What the export finds of a model and puts into its facts: one dataclass for each kind of fact.

`toolkit.model.facts.model_facts` says how they are stored, and how to add one.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Parity:
    """How far the executions of an exported model are from Keras, or from another reference."""

    reviews: int
    edge_texts: int
    largest_difference: float  # of the probability of any execution
    label_flips: int
    token_id_differences: int = 0  # rows whose ids in the graph differ from the vectorised ones
    known_token_differences: int = 0  # rows for which executions count other known tokens
    differences: dict[str, float] = field(default_factory=dict)  # the largest by execution
    tolerance: float | None = None
    largest_stars_difference: float | None = None  # of the stars of any execution, if there are any


@dataclass(frozen=True)
class ThresholdReached:
    """What a threshold reaches on the held-out reviews of a run."""

    reviews: int
    accuracy: float | None = None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None
    balanced_accuracy: float | None = None
    majority_accuracy: float | None = None
    is_calibrated: bool | None = None  # the probabilities, by a fit on the same reviews


@dataclass(frozen=True)
class ThresholdChoice:
    """How a threshold was chosen: `default`, `given`, or the goal, such as `recall=0.9`."""

    chosen: str = "default"
    validation: ThresholdReached | None = None


@dataclass(frozen=True)
class QuantizationCost:
    """What was stored in fewer bits, and how it compares with the network as it was."""

    weights: str  # int8 or float16
    source: str  # of the labelled reviews
    reviews: int
    right_before: int  # reviews that get the true label without quantization
    right: int  # and with it
    label_flips: int
    largest_difference: float  # of a probability
    bytes_before: int  # of the text-in file, without the last of its metadata
    bytes: int
    accuracy_before: float
    accuracy: float
    allowed_loss: float
    parity: Parity | None = None  # of the quantized network with its weights as floats
