"""Score reviews with a model file: texts, Arrow arrays, or record batches."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.errors import UsageError
from toolkit.model.explanation import Explainer, Explanation
from toolkit.model.facts import ModelFacts
from toolkit.model.file import load_model
from toolkit.model.neutral import Range, check_range, labels_of, own_range
from toolkit.model.session import Outputs, open_network
from toolkit.model.shipped import DEFAULT_MODEL
from toolkit.model.texts import array_of, as_strings
from toolkit.text.strings import arrow_of, is_blank
from toolkit.text.token_ids import Ids
from toolkit.text.vocabulary import Vocabulary

# Token ids are made for this many reviews at once, so that millions of short ones stay small.
_ROWS_AT_ONCE = 4096
_STAR_DECIMALS = 2


class Score(NamedTuple):
    """The sentiment of one review; both are None where there is no text or no known word."""

    sentiment: str | None
    probability: float | None  # of the positive class, 0 to 1


class Scorer:
    """A loaded model, ready to score; safe to share between threads.

    Parameters
    ----------
    model : str | Path | None
        A text-in model file of `toolkit export`, the run folder that it was written into, or the
        name of a shipped model: `reviews`, the default, `reviews-small` or `conv1d`.
    threshold : float | None
        Probability from which a review counts as positive, 0 to 1; by default the model's own.
    neutral : Range | Literal[True] | None
        Probabilities from the first number to below the second get the label ``neutral``; the
        threshold lies between them. True is the model's own range. By default none do.

    Raises
    ------
    ModelError
        If the file is missing, damaged, or no model of this toolkit.
    UsageError
        If the threshold is not within 0 to 1, the range does not include it, or the model has no
        range of its own.

    Examples
    --------
    >>> scorer = Scorer()
    >>> reviews = ["A fine film, superbly acted.", "Dull, and a waste of time.", ""]
    >>> [score.sentiment for score in scorer.score(reviews)]
    ['positive', 'negative', None]
    """

    def __init__(
        self,
        model: str | Path | None = None,
        threshold: float | None = None,
        neutral: Range | Literal[True] | None = None,
    ) -> None:
        if threshold is not None and not 0 <= threshold <= 1:
            raise UsageError(
                f"--threshold: expected a probability from 0 to 1, received {threshold}"
            )
        self._arguments = (model, threshold, neutral)
        self._file = load_model(model)
        self._network = open_network(self._file)
        self.facts: ModelFacts = self._file.facts  # what the model file says of itself
        self.vocabulary: Vocabulary = self._file.vocabulary  # the words that the model knows
        # Compared in float32, as inside the exported graph.
        self.threshold = np.float32(self.facts.threshold if threshold is None else threshold)
        self.neutral: Range | None = None
        if neutral:
            wanted = own_range(self.facts, self._file.name) if neutral is True else neutral
            self.neutral = check_range(wanted, float(self.threshold), self.facts.labels)

    def __reduce__(self) -> tuple[Any, ...]:
        # A cluster sends the scorer to its workers, where the model file is loaded again.
        return Scorer, self._arguments

    def identity(self) -> dict[str, Any]:
        """Say which model this is, as `ModelFile.identity`, with the threshold in use."""
        return {**self._file.identity(), "threshold": round(float(self.threshold), 7)}

    @cached_property
    def _explainer(self) -> Explainer:
        return Explainer(self._file)

    @property
    def sha256(self) -> str:
        """The SHA-256 of the model file, in hexadecimal digits."""
        return self._file.sha256

    def score(self, texts: Iterable[str | None]) -> list[Score]:
        """Score some reviews.

        Parameters
        ----------
        texts : Iterable[str | None]
            Reviews; None or a blank text has no score, and nor has one without a known word.

        Returns
        -------
        list[Score]
            One for each review, in order.
        """
        columns = self.score_array(array_of(texts))
        return [
            Score(*pair) for pair in zip(*(column.to_pylist() for column in columns), strict=True)
        ]

    def stars(self, texts: Iterable[str | None]) -> list[float | None]:
        """Tell the stars of some reviews.

        Parameters
        ----------
        texts : Iterable[str | None]
            Reviews, as for `score`.

        Returns
        -------
        list[float | None]
            For each review 1.0 to 5.0 in hundredths, None where there is no score.

        Raises
        ------
        UsageError
            If the model has no stars.
        """
        self.check_stars()
        found: list[float | None] = self.numbers(array_of(texts))["stars"].to_pylist()
        return [None if stars is None else round(stars, _STAR_DECIMALS) for stars in found]

    def score_array(self, texts: pa.Array | pa.ChunkedArray) -> tuple[pa.Array, pa.FloatArray]:
        """Score an Arrow array of any string type.

        Parameters
        ----------
        texts : pa.Array | pa.ChunkedArray
            Reviews; a null or a blank text has no score. Nor has a text without a known word
            among those that the model reads, but models of format versions 1 and 2 score it.

        Returns
        -------
        tuple[pa.Array, pa.FloatArray]
            Sentiment (string) and probability (float32), both null where there is no score.

        Raises
        ------
        UsageError
            If it is of another type.
        """
        probability = self.probabilities(texts)
        return self.sentiments(probability), probability

    def probabilities(self, texts: pa.Array | pa.ChunkedArray) -> pa.FloatArray:
        """Give the probabilities of the positive class, float32, as `score_array` does."""
        return self.numbers(texts)["probability"]

    @property
    def has_stars(self) -> bool:
        """Whether the model tells stars."""
        return self._file.has_stars

    def numbers(self, texts: pa.Array | pa.ChunkedArray) -> pa.RecordBatch:
        """Give all that the model says of an Arrow array of any string type.

        Parameters
        ----------
        texts : pa.Array | pa.ChunkedArray
            Reviews.

        Returns
        -------
        pa.RecordBatch
            `probability` of the positive class, float32, 0 to 1; and, if the model has them,
            `stars`, float32, 1 to 5 in hundredths. Both are null where there is no score.

        Raises
        ------
        UsageError
            If the array is of another type.
        """
        texts = as_strings(texts)
        (probability, *others), is_known = self._outputs(texts)
        has_score = pc.and_not(arrow_of(is_known), is_blank(texts))
        found = {"probability": probability}
        if others:
            found["stars"] = np.round(others[0], _STAR_DECIMALS)
        none = pa.scalar(None, pa.float32())
        return pa.RecordBatch.from_pydict(
            {name: pc.if_else(has_score, arrow_of(each), none) for name, each in found.items()}
        )

    def sentiments(self, probability: pa.FloatArray) -> pa.StringArray:
        """Give the label for each probability (float32); null where that is null."""
        return labels_of(probability, self.facts.labels, float(self.threshold), self.neutral)

    def explain(self, text: str) -> Explanation:
        """Tell what each word of a review adds to its score, as `toolkit.model.explanation` does.

        Parameters
        ----------
        text : str
            A review.

        Returns
        -------
        Explanation
            Its score, and its words with their places and contributions.

        Raises
        ------
        UsageError
            If it is not a text, or has no score: it is blank, or the model knows none of its words.
        """
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"explain: expected a text that is not blank, received {text!r:.50}")
        texts = array_of([text])
        sentiment, probability = self.score_array(texts)
        if not probability[0].is_valid:
            raise UsageError(
                f"explain: the model knows no word of {text!r:.50}, so it has no score to explain"
            )
        return self._explainer.explain(
            texts[0].as_py(), self.token_ids(texts)[0], sentiment[0].as_py(), probability[0].as_py()
        )

    def score_batch(
        self,
        batch: pa.RecordBatch,
        text_column: str = "text",
        sentiment_column: str = "predicted_sentiment",
        probability_column: str = "positive_probability",
        stars_column: str | None = None,
    ) -> pa.RecordBatch:
        """Score a record batch: every column stays, two or three are added.

        Every engine calls this function, so that results never depend on where it runs.

        Parameters
        ----------
        batch : pa.RecordBatch
            Reviews with any further columns.
        text_column : str
            Column of the reviews, of any string type.
        sentiment_column : str
            Name of the added column with the label, string.
        probability_column : str
            Name of the added column with the probability of the positive class, float32.
        stars_column : str | None
            Name of the added column with the stars, float32, 1 to 5; by default there is none.

        Returns
        -------
        pa.RecordBatch
            As many rows, in order; the added fields are null where there is no score.

        Raises
        ------
        UsageError
            If there is no such text column, an added name is taken, or the model has no stars.
        """
        added = {"sentiment": sentiment_column, "probability": probability_column}
        if stars_column is not None:
            self.check_stars()
            added["stars"] = stars_column
        if len({*added.values()}) < len(added):
            raise UsageError(f"the added columns need different names, not {[*added.values()]}")
        names = batch.schema.names
        if names.count(text_column) > 1:
            raise UsageError(f"{names.count(text_column)} columns are called {text_column!r}")
        if text_column not in names:
            raise UsageError(f"no column {text_column!r} (found: {', '.join(names)})")
        for name in added.values():
            if name in names:
                raise UsageError(f"the input has a column {name!r} already; choose another name")
        numbers = self.numbers(batch.column(text_column))
        for role, values in self.scores(numbers, [*added]).items():
            batch = batch.append_column(added[role], values)
        return batch

    def scores(self, numbers: pa.RecordBatch, wanted: Sequence[str]) -> dict[str, pa.Array]:
        """Give the wanted of `sentiment`, `probability` and `stars` for some `numbers`."""
        return {
            name: self.sentiments(numbers["probability"]) if name == "sentiment" else numbers[name]
            for name in wanted
        }

    def check_stars(self) -> None:
        """Raise `UsageError` if the model has no stars."""
        if not self.has_stars:
            raise UsageError(
                f"--stars: the model {self._file.name} has no stars, as it did not learn from "
                f"reviews with stars. Choose another, such as {DEFAULT_MODEL}."
            )

    def token_ids(self, texts: pa.Array) -> Ids:
        """Make the network's input, (rows, tokens) int32, 0 pads in front; a null has no words."""
        return self._network.rows(self.vocabulary.encode(texts, last=self.facts.max_tokens))

    def _outputs(self, texts: pa.Array | pa.ChunkedArray) -> tuple[Outputs, npt.NDArray[np.bool_]]:
        """Give what the network says, and whether that is a score: whether a word is known."""
        most, rows = self.facts.max_tokens, len(texts)
        found = np.empty((self._network.outputs, rows), np.float32)
        is_known = np.ones(rows, np.bool_)
        for start in range(0, len(texts), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            ids = self.vocabulary.encode(texts.slice(start, _ROWS_AT_ONCE), last=most)
            found[:, part] = self._network.run_all(ids)
            if self.facts.counts_known_tokens:
                is_known[part] = ids.has_known_token(most)
        return found, is_known
