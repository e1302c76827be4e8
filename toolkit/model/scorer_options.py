"""The options of a scorer in one object.

`Scorer` creates it from its arguments, and pickles as it. `toolkit score` creates it from the
command line. The identity of a job, shards and the report read the options in use
(`Scorer.in_use`).

To add an option, add a field here, and the argument of `Scorer`. The field's metadata has the name
on the command line, the name in the identity of a job, and the kind of models that it is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.errors import UsageError
from toolkit.model.prior import check_prior
from toolkit.model.ranges import check_ends
from toolkit.records.columns import ModelKind, fits

if TYPE_CHECKING:
    from toolkit.model.aspects import Aspects
    from toolkit.model.facts import ModelFacts
    from toolkit.model.labels import Neutral
    from toolkit.model.ranges import Range

MOST_REASONS = 20
_META = "option"


class _Option(NamedTuple):
    """Names of a field of `ScorerOptions` elsewhere, and the models that it is for."""

    name: str  # on the command line
    # In the identity of a job, as older versions wrote it; None: `Scorer.second` writes it there.
    setting: str | None
    models: ModelKind


def _option(name: str, setting: str | None, models: ModelKind = "sentiment") -> dict[str, _Option]:
    return {_META: _Option(name, setting, models)}


@dataclass(frozen=True, kw_only=True)
class ScorerOptions:
    """The arguments of `Scorer`, which documents them.

    Raises
    ------
    UsageError
        If the number of reasons or the prior is out of range.
    """

    model: str | Path | None = None  # the identity of a job has the SHA-256 of its file instead
    threshold: float | None = field(default=None, metadata=_option("--threshold", "the threshold"))
    neutral: Neutral = field(default=None, metadata=_option("--neutral", "the neutral range"))
    by_sentence: bool = field(
        default=False, metadata=_option("--by-sentence", "the scoring by sentence")
    )
    aspects: Aspects | None = field(default=None, metadata=_option("--aspects", "the aspects"))
    reasons: int = field(
        default=0, metadata=_option("--reasons", "the number of reasons", models="both")
    )
    prior: float | None = field(default=None, metadata=_option("--prior", "the prior"))
    min_probability: float | None = field(
        default=None, metadata=_option("--min-probability", "min_probability", models="classes")
    )
    other: str | None = field(default=None, metadata=_option("--other", "other", models="classes"))
    top: int = field(default=0, metadata=_option("--top", "top", models="classes"))
    probabilities: bool = field(
        default=False, metadata=_option("--probabilities", "probabilities", models="classes")
    )

    second: str | Path | None = field(default=None, metadata=_option("--second", None))
    unsure: Range | None = field(default=None, metadata=_option("--unsure", None))
    second_mean: bool = field(default=False, metadata=_option("--second-mean", None))

    def __post_init__(self) -> None:
        self._check_second()
        if type(self.reasons) is not int or not 0 <= self.reasons <= MOST_REASONS:
            raise UsageError(f"reasons: expected 0 to {MOST_REASONS}, received {self.reasons!r}")
        if self.prior is not None:
            object.__setattr__(self, "prior", check_prior(self.prior))

    def _check_second(self) -> None:
        """Check the options of a second model; raise `UsageError` if some are missing or wrong."""
        if self.second is None:
            given = {"--unsure": self.unsure is not None, "--second-mean": self.second_mean}
            if useless := [name for name, is_given in given.items() if is_given]:
                raise UsageError(
                    f"{', '.join(useless)}: needs a second model. Name it with --second."
                )
            return
        if self.unsure is None:  # `Scorer` looks for the range beside the second model
            return
        object.__setattr__(self, "unsure", check_ends(self.unsure, "--unsure", "0.3:0.7"))

    def check_kind(self, facts: ModelFacts, name: str) -> None:
        """Raise `UsageError` for an option that is not for this kind of model.

        Parameters
        ----------
        facts : ModelFacts
            The facts of the model.
        name : str
            The name of the model in the message.
        """
        useless = [
            option.name
            for each, option in _options()
            if not fits(option.models, has_classes=facts.has_classes)
            and getattr(self, each.name) != each.default
        ]
        if useless:
            raise wrong_kind(useless, facts, name)

    def settings(self, *, has_classes: bool) -> dict[str, Any]:
        """Return all options that change the answers, except the model, for the identity of a job.

        For a model of classes, its options are in one entry, "the classes".
        """
        found: dict[str, Any] = {}
        of_classes: dict[str, Any] = {}
        for each, option in _options():
            value = getattr(self, each.name)
            home = of_classes if option.models == "classes" else found
            if option.setting is not None:
                home[option.setting] = value
        if self.aspects is not None:
            found["the aspects"] = self.aspects.words
        return found | {"the classes": of_classes} if has_classes else found


def _options() -> list[tuple[Field[Any], _Option]]:
    return [(each, each.metadata[_META]) for each in fields(ScorerOptions) if each.metadata]


def wrong_kind(useless: Sequence[str], facts: ModelFacts, name: str) -> UsageError:
    """Return the error for options that are for models of the other kind."""
    return UsageError(
        f"{', '.join(useless)}: only for {kind_of(has_classes=not facts.has_classes)}, but the "
        f"model {name} {what_it_tells(facts)}. Leave this option out, or choose another model."
    )


def kind_of(*, has_classes: bool) -> str:
    """Return the name of a kind of models, in the plural."""
    return "models of classes" if has_classes else "models of negative and positive"


def what_it_tells(facts: ModelFacts) -> str:
    """Return what a model distinguishes, as the end of a sentence that begins with its name."""
    if facts.has_classes:
        return f"has {len(facts.labels):,} classes of its own"
    return "is a model of negative and positive"


def refuse_classes(what: str, facts: ModelFacts, name: str, instead: str) -> None:
    """Raise `UsageError` for something that models of classes do not have.

    Parameters
    ----------
    what : str
        A command, a method or an option.
    facts : ModelFacts
        The facts of the model.
    name : str
        The name of the model in the message.
    instead : str
        A sentence that says what to do instead.
    """
    if facts.has_classes:
        raise UsageError(
            f"{what}: only for {kind_of(has_classes=False)}, but the model {name} "
            f"{what_it_tells(facts)}. {instead}"
        )
