"""Names of a package that are imported when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module


def late_names(package: str, modules: Mapping[str, tuple[str, ...]]) -> Callable[[str], object]:
    """Build the `__getattr__` of a package (PEP 562) from the names in each of its modules.

    With it, importing a cheap name such as `DEFAULT_MODEL` does not import NumPy and Arrow.
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def find(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{homes[name]}"), name)

    return find
