"""What a release says of itself: its part of CHANGELOG.md, which model is for whom, and checks."""

from __future__ import annotations

import os
import re
import sys

from release.packages import PROJECT
from toolkit.model import SHIPPED

_CHECKS = """\
Check downloads with `sha256sum --check --ignore-missing SHA256SUMS`, and who built them with
`gh attestation verify FILE --repo {repository}`.
"""
_TERMS = """\
**Which model in a company?** Code and weights are under the MIT licence; `SOURCES.md` has the terms
of the training reviews.

"""
_CODE = re.compile(r"^ *```.*?^ *```$", re.M | re.S)
# The end of a line, where the next one begins no entry, heading, table, quotation or code.
_WITHIN = re.compile(r"(?<=\S)\n(?! *(?:[-*+] |#+ |[|>]|```|\n)|\d+\. ) *(?=\S)")


def release_notes(version: str) -> str:
    """Give the notes of a version, or of a trial if there are changes that no version has yet."""
    parts = _changelog()
    if later := parts["Unreleased"]:
        changes = f"Not released: changes after {version}.\n\n{later}"
    else:
        changes = parts.get(version, "")
    # The workflow knows the repository.
    checks = _CHECKS.format(repository=os.environ.get("GITHUB_REPOSITORY", "OWNER/NAME"))
    return (
        f"{_unwrapped(changes)}\n\n{_unwrapped(_TERMS)}{models_by_terms()}\n\n{_unwrapped(checks)}"
    )


def check_changelog(version: str) -> None:
    """Stop a release whose changelog does not end at this version."""
    parts = _changelog()
    later = parts.pop("Unreleased")
    if later:
        sys.exit(
            f"error: CHANGELOG.md: 'Unreleased' has {len(later.splitlines())} lines. Move them to "
            f"'## {version}' before you set the tag"
        )
    if not parts.get(version):
        sys.exit(
            f"error: CHANGELOG.md says nothing of version {version}: expected '## {version}', and "
            "what has changed below it"
        )
    if version != (newest := next(iter(parts))):
        sys.exit(f"error: CHANGELOG.md: the newest version is {newest}, and the tag says {version}")


def _changelog() -> dict[str, str]:
    """Give the changes by the names of the versions, the newest first."""
    changelog = (PROJECT / "CHANGELOG.md").read_text("utf-8")
    parts = re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    return {"Unreleased": ""} | {name: changes.strip() for name, changes in parts}


def models_by_terms() -> str:
    """Say what the terms of the training reviews mean for companies, as the cards do."""
    cards = {name: (PROJECT / "exported" / f"{name}.md").read_text("utf-8") for name in SHIPPED}
    found = {name: re.findall(r"^\| in a company \| (.*) \|$", cards[name], re.M) for name in cards}
    return "\n".join(f"- `{name}`: {line}" for name, (line,) in found.items())


def _unwrapped(text: str) -> str:
    """Give each paragraph and each entry one line: a page of a release breaks lines where we do."""
    found, at = "", 0
    for code in _CODE.finditer(text):
        found += _WITHIN.sub(" ", text[at : code.start()]) + code[0]
        at = code.end()
    return found + _WITHIN.sub(" ", text[at:])
