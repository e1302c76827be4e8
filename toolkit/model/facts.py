"""Read and write the facts of a model, the metadata of its file.

Facts are stored as JSON, None as `{}`, so a new fact changes the bytes of every export. To add one,
add an attribute that is None by default. Files without it keep loading, and older versions of the
toolkit ignore it.

Facts for scoring are decoded and checked when the file is loaded. All others are decoded and
checked on first use, as they are many: how the model was trained and measured
(`toolkit.model.training_facts`), and its release (`toolkit.model.release`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from toolkit.errors import ModelError
from toolkit.model.names import Name
from toolkit.model.stars import NeutralRange, StarScale
from toolkit.model.typed_json import (
    Share,
    decode,
    decode_some,
    encode,
    is_line,
    parse_json,
)
from toolkit.text.rule import OLDEST_RULE, RULES, TokenRule

if TYPE_CHECKING:
    from toolkit.model.onnx import ModelProto
    from toolkit.model.release import Release
    from toolkit.model.training_facts import (
        Adaptation,
        Calibration,
        Parity,
        RunMetrics,
        ThresholdChoice,
        TrainingData,
    )

# 1: every row of `token_ids` has `max_tokens` ids.
# 2: rows may have fewer ids; the facts have `calibration` and `threshold_choice`.
# 3: `token_rule` is the version of the token rule, which is 1 in older files; the output
#    `known_tokens` is new, and texts without a known word have no score; batches may be empty; the
#    output `stars` is optional.
# 4: for models of classes: any labels, the output `probabilities`, and `probability` of the label;
#    no threshold. Models of sentiment stay at 3.
FORMAT_VERSION = 3
CLASSES_VERSION = NEWEST_VERSION = 4
_FIRST_WITH_KNOWN_TOKENS = 3

# Labels are written into files unchanged, so each must be a printable line.
Labels = Annotated[
    tuple[str, ...], lambda names: len({*names}) == len(names) >= 2 and all(map(is_line, names))
]
_SENTIMENT_LABEL = re.compile(r"[\w -]+")
MaxTokens = Annotated[int, lambda count: 0 < count <= 1_000_000]
VocabularySize = Annotated[int, lambda count: 4 < count <= 100_000_000]
RuleVersion = Annotated[int, lambda version: version in RULES]

FEWEST_FOR_UNSURE = 200  # reviews; among fewer, the share of unsure scores is mostly chance


def _usual_choice() -> ThresholdChoice:
    from toolkit.model.training_facts import ThresholdChoice

    return ThresholdChoice()


def _no_release() -> Release:
    from toolkit.model.release import Release

    return Release()


def _kind_of(late: str) -> Any:
    """Return the type of a fact that is decoded on first use."""
    from toolkit.model import release, training_facts

    kinds = {
        "data": training_facts.TrainingData,
        "metrics": training_facts.RunMetrics,
        "parity": training_facts.Parity | None,
        "calibration": training_facts.Calibration | None,
        "threshold_choice": training_facts.ThresholdChoice,
        "release": release.Release,
    }
    return kinds[late]


# Decoded on first use, by `__getattr__`: so they must not have a default on the class.
_LATE = ("data", "metrics", "parity", "calibration", "threshold_choice", "release")
# Written as `{}` if they are None, for the bytes of older files. New facts are left out.
_WRITTEN_IF_NONE = ("parity", "calibration", "stars", "neutral")
_LATE_AND_NEEDED = ("data", "metrics", "parity")


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """The `metadata_props` of a model file, each of which is JSON.

    Each attribute of `release` is an entry of its own. In facts that were read from a file, the
    attributes `data`, `metrics`, `parity`, `calibration`, `threshold_choice` and `release` are
    decoded on first use, and raise `ModelError` if they are damaged.
    """

    preset: str
    labels: Labels  # for probabilities 0 and 1; for a model of classes, in the order of its outputs
    threshold: Share  # probabilities of at least this get the second label
    max_tokens: MaxTokens
    vocabulary_size: VocabularySize  # all token ids are below it
    data: TrainingData
    metrics: RunMetrics
    parity: Parity | None
    toolkit_version: str
    calibration: Calibration | None = field(default_factory=lambda: None)
    threshold_choice: ThresholdChoice = field(default_factory=_usual_choice)
    stars: StarScale | None = None  # not None: the file has the output `stars`
    neutral: NeutralRange | None = None
    token_rule: RuleVersion = OLDEST_RULE.version
    format_version: int = FORMAT_VERSION
    release: Release = field(default_factory=_no_release)

    def __getattr__(self, name: str) -> Any:
        """Decode a late fact on first use."""
        stored: _Stored | None = vars(self).get("_stored")
        if stored is None or name not in _LATE:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        return vars(self).setdefault(name, stored.decode(name))

    def _alone(self, late: str, attribute: str, kind: Any) -> Any:
        """Return one attribute of a late fact, decoded without the others."""
        stored: _Stored | None = vars(self).get("_stored")
        if stored is None or late in vars(self):
            return getattr(getattr(self, late), attribute)
        return stored.decode_alone(late, attribute, kind)

    @property
    def version(self) -> str:
        """The version of the model, or of the toolkit that exported it if the model has none."""
        return self._alone("release", "model_version", Name | None) or self.toolkit_version

    @property
    def name(self) -> str | None:
        """The name of the model in its release."""
        return self._alone("release", "model_name", Name | None)  # type: ignore[no-any-return]

    @property
    def unsure(self) -> float | None:
        """The share of held-out reviews with a probability from 0.25 to 0.75."""
        return self._alone("metrics", "unsure", Share | None)  # type: ignore[no-any-return]

    @property
    def adaptation(self) -> Adaptation | None:
        """How the network was adapted from another model; None if it was not."""
        # Only an adapted model needs all its metrics decoded.
        is_adapted = self._alone("metrics", "adaptation", Any) is not None
        return self.metrics.adaptation if is_adapted else None

    @property
    def has_classes(self) -> bool:
        """Whether this is a model of classes, with `probabilities` and no threshold."""
        return self.format_version >= CLASSES_VERSION

    @property
    def rule(self) -> TokenRule:
        """The token rule that the file follows."""
        return RULES[self.token_rule]

    @property
    def counts_known_tokens(self) -> bool:
        """Whether the file has `known_tokens`; if so, texts without known tokens have no score."""
        return self.format_version >= _FIRST_WITH_KNOWN_TOKENS

    def as_dict(self) -> dict[str, Any]:
        """Return all facts as JSON values, without those that are None; older facts are `{}`."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        facts = {
            key: {} if item is None else encode(item)
            for key, item in found.items()
            if item is not None or key in _WRITTEN_IF_NONE
        }
        return {**facts.pop("release"), **facts}

    def write_to(self, model: ModelProto) -> None:
        """Replace the metadata of a model by these facts, and its description by the release."""
        self.release.write_to(model)
        del model.metadata_props[:]
        for key, value in self.as_dict().items():
            model.metadata_props.add(key=key, value=json.dumps(value))
            if key == "threshold_choice":
                # Unused; kept so that exported files have the same bytes as before.
                model.metadata_props.add(key="quantization", value="{}")

    def _check_labels(self) -> None:
        """Raise `ValueError` for labels that are not allowed in a model of sentiment."""
        are_two = len(self.labels) == 2 and all(map(_SENTIMENT_LABEL.fullmatch, self.labels))
        if not are_two and not self.has_classes:
            raise ValueError(f"labels is {[*self.labels]!r:.50}")

    @classmethod
    def read_from(cls, model: ModelProto, path: Path) -> ModelFacts:
        """Read the metadata of a model; raise `ModelError` if they are damaged."""
        entries = {entry.key: entry.value for entry in model.metadata_props}
        if "format_version" not in entries:
            raise ModelError(
                f"{path}: an ONNX model, but not written by `toolkit export` (its metadata have "
                "no format_version)"
            )
        stored = _Stored(path, entries)
        try:
            version = parse_json(entries["format_version"], "format_version")
            if type(version) is not int or not 1 <= version <= NEWEST_VERSION:
                raise ModelError(
                    f"{path}: model format version {version!r}, but this toolkit reads versions up "
                    f"to {NEWEST_VERSION}. Install a newer toolkit, or export the model again."
                )
            facts = object.__new__(cls)
            vars(facts).update(stored.decode_needed(), _stored=stored)
            facts._check_labels()
            facts.version, facts.name  # noqa: B018 (checks both: they are written into outputs)
            return facts
        except ValueError as error:  # such as a number of 5,000 digits
            raise stored.damaged(error) from None


