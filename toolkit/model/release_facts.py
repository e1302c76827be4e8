"""What a model file says of its release: version, licences, what may be done with it.

Each attribute of `Release` has an entry of its own in the metadata, and the same name in a file for
`toolkit export --release` and in the JSON of `toolkit info`. `toolkit.model.facts` says how they
are stored, and how to add one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date as day
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from toolkit.model.onnx_messages import ModelProto

# What the terms of a data set allow, as its publisher or the one who passed it on states them.
USES = {
    "open": "an open licence is stated",
    "none": "no terms are stated",
    "research": "research or non-commercial use only",
}
_FEW_DATA_SETS = 3  # are named one by one
LONGEST_NAME = 100
_LONGEST_TEXT = 1000

_NOT_PLAIN = re.compile(r"[^\w.+-]+")
_NAME = re.compile(r"[\w.+-]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
_TERM = r"\(*[A-Za-z0-9][A-Za-z0-9.:+-]*\)*"
_LICENCE = re.compile(rf"{_TERM}( (AND|OR|WITH) {_TERM})*")
_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?(/[!-~]*)?")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NUMBER = re.compile(r"v?(\d{1,8})((?:\.\d{1,2})*)")


def _is_name(name: str) -> bool:
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


def _is_line(text: str) -> bool:
    return len(text) <= _LONGEST_TEXT and text == text.strip() != "" and not _CONTROL.search(text)


def _is_day(text: str) -> bool:
    try:
        return day.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


Name = Annotated[str, _is_name]
Line = Annotated[str, _is_line]
Day = Annotated[str, _is_day]
Language = Annotated[str, lambda text: _LANGUAGE.fullmatch(text) is not None]
Licence = Annotated[str, _is_line, lambda text: _LICENCE.fullmatch(text) is not None]
Url = Annotated[str, _is_line, lambda text: _URL.fullmatch(text) is not None]
Use = Annotated[str, lambda name: name in USES]


@dataclass(frozen=True)
class DataSet:
    """A source of reviews that a model has learned from."""

    name: Line
    terms: Line  # as they are stated
    use: Use | None = None  # a key of `USES`
    origin: Line | None = None  # what it is called where it was published


@dataclass(frozen=True)
class Teacher:
    """A pretrained model whose answers a model has learned from."""

    name: Line
    terms: Line


@dataclass(frozen=True)
class Release:
    """Which model this is, what it was made of, and what it may be used for."""

    model_name: Name | None = None
    model_version: Name | None = None
    date: Day | None = None
    language: Language | None = None  # a tag of BCP 47
    domain: Line | None = None  # what the reviews are about
    licence: Licence | None = None  # of the weights, an SPDX expression
    data_sets: tuple[DataSet, ...] | None = None
    teachers: tuple[Teacher, ...] | None = None
    repository: Url | None = None
    intended_use: Line | None = None  # what it may be used for, in one sentence

    @property
    def number(self) -> int | None:
        """The version as ONNX has it, a whole number: 202612 of 2026.12, 10203 of 1.2.3.

        After the first, each part takes two digits. None if the version has other parts.
        """
        found = _NUMBER.fullmatch(self.model_version or "")
        if found is None:
            return None
        first, *others = (int(part) for part in (found[1] + found[2]).split("."))
        for part in others:
            first = 100 * first + part
        return first if first < 1 << 63 else None

    @property
    def namespace(self) -> str:
        """The host of the repository from its end, such as `org.example`; empty without one."""
        host = urlsplit(self.repository or "").hostname or ""
        return ".".join(reversed(host.strip(".").split(".")))

    @property
    def title(self) -> str:
        """Name, version and date, as far as they are known."""
        version = self.model_version and f"version {self.model_version}"
        return ", ".join(filter(None, (self.model_name, version, self.date)))

    def data_sets_line(self) -> str:
        """Name the data sets with their terms; more than a few are counted by what they allow."""
        found = self.data_sets or ()
        if len(found) <= _FEW_DATA_SETS:
            return "; ".join(f"{each.name} ({each.terms})" for each in found)
        counts = Counter(each.use for each in found)
        parts = [f"{counts[use]}: {meaning}" for use, meaning in USES.items() if counts[use]]
        if counts[None]:
            parts.append(f"{counts[None]}: see their terms")
        return f"{len(found)}; of {'; of '.join(parts)}"

    def teachers_line(self) -> str:
        """Name the teachers with their terms."""
        return "; ".join(f"{each.name} ({each.terms})" for each in self.teachers or ())

    def description(self) -> str:
        """Sum up all in a few lines, for the `doc_string` of a model."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.title or 'A model'}: the sentiment of reviews."
        facts = {
            "Domain": self.domain,
            "Language": self.language,
            "Licence of the weights": self.licence,
            "Use": self.intended_use,
            "Data sets": self.data_sets_line(),
            "Teachers": self.teachers_line(),
            "Repository": self.repository,
        }
        yield from (f"{name}: {value}" for name, value in facts.items() if value)

    def write_to(self, model: ModelProto) -> None:
        """Set what every binding of ONNX Runtime shows of a model: a text, a number, names."""
        model.doc_string = self.description()
        model.domain = self.namespace
        model.ClearField("model_version")
        if self.number is not None:
            model.model_version = self.number
        if self.model_name is not None:
            model.graph.name = self.model_name


def plain_word(text: str) -> str:
    """Replace all but letters, digits and `_ . + -`, which no format of files has to quote."""
    return _NOT_PLAIN.sub("_", text) or "_"
