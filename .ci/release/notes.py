"""What a release says of itself: its part of CHANGELOG.md, and how to check its files."""

from __future__ import annotations

import os
import re
import sys

from release.packages import PROJECT

_CHECKS = """\
Check downloads with `sha256sum --check --ignore-missing SHA256SUMS`, and who built them with
`gh attestation verify FILE --repo {repository}`.
"""
_CODE = re.compile(r"^ *```.*?^ *```$", re.M | re.S)
# The end of a line, where the next one begins no entry, heading, table, quotation or code.
_WITHIN = re.compile(r"(?<=\S)\n(?! *(?:[-*+] |#+ |[|>]|```|\n)|\d+\. ) *(?=\S)")


def release_notes(version: str) -> str:
    """Give the notes of a version; it is an error if the changelog has no part for it."""
    changelog = (PROJECT / "CHANGELOG.md").read_text("utf-8")
    parts = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", changelog, re.M | re.S))
    if not (changes := parts.get(version, "").strip()):
        sys.exit(
            f"error: CHANGELOG.md says nothing of version {version}: expected '## {version}', and "
            "what has changed below it"
        )
    # The workflow knows the repository.
    checks = _CHECKS.format(repository=os.environ.get("GITHUB_REPOSITORY", "OWNER/NAME"))
    return f"{_unwrapped(changes)}\n\n{_unwrapped(checks)}"


def _unwrapped(text: str) -> str:
    """Give each paragraph and each entry one line: a page of a release breaks lines where we do."""
    found, at = "", 0
    for code in _CODE.finditer(text):
        found += _WITHIN.sub(" ", text[at : code.start()]) + code[0]
        at = code.end()
    return found + _WITHIN.sub(" ", text[at:])