class _Stored:
    """The metadata of a file as text; parts are decoded when needed."""

    def __init__(self, path: Path, entries: Mapping[str, str]) -> None:
        self._path = path
        self._entries = entries

    def damaged(self, why: ValueError) -> ModelError:
        """Return the error for metadata that cannot be decoded."""
        return ModelError(f"{self._path}: damaged metadata: {why}")

    def decode_needed(self) -> dict[str, Any]:
        """Decode all facts that are not late; raise `ValueError` for damaged and missing ones."""
        if missing := [name for name in _LATE_AND_NEEDED if name not in self._entries]:
            raise ValueError(f"{missing[0]} is missing")
        names = [each.name for each in fields(ModelFacts) if each.name not in _LATE]
        found = {name: self._json_of(name) for name in names if name in self._entries}
        return decode_some(ModelFacts, found, names)

    def decode(self, late: str) -> Any:
        """Decode a late fact; raise `ModelError` if it is damaged."""
        kind = _kind_of(late)
        try:
            if late == "release":
                names = [each.name for each in fields(kind) if each.name in self._entries]
                return decode(kind, {name: self._json_of(name) for name in names})
            return decode(kind, self._json_of(late) if late in self._entries else {}, late)
        except ValueError as error:
            raise self.damaged(error) from None

    def decode_alone(self, late: str, attribute: str, kind: Any) -> Any:
        """Decode one attribute of a late fact; raise `ModelError` if it is damaged."""
        try:
            if late == "release":
                value = self._json_of(attribute) if attribute in self._entries else None
                return decode(kind, value, attribute)
            found = self._json_of(late)
            value = found.get(attribute) if isinstance(found, dict) else None
            return decode(kind, value, f"{late}.{attribute}")
        except ValueError as error:
            raise self.damaged(error) from None

    def _json_of(self, key: str) -> Any:
        try:
            return parse_json(self._entries[key], key)
        except json.JSONDecodeError as error:
            raise ValueError(f"{key} is not JSON: {error}") from None
