"""The golden vectors as one runtime is to give them, and how far its answers are from them."""

from __future__ import annotations

import json
import operator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from release.golden import OTHER_LANGUAGE, SAYS_NOTHING
from tests.data import PROJECT
from toolkit.model import ModelFile

EXPORTED = PROJECT / "exported"

# Of the sixth decimal no runtime is in doubt; the file has seven, as do the programs' outputs.
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Answers:
    """What a model gives for some texts.

    A label is None where a text has none: it is blank, or the model knows none of its words. Then a
    runtime may give no probability, NaN.
    """

    labels: list[str | None]
    probabilities: npt.NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """How far the answers of a runtime are from the golden ones."""

    texts: int
    ids_equal: int | None  # texts; None where the runtime cannot tell its ids
    largest_difference: float
    flips: int
    passed: int  # texts


def shipped_models(folder: Path = EXPORTED) -> list[Path]:
    """Every text-in model of a folder."""
    return sorted(path for path in folder.glob("*.onnx") if not path.stem.endswith(".ids"))


def golden_texts_of(folder: Path = EXPORTED) -> dict[str, str]:
    """The texts of the golden vectors by name."""
    return {line["name"]: line["text"] for line in _lines(folder)}


def golden_answers(model: Path) -> tuple[Answers, list[list[int]]]:
    """The answers of the golden vectors next to a model, and the ids, in the order of the texts."""
    found = [line["models"][model.stem] for line in _lines(model.parent)]
    needs_word = ModelFile.load(model).facts.counts_known_tokens
    answers = Answers(
        labels=[
            None if needs_word and not entry["known_tokens"] else entry["label"] for entry in found
        ],
        probabilities=np.array([entry["probability"] for entry in found]),
    )
    return answers, [entry["token_ids"] for entry in found]


def golden_values(model: Path, key: str) -> list[Any]:
    """One value of the golden vectors, such as the stars, in the order of the texts."""
    return [line["models"][model.stem][key] for line in _lines(model.parent)]


def compare(model: Path, found: Answers, ids: list[list[int]] | None) -> Comparison:
    """Compare the answers for all texts; old models have labels for blank ones, too."""
    golden, golden_ids = golden_answers(model)
    texts = golden_texts_of(model.parent).values()
    scored = [place for place, label in enumerate(found.labels) if label is not None]
    differences = np.abs(found.probabilities - golden.probabilities)
    needs_word = None in golden.labels
    flipped = np.array(
        [
            label != golden.labels[place]
            and (needs_word or label is not None)
            and (label is not None or text not in SAYS_NOTHING | OTHER_LANGUAGE)
            for place, (label, text) in enumerate(zip(found.labels, texts, strict=True))
        ]
    )
    return Comparison(
        texts=len(golden.labels),
        ids_equal=None if ids is None else sum(map(operator.eq, ids, golden_ids)),
        largest_difference=float(np.max([differences[scored].max(), np.nanmax(differences)])),
        flips=int(flipped.sum()),
        passed=int((~flipped & ~(differences > TOLERANCE)).sum()),
    )


def _lines(folder: Path) -> list[dict[str, Any]]:
    # Any JSON reader does; the lines are ASCII, so nothing but a line feed ends one.
    content = (folder / "golden.jsonl").read_text(encoding="ascii")
    return [json.loads(line) for line in content.splitlines()]
