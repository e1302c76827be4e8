"""A scikit-learn estimator that trains networks of this toolkit on texts.

Importing this module imports scikit-learn. Fitting needs the extra `train` and imports Keras;
predicting uses ONNX Runtime alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.errors import MissingExtraError, ToolkitError, UsageError
from toolkit.files import atomic_file, temporary_folder
from toolkit.model.classes import is_positive
from toolkit.model.scorer import Scorer
from toolkit.stores.paths import path_of
from toolkit.training.memory import as_arguments, is_missing

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import Tags
else:
    MissingExtraError.check("train", "sklearn")
    from sklearn.base import BaseEstimator, ClassifierMixin

_CLASSES = 2


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify texts into two classes; works in pipelines, grids, cross-validation and pickles.

    Parameters
    ----------
    preset : str | None
        ``ngram-linear``, ``ngram-recurrent`` or ``conv1d``; None tries several networks and keeps
        the best one. Name a preset in grids and cross-validation: it takes less time.
    start : str | None
        A shipped model, such as ``reviews``, a model file or a run folder to adapt instead.
    class_weight : str | None
        ``balanced``: both classes weigh the same.
    validation : float
        Share of the texts that is held out within a fit, to stop and to calibrate, 0 to 1.
    epochs : int | None
        Most passes over the texts; None: the preset's.
    batch_size : int | None
        Texts per step of the optimizer; None: the preset's.
    seed : int
        Seed of all random choices: the same seed gives the same model.

    Attributes
    ----------
    classes_ : NDArray
        (2,) the labels, sorted; the second one is the positive class.
    model_ : bytes
        The model file, as `save` writes it.

    Examples
    --------
    >>> from toolkit.sklearn import TextClassifier
    >>> TextClassifier(preset="ngram-linear", seed=3)
    TextClassifier(preset='ngram-linear', seed=3)
    """

    def __init__(
        self,
        preset: str | None = None,
        *,
        start: str | None = None,
        class_weight: str | None = None,
        validation: float = 0.2,
        epochs: int | None = None,
        batch_size: int | None = None,
        seed: int = 1,
    ) -> None:
        self.preset = preset
        self.start = start
        self.class_weight = class_weight
        self.validation = validation
        self.epochs = epochs
        self.batch_size = batch_size
        self.seed = seed

    def fit(self, X: Any, y: Any) -> Self:  # noqa: N803 (scikit-learn's name)
        """Train on texts and their labels.

        Parameters
        ----------
        X : Any
            (n,) texts: a list, an array or a Series.
        y : Any
            (n,) labels of two classes.

        Returns
        -------
        Self
            This estimator, fitted.

        Raises
        ------
        ValueError
            If the texts, the labels or the parameters cannot be used.
        """
        from sklearn.utils.multiclass import check_classification_targets
        from sklearn.utils.validation import column_or_1d

        texts = _texts(X)
        labels = column_or_1d(y)
        check_classification_targets(labels)
        if len(texts) != len(labels):
            raise ValueError(
                f"y: expected one label for each of {len(texts)} texts of X, found {len(labels)}"
            )
        classes, codes = np.unique(labels, return_inverse=True)
        if len(classes) != _CLASSES:
            raise ValueError(f"y: expected labels of two classes, found {len(classes)} class(es)")
        try:
            model = self._trained(texts, codes)
        except ToolkitError as error:
            raise ValueError(as_arguments(str(error)).replace("data: ", "X: ", 1)) from error
        self.classes_ = classes
        self.model_ = model
        self._likelier = int(np.bincount(codes).argmax())
        self._scorer: Scorer | None = None
        return self

    def _trained(self, texts: list[str | None], codes: npt.NDArray[Any]) -> bytes:
        """Train and export in a temporary folder; return the model file."""
        from toolkit.export import export
        from toolkit.training.memory import train

        settings = {name: value for name, value in self.get_params().items() if value is not None}
        with temporary_folder() as folder:
            run = train(texts, codes, output=folder / "run", **settings).run
            content: bytes = export(run.path, folder / "model.onnx").model.read_bytes()
        return content

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return the probabilities of both classes.

        Parameters
        ----------
        X : Any
            (n,) texts.

        Returns
        -------
        npt.NDArray[np.float64]
            (n, 2), in the order of `classes_`. Both are 0.5 for a text without a known word.
        """
        found = self._positive(X)
        positive = np.where(np.isnan(found), 0.5, found)
        return np.stack([1 - positive, positive], axis=1)

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Return the likelier class of each text.

        Parameters
        ----------
        X : Any
            (n,) texts.

        Returns
        -------
        npt.NDArray[Any]
            (n,) labels of `classes_`. A text without a known word gets the class that was more
            frequent in the training.
        """
        found = self._positive(X)
        codes = np.where(np.isnan(found), self._likelier, is_positive(found)).astype(np.int64)
        labels: npt.NDArray[Any] = self.classes_[codes]
        return labels

    def _positive(self, given: Any) -> npt.NDArray[np.float64]:
        """Return the probability of the second class for texts, (n,); NaN without a known word."""
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "model_")
        if self._scorer is None:
            with temporary_folder() as folder:
                path = folder / "model.onnx"
                path.write_bytes(self.model_)
                self._scorer = Scorer(path)
        found = self._scorer.probabilities(pa.array(_texts(given), pa.string()))
        numbers: npt.NDArray[np.float64] = found.to_numpy(zero_copy_only=False).astype(np.float64)
        return numbers

    def save(self, path: str | Path, *, force: bool = False) -> Path:
        """Write the model file, for `Scorer`, `toolkit score` and every runtime.

        Parameters
        ----------
        path : str | Path
            The file to write, ``NAME.onnx``.
        force : bool
            Replace an existing file.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        UsageError
            If the name does not end in .onnx.
        """
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "model_")
        target = path_of(str(path))
        if target.suffix != ".onnx":
            raise UsageError(f"{target}: expected a file name that ends in .onnx")
        with atomic_file(target, force=force) as partial:
            partial.write_bytes(self.model_)
        return target

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the opened model: a pickle has the model file."""
        state: dict[str, Any] = dict(super().__getstate__())
        return {**state, "_scorer": None} if "_scorer" in state else state

    def __sklearn_tags__(self) -> Tags:
        """Declare that the input is texts, and that there are two classes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags


def _texts(values: Any) -> list[str | None]:
    """Return texts as a list, with None for a missing text; raise `ValueError` for other values."""
    if isinstance(values, str | bytes):
        raise ValueError("X: expected several texts, received one string; put it in a list")
    if np.ndim(values) > 1:
        raise ValueError(
            f"X: expected texts in one dimension, received {np.ndim(values)} dimensions. Choose "
            "one column, such as X['text']."
        )
    texts = [None if is_missing(value) else value for value in values]
    for number, text in enumerate(texts):
        if text is not None and not isinstance(text, str):
            raise ValueError(f"X: expected texts, received {text!r:.50} at position {number}")
    return texts
