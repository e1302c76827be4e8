"""An accessor of pandas for Series with texts.

>>> import pandas as pd, sentiment_pandas
>>> pd.Series(["Lovely and quiet.", None]).sentiment.label().tolist()
['positive', None]
"""

import functools

import pandas as pd
import pyarrow as pa

from toolkit import Scorer


@functools.cache
def _scorer() -> Scorer:
    return Scorer()


@pd.api.extensions.register_series_accessor("sentiment")
class Sentiment:
    """`label()`, `probability()`, and both as a DataFrame: `answer()`, which scores once."""

    def __init__(self, texts: pd.Series) -> None:
        self._texts = texts

    def label(self) -> pd.Series:
        """Return positive, negative, or None where the model knows no word."""
        return self.answer()["predicted_sentiment"]

    def probability(self) -> pd.Series:
        """Return the probability of positive, float32, 0 to 1, or NaN."""
        return self.answer()["positive_probability"]

    def answer(self) -> pd.DataFrame:
        """Return both, with the index of the texts."""
        texts = pa.array(self._texts, pa.large_string(), from_pandas=True)
        labels, probabilities = _scorer().score_array(texts)
        found = {
            "predicted_sentiment": pd.Series(labels.to_pylist(), dtype=object),
            "positive_probability": probabilities.to_pandas(),
        }
        return pd.DataFrame(found).set_axis(self._texts.index)
