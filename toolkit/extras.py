"""The command that installs an extra, without the name of this distribution.

This package is not on an index, so ``pip install`` with its own name would install whatever
somebody else registers there. The command names the wheel that was installed, if it still exists;
otherwise it names the packages that the metadata of the installation list for the extra.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from contextlib import suppress
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from toolkit import DISTRIBUTION

_REQUIREMENT = re.compile(r"([\w.-]+(?:\[[^]]*\])?)[^;]*(?:;(.*))?")
_EXTRA = re.compile(r"extra\s*==\s*['\"]([\w.-]+)['\"]")
_PLATFORM = re.compile(r"sys_platform\s*(==|!=)\s*['\"](\w+)['\"]")


def install_command(extra: str | None, module: str) -> str:
    """Return the command that installs an extra, or a package alone.

    Parameters
    ----------
    extra : str | None
        The extra; None for a package that is in no extra.
    module : str
        The missing module; without an extra, its package has to have the same name.

    Returns
    -------
    str
        Such as ``pip install uvicorn starlette`` or ``pip install '/tmp/toolkit.whl[evaluate]'``.
    """
    if extra is None:
        return f"pip install {module}"
    try:
        installed = distribution(DISTRIBUTION)
    except PackageNotFoundError:  # run from a folder
        return f"pip install {module}"
    wheel = wheel_of(installed)
    if wheel is not None:
        return f"pip install {shlex.quote(f'{wheel}[{extra}]')}"
    return " ".join(["pip install", *map(shlex.quote, packages_of(installed, extra) or [module])])


def wheel_of(installed: Distribution) -> Path | None:
    """Return the wheel that was installed, if it is known and still there."""
    with suppress(ValueError, KeyError, TypeError, AttributeError, OSError):
        url = urlsplit(json.loads(installed.read_text("direct_url.json") or "{}")["url"])
        path = Path(url2pathname(url.path))
        if url.scheme == "file" and path.suffix == ".whl" and path.is_file():
            return path
    return None


def packages_of(installed: Distribution, extra: str) -> list[str]:
    """Return the names of the packages of an extra on this platform, in alphabetical order."""
    found = set()
    for line in installed.requires or []:
        matched = _REQUIREMENT.match(line)
        if matched is None:
            continue
        name = matched[1]
        marker = matched[2] or ""
        named = _EXTRA.search(marker)
        is_here = all(
            (sys.platform == platform) == (operator == "==")
            for operator, platform in _PLATFORM.findall(marker)
        )
        if named is not None and named[1] == extra and is_here:
            found.add(name)
    return sorted(found)
