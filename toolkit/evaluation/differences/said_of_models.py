"""What two model files say of themselves, side by side."""

from __future__ import annotations

from typing import Any

from toolkit.evaluation.differences.changes import SaidOfModels, WordChanges
from toolkit.files import path_of
from toolkit.model.facts.model_facts import Calibration, Scores
from toolkit.model.facts.typed_json import encode
from toolkit.model.scorer import Scorer

_WORDS_SHOWN = 10


def said_of(old: Scorer, new: Scorer) -> tuple[SaidOfModels, ...]:
    """Give all facts that are compared, equal ones among them."""
    before, after = _said(old), _said(new)
    return tuple(SaidOfModels(key, before[key], after[key]) for key in before)


def compare_words(old: Scorer, new: Scorer) -> WordChanges:
    """Compare the words that the models know."""
    before, after = (scorer.vocabulary.words.to_pylist() for scorer in (old, new))
    known, known_now = set(before), set(after)
    added = [word for word in after if word not in known]
    removed = [word for word in before if word not in known_now]
    return WordChanges(
        len(before),
        len(after),
        len(added),
        len(removed),
        tuple(added[:_WORDS_SHOWN]),
        tuple(removed[:_WORDS_SHOWN]),
    )


def _said(scorer: Scorer) -> dict[str, Any]:
    facts, identity = scorer.facts, scorer.identity()
    data, metrics, neutral = facts.data, facts.metrics, facts.neutral
    return {
        "version": identity["version"],
        "date": facts.release.date,
        "domain": facts.release.domain,
        "language": facts.release.language,
        "licence": facts.release.licence,
        "intended_use": facts.release.intended_use,
        "data_sets": facts.release.data_sets and encode(facts.release.data_sets),
        "teachers": facts.release.teachers and encode(facts.release.teachers),
        "sha256": identity["sha256"],
        "bytes": path_of(identity["path"]).stat().st_size,
        "toolkit_version": facts.toolkit_version,
        "format_version": facts.format_version,
        "token_rule": facts.token_rule,
        "preset": facts.preset,
        "labels": list(facts.labels),
        "threshold": identity["threshold"],
        "max_tokens": facts.max_tokens,
        "vocabulary_size": facts.vocabulary_size,
        "has_stars": scorer.has_stars,
        "neutral": None if neutral is None else [neutral.low, neutral.high],
        "calibration": _calibration(facts.calibration),
        "trained_on": data.reviews,
        "unlabelled": None if data.unlabelled is None else data.unlabelled.reviews,
        "validation": _scores(metrics.validation),
        "test": _scores(metrics.test),
    }


def _calibration(found: Calibration | None) -> dict[str, float | None] | None:
    if found is None:
        return None
    return {"scale": found.scale, "bias": found.bias, "error": found.error}


def _scores(found: Scores | None) -> dict[str, float | None] | None:
    if found is None or found.accuracy is None:
        return None
    return {
        "accuracy": found.accuracy,
        "balanced_accuracy": found.balanced_accuracy,
        "reviews": found.reviews,
    }
