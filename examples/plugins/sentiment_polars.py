"""A namespace of Polars for columns with texts.

>>> import polars as pl, sentiment_polars
>>> reviews = pl.DataFrame({"text": ["Lovely and quiet.", None]})
>>> reviews.with_columns(pl.col("text").sentiment.label().alias("sentiment"))["sentiment"].to_list()
['positive', None]
"""

import functools

import polars as pl

from toolkit import Scorer


@functools.cache
def _scorer() -> Scorer:
    return Scorer()


@pl.api.register_expr_namespace("sentiment")
class Sentiment:
    """`label()`, `probability()`, and both as a struct: `answer()`, which scores once."""

    def __init__(self, texts: pl.Expr) -> None:
        self._texts = texts

    def label(self) -> pl.Expr:
        """Return positive, negative, or null where the model knows no word."""
        return self.answer().struct.field("predicted_sentiment")

    def probability(self) -> pl.Expr:
        """Return the probability of positive, Float32, 0 to 1, or null."""
        return self.answer().struct.field("positive_probability")

    def answer(self) -> pl.Expr:
        """Return both in a struct; `.struct.unnest()` makes two columns of it."""
        names = {"predicted_sentiment": pl.String, "positive_probability": pl.Float32}
        return self._texts.map_batches(_answers, pl.Struct(names), is_elementwise=True)


def _answers(texts: pl.Series) -> pl.Series:
    labels, probabilities = _scorer().score_array(texts.cast(pl.String).to_arrow())
    found = {
        "predicted_sentiment": pl.Series(labels, dtype=pl.String),
        "positive_probability": pl.Series(probabilities, dtype=pl.Float32),
    }
    return pl.DataFrame(found).to_struct(texts.name)
