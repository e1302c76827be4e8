"""The proof that the exported graphs give the numbers of Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import ParityError
from toolkit.export.convert import TOLERANCE, run_keras, token_ids_info
from toolkit.model.facts import Parity
from toolkit.model.file import (
    KNOWN_TOKENS,
    LABEL,
    PROBABILITY,
    STARS,
    TEXT,
    TOKEN_IDS,
    token_ids_width,
)
from toolkit.model.native_network import session_options
from toolkit.model.scorer import Scorer
from toolkit.model.stars import logits_of
from toolkit.text.strings import golden_texts
from toolkit.text.token_ids import FIRST_WORD_ID, Ids

# The scorer gives hundredths; and the logit that stars come from is known less well where the
# float32 of a probability is near 1.
STARS_TOLERANCE = 0.01


def check_parity(parity: Parity) -> None:
    """Raise `ParityError` unless probabilities are within the tolerance, and all else is equal."""
    # NaN is within no tolerance.
    is_near = parity.largest_difference <= TOLERANCE
    counts = (parity.label_flips, parity.token_id_differences, parity.known_token_differences)
    in_stars = parity.largest_stars_difference
    if in_stars is not None and not in_stars <= STARS_TOLERANCE:
        raise ParityError(
            f"Keras and ONNX disagree on the stars: largest difference {in_stars:.2g} (allowed "
            f"{STARS_TOLERANCE:g}). Nothing was exported."
        )
    if is_near and not any(counts):
        return
    raise ParityError(
        f"Keras and ONNX disagree on {parity.reviews + parity.edge_texts:,} texts: largest "
        f"difference {parity.largest_difference:.2g} (allowed {TOLERANCE:.0e}), "
        f"{parity.label_flips} label flips, {parity.token_id_differences} rows with other "
        f"token ids, {parity.known_token_differences} with another number of known tokens. "
        "Nothing was exported."
    )


def compare(network: Any, text_in: Path, ids_in: Path, reviews: list[str]) -> Parity:
    """Run reviews and the golden texts through a Keras network and the three ONNX executions."""
    scorer = Scorer(text_in)
    facts = scorer.facts
    edge_texts = list(golden_texts([facts.max_tokens]).values())
    texts = [*reviews, *edge_texts]
    parts = [texts[start : start + 256] for start in range(0, len(texts), 256)]
    ids = [scorer.token_ids(pa.array(part, pa.string())) for part in parts]
    expected = np.concatenate([run_keras(network, part) for part in ids])

    known = np.concatenate([(part >= FIRST_WORD_ID).sum(axis=1) for part in ids])

    counts = [KNOWN_TOKENS] if facts.counts_known_tokens else []
    more = [*counts, *([STARS] if facts.stars else [])]
    model = onnx.load(text_in)  # made to give its token ids, too
    model.graph.output.append(token_ids_info(token_ids_width(model)))
    in_text = ort.InferenceSession(model.SerializeToString(), session_options())
    objects = [np.array(part, dtype=object) for part in parts]
    graph_ids, *of_text = _run(in_text, [TOKEN_IDS, PROBABILITY, LABEL, *more], TEXT, objects)
    in_graph, graph_labels, *more_in_graph = map(np.concatenate, of_text)
    ids_session = ort.InferenceSession(str(ids_in), session_options())
    of_ids = _run(ids_session, [PROBABILITY, *more], TOKEN_IDS, ids)
    in_twin, *more_in_twin = map(np.concatenate, of_ids)
    numbers = scorer.predict(pa.array(texts, pa.string()))
    scored = numbers["probability"]
    in_stars = None
    if facts.stars is not None:
        wanted = facts.stars.stars(logits_of(expected), known)
        of_scorer = pc.if_else(numbers["stars"].is_valid(), numbers["stars"], pa.array(wanted))
        found_stars = (more_in_graph.pop(), more_in_twin.pop(), of_scorer.to_numpy())
        in_stars = max(float(np.abs(each - wanted).max()) for each in found_stars)
    is_scored = scored.is_valid().to_numpy(zero_copy_only=False)
    found = {
        "ids_in_graph": in_twin,
        "text_in_graph": in_graph,
        # Blank texts and those without a known word are not scored; here they count as equal.
        "vectorised_scorer": np.where(is_scored, scored.fill_null(0), expected),
    }
    other_known = [found_known != known for found_known in (*more_in_graph, *more_in_twin)]
    if counts:
        other_known.append(is_scored & (known == 0))
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
        known_token_differences=int(np.any(other_known, axis=0).sum()),
        differences=differences,
        tolerance=TOLERANCE,
        largest_stars_difference=in_stars,
    )


def _run(
    session: ort.InferenceSession, names: list[str], given: str, parts: list[npt.NDArray[Any]]
) -> list[tuple[npt.NDArray[Any], ...]]:
    """Give the outputs of these names, each with an array by part."""
    return list(zip(*(session.run(names, {given: part}) for part in parts), strict=True))


def _rows_that_differ(found: Ids, expected: Ids) -> int:
    if found.shape != expected.shape:
        return len(expected)
    return int((found != expected).any(axis=1).sum())
