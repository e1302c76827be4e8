"""Write the reference of the Python interface from the docstrings.

Run as `make reference`; a test compares the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

PROJECT = Path(__file__).parents[2]
API = PROJECT / "toolkit" / "API.md"
# Where users import from, and what: by default all of `__all__`. To add a name, add it here.
FRONTS: dict[str, tuple[str, ...]] = {
    "toolkit": (),
    "toolkit.scoring": ("score_file", "ScoringOptions", "RecordCounts"),
    "toolkit.records": ("ReadOptions", "Columns"),
    "toolkit.evaluation": (),
    "toolkit.training": ("TrainingOptions", "train"),
    "toolkit.sklearn": ("TextClassifier",),
    "toolkit.export": (),
    "toolkit.errors": (),
}
_PREFACE = """\
# Python interface

Written by `make reference` from the docstrings; do not edit it here. What is not on this page may
change in any release.
"""


def api() -> str:
    """Write the page."""
    numpy = griffe.Parser.numpy
    toolkit = griffe.load(
        "toolkit", search_paths=[PROJECT], docstring_parser=numpy, resolve_aliases=True
    )
    parts = [_PREFACE]
    for name, names in FRONTS.items():
        module = toolkit if name == "toolkit" else toolkit[name.partition(".")[2]]
        parts += [f"## `{name}`\n", *_docstring(module)]
        for each in names or map(str, module.exports or ()):
            member = module[each]
            if not each.startswith("_"):
                parts += _object(member.final_target if member.is_alias else member)
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _object(found: Any, level: str = "###", of: str = "") -> Iterator[str]:
    """Write a function, a constant, or a class with its fields and methods."""
    yield f"{level} `{of}{found.name}`\n"
    if found.is_function or "__init__" in found.members or getattr(found, "parameters", ()):
        yield f"```python\n{_signature(found, of)}\n```\n"
    yield from _docstring(found)
    if found.is_class:
        for member in found.members.values():
            if not member.name.startswith("_") and member.has_docstring and not member.is_alias:
                if member.is_function:
                    yield from _object(member, "####", f"{found.name}.")
                else:
                    yield f"- `{found.name}.{member.name}`: {_line(member.docstring.value)}\n"


def _signature(found: Any, of: str) -> str:
    """Write a call as its source does, in one line if that is short."""
    parameters = []
    was_keyword = False
    for each in found.parameters:
        if each.name == "self":
            continue
        kind = each.kind.value
        if kind == "keyword-only" and not was_keyword:
            parameters.append("*")
            was_keyword = True
        stars = {"variadic positional": "*", "variadic keyword": "**"}.get(kind, "")
        was_keyword |= stars == "*"
        text = f"{stars}{each.name}"
        if each.annotation is not None:
            text += f": {each.annotation}"
        if each.default is not None and not stars:
            text += f" = {each.default}"
        parameters.append(text)
    returns = f" -> {found.returns}" if found.is_function and found.returns else ""
    line = f"{of}{found.name}({', '.join(parameters)}){returns}"
    if len(line) <= 88:
        return line
    inner = "".join(f"    {each},\n" for each in parameters)
    return f"{of}{found.name}(\n{inner}){returns}"


def _docstring(found: Any) -> Iterator[str]:
    if not found.has_docstring:
        return
    for section in found.docstring.parsed:
        if section.kind is griffe.DocstringSectionKind.text:
            yield f"{_markdown(section.value)}\n"
        elif section.kind is griffe.DocstringSectionKind.examples:
            for kind, text in section.value:
                is_code = kind is griffe.DocstringSectionKind.examples
                yield f"```pycon\n{text}\n```\n" if is_code else f"{_markdown(text)}\n"
        else:
            yield f"**{section.kind.value.capitalize()}**\n"
            for item in section.value:
                name = getattr(item, "name", "") or ""
                kind = "" if item.annotation is None else f"{item.annotation}"
                head = ": ".join(f"`{each}`" for each in (name, kind) if each)
                yield f"- {head}: {_line(item.description)}"
            yield ""


def _line(text: str) -> str:
    return _markdown(" ".join(text.split()))


def _markdown(text: str) -> str:
    """Write ``code`` of a docstring as Markdown does, and a call in it as a block."""
    code = re.sub(r"``(.*?)``", r"`\1`", text.replace("  # doctest: +SKIP", ""))
    return re.sub(r"((?:^>>> .*(?:\n(?=\S).*)*\n?)+)", r"```pycon\n\1\n```", code, flags=re.M)
