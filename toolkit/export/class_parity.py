"""The proof that the executions of a model of classes agree, and its golden vectors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from toolkit.export.convert import (
    TOLERANCE,
    Outputs,
    rounded_otherwise,
    rows_that_differ,
    run_ids_in,
    run_keras,
    run_text_in,
)
from toolkit.model.class_answers import CLASS
from toolkit.model.class_answers import PROBABILITIES as OF_CLASSES
from toolkit.model.file import (
    KNOWN_TOKENS,
    LABEL,
    PROBABILITIES,
    PROBABILITY,
    ModelFile,
)
from toolkit.model.scorer import Scorer
from toolkit.model.training_facts import Parity
from toolkit.text.strings import golden_texts
from toolkit.text.token_ids import FIRST_WORD_ID, PADDING_ID

_AT_ONCE = 64
_DECIMALS = 7
_OUTPUTS = (PROBABILITIES, PROBABILITY, LABEL, KNOWN_TOKENS)


def compare_classes(network: Any, text_in: Path, ids_in: Path, texts: list[str]) -> Parity:
    """Run texts and the golden texts through Keras and the three ONNX executions.

    All outputs are compared: the probabilities of all classes, the label and its probability, the
    token ids and the number of known tokens.
    """
    scorer = Scorer(text_in, probabilities=True)
    facts = scorer.facts
    edge_texts = list(golden_texts([facts.max_tokens]).values())
    every = [*texts, *edge_texts]
    parts = [every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE)]
    ids = [scorer.token_ids(pa.array(part, pa.string())) for part in parts]
    expected = np.concatenate([run_keras(network, part) for part in ids])
    labels = np.array(facts.labels, object)[expected.argmax(axis=1)]
    known = np.concatenate([(part >= FIRST_WORD_ID).sum(axis=1) for part in ids])

    in_text = run_text_in(text_in, _OUTPUTS, parts)
    answers = {
        "ids_in_graph": run_ids_in(ids_in, _OUTPUTS, ids),
        "text_in_graph": in_text.outputs,
    }
    scored = _scored(scorer, every, expected)
    found = {name: each[PROBABILITIES] for name, each in answers.items()}
    found["vectorised_scorer"] = scored[PROBABILITIES]
    apart = {name: np.abs(each - expected).max(axis=1) for name, each in found.items()}
    of_label = {
        name: np.abs(each[PROBABILITY] - expected.max(axis=1)) for name, each in answers.items()
    }
    rounded = rounded_otherwise(text_in, ids_in, apart["ids_in_graph"])
    if rounded is not None:
        for each in (apart, of_label):
            each["ids_in_graph"] = each["ids_in_graph"][~rounded]
    differences = {name: float(each.max()) for name, each in apart.items()}
    largest = [*differences.values(), *(float(each.max()) for each in of_label.values())]
    flips = sum(int((each[LABEL] != labels).sum()) for each in (*answers.values(), scored))
    other_known = [each[KNOWN_TOKENS] != known for each in answers.values()]
    return Parity(
        reviews=len(texts),
        edge_texts=len(edge_texts),
        largest_difference=float(np.max(largest)),  # NaN if any is
        label_flips=flips,
        token_id_differences=sum(map(rows_that_differ, in_text.token_ids, ids)),
        known_token_differences=int(np.any(other_known, axis=0).sum()),
        differences=differences,
        tolerance=TOLERANCE,
        rounded_otherwise=None if rounded is None else int(rounded.sum()),
    )


def _scored(scorer: Scorer, texts: list[str], expected: npt.NDArray[np.float32]) -> Outputs:
    """Return the answers of the scorer; a text without an answer gets the expected one."""
    numbers = scorer.predict(pa.array(texts, pa.string()))
    is_scored = numbers[CLASS].is_valid().to_numpy(zero_copy_only=False)
    found = expected.copy()
    rows = numbers[OF_CLASSES].drop_null().flatten().to_numpy(zero_copy_only=False)
    found[is_scored] = rows.reshape(-1, found.shape[1])
    places = np.where(is_scored, numbers[CLASS].fill_null(0).to_numpy(), expected.argmax(axis=1))
    return {PROBABILITIES: found, LABEL: np.array(scorer.facts.labels, object)[places]}


def expected_of_classes(model: ModelFile, network: Any, texts: list[str]) -> list[dict[str, Any]]:
    """Return the golden vectors of texts: what a Keras network and the vocabulary give for them."""
    facts = model.facts
    ids = model.vocabulary.encode(pa.array(texts, pa.string()))
    rows = ids.padded(facts.max_tokens)
    known = ids.known_tokens(facts.max_tokens)
    parts = [rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE)]
    found = np.concatenate([run_keras(network, part) for part in parts])
    return [
        {
            "token_ids": row[row != PADDING_ID].tolist(),
            "label": facts.labels[int(shares.argmax())],
            "probability": round(float(shares.max()), _DECIMALS),
            "probabilities": [round(float(share), _DECIMALS) for share in shares],
            "known_tokens": int(count),
        }
        for row, shares, count in zip(rows, found, known, strict=True)
    ]
