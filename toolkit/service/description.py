"""The OpenAPI description of one service: what its model answers, and its limits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from toolkit import __version__
from toolkit.classes import MIXED, NEUTRAL, tone_names
from toolkit.model.labels import SENTENCE_COUNTS
from toolkit.model.scorer import Scorer
from toolkit.service.rows import score_options

# In the file, the paths of a model of classes, by the key for it.
_OF_CLASSES = {"/score": "x-score-of-classes", "/explain": "x-explain-of-classes"}
_ANSWERS = {"by_sentence": SENTENCE_COUNTS}  # keys of an answer by the key of the request


def describe(
    scorer: Scorer,
    *,
    has_neutral: bool,
    most_texts: int,
    most_explained: int,
    wants_token: bool,
) -> dict[str, Any]:
    """Return the description of a service; ``has_neutral``: whether a request may want neutral.

    It has only the paths, the keys and the labels that this service answers with.
    """
    found = json.loads(files("toolkit.service").joinpath("openapi.json").read_text("utf-8"))
    found["info"]["version"] = __version__
    of_classes = {path: found.pop(key) for path, key in _OF_CLASSES.items()}
    schemas = found["components"]["schemas"]
    if scorer.answers is not None:
        found["paths"] |= of_classes
        _describe_classes(schemas, scorer)
    else:
        _describe_sentiment(schemas, scorer, has_neutral=has_neutral)
    if not scorer.has_words:
        del found["paths"]["/explain"]
    for name, most in (
        ("ScoreRequest", most_texts),
        ("ClassRequest", most_texts),
        ("ExplainRequest", most_explained),
        ("ClassExplainRequest", most_explained),
    ):
        schemas[name]["properties"]["texts"]["maxItems"] = min(most, most_texts)
    if not wants_token:
        _remove_tokens(found)
    used = {*_names_in(found["paths"], schemas)}
    found["components"]["schemas"] = {name: schemas[name] for name in schemas if name in used}
    described: dict[str, Any] = found
    return described


def _remove_tokens(found: dict[str, Any]) -> None:
    """Remove the scheme of tokens, and each path's need for one."""
    del found["components"]["securitySchemes"]
    for methods in found["paths"].values():
        for operation in methods.values():
            operation.pop("security", None)


def _describe_classes(schemas: dict[str, Any], scorer: Scorer) -> None:
    assert scorer.answers is not None
    count = len(scorer.facts.labels)
    schemas["ClassRequest"]["properties"]["top"]["maximum"] = count
    answer = schemas["ClassScore"]["properties"]
    answer["label"]["enum"] = [*scorer.answers.shown, None]
    explanation = schemas["ClassExplanation"]["properties"]
    for name in ("label", "explained"):
        explanation[name]["enum"] = [*scorer.facts.labels]
    answer["top"]["maxItems"] = count
    answer["probabilities"] |= {"minProperties": count, "maxProperties": count}


def _describe_sentiment(schemas: dict[str, Any], scorer: Scorer, *, has_neutral: bool) -> None:
    options = score_options(scorer)
    cannot = {
        "stars": not scorer.has_stars,
        "neutral": not has_neutral,
        "aspects": scorer.aspects is None,
    }
    request = schemas["ScoreRequest"]["properties"]
    answer = schemas["Score"]["properties"]
    for name in [*request]:
        if name != "texts" and (name not in options or cannot.get(name)):
            del request[name]
            for key in _ANSWERS.get(name, (name,)):
                answer.pop(key, None)
    if not has_neutral:
        del schemas["ExplainRequest"]["properties"]["neutral"]
    labels = [
        *scorer.facts.labels,
        *([NEUTRAL] if has_neutral else []),
        *([MIXED] if "by_sentence" in options else []),
    ]
    answer["sentiment"]["enum"] = [*labels, None]
    schemas["Explanation"]["properties"]["sentiment"]["enum"] = labels
    if "aspects" in answer:
        tones = [tone for tone in tone_names(scorer.facts.labels) if tone is not None]
        answer["aspects"]["additionalProperties"]["enum"] = tones


def _names_in(part: Any, schemas: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the schemas that a part of the description refers to, and theirs."""
    if isinstance(part, dict):
        name = str(part.get("$ref", "")).rpartition("/")[2]
        if name in schemas:
            yield name
            yield from _names_in(schemas[name], schemas)
        for each in part.values():
            yield from _names_in(each, schemas)
    elif isinstance(part, list):
        for each in part:
            yield from _names_in(each, schemas)
