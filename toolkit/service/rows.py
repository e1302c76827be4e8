"""What a request may ask for, and the answer for each text, with the keys of other commands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from toolkit.model.decimals import shortest
from toolkit.model.labels import SENTENCE_COUNTS
from toolkit.model.predictor import STAR_DECIMALS, array_of
from toolkit.model.scorer import Scorer
from toolkit.model.scorer_options import MOST_REASONS
from toolkit.records.columns import REASONS_JOINED_WITH, aspect_role

Row = dict[str, Any] | None  # the answer for a text; None: the text has no score

# The keys of a request besides `texts`, and the type of their values.
_EXPLAIN_OPTIONS: Mapping[str, type] = {"neutral": bool, "by_sentence": bool}
_EXPLAIN_OPTIONS_OF_CLASSES: Mapping[str, type] = {"class": str}
_OPTIONS_OF_CLASSES: Mapping[str, type] = {"top": int, "probabilities": bool}
_OPTIONS_OF_SENTIMENT: Mapping[str, type] = {"stars": bool, "neutral": bool}
_OPTIONS_OF_WORDS: Mapping[str, type] = {"by_sentence": bool, "aspects": bool, "reasons": int}


class Wanted(NamedTuple):
    """The options of a request."""

    stars: bool = False
    neutral: bool = False
    by_sentence: bool = False
    aspects: bool = False
    reasons: int = 0  # the most words for each text
    explain: bool = False
    # For models of classes.
    explained: str = ""  # the class to explain; empty: the most likely one
    top: int = 0  # the number of most likely classes
    probabilities: bool = False

    @property
    def kind(self) -> Wanted:
        """The same for requests that one scorer answers: it reads the most, rows take less."""
        return Wanted(
            neutral=self.neutral,
            by_sentence=self.by_sentence,
            aspects=self.aspects,
            reasons=MOST_REASONS if self.reasons else 0,  # fewer of them are the first ones
            probabilities=self.by_class,
        )

    @property
    def by_class(self) -> bool:
        """Whether the probability of each class is read."""
        return self.probabilities or self.top > 0

    @property
    def explains(self) -> bool:
        """Whether the answer costs several times as much as scores."""
        return self.explain or self.aspects or self.reasons > 0


def score_options(scorer: Scorer) -> Mapping[str, type]:
    """Return the keys of a request for scores that models of this kind have an answer to."""
    if scorer.facts.has_classes:
        return _OPTIONS_OF_CLASSES
    if scorer.has_words:
        return {**_OPTIONS_OF_SENTIMENT, **_OPTIONS_OF_WORDS}
    return _OPTIONS_OF_SENTIMENT


def explain_options(scorer: Scorer) -> Mapping[str, type]:
    """Return the keys of a request for explanations that models of this kind have an answer to."""
    return _EXPLAIN_OPTIONS_OF_CLASSES if scorer.facts.has_classes else _EXPLAIN_OPTIONS


def rows_of(
    scorer: Scorer, texts: list[str | None], wanted: Wanted, is_wanted: Callable[[], bool]
) -> list[Row]:
    """Return the answer for each text.

    Explanations end early, and are incomplete, once `is_wanted` is false: nobody waits for them.
    """
    if scorer.facts.has_classes and wanted.explain:
        answers = scorer.classify(texts)
        return [
            scorer.explain_class(text, wanted.explained or None).as_dict()
            if text and answer.probability is not None
            else None
            for text, answer in zip(texts, answers, strict=True)
            if is_wanted()
        ]
    if scorer.facts.has_classes:
        return [*_rows_of_classes(scorer, texts, wanted)]
    if wanted.explain:
        scores = scorer.score(texts)
        return [
            scorer.explain(text).as_dict() if text and score.sentiment is not None else None
            for text, score in zip(texts, scores, strict=True)
            if is_wanted()
        ]
    if wanted.stars or wanted.by_sentence or wanted.explains:
        return [*_rows_of_sentiment(scorer, texts, wanted)]
    return [
        {"sentiment": sentiment, "probability": probability and shortest(probability)}
        for sentiment, probability in scorer.score(texts)
    ]


def label_of(row: Row) -> str | None:
    """Return the label in an answer; None: the text has none."""
    if row is None:
        return None
    found: str | None = row.get("sentiment", row.get("label"))
    return found


def _rows_of_sentiment(scorer: Scorer, texts: list[str | None], wanted: Wanted) -> Iterator[Row]:
    names = ["sentiment", "probability"]
    names += ["stars"] if wanted.stars else []
    names += SENTENCE_COUNTS if wanted.by_sentence else []
    aspects = scorer.aspects.names if scorer.aspects is not None else ()
    roles = [aspect_role(name) for name in aspects]
    reasons = ["reasons"] if wanted.reasons else []
    predicted = scorer.predict(array_of(texts))
    columns = scorer.columns(predicted, [*names, *roles, *reasons])
    values = {name: column.to_pylist() for name, column in columns.items()}
    for row in range(len(texts)):
        answer = {name: values[name][row] for name in names}
        has_score = answer["probability"] is not None
        if has_score:
            answer["probability"] = shortest(answer["probability"])
        if answer.get("stars") is not None:
            answer["stars"] = round(answer["stars"], STAR_DECIMALS)
        if wanted.aspects:
            tones = [(name, values[role][row]) for name, role in zip(aspects, roles, strict=True)]
            answer["aspects"] = {name: tone for name, tone in tones if tone} if has_score else None
        if wanted.reasons:
            joined = values["reasons"][row]
            words = joined.split(REASONS_JOINED_WITH) if joined else []
            answer["reasons"] = words[: wanted.reasons] if has_score else None
        yield answer


def _rows_of_classes(scorer: Scorer, texts: list[str | None], wanted: Wanted) -> Iterator[Row]:
    answers = scorer.answers
    assert answers is not None
    predicted = scorer.predict(array_of(texts))
    shares = answers.by_class(predicted) if answers.probabilities else [None] * len(texts)
    for found, by_class in zip(answers.of_rows(predicted), shares, strict=True):
        probability = None if found.probability is None else shortest(found.probability)
        answer: dict[str, Any] = {"label": found.label, "probability": probability}
        pairs = [(label, shortest(share)) for label, share in (by_class or {}).items()]
        if wanted.top:
            listed = [{"label": label, "probability": share} for label, share in pairs]
            answer["top"] = listed[: wanted.top] if by_class is not None else None
        if wanted.probabilities:
            answer["probabilities"] = dict(pairs) if by_class is not None else None
        yield answer
