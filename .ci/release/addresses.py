"""The address of the project: `pyproject.toml` has it, and all other files are compared with that.

No address is known yet: until somebody writes one, it is a placeholder, with which nothing is
released.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator

from release.packages import PROJECT

# No network has such a host (RFC 2606), and no repository of GitHub such a name.
PLACEHOLDERS = ("https://example.invalid/", "OWNER/REPOSITORY")

# How files write the address, or the name of the repository at its host.
_ADDRESS = "{address}"
_NAME = "--repo {name}"
FILES = {
    "CITATION.cff": _ADDRESS,
    "exported/releases.toml": _ADDRESS,
    "examples/npm/package.json": _ADDRESS,
    "examples/rust/Cargo.toml": _ADDRESS,
    "examples/java/pom.xml": _ADDRESS,
    ".ci/docs/mkdocs.yml": _ADDRESS,
    "examples/install/README.md": _NAME,
}


def address() -> str:
    """Return the address of the repository, as `pyproject.toml` has it."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    found: str = project["urls"]["Repository"]
    return found


def placeholders() -> list[str]:
    """Return the files that still have a placeholder."""
    names = ("pyproject.toml", *FILES)
    return [name for name in names if any(each in _text(name) for each in PLACEHOLDERS)]


def differences() -> Iterator[str]:
    """Report each file that does not have the address of `pyproject.toml`, with what it lacks."""
    found = address()
    is_known = not found.startswith(PLACEHOLDERS)
    host_and_name = re.fullmatch(r"https://[^/]+/(.+?)/?", found)
    name = host_and_name[1] if is_known and host_and_name else PLACEHOLDERS[1]
    for file, form in FILES.items():
        expected = form.format(address=found, name=name)
        if expected not in _text(file):
            yield f"{file}: expected {expected}"


def _text(name: str) -> str:
    return (PROJECT / name).read_text("utf-8")
