"""The native core: one C file for hot loops, called through `ctypes`; Arrow is the fallback.

The build puts it beside this file. The environment variable ``TOOLKIT_NATIVE`` decides: with ``1``,
the default, the core is used if possible; with ``0``, never; with ``require``, it is an error if
the core cannot be used.
"""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path

from toolkit.errors import ToolkitError, UsageError

CORE_VERSION = 4  # as TOOLKIT_CORE_VERSION in core.c: raise both with the functions
FILE_NAME = "_core" + {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")
LIBRARY = Path(__file__).with_name(FILE_NAME)


def core() -> ctypes.CDLL | None:
    """Return the native core, loaded once, or None if Arrow does its work.

    Raises `UsageError` if TOOLKIT_NATIVE has another value, and `ToolkitError` if it is
    ``require`` and the core cannot be used.
    """
    return _found(_choice(), LIBRARY)[0]


def core_name() -> str:
    """Return which core runs: ``native (avx2)``, or ``Arrow`` and the reason; raises as `core`."""
    return _found(_choice(), LIBRARY)[1]


def load_core(path: Path) -> tuple[ctypes.CDLL, str]:
    """Load a compiled core; return it and its instruction path, such as ``avx2``.

    Raises `ToolkitError` with the reason, a few words, if it cannot be used.
    """
    if not path.exists():
        raise ToolkitError("not compiled")
    try:
        library = ctypes.CDLL(str(path))
        library.core_version.restype = ctypes.c_int32
        library.core_path.restype = ctypes.c_char_p
        version = library.core_version()
        instructions = library.core_path().decode("ascii", "replace")
    except (OSError, AttributeError) as error:
        reason = " ".join(str(error).replace(str(path), path.name).split())
        raise ToolkitError(f"cannot be loaded: {reason}") from None
    if version != CORE_VERSION:
        raise ToolkitError(f"the native core has version {version}, not {CORE_VERSION}")
    return library, instructions


def _choice() -> str:
    choice = os.environ.get("TOOLKIT_NATIVE") or "1"
    if choice not in {"0", "1", "require"}:
        raise UsageError(
            f"TOOLKIT_NATIVE={choice}: expected 1 (the native core, if it can be used), "
            "0 (Arrow) or require (an error if the native core cannot be used)"
        )
    return choice


@cache
def _found(choice: str, path: Path) -> tuple[ctypes.CDLL | None, str]:
    if choice == "0":
        return None, "Arrow (TOOLKIT_NATIVE=0)"
    try:
        library, instructions = load_core(path)
    except ToolkitError as error:
        if choice == "require":
            raise ToolkitError(
                f"TOOLKIT_NATIVE=require, but the native core cannot be used: {error}. "
                "Install the toolkit where there is a C compiler, or unset TOOLKIT_NATIVE."
            ) from None
        return None, f"Arrow ({error})"
    return library, f"native ({instructions})"
