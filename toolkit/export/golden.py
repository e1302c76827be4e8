"""Golden vectors: what models give for texts, to test any runtime and tokenizer with.

``exported/README.md`` describes the file. Nothing in it comes from the model file, which it is to
test: the token ids come from `toolkit.text.vocabulary`, and the probabilities from Keras. Those of
weights of fewer bits, which Keras does not know, come from a graph with the same weights as floats.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from toolkit.export.parity import reference_of
from toolkit.model.file import ModelFile
from toolkit.model.logits import logits_of
from toolkit.networks.keras_file import load_keras
from toolkit.text.golden_texts import golden_texts
from toolkit.text.token_ids import PADDING_ID

# Keras gives other last digits on other processors.
_DECIMALS = 7
_STAR_DECIMALS = 4


@dataclass(frozen=True)
class Subject:
    """A model file, and the network that it was made of: of Keras, or a graph with floats."""

    file: ModelFile
    network: Any

    @classmethod
    def load(cls, path: Path) -> Subject:
        """Read ``NAME.onnx`` and ``NAME.keras`` beside it."""
        return cls(ModelFile.load(path), load_keras(path.with_suffix(".keras")))


def golden_vectors(subjects: Mapping[str, Subject]) -> str:
    """Give the lines of the file for some models by their names."""
    texts = golden_texts(subject.file.facts.max_tokens for subject in subjects.values())
    found = {name: _expected(subject, list(texts.values())) for name, subject in subjects.items()}
    lines = (
        {"name": case, "text": text, "models": {name: found[name][place] for name in found}}
        for place, (case, text) in enumerate(texts.items())
    )
    return "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)


def _expected(subject: Subject, texts: list[str]) -> list[dict[str, Any]]:
    facts = subject.file.facts
    ids = subject.file.vocabulary.encode(pa.array(texts, pa.string()))
    rows = ids.padded(facts.max_tokens)
    known = ids.known_tokens(facts.max_tokens)
    probability = reference_of(subject.network)(rows)
    labels = np.where(probability >= np.float32(facts.threshold), *facts.labels[::-1])
    expected: list[dict[str, Any]] = [
        {
            "token_ids": row[row != PADDING_ID].tolist(),
            "probability": round(float(number), _DECIMALS),
            "label": str(label),
            "known_tokens": int(count),
        }
        for row, number, label, count in zip(rows, probability, labels, known, strict=True)
    ]
    if facts.stars is not None:
        found = facts.stars.stars(logits_of(probability), known)
        for entry, stars in zip(expected, found, strict=True):
            entry["stars"] = round(float(stars), _STAR_DECIMALS)
    return expected
