"""Ways to a model for a domain from few labels: adapting, from scratch, tf-idf, an encoder.

The encoder, MiniLM as it is published, needs examples/teacher/requirements.txt; it is left out
where that is not installed.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from examples.benchmarks.quality_peers import PEERS
from toolkit.classes import DEFAULT_THRESHOLD
from toolkit.errors import TrainingError
from toolkit.export.threshold import Goal, best_threshold
from toolkit.model.stars import sigmoid
from toolkit.training import Reviews, TrainingOptions, find_preset
from toolkit.training.adapt import usual_folds
from toolkit.training.adapt_fit import Start, adapt_network, examples_of, log_odds
from toolkit.training.result import review_probabilities
from toolkit.training.split import folds_for_few

SCRATCH = "ngram-linear"
_STRENGTHS = [1.0, 10.0, 100.0]  # C of the regression
_FOLDS = 5
_AT_ONCE = 32  # texts through the encoder
_ENCODER_CUT = (24, 72)  # pieces of a long text from its beginning and its end, as the teacher


@dataclass(frozen=True)
class Found:
    """What a model gives to the reviews to test on, (reviews,) float32, and what else is kept."""

    name: str
    probability: npt.NDArray[np.float32]
    threshold: float = 0.5
    facts: dict[str, Any] = field(default_factory=dict)


def as_it_is(start: Start, _: pa.Table, texts: pa.ChunkedArray) -> list[Found]:
    """The start."""
    reviews = Reviews("tested", texts, np.zeros(len(texts), np.int8))
    found = sigmoid(examples_of(start, start.vocabulary, reviews).start).astype(np.float32)
    return [Found("as it is", found)]


def adapted(start: Start, labelled: pa.Table, texts: pa.ChunkedArray) -> list[Found]:
    """What `toolkit train --from` does, with its own threshold, with 0.5 and with the best one."""
    reviews = _reviews(labelled)
    splits = folds_for_few(reviews, usual_folds(len(reviews)), seed=1)
    made = adapt_network(start, reviews, splits)
    found = made.probabilities(texts)
    kept = {"kept": made.choice.kept.name}
    held_out = sigmoid(made.choice.kept.logits - log_odds(made.border)).astype(np.float32)
    goal = Goal.parse("balanced")
    best = best_threshold(reviews.labels > 0, held_out, goal, Path(), DEFAULT_THRESHOLD)
    # The reviews to score are of the domain; nobody has labelled them.
    more = adapt_network(start, reviews, splits, texts)
    return [
        Found("adapted", found, DEFAULT_THRESHOLD, kept),
        Found("adapted, --optimize balanced", found, best),
        Found("adapted, cut at 0.5", found, 1 - made.border),
        Found(
            "adapted, --unlabelled",
            more.probabilities(texts),
            DEFAULT_THRESHOLD,
            {"kept": more.choice.kept.name},
        ),
    ]


def from_scratch(_: Start, labelled: pa.Table, texts: pa.ChunkedArray) -> list[Found]:
    """`ngram-linear` as `toolkit train` trains it; where it cannot, the more frequent label."""
    from toolkit.networks.network_files import load_keras
    from toolkit.training import train

    reviews = _reviews(labelled)
    with tempfile.TemporaryDirectory() as folder:
        data, run = Path(folder, "labelled.parquet"), Path(folder, "run")
        pq.write_table(labelled.select(["text", "label"]), data)
        options = TrainingOptions(data=str(data), preset=SCRATCH, output=run)
        try:
            result = train(options)
        except TrainingError:  # such as too few reviews of a label to hold some out
            share = np.float32(reviews.positives / len(reviews))
            constant = np.full(len(texts), share)
            names = ("from scratch", "from scratch, cut at the share")
            return [Found(name, constant, facts={"failed": True}) for name in names]
        network = load_keras(result.run.model)
        vocabulary = result.run.load_vocabulary(result.run.load_config())
    found = review_probabilities(network, find_preset(SCRATCH), vocabulary, texts)
    cut = reviews.positives / len(reviews)
    return [Found("from scratch", found), Found("from scratch, cut at the share", found, cut)]


def tfidf(_: Start, labelled: pa.Table, texts: pa.ChunkedArray) -> list[Found]:
    """Logistic regression on tf-idf, as in the comparison of accuracy; C by cross-validation."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

    reviews = _reviews(labelled)
    known = [text.lower() for text in labelled["text"].to_pylist()]
    settings = dict(PEERS["tfidf"].settings["features"])
    settings |= {"min_df": 1 if len(known) < 200 else 2}
    vectorizer = TfidfVectorizer(**settings)
    features = vectorizer.fit_transform(known)
    fewest = min(reviews.positives, len(reviews) - reviews.positives)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if fewest >= _FOLDS:
            model: Any = LogisticRegressionCV(
                Cs=_STRENGTHS, cv=_FOLDS, scoring="neg_log_loss", solver="liblinear"
            )
        else:
            model = LogisticRegression(C=_STRENGTHS[1], solver="liblinear")
        model.fit(features, reviews.labels)
    tested = vectorizer.transform([text.lower() for text in texts.to_pylist()])
    found = model.predict_proba(tested)[:, 1].astype(np.float32)
    share = float(reviews.labels.mean())
    return [Found("tf-idf", found), Found("tf-idf, cut at the share of positives", found, share)]


