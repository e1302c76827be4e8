"""Score reviews with a model file: texts here, Arrow arrays and record batches in `ArrowScorer`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from toolkit.errors import UsageError
from toolkit.model.arrow_scorer import ArrowScorer
from toolkit.model.inference.few_texts import FewTexts
from toolkit.model.inference.neutral import Range
from toolkit.model.inference.numbers import STAR_DECIMALS
from toolkit.model.inference.texts import array_of, list_of
from toolkit.model.opened import Opened
from toolkit.model.shipped import find_model

if TYPE_CHECKING:
    from toolkit.model.explanation import Explainer, Explanation


class Score(NamedTuple):
    """The sentiment of one review; both are None where there is no text or no known word."""

    sentiment: str | None
    probability: float | None  # of the positive class, 0 to 1


class Scorer(ArrowScorer):
    """A loaded model, ready to score; safe to share between threads.

    It computes in the thread that calls it, and starts no others. Pickled, it is its arguments
    alone: the model file must be there where it is unpickled, and is opened once per process.

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
    by_sentence : bool
        Whether each sentence is scored, too (`toolkit.text.sentences` has the rule), and reviews
        whose sentences disagree get the label ``mixed`` (`toolkit.model.inference.mixed`).

    Raises
    ------
    ModelError
        If the file is missing, damaged, or no model of this toolkit.
    UsageError
        If the threshold is not within 0 to 1, the range does not include it, the model has no
        range of its own, or a label of the model is called mixed.

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
        *,
        by_sentence: bool = False,
    ) -> None:
        super().__init__(model, threshold, neutral, by_sentence=by_sentence)
        self._arguments = (model, threshold, neutral, by_sentence)
        self._few = FewTexts(self._network, self.vocabulary, self.facts, self._labelling)

    def __reduce__(self) -> tuple[Any, ...]:
        # A cluster sends the scorer to its workers, where the model file is opened again.
        return _unpickle, self._arguments

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
        listed = list_of(texts)
        found: Iterable[Any] | None = self._few.score(listed)
        if found is None:
            columns = self.score_array(array_of(listed))
            found = zip(*(column.to_pylist() for column in columns), strict=True)
        return [Score(*each) for each in found]

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
        self.check_gives(["stars"])
        listed = list_of(texts)
        found = self._few.stars(listed)
        if found is None:
            found = self.numbers(array_of(listed))["stars"].to_pylist()
        return [None if stars is None else round(stars, STAR_DECIMALS) for stars in found]

    def explain(self, text: str) -> Explanation:
        """Tell what each word of a review adds to its score, as `toolkit.model.explanation` does.

        Parameters
        ----------
        text : str
            A review.

        Returns
        -------
        Explanation
            Its score, its words with their places and contributions, and, by sentence, its
            sentences.

        Raises
        ------
        UsageError
            If it is not a text, or has no score: it is blank, or the model knows none of its words.
        """
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"explain: expected a text that is not blank, received {text!r:.50}")
        ((sentiment, probability),) = self.score([text])
        if sentiment is None or probability is None:
            raise UsageError(
                f"explain: the model knows no word of {text!r:.50}, so it has no score to explain"
            )
        texts = array_of([text])
        text = texts[0].as_py()
        found = self._explainer.explain(text, self.token_ids(texts)[0], sentiment, probability)
        if not self.by_sentence:
            return found
        return found.with_sentences(self._numbers.sentences(texts), self.facts.labels)

    @cached_property
    def _explainer(self) -> Explainer:
        from toolkit.model.explanation import Explainer  # late: scoring has no use for it

        return Explainer(self._file)


_OPENED: Opened[Scorer] = Opened()  # by unpickling


def _unpickle(
    model: str | Path | None,
    threshold: float | None,
    neutral: Range | Literal[True] | None,
    by_sentence: bool,
) -> Scorer:
    """Give the scorer of these arguments, opened once in each process."""
    return _OPENED.get(
        repr((model, threshold, neutral, by_sentence)),
        find_model(model),
        lambda: Scorer(model, threshold, neutral, by_sentence=by_sentence),
    )
