"""The range that is written beside a second model, so that ``--second`` alone works.

`toolkit evaluate --second MODEL --write-range` writes it as a small JSON file: into a classifier
folder as ``second-opinion.json``, beside a model file as ``NAME.second-opinion.json``. It is not in
the model: the bytes of a model, and so the SHA-256 in outputs and progress, do not change with it,
folders of others have no place for it, and everybody can read and edit it. The range belongs to a
pair of models and to a threshold, so the file names the first model and the threshold.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import numpy as np

from toolkit.errors import ModelError, UsageError
from toolkit.files import write_texts
from toolkit.model import find_model, is_shipped
from toolkit.model.ranges import Range, check_ends
from toolkit.model.typed_json import LONGEST_JSON, decode, encode, parse_json
from toolkit.stores.paths import is_in_store, path_of

if TYPE_CHECKING:
    from toolkit.model.file import Model

_NAME = "second-opinion.json"


@dataclass(frozen=True)
class StatedRange:
    """When a second model is asked, and which first model this was chosen for."""

    first: str  # the name of the first model
    first_sha256: str  # of its file
    unsure: Range  # of the first model's probabilities, both ends included
    mean: bool = False  # whether the mean of both logits is the answer
    threshold: float | None = None  # that it was chosen for, as `plain` has it; None: not stated

    @classmethod
    def read(cls, second: str | Path, first: Model, threshold: float | None = None) -> StatedRange:
        """Read the range beside a second model.

        Parameters
        ----------
        second : str | Path
            The second model, as for `Scorer`.
        first : Model
            The first model.
        threshold : float | None
            The threshold that the user asked for, 0 to 1. Default: the first model's own.

        Returns
        -------
        StatedRange
            The range.

        Raises
        ------
        UsageError
            If there is none, or if it was chosen for another first model or another threshold.
        ModelError
            If the file is damaged.
        """
        path = range_file(second)
        if path is None or not path.is_file():
            raise UsageError(_missing(second, can_be_kept=path is not None))
        try:
            if path.stat().st_size > LONGEST_JSON:
                raise ValueError("too large")
            found = decode(cls, parse_json(path.read_bytes()))
            check_ends(found.unsure, "unsure", "0.3:0.7")
        except (OSError, ValueError, UsageError) as error:
            raise ModelError(f"{path}: not a range of a second model: {error}") from None
        if found.first_sha256 != first.sha256:
            raise UsageError(
                f"--second: the range in {path} was chosen for another first model, "
                f"{found.first}. Name a range with --unsure, or choose one for {first.name} with "
                "`toolkit evaluate --second MODEL --write-range --force`."
            )
        used = plain(first.facts.threshold if threshold is None else threshold)
        if found.threshold is not None and found.threshold != used:
            raise UsageError(
                f"--second: the range in {path} was chosen for the threshold {found.threshold:g}, "
                f"and the threshold here is {used:g}. Use --threshold {found.threshold:g}, or name "
                "a range with --unsure."
            )
        return found

    def write(self, path: Path, *, force: bool) -> None:
        """Write the range; an existing file is replaced with ``force`` alone."""
        write_texts({path: json.dumps(encode(self), indent=2) + "\n"}, force=force)


def plain(threshold: float) -> float:
    """Return a threshold as a file states it: the float32 number in use, without its noise."""
    return round(float(np.float32(threshold)), 7)


def _missing(second: str | Path, *, can_be_kept: bool) -> str:
    """Return a message on a range that is nowhere; ``can_be_kept``: beside the second model."""
    option = f"--second {quote(str(second))}"
    remedy = (
        f"keep the best one beside the model with `toolkit evaluate DATA {option} --write-range`"
        if can_be_kept
        else f"find the best one with `toolkit evaluate DATA {option}`"
    )
    return (
        "--second: needs the range of probabilities in which it is asked. Name it with --unsure, "
        f"such as --unsure 0.3:0.7, or {remedy}."
    )


def range_file(second: str | Path) -> Path | None:
    """Return the path of the range beside a model; None for a shipped model, or in a store."""
    path = path_of(second)
    if is_shipped(path) or is_in_store(path):
        return None
    from toolkit.model.opened import classifier_files  # late: few models are folders

    files = classifier_files(second)
    return find_model(second).with_suffix(f".{_NAME}") if files is None else files.folder / _NAME
