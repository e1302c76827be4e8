"""The fine-tuned models in one: the lower layers are shared."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from examples.teacher.mpnet.network import (
    LAYERS,
    Floats,
    Network,
    is_of_layers,
    pretrained,
)
from examples.teacher.mpnet.pieces import equal_batches, word_pieces
from examples.teacher.mpnet.tune import LOWER, UPPER, one_thread, tuned, tuned_file
from exported.data import HALVES
from toolkit.errors import InputError

_PIECES_AT_ONCE = 1_600


class Models:
    """The models of the folds that are tuned: `folds`, such as ``A`` or ``AB``.

    Parameters
    ----------
    work : Path
        The folder with what the earlier steps wrote.
    exact : bool
        Multiply in float32.
    """

    def __init__(self, work: Path, *, exact: bool = False) -> None:
        self.folds = "".join(fold for fold in HALVES if tuned_file(work, fold).is_file())
        if not self.folds:
            raise InputError(
                f"{tuned_file(work, HALVES[0])}: not there yet. Run python -m "
                f"examples.teacher.mpnet.tune {HALVES[0]} first."
            )
        one_thread()
        self._work = work
        given = pretrained(work)
        shared = {name: one for name, one in given.items() if not is_of_layers(name, UPPER)}
        lower = Network(shared, exact=exact)
        distances = {"distances": given["distances"]}
        ids = [tf.TensorSpec([None, None], tf.int32)]
        vectors = [tf.TensorSpec([None, None, None], tf.float32)]
        self._lower = tf.function(
            lambda batch: lower.layers(lower.embedded(batch), range(LOWER)), input_signature=ids
        )
        self._upper = {}
        for fold in self.folds:
            upper = Network({**distances, **tuned(work, fold)}, exact=exact)
            self._upper[fold] = tf.function(
                lambda batch, upper=upper: upper.logits(upper.layers(batch, range(LOWER, LAYERS))),
                input_signature=vectors,
            )

    def logits(self, texts: Sequence[str], folds: Sequence[str]) -> dict[str, Floats]:
        """Return the logits of texts by model, (texts,), NaN where a model is not asked.

        `folds` names the models that are asked for each text, such as ``A`` or ``AB``.
        """
        pieces = word_pieces(texts, self._work)
        lengths = np.array([len(one) for one in pieces])
        found = {fold: np.full(len(texts), np.nan, np.float32) for fold in self.folds}
        is_asked = {fold: np.array([fold in asked for asked in folds], bool) for fold in found}
        for rows in equal_batches(lengths, _PIECES_AT_ONCE):
            lower = self._lower(np.stack([pieces[row] for row in rows]))
            for fold, upper in self._upper.items():
                own = np.flatnonzero(is_asked[fold][rows])
                if len(own):
                    found[fold][rows[own]] = upper(tf.gather(lower, own)).numpy()
        return found


def mean_logits(found: dict[str, Floats]) -> npt.NDArray[np.float64]:
    """Return the mean of the models that were asked, (texts,)."""
    return np.asarray(np.nanmean([*found.values()], axis=0, dtype=np.float64))
