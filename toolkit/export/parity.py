"""The proof that the exported graphs give the numbers of Keras, or of another reference."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pyarrow as pa

from toolkit.errors import ParityError
from toolkit.export.front_end import token_ids_info
from toolkit.export.golden_texts import golden_texts
from toolkit.export.keras_to_onnx import TOLERANCE, run_keras
from toolkit.model.facts import Parity
from toolkit.model.file import LABEL, PROBABILITY, TEXT, TOKEN_IDS, token_ids_width
from toolkit.model.scorer import Scorer
from toolkit.model.session import Probabilities, session_options
from toolkit.text.token_ids import Ids


def check_parity(parity: Parity, compared: str = "Keras and ONNX") -> None:
    """Raise `ParityError` unless probabilities are within the tolerance, and all else is equal."""
    # NaN is within no tolerance.
    is_near = parity.largest_difference <= TOLERANCE
    if is_near and not parity.label_flips and not parity.token_id_differences:
        return
    raise ParityError(
        f"{compared} disagree on {parity.reviews + parity.edge_texts:,} texts: largest "
        f"difference {parity.largest_difference:.2g} (allowed {TOLERANCE:.0e}), "
        f"{parity.label_flips} label flips, {parity.token_id_differences} rows with other "
        "token ids. Nothing was exported."
    )


def compare(network: Any, text_in: Path, ids_in: Path, reviews: list[str]) -> Parity:
    """Run reviews and the golden texts through a reference and the three ONNX executions.

    The reference is a Keras network, or a graph `token_ids` → `probability`.
    """
    reference: Callable[[Ids], Probabilities] = partial(run_keras, network)
    if isinstance(network, onnx.ModelProto):
        session = ort.InferenceSession(network.SerializeToString(), session_options())
        reference = partial(_run_graph, session)
    scorer = Scorer(text_in)
    facts = scorer.facts
    edge_texts = list(golden_texts([facts.max_tokens]).values())
    texts = [*reviews, *edge_texts]
    parts = [texts[start : start + 256] for start in range(0, len(texts), 256)]
    ids = [scorer.token_ids(pa.array(part, pa.string())) for part in parts]
    expected = np.concatenate([reference(part) for part in ids])

    graph_ids, in_graph, graph_labels = _run_text_in(text_in, parts)
    ids_session = ort.InferenceSession(str(ids_in), session_options())
    _, scored = scorer.score_array(pa.array(texts, pa.string()))
    found = {
        "ids_in_graph": np.concatenate([_run_graph(ids_session, part) for part in ids]),
        "text_in_graph": in_graph,
        # Blank texts are not scored; here they count as equal.
        "vectorised_scorer": np.where(scored.is_null(), expected, scored.fill_null(0)),
    }
    differences = {name: float(np.abs(other - expected).max()) for name, other in found.items()}
    positive = expected >= scorer.threshold
    flips = sum(int(((other >= scorer.threshold) != positive).sum()) for other in found.values())
    flips += int((graph_labels != np.where(positive, *facts.labels[::-1])).sum())
    return Parity(
        reviews=len(reviews),
        edge_texts=len(edge_texts),
        # np.max, unlike max, gives NaN if any is NaN, and NaN is within no tolerance.
        largest_difference=float(np.max(list(differences.values()))),
        label_flips=flips,
        token_id_differences=sum(map(_rows_that_differ, graph_ids, ids)),
        differences=differences,
        tolerance=TOLERANCE,
    )


def _run_graph(session: ort.InferenceSession, ids: Ids) -> Probabilities:
    found: Probabilities = session.run([PROBABILITY], {TOKEN_IDS: ids})[0]
    return found


def _run_text_in(
    path: Path, parts: list[list[str]]
) -> tuple[list[Ids], Probabilities, npt.NDArray[Any]]:
    """Token ids by part, and all probabilities and labels of the text-in graph."""
    model = onnx.load(path)
    model.graph.output.append(token_ids_info(token_ids_width(model)))
    session = ort.InferenceSession(model.SerializeToString(), session_options())
    results = [
        session.run([TOKEN_IDS, PROBABILITY, LABEL], {TEXT: np.array(part, dtype=object)})
        for part in parts
    ]
    ids, probabilities, labels = zip(*results, strict=True)
    return list(ids), np.concatenate(probabilities), np.concatenate(labels)


def _rows_that_differ(found: Ids, expected: Ids) -> int:
    if found.shape != expected.shape:
        return len(expected)
    return int((found != expected).any(axis=1).sum())
