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

from toolkit.classes import is_positive
from toolkit.errors import MissingExtraError, ToolkitError, UsageError
from toolkit.files import atomic_file, temporary_folder
from toolkit.model.class_answers import PROBABILITIES
from toolkit.model.scorer import Scorer
from toolkit.model.typed_json import is_line
from toolkit.records.class_labels import FEWEST_CLASSES, MOST_CLASSES, numbers_of, plain_class
from toolkit.stores.paths import path_of
from toolkit.training.memory import as_arguments, is_missing

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils import Tags
else:
    MissingExtraError.check("train", "sklearn")
    from sklearn.base import BaseEstimator, ClassifierMixin

_FEWEST_OF_CLASS = 2  # texts: one to learn from, and one to hold out


class TextClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classify texts into 2 to 1,000 classes; works in pipelines, grids and cross-validation.

    Parameters
    ----------
    preset : str | None
        ``ngram-linear``, ``ngram-recurrent`` or ``conv1d``; None tries several networks and keeps
        the best one. Name a preset in grids and cross-validation: it takes less time.
    start : str | None
        A shipped model, such as ``reviews``, a model file or a run folder to adapt instead.
        More than 20 classes cannot be adapted.
    class_weight : str | None
        ``balanced``: all classes weigh the same.
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
        (k,) the labels, sorted. Of two, the second one is the positive class.
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
            (n,) labels of 2 to 1,000 classes.

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
        counts = np.bincount(codes)
        _check(classes, counts)
        try:
            model = self._trained(texts, codes, classes)
        except ToolkitError as error:
            raise ValueError(as_arguments(str(error)).replace("data: ", "X: ", 1)) from error
        self.classes_ = classes
        self.model_ = model
        self._likelier = int(counts.argmax())
        self._scorer: Scorer | None = None
        return self

    def _trained(
        self, texts: list[str | None], codes: npt.NDArray[Any], classes: npt.NDArray[Any]
    ) -> bytes:
        """Train and export in a temporary folder; return the model file.

        Two classes are learned as negative and positive, more as classes with their names.
        """
        from toolkit.export import export
        from toolkit.training.memory import train

        settings = {name: value for name, value in self.get_params().items() if value is not None}
        labels: list[Any] = codes.tolist()
        if len(classes) > FEWEST_CLASSES:
            names = _names_of(classes)
            labels = [names[code] for code in codes]
            settings |= {"classes": True, "min_count": _FEWEST_OF_CLASS}
        with temporary_folder() as folder:
            run = train(texts, labels, output=folder / "run", **settings).run
            content: bytes = export(run.path, folder / "model.onnx").model.read_bytes()
        return content

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : Any
            (n,) texts.

        Returns
        -------
        npt.NDArray[np.float64]
            (n, k), in the order of `classes_`; a row adds up to 1. All classes are equally likely
            for a text without a known word.
        """
        found = self._probabilities(X)
        return np.where(np.isnan(found), 1 / len(self.classes_), found)

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Return the most likely class of each text.

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
        found = self._probabilities(X)
        if len(self.classes_) == FEWEST_CLASSES:
            likeliest = is_positive(found[:, 1])
        else:
            likeliest = np.nan_to_num(found).argmax(axis=1)
        codes = np.where(np.isnan(found[:, 0]), self._likelier, likeliest).astype(np.int64)
        labels: npt.NDArray[Any] = self.classes_[codes]
        return labels

    def _probabilities(self, given: Any) -> npt.NDArray[np.float64]:
        """Return the probabilities of texts, (n, k); NaN for a text without a known word."""
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self, "model_")
        is_of_two = len(self.classes_) == FEWEST_CLASSES
        if self._scorer is None:
            with temporary_folder() as folder:
                path = folder / "model.onnx"
                path.write_bytes(self.model_)
                self._scorer = Scorer(path, probabilities=not is_of_two)
        texts = pa.array(_texts(given), pa.string())
        if is_of_two:
            positive = self._scorer.probabilities(texts).to_numpy(zero_copy_only=False)
            return np.stack([1 - positive.astype(np.float64), positive.astype(np.float64)], axis=1)
        answers = self._scorer.predict(texts)[PROBABILITIES]
        found = np.full((len(texts), len(self.classes_)), np.nan)
        flat = answers.drop_null().flatten().to_numpy(zero_copy_only=False).astype(np.float64)
        shares = flat.reshape(-1, len(self.classes_))
        # The model has the classes in an order of its own.
        names = pa.array(_names_of(self.classes_), pa.string())
        places = numbers_of(names, self._scorer.facts.labels)
        is_answered = answers.is_valid().to_numpy(zero_copy_only=False)
        found[is_answered] = (shares / shares.sum(axis=1, keepdims=True))[:, places]
        return found

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
        """Declare that the input is texts."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.allow_nan = True
        return tags


def _check(classes: npt.NDArray[Any], counts: npt.NDArray[np.int64]) -> None:
    """Raise `ValueError` unless there are 2 to 1,000 classes, each with enough texts."""
    if not FEWEST_CLASSES <= len(classes) <= MOST_CLASSES:
        raise ValueError(
            f"y: expected labels of {FEWEST_CLASSES} to {MOST_CLASSES:,} classes, found "
            f"{len(classes):,} class(es)"
        )
    rare = np.flatnonzero(counts < _FEWEST_OF_CLASS)
    if len(classes) > FEWEST_CLASSES and len(rare):
        raise ValueError(
            f"y: the class {str(classes[rare[0]])!r:.60} has one text ({len(rare):,} such "
            f"class(es)), expected {_FEWEST_OF_CLASS} or more of each class"
        )


def _names_of(classes: npt.NDArray[Any]) -> list[str]:
    """Return the names of the classes in the model file: the labels, if these can be names."""
    names = [str(label) for label in classes]
    plain = {plain_class(name) for name in names}
    if len(plain) == len(names) and "" not in plain and all(map(is_line, names)):
        return names
    return [f"class {number}" for number in range(len(names))]


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
