"""The facts of a model's release: version, licence, data sets, intended use.

Each attribute of `Release` is an entry of the metadata. It has the same name in a file for
`toolkit export --release` and in the JSON of `toolkit info`. `toolkit.model.facts` documents how
the entries are stored, and how to add one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Annotated, TypeVar

from toolkit.model.names import LONGEST_NAME, Name, is_plain, plain_word
from toolkit.model.typed_json import Line, is_line

if TYPE_CHECKING:
    from toolkit.model.onnx import ModelProto


# What the terms of a data set allow, as its publisher or distributor states them.
USES = {
    "open": "an open licence is stated",
    "none": "no terms are stated",
    "research": "research or non-commercial use only",
}
# The same for a narrow column; None is for data sets with other terms.
USES_IN_SHORT = {
    "open": "open",
    "none": "without terms",
    "research": "for research only",
    None: "with other terms",
}
_COMPANY = "in a company"
_FEW_DATA_SETS = 3  # up to this many are named; more are counted
_MOST_DIGITS = 12  # of a numeric version


def count_uses(uses: Iterable[str | None]) -> dict[str | None, int]:
    """Count data sets by what their terms allow, in the order of `USES_IN_SHORT`."""
    counts = Counter(uses)
    return {use: counts[use] for use in USES_IN_SHORT if counts[use]}


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _is_licence(text: str) -> bool:
    words = text.split(" ")
    terms = (word.strip("()").replace(":", "-") for word in words[::2])
    operators = ("AND", "OR", "WITH")
    is_odd = len(words) % 2 == 1 and text.isascii()
    return is_odd and all(map(is_plain, terms)) and all(word in operators for word in words[1::2])


_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*", re.ASCII | re.IGNORECASE)
# A host by its name, without user and password: they would be published.
_URL = re.compile(
    r"https?://[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?(:\d+)?([/?#][!-~]*)?", re.ASCII | re.IGNORECASE
)

Day = Annotated[str, _is_day]
Language = Annotated[str, lambda text: _LANGUAGE.fullmatch(text) is not None]
Licence = Annotated[str, is_line, _is_licence]
Url = Annotated[str, is_line, lambda text: _URL.fullmatch(text) is not None]
Use = Annotated[str, lambda name: name in USES]


@dataclass(frozen=True)
class DataSet:
    """A source of reviews that a model has learned from."""

    name: Line
    terms: Line  # as stated by the publisher
    use: Use | None = None  # a key of `USES`
    origin: Line | None = None  # its name where it was published


@dataclass(frozen=True)
class Teacher:
    """A pretrained model whose answers a model has learned from."""

    name: Line
    terms: Line


_Source = TypeVar("_Source", bound=DataSet | Teacher)


def _joined(
    own: tuple[_Source, ...] | None, more: tuple[_Source, ...] | None
) -> tuple[_Source, ...] | None:
    """Return `own`, and the sources of `more` with other names; None instead of no sources."""
    named = {each.name for each in own or ()}
    return (*(own or ()), *(each for each in more or () if each.name not in named)) or None


@dataclass(frozen=True)
class Release:
    """Name and version of a model, its sources, its licence, and its intended use."""

    model_name: Name | None = None
    model_version: Name | None = None
    date: Day | None = None
    language: Language | None = None  # a tag of BCP 47
    domain: Line | None = None  # the subject of the reviews
    licence: Licence | None = None  # of the weights, an SPDX expression
    data_sets: tuple[DataSet, ...] | None = None
    teachers: tuple[Teacher, ...] | None = None
    repository: Url | None = None
    intended_use: Line | None = None  # in one sentence

    def named(self, name: str) -> Release:
        """Return the release with a name, such as the file's, if it has none yet."""
        return replace(self, model_name=self.model_name or plain_word(name)[:LONGEST_NAME])

    def with_sources_of(self, start: Release) -> Release:
        """Return the release with the sources and the language of the model it was adapted from.

        The licence and the intended use of `start` do not apply to the new weights.
        """
        return replace(
            self,
            language=self.language or start.language,
            data_sets=_joined(self.data_sets, start.data_sets),
            teachers=_joined(self.teachers, start.teachers),
        )

    @property
    def number(self) -> int | None:
        """The version as an integer, as ONNX needs it: 202611 for 2026.11, 10203 for 1.2.3.

        Each part after the first takes two digits. None if a part is not a number or is longer.
        """
        parts = (self.model_version or "").removeprefix("v").split(".")
        if not all(part.isascii() and part.isdigit() for part in parts):
            return None
        digits = "".join([parts[0], *(part.zfill(2) for part in parts[1:])])
        is_right = len(digits) <= _MOST_DIGITS and all(len(part) <= 2 for part in parts[1:])
        return int(digits) if is_right else None

    @property
    def namespace(self) -> str:
        """The host of the repository reversed, such as `org.example`; empty without one."""
        found = re.match(r"\w+://([^/?#:]+)", self.repository or "")
        return ".".join(reversed(found[1].strip(".").split("."))) if found else ""

    @property
    def title(self) -> str:
        """Name, version and date, as far as they are known."""
        more = (self.model_version and f"version {self.model_version}", self.date)
        known = " of ".join(filter(None, more))
        return f"{self.model_name or 'a model'} ({known})" if known else self.model_name or ""

    def rows(self) -> Iterator[tuple[str, str]]:
        """Return the known facts in words: pairs of a title and a value."""
        values = {
            "model": self.title,
            "domain": self.domain,
            "language": self.language,
            "licence": self.licence and f"{self.licence} (of the weights)",
            _COMPANY: self._for_companies(),
            "intended use": self.intended_use,
            "data sets": self._data_sets(),
            "taught by": "; ".join(f"{each.name} ({each.terms})" for each in self.teachers or ()),
            "repository": self.repository,
        }
        yield from ((name, value) for name, value in values.items() if value)

    def _data_sets(self) -> str:
        """Return the data sets with their terms, or counts by terms if there are many."""
        found = self.data_sets or ()
        if len(found) <= _FEW_DATA_SETS:
            return "; ".join(f"{each.origin or each.name} ({each.terms})" for each in found)
        uses = count_uses(each.use for each in found)
        parts = (
            f"{count}: {USES[use] if use else 'as each states'}" for use, count in uses.items()
        )
        return f"{len(found)} ({'; '.join(parts)})"

    def _for_companies(self) -> str:
        """Return what the terms of the data sets mean for companies; may be empty."""
        uses = count_uses(each.use for each in self.data_sets or ())
        total = sum(uses.values())
        unclear = uses.get("none", 0) + uses.get("research", 0)
        if unclear:
            return (
                f"ask a lawyer first, as {unclear} of {total} data sets are without terms or for "
                "research only; reviews-open learned from none of these"
            )
        return f"{total} of {total} data sets state an open licence" if [*uses] == ["open"] else ""

    def write_to(self, model: ModelProto) -> None:
        """Set the fields that most bindings of ONNX Runtime show: description, version, names."""
        # Without this row, so that files stay as they were in 2026.12.
        rows = (row for row in self.rows() if row[0] != _COMPANY)
        model.doc_string = "\n".join(f"{name}: {value}" for name, value in rows)
        model.domain = self.namespace
        model.ClearField("model_version")
        if self.number is not None:
            model.model_version = self.number
        if self.model_name is not None:
            model.graph.name = self.model_name
