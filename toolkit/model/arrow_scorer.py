"""Score Arrow arrays and record batches with a model file."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from toolkit.errors import UsageError
from toolkit.model.added_columns import check_columns
from toolkit.model.facts.model_facts import ModelFacts
from toolkit.model.file import load_model
from toolkit.model.inference.labelling import Labelling, Neutral
from toolkit.model.inference.mixed import SENTENCE_COUNTS
from toolkit.model.inference.neutral import Range
from toolkit.model.inference.numbers import Numbers
from toolkit.model.inference.session import open_network
from toolkit.model.shipped import DEFAULT_MODEL
from toolkit.text.token_ids import Ids
from toolkit.text.vocabulary import Vocabulary


class ArrowScorer:
    """What a `Scorer` says of itself, and does with Arrow; its arguments are explained there."""

    def __init__(
        self,
        model: str | Path | None,
        threshold: float | None,
        neutral: Neutral,
        *,
        by_sentence: bool,
    ) -> None:
        self._file = load_model(model)
        self.facts: ModelFacts = self._file.facts  # what the model file says of itself
        self.vocabulary: Vocabulary = self._file.vocabulary  # the words that the model knows
        self._network = open_network(self._file)
        self._labelling = Labelling.of(self._file, threshold, neutral, by_sentence=by_sentence)
        self.threshold = self._labelling.threshold
        self.neutral: Range | None = self._labelling.neutral
        self.by_sentence = by_sentence
        self._numbers = Numbers(self._network, self.vocabulary, self.facts, by_sentence=by_sentence)

    def identity(self) -> dict[str, Any]:
        """Say which model this is, as `ModelFile.identity`, with the threshold in use."""
        return {**self._file.identity(), "threshold": round(float(self.threshold), 7)}

    @property
    def model(self) -> str:
        """Name, version and hash of the model, as `ModelFile.in_one_value`."""
        return self._file.in_one_value

    @property
    def sha256(self) -> str:
        """The SHA-256 of the model file, in hexadecimal digits."""
        return self._file.sha256

    @property
    def max_tokens(self) -> int:
        """The number of tokens that the model reads of a review, its last ones."""
        return self.facts.max_tokens

    @property
    def has_stars(self) -> bool:
        """Whether the model tells stars."""
        return self._file.has_stars

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
        scores = self.scores(self.numbers(texts), ["sentiment", "probability"])
        return scores["sentiment"], scores["probability"]

    def probabilities(self, texts: pa.Array | pa.ChunkedArray) -> pa.FloatArray:
        """Give the probabilities of the positive class, float32, as `score_array` does."""
        return self.numbers(texts)["probability"]

    def numbers(
        self, texts: pa.Array | pa.ChunkedArray, *, with_reading: bool = False
    ) -> pa.RecordBatch:
        """Give all that the model says of an Arrow array of any string type.

        Parameters
        ----------
        texts : pa.Array | pa.ChunkedArray
            Reviews.
        with_reading : bool
            Whether to say how the texts were read, too.

        Returns
        -------
        pa.RecordBatch
            `probability` of the positive class, float32, 0 to 1; and, if the model has them,
            `stars`, float32, 1 to 5 in hundredths; by sentence also `positive_sentences` and
            `negative_sentences`, int32; with the reading also `few_known_words`
            (`toolkit.model.inference.readable`) and `cut_to_length`, truth values: whether a text
            has more tokens than the model reads. All are null where there is no score.

        Raises
        ------
        UsageError
            If the array is of another type.
        """
        return self._numbers.of(texts, with_reading=with_reading)

    def sentiments(self, probability: pa.FloatArray) -> pa.StringArray:
        """Give the label for each probability (float32) alone; null where that is null."""
        return self._labelling.of_probability(probability)

    def score_batch(
        self,
        batch: pa.RecordBatch | pa.Table,
        text_column: str = "text",
        sentiment_column: str = "predicted_sentiment",
        probability_column: str = "positive_probability",
        stars_column: str | None = None,
        positive_sentences_column: str = "positive_sentences",
        negative_sentences_column: str = "negative_sentences",
        model_column: str | None = None,
    ) -> pa.RecordBatch | pa.Table:
        """Score a record batch or a table: all columns stay, and two or more are added.

        Every engine calls this function, so that results never depend on where it runs.

        Parameters
        ----------
        batch : pa.RecordBatch | pa.Table
            Reviews with any further columns.
        text_column : str
            Column of the reviews, of any string type.
        sentiment_column : str
            Name of the added column with the label, string.
        probability_column : str
            Name of the added column with the probability of the positive class, float32.
        stars_column : str | None
            Name of the added column with the stars, float32, 1 to 5; by default no such column.
        positive_sentences_column : str
            Name of the column with the number of clearly positive sentences, int32, which is added
            if they are scored.
        negative_sentences_column : str
            Name of the same for negative sentences.
        model_column : str | None
            Name of the added column with the model, string, in each row such as
            ``reviews 2026.11 sha256-0123456789abcdef``; by default no such column.

        Returns
        -------
        pa.RecordBatch | pa.Table
            As many rows, in order; the added fields, except the model, are null where there is no
            score.

        Raises
        ------
        UsageError
            If there is no such text column, an added name is taken, or the model has no stars.
        """
        added = {"sentiment": sentiment_column, "probability": probability_column}
        if stars_column is not None:
            added["stars"] = stars_column
        if self.by_sentence:
            added["positive_sentences"] = positive_sentences_column
            added["negative_sentences"] = negative_sentences_column
        if model_column is not None:
            added["model"] = model_column
        self.check_gives(added)
        check_columns(batch.schema.names, text_column, added.values())
        numbers = self.numbers(batch.column(text_column))
        for role, values in self.scores(numbers, [*added]).items():
            batch = batch.append_column(added[role], values)
        return batch

    def scores(self, numbers: pa.RecordBatch, wanted: Sequence[str]) -> dict[str, pa.Array]:
        """Give the wanted of `sentiment`, `model` and the columns of what `numbers` gave."""
        return {name: self._values(numbers, name) for name in wanted}

    def _values(self, numbers: pa.RecordBatch, name: str) -> pa.Array:
        if name == "sentiment":
            return self._labelling.of_numbers(numbers)
        # Also where there is no score: the model has seen the row.
        return pa.repeat(self.model, len(numbers)) if name == "model" else numbers[name]

    def check_gives(self, wanted: Collection[str]) -> None:
        """Raise `UsageError` unless `scores` can give all that is wanted."""
        if "stars" in wanted and not self.has_stars:
            raise UsageError(
                f"--stars: the model {self._file.name} has no stars, as its training fitted none. "
                f"Choose another, such as {DEFAULT_MODEL}."
            )
        if not self.by_sentence and not {*wanted}.isdisjoint(SENTENCE_COUNTS):
            raise UsageError(
                "sentences are counted with --by-sentence, or Scorer(by_sentence=True)"
            )

    def token_ids(self, texts: pa.Array) -> Ids:
        """Make the network's input, (rows, tokens) int32, 0 pads in front; a null has no words."""
        return self._numbers.token_ids(texts)
