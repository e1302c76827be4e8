"""The two presets over words and pairs of words: the smallest one, and the most accurate one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from toolkit.training.presets.base import Preset

if TYPE_CHECKING:
    from toolkit.training.fit import Fit
    from toolkit.training.material import Material
    from toolkit.training.options import TrainingOptions
    from toolkit.training.reporter import Reporter


@dataclass(frozen=True, kw_only=True)
class NgramPreset(Preset):
    """A network over words and pairs of words, frozen to small integers when it is trained.

    Attributes
    ----------
    kind : Literal['linear', 'cnn']
        Which of the two.
    """

    kind: Literal["linear", "cnn"]
    # Its square, the number of pairs, is to stay below 2**31.
    vocabulary_size: int = 30_003
    max_tokens: int = 512
    batch_size: int = 128
    uses_unlabelled: bool = True

    def fit(
        self,
        material: Material,
        options: TrainingOptions,
        reporter: Reporter,
        *,
        epochs: int | None = None,
        introduces: bool = False,
    ) -> Fit:
        """Go the way of `toolkit.training.ngrams.chain`; see `Preset.fit`."""
        from toolkit.training.ngrams.fit import fit_ngrams

        return fit_ngrams(self, material, options, reporter, epochs=epochs, introduces=introduces)


NGRAM_LINEAR = NgramPreset(
    name="ngram-linear",
    summary="a weight for each word and each pair of words: small and fastest",
    kind="linear",
    epochs=5,
)

NGRAM_CNN = NgramPreset(
    name="ngram-cnn",
    summary="a vector for each word and each common pair of words: the most accurate",
    kind="cnn",
    epochs=3,
)
