"""What a release says of itself: its part of CHANGELOG.md, and how to check its files."""

from __future__ import annotations

import re
import sys

from release.packages import PROJECT

_CHECKS = """\
Check downloads with `sha256sum --check --ignore-missing SHA256SUMS`, and who built them with
`gh attestation verify FILE --repo OWNER/NAME`.
"""


def release_notes(version: str) -> str:
    """Give the notes of a version; it is an error if the changelog has no part for it."""
    changelog = (PROJECT / "CHANGELOG.md").read_text("utf-8")
    parts = dict(re.findall(r"^## (\S+)\n(.*?)(?=^## |\Z)", changelog, re.M | re.S))
    if not (changes := parts.get(version, "").strip()):
        sys.exit(
            f"error: CHANGELOG.md says nothing of version {version}: expected '## {version}', and "
            "what has changed below it"
        )
    return f"{_unwrapped(changes)}\n\n{_unwrapped(_CHECKS)}"


def _unwrapped(text: str) -> str:
    """Give each paragraph and each entry one line: a page of a release breaks lines where we do."""
    return re.sub(r"(?<=\S)\n(?! *[-*] |\n) *(?=\S)", " ", text)