_VECTORS: dict[str, npt.NDArray[np.float32]] = {}  # of texts, by the encoder


def encoder(_: Start, labelled: pa.Table, texts: pa.ChunkedArray) -> list[Found]:
    """Logistic regression on the vectors of a sentence encoder; C by cross-validation."""
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV

    reviews, known, new = _reviews(labelled), labelled["text"].to_pylist(), texts.to_pylist()
    if not _embed([*known, *new]):
        return []
    features, tested = (np.stack([_VECTORS[text] for text in part]) for part in (known, new))
    fewest = min(reviews.positives, len(reviews) - reviews.positives)
    model: Any = LogisticRegression(C=_STRENGTHS[1])
    if fewest >= _FOLDS:
        model = LogisticRegressionCV(Cs=_STRENGTHS, cv=_FOLDS, scoring="neg_log_loss")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(features, reviews.labels)
    found = model.predict_proba(tested)[:, 1].astype(np.float32)
    share = float(reviews.labels.mean())
    return [Found("encoder", found), Found("encoder, cut at the share of positives", found, share)]


def _embed(texts: list[str]) -> bool:
    """Make the vectors of texts that have none: the mean over the pieces, of length 1."""
    missing = [text for text in dict.fromkeys(texts) if text not in _VECTORS]
    try:
        import torch

        from examples.teacher.minilm import HIDDEN, MiniLM
        from examples.teacher.word_pieces import WordPieces
    except ImportError:
        return False
    pieces, model = WordPieces.of(missing), MiniLM().load_pretrained().eval()
    order = np.argsort(pieces.lengths, kind="stable")
    with torch.inference_mode():
        for first in range(0, len(order), _AT_ONCE):
            rows = order[first : first + _AT_ONCE]
            ids, is_piece = pieces.batch(rows, _ENCODER_CUT)
            is_piece = torch.ones(ids.shape, dtype=torch.bool) if is_piece is None else is_piece
            hidden = torch.zeros(ids.shape).masked_fill(~is_piece, HIDDEN)[:, None, None, :]
            share = is_piece.float()[..., None]
            mean = (model.vectors(ids, hidden) * share).sum(1)
            for row, vector in zip(rows, torch.nn.functional.normalize(mean).numpy(), strict=True):
                _VECTORS[missing[row]] = vector
    return True


def _reviews(table: pa.Table) -> Reviews:
    labels = (table["label"].to_numpy() >= 0.5).astype(np.int8)
    return Reviews("labelled", table["text"], labels)


WAYS: dict[str, Callable[[Start, pa.Table, pa.ChunkedArray], list[Found]]] = {
    "as it is": as_it_is,
    "adapted": adapted,
    "from scratch": from_scratch,
    "tf-idf": tfidf,
    "encoder": encoder,
}
