"""Golden vectors: the outputs of models for fixed texts, to test any runtime and tokenizer.

``exported/README.md`` describes the file. Nothing in it comes from the model file under test: token
ids come from `toolkit.text.vocabulary`, and probabilities from Keras.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from toolkit.export.class_parity import expected_of_classes
from toolkit.export.convert import run_keras
from toolkit.model.file import ModelFile
from toolkit.model.stars import logits_of
from toolkit.text.strings import golden_texts
from toolkit.text.token_ids import PADDING_ID

# Keras gives other last digits on other processors.
_DECIMALS = 7
_STAR_DECIMALS = 4


def golden_vectors(models: Mapping[str, tuple[ModelFile, Any]]) -> str:
    """Return the lines of a golden file for models by name, each with its Keras network."""
    texts = golden_texts(model.facts.max_tokens for model, _ in models.values())
    found = {name: _expected(*model, list(texts.values())) for name, model in models.items()}
    lines = (
        {"name": case, "text": text, "models": {name: found[name][place] for name in found}}
        for place, (case, text) in enumerate(texts.items())
    )
    return "".join(f"{json.dumps(line, separators=(',', ':'))}\n" for line in lines)


def _expected(model: ModelFile, network: Any, texts: list[str]) -> list[dict[str, Any]]:
    facts = model.facts
    if facts.has_classes:
        return expected_of_classes(model, network, texts)
    ids = model.vocabulary.encode(pa.array(texts, pa.string()))
    rows = ids.padded(facts.max_tokens)
    known = ids.known_tokens(facts.max_tokens)
    probability = run_keras(network, rows)
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
