"""Train on reviews in memory: a table of pandas, Polars or Arrow, or lists.

Reviews in memory become a Parquet file while the training runs, and are then read like any file.
Messages name the arguments of Python instead of the options of the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.errors import ToolkitError, UsageError
from toolkit.files import temporary_folder
from toolkit.records.columns import Columns
from toolkit.records.options import ReadOptions
from toolkit.stores.paths import path_of
from toolkit.text.strings import without_half_pairs
from toolkit.training.options import TrainingObserver, TrainingOptions

if TYPE_CHECKING:
    from toolkit.training.result import TrainingResult
    from toolkit.training.tried import Choice

_OPTION = re.compile(r"--(no-)?([a-z]+(?:-[a-z]+)*)")
_NAMES = {"from": "start", "teacher": "teachers"}


def train(
    data: Any,
    labels: Iterable[Any] | None = None,
    *,
    output: str | Path | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    group_column: str | None = None,
    stars_column: str | None = None,
    balance_column: str | None = None,
    test_data: Any = None,
    observer: TrainingObserver | None = None,
    **options: Any,
) -> TrainingResult:
    """Train on labelled reviews in memory or in a file, and write a run folder.

    Without ``preset`` and ``start``, several networks are tried, and the best one is kept.

    Parameters
    ----------
    data : Any
        A table with texts and labels (a DataFrame of pandas or Polars, an Arrow table), a list of
        texts with their ``labels``, or the path of a file.
    labels : Iterable[Any] | None
        One label for each text of a list, such as 0 and 1, or "negative" and "positive".
    output : str | Path | None
        Run folder to write; by default the same as on the command line, such as ``runs/best``.
    text_column : str | None
        Column with the texts; by default ``text`` or ``review``.
    label_column : str | None
        Column with the labels; by default ``label`` or ``sentiment``.
    group_column : str | None
        Column with groups of related reviews, such as the film: a group is never split.
    stars_column : str | None
        Column with star ratings, 1 to 5; by default ``stars`` or ``rating``.
    balance_column : str | None
        Column with the kind of product; all kinds weigh the same.
    test_data : Any
        Labelled reviews to measure on at the end: a table, or the path of a file.
    observer : TrainingObserver | None
        Receives the lines and warnings of the training; None for silence.
    **options : Any
        Other fields of `TrainingOptions`, such as ``preset``, ``start``, ``seed`` or ``folds``.

    Returns
    -------
    TrainingResult
        The run folder, the metrics, and what was tried.

    Raises
    ------
    ToolkitError
        If the arguments or the reviews cannot be used.

    Examples
    --------
    >>> import toolkit
    >>> toolkit.train(["good", "bad"], [1, 0])
    Traceback (most recent call last):
    ...
    toolkit.errors.TrainingError: data: 2 reviews, expected at least 10. Give more labelled reviews.
    """
    columns = Columns(
        text=text_column,
        label=label_column,
        group=group_column,
        stars=stars_column,
        balance=balance_column,
    )
    with in_python(), temporary_folder() as folder:
        # Late: it imports scikit-learn.
        from toolkit.training.run import train as run_training

        source = _file_of(data=data, labels=labels, folder=folder, name="data")
        test_source = None
        if test_data is not None:
            test_source = _file_of(data=test_data, labels=None, folder=folder, name="test_data")
        made = TrainingOptions(
            data=str(source),
            output=None if output is None else Path(output),
            test_data=None if test_source is None else path_of(test_source),
            reading=ReadOptions(columns=columns),
            **options,
        )
        return run_training(made, observer and _InPython(observer))


def _file_of(data: Any, labels: Iterable[Any] | None, folder: Path, name: str) -> str | Path:
    """Write reviews in memory to a file and return its path; return the path of a file as it is."""
    if isinstance(data, str | Path):
        if labels is not None:
            raise UsageError(
                f"labels: expected none, because {name} is the path of a file. Name the column "
                "with label_column."
            )
        return data
    path = folder / f"{name}.parquet"
    pq.write_table(table_of(data, labels, name), path)
    return path


def table_of(data: Any, labels: Iterable[Any] | None = None, name: str = "data") -> pa.Table:
    """Make an Arrow table of a table or of lists; raise `UsageError` for anything else."""
    if labels is None:
        if isinstance(data, pa.Table):
            return data
        if not hasattr(data, "__arrow_c_stream__") or not hasattr(data, "columns"):
            raise UsageError(
                f"{name}: expected a table (of pandas, Polars or Arrow), texts with labels, or the "
                f"path of a file, received {type(data).__name__}"
            )
        return pa.table(data)
    texts = list(data)
    given = list(labels)
    if len(texts) != len(given):
        raise UsageError(f"labels: expected one for each of {len(texts)} texts, found {len(given)}")
    texts = [None if is_missing(text) else text for text in texts]
    for number, text in enumerate(texts):
        if not (text is None or isinstance(text, str)):
            raise UsageError(f"{name}: expected texts, received {text!r:.50} at position {number}")
    words = [None if is_missing(label) else str(label) for label in given]
    text_array = pa.array([text and without_half_pairs(text) for text in texts], pa.large_string())
    return pa.table({"text": text_array, "label": pa.array(words, pa.string())})


def is_missing(value: Any) -> bool:
    """Check whether a value is None, NaN, or a missing value of pandas."""
    is_nan = isinstance(value, float) and isnan(value)
    return value is None or is_nan or type(value).__name__ in ("NAType", "NaTType")


class _InPython(TrainingObserver):
    """An observer that renames options to arguments, and passes everything on."""

    def __init__(self, observer: TrainingObserver) -> None:
        self._observer = observer
        self.progress = observer.progress

    def say(self, line: str) -> None:
        self._observer.say(as_arguments(line))

    def stage(self, name: str) -> None:
        self._observer.stage(name)

    def compare(self, choice: Choice) -> None:
        self._observer.compare(choice)

    def hint(self, message: str) -> None:
        self._observer.hint(as_arguments(message))

    def warning(self, message: str) -> None:
        self._observer.warning(as_arguments(message))


@contextmanager
def in_python() -> Iterator[None]:
    """Rename options in error messages to arguments: `start` instead of `--from`."""
    try:
        yield
    except ToolkitError as error:
        error.args = (as_arguments(str(error)), *error.args[1:])
        raise


def as_arguments(message: str) -> str:
    """Rename options to arguments in a message, and temporary files to `data` or `test_data`."""

    def name(found: re.Match[str]) -> str:
        negated, option = found.groups()
        argument = _NAMES.get(option, option.replace("-", "_"))
        return f"{argument}=False" if negated else argument

    message = re.sub(r"\S*\b(data|test_data)\.parquet\b", r"\1", message)
    return _OPTION.sub(name, message)
