"""What a scorer is asked for is one object, and nothing of it is forgotten anywhere."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from inspect import signature
from typing import Any

import pytest

from tests.models import CONV1D, shipped_scorer
from toolkit import Scorer
from toolkit.errors import UsageError
from toolkit.model.aspects import Aspects
from toolkit.model.scorer import _unpickle
from toolkit.model.scorer_options import ScorerOptions
from toolkit.scoring.identity import settings_of
from toolkit.scoring.options import ScoringOptions

# Another value of each option.
OTHERS: dict[str, Any] = {
    "model": str(CONV1D),
    "threshold": 0.6,
    "neutral": (0.4, 0.6),
    "by_sentence": True,
    "aspects": Aspects.of({"staff": ["staff"]}),
    "reasons": 3,
    "prior": 0.9,
    "min_probability": 0.5,
    "other": "other",
    "top": 2,
    "probabilities": True,
    "second": str(CONV1D),
    "unsure": (0.2, 0.8),
    "second_mean": True,
}
# What some of them need beside them.
_SECOND = {"second": str(CONV1D), "unsure": (0.3, 0.7)}
NEEDED: dict[str, dict[str, Any]] = dict.fromkeys(("second", "unsure", "second_mean"), _SECOND)
OF_CLASSES = ("min_probability", "other", "top", "probabilities")


def options_with(name: str) -> ScorerOptions:
    """Return the usual options but one, and what that one needs."""
    return replace(ScorerOptions(), **{**NEEDED.get(name, {}), name: OTHERS[name]})


def test_every_option_is_an_argument_of_the_scorer() -> None:
    names = [each.name for each in fields(ScorerOptions)]
    assert names == [*signature(Scorer).parameters]
    assert names == [*OTHERS]


def test_every_option_changes_the_object_and_its_hash() -> None:
    made = [ScorerOptions(), *map(options_with, OTHERS)]
    assert len({*made}) == len(made)
    assert len({*map(hash, made)}) == len(made)


@pytest.mark.parametrize("name", [name for name in OTHERS if name not in OF_CLASSES])
def test_the_identity_of_a_job_knows_every_option(name: str) -> None:
    other = Scorer.of(options_with(name))
    usual = settings_of(shipped_scorer(), ScoringOptions())
    assert settings_of(other, ScoringOptions()) != usual


@pytest.mark.parametrize("name", OF_CLASSES)
def test_the_settings_of_a_model_of_classes_have_its_own_options(name: str) -> None:
    options = replace(ScorerOptions(), **{name: OTHERS[name]})
    settings = options.settings(has_classes=True)
    assert settings["the classes"][name] == OTHERS[name]
    assert "the classes" not in options.settings(has_classes=False)


@pytest.mark.parametrize("name", OF_CLASSES)
def test_options_of_the_other_kind_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"^--[a-z-]+: only for models of classes, but the model"):
        Scorer.of(replace(ScorerOptions(), **{name: OTHERS[name]}))


def test_a_scorer_is_pickled_as_its_options() -> None:
    for name in (name for name in OTHERS if name not in OF_CLASSES):
        scorer = Scorer.of(options_with(name))
        again: Scorer = pickle.loads(pickle.dumps(scorer))
        assert again.options == scorer.options
        assert again.in_use == scorer.in_use


def test_what_another_version_has_pickled_is_refused() -> None:
    older = (None, None, None, False, None, 0, None, None, None, 0, False, "0" * 64)
    with pytest.raises(UsageError, match="pickled by another version of the toolkit"):
        _unpickle(*older)  # type: ignore[arg-type]
